package simulator

import (
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Options are what every vendor's service can be given.
type Options struct {
	// Clock tells the time for tokens and quotas; nil means time.Now.
	Clock func() time.Time
	// BeforeCall, if set, runs before each answer with the endpoint's name and
	// how many calls it has had, this one included. It may change the company.
	BeforeCall func(endpoint string, n int)
	// NoQuotas switches the documented call limits off.
	NoQuotas bool
}

// Service is what the vendors' services share: faults, counters, tokens, quotas.
// Vendor packages embed it.
type Service struct {
	Faults *Faults
	Calls  *Calls
	Tokens *Tokens
	// Passes are people's: codes of sign-ins, user tokens, tickets.
	Passes *Passes
	// Throttled counts the calls that were refused for going over a limit.
	Throttled *Calls

	now    func() time.Time
	before func(string, int)
	quotas *quotas
}

// NewService returns a service with the given call limits per endpoint.
func NewService(o Options, limits func(endpoint string) []Quota) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NoQuotas {
		limits = func(string) []Quota { return nil }
	}
	return &Service{
		Faults: &Faults{}, Calls: &Calls{n: map[string]int{}}, Tokens: newTokens(o.Clock),
		Passes:    newPasses(o.Clock),
		Throttled: &Calls{n: map[string]int{}},
		now:       o.Clock, before: o.BeforeCall, quotas: newQuotas(o.Clock, limits),
	}
}

// Now is the service's time.
func (s *Service) Now() time.Time { return s.now() }

// OverQuota counts a call and reports how long the endpoint is closed if the
// call is one too many, else 0.
func (s *Service) OverQuota(endpoint string) time.Duration {
	wait := s.quotas.take(endpoint)
	if wait > 0 {
		s.Throttled.add(endpoint)
	}
	return wait
}

// Reply is a vendor's answer. Its Shape tells faults where things stand.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Shape  Shape
}

// Serve answers one call: it counts it, lets a fault have it, and asks answer
// for the rest. The action given to answer may be of the kinds Code, HTTPStatus,
// Throttle, Forbidden and OutOfRange, which the vendor answers in its own form
// (HTTPStatus at once, the others after checking the token).
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, call Call, answer func(Action) Reply) {
	if call.Endpoint == "" {
		call.Endpoint = "unknown"
	}
	n := s.Calls.add(call.Endpoint)
	if s.before != nil {
		s.before(call.Endpoint, n)
	}
	act := s.Faults.strike(call)
	switch act.Kind {
	case Hang:
		_, _ = io.Copy(io.Discard, r.Body) // unread, it would hide that the client has gone
		<-r.Context().Done()
		return
	case Reset:
		drop(w, true, nil)
		return
	case EmptyBody:
		w.WriteHeader(http.StatusOK)
		return
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(max(act.Status, http.StatusOK))
		_, _ = io.WriteString(w, "<html><body><h1>Service maintenance</h1></body></html>")
		return
	case HTTPStatus:
		if act.Code == 0 {
			w.WriteHeader(act.Status)
			return
		}
	case Slow:
		t := time.NewTimer(act.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	case ExpireToken:
		s.Tokens.Expire(call.Token)
	default:
	}
	write(w, act, spoil(act, answer(act)))
}

func write(w http.ResponseWriter, act Action, reply Reply) {
	maps.Copy(w.Header(), reply.Header)
	switch act.Kind {
	case Truncate:
		reply.Body = reply.Body[:len(reply.Body)/2]
	case Cut:
		drop(w, false, append([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+
			strconv.Itoa(len(reply.Body))+"\r\n\r\n"), reply.Body[:len(reply.Body)/2]...))
		return
	default:
	}
	w.WriteHeader(max(reply.Status, http.StatusOK))
	_, _ = w.Write(reply.Body)
}

// drop ends the connection, after sending something or by a reset.
func drop(w http.ResponseWriter, reset bool, send []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // HTTP/2 or a recorder: the client gets an empty answer, which is a fault too
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_, _ = conn.Write(send)
	_ = conn.Close()
}

// Calls counts calls by endpoint name. Safe for concurrent use.
type Calls struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *Calls) add(endpoint string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[endpoint]++
	return c.n[endpoint]
}

// Count is how many calls the endpoint has had, refused ones included.
func (c *Calls) Count(endpoint string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[endpoint]
}

// All returns the counts of all endpoints that were called.
func (c *Calls) All() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}

// Total is the number of all calls.
func (c *Calls) Total() int {
	total := 0
	for _, n := range c.All() {
		total += n
	}
	return total
}

// Reset sets all counts to 0.
func (c *Calls) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.n)
}
