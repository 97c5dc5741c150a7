package provider

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Env is what a client needs of its surroundings. One Env serves one stored
// provider; it is safe for concurrent use.
type Env struct {
	HTTP   *http.Client
	Log    *slog.Logger
	Tokens Tokens
	Limits Limiter
	// Budget bounds the memory that answers take; nil does not.
	Budget *MemoryBudget
	Now    func() time.Time
	// CallTimeout bounds one call from dialling to the last byte.
	CallTimeout time.Duration
	// SlowCall is how long a call may take before it is warned of.
	SlowCall time.Duration
	// Grant returns what the vendor has handed over for a provider of a suite, as it is now.
	Grant func(context.Context) (SuiteGrant, error)
	// OnCall, if set, is told of each call about to be made, by endpoint name.
	OnCall func(endpoint string)
	// OnDone, if set, is told what came of each call: OK or the kind of error.
	OnDone func(endpoint, outcome string, took time.Duration)
}

// WithoutRedirects returns an Env whose HTTP client reports a redirect instead of following it: a
// secret or token would travel along to an address that nobody configured, and a redirected POST
// may turn into a GET (wecom.md §1.1).
func (e *Env) WithoutRedirects() *Env {
	own, client := *e, *e.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.HTTP = &client
	return &own
}

// Tokens keeps access tokens for all workers of an installation. Implementations
// let only one fetch per name run at a time.
type Tokens interface {
	// Token returns the stored token of that name or, if there is none that is
	// still valid, the result of fetch, which it stores until expiry. Callers
	// return an expiry that is early enough to be safe.
	Token(ctx context.Context, name string, fetch FetchToken) (string, error)
	// Drop forgets the token of that name if it still is the one given, so that
	// of many callers whose token was refused only the first causes a new fetch.
	Drop(ctx context.Context, name, token string) error
}

// Rate is how often an endpoint may be called: Calls per Per, evenly spaced. The zero Rate
// is unlimited.
type Rate struct {
	Calls int
	Per   time.Duration
	// Burst is how many calls more than that may be made at once after a rest.
	Burst int
}

// Limiter shares a provider's call limits between all workers of an installation.
type Limiter interface {
	// Wait returns when a call to the endpoint may be made. Where that is so far
	// away that waiting would hold a worker, it returns a RateLimited *Error with
	// RetryAfter instead.
	Wait(ctx context.Context, endpoint string, limit Rate) error
	// Pause stops all workers' calls to the endpoint for d: the provider said so.
	Pause(ctx context.Context, endpoint string, d time.Duration) error
}

// Endpoint is one row of a client's endpoint table.
type Endpoint struct {
	// Name is the path's telling part, used in errors, limits and counts.
	Name   string
	Method string
	// Path is appended to the base URL, whose own path prefix is kept.
	Path string
	Rate Rate
	// Largest is the most bytes that its answer can rightly have, at most the constant
	// Largest; 0 means those of a single object, 1 MiB.
	Largest int64
	// Base names the setting that holds its host; empty means base_url.
	Base string
}

// Reply is an HTTP answer read to its end.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Largest is the most bytes that an answer of any call may have, and usualLargest of one
// whose endpoint says nothing: that of a single object.
const (
	Largest      = 64 << 20
	usualLargest = 1 << 20
)

func (ep Endpoint) largest() int64 { return cmp.Or(ep.Largest, usualLargest) }

// OK is the outcome of a call that succeeded; that of others is their Kind, or
// Canceled where the caller gave up.
const (
	OK       = "ok"
	Canceled = "Canceled"
)

// Do waits for the endpoint's call limit, sends the request, reads the answer to its
// end whatever its status, and has it interpreted, in UTF-8: interpret returns what the
// provider refused, or nil. Where the provider asks for fewer calls all workers' calls to the
// endpoint pause. Transport trouble is an *Error of kind Unavailable, with a text that
// does not show the URL, since tokens stand in it. The answer counts against Budget until
// interpret returns, or for as long as the caller retains it (RetainAnswer).
func (e *Env) Do(ctx context.Context, t directory.ProviderType, ep Endpoint, req *http.Request,
	interpret func(*Reply) *Error) (*Reply, error) {
	if ctx.Value(unbudgetedKey{}) != nil {
		return e.do(ctx, t, ep, req, interpret, &reservation{})
	}
	h := retainedIn(ctx)
	if h != nil {
		h.keep(nil) // a caller who waits for a reservation has none
	}
	s, err := e.Budget.reserve(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := e.do(ctx, t, ep, req, interpret, s)
	if err != nil || h == nil {
		s.release()
		return reply, err
	}
	h.keep(s)
	return reply, nil
}

func (e *Env) do(
	ctx context.Context, t directory.ProviderType, ep Endpoint, req *http.Request, interpret func(*Reply) *Error,
	s *reservation,
) (*Reply, error) {
	if err := e.Limits.Wait(ctx, ep.Name, ep.Rate); err != nil {
		return nil, err
	}
	if e.OnCall != nil {
		e.OnCall(ep.Name)
	}
	spanCtx, span := startSpan(ctx, t, ep)
	began := e.Now()
	reply, err := e.send(spanCtx, t, ep, req, s)
	took := e.Now().Sub(began) - s.waited
	if took > e.SlowCall {
		e.Log.WarnContext(ctx, "slow provider call", "provider_type", t, "endpoint", ep.Name, "took", took.String())
	}
	if err == nil {
		if refused := refusalIn(t, ep, reply, interpret); refused != nil {
			err = refused
		}
	}
	endSpan(span, err)
	if e.OnDone != nil {
		e.OnDone(ep.Name, outcome(err), took)
	}
	if err != nil {
		e.pauseIfThrottled(ctx, ep, err)
		return nil, err
	}
	return reply, nil
}

// refusalIn has an answer interpreted as text. One that is not readable is no success, but the
// code of a refusal holds all the same.
func refusalIn(t directory.ProviderType, ep Endpoint, reply *Reply, interpret func(*Reply) *Error) *Error {
	text, ok := readable(reply.Body, reply.Header)
	if ok {
		reply.Body = text
	}
	refused := interpret(reply)
	if !ok && (refused == nil || refused.Kind == Malformed) {
		return unreadable.InTransit(t, ep, cmp.Or(declaredEncoding(reply.Header), "none"), message.Text{})
	}
	return refused
}

// pauseIfThrottled makes all workers wait where the provider throttles.
func (e *Env) pauseIfThrottled(ctx context.Context, ep Endpoint, err error) {
	var refused *Error
	if !errors.As(err, &refused) || refused.Kind != RateLimited {
		return
	}
	e.Log.InfoContext(ctx, "provider asks for fewer calls", "endpoint", ep.Name, "code", refused.Code, "retry_after",
		refused.RetryAfter.String())
	if err := e.Limits.Pause(ctx, ep.Name, refused.RetryAfter); err != nil {
		// The caller still waits; only the others are not told.
		e.Log.WarnContext(ctx, "pause after throttling failed", "endpoint", ep.Name, "error", err)
	}
}

// outcome is what a call's error counts as.
func outcome(err error) string {
	var failed *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &failed):
		return string(failed.Kind)
	default:
		return Canceled
	}
}

// send makes the exchange within the call's time.
func (e *Env) send(
	ctx context.Context, t directory.ProviderType, ep Endpoint, req *http.Request, s *reservation,
) (*Reply, error) {
	callCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := &stopwatch{left: e.CallTimeout, ring: cancel}
	watch.start()
	defer watch.stop()
	reply, err := e.roundTrip(req.WithContext(callCtx), ep, s, watch)
	switch {
	case err == nil:
		return reply, nil
	case ctx.Err() != nil:
		return nil, ctx.Err() // the caller gave up; that is not the provider's failure
	case errors.Is(err, errTooLarge):
		return nil, oversized.InTransit(t, ep, strconv.FormatInt(ep.largest()>>20, 10)+" MiB", message.Text{})
	case callCtx.Err() != nil:
		return nil, timeUp.InTransit(t, ep, e.CallTimeout.String(), message.Text{})
	default:
		trouble, detail := transportFailureOf(err, req.URL.Hostname())
		return nil, trouble.InTransit(t, ep, detail, message.Text{})
	}
}

var errTooLarge = errors.New("answer larger than its call's bound")

func (e *Env) roundTrip(req *http.Request, ep Endpoint, s *reservation, watch *stopwatch) (*Reply, error) {
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readWithin(resp, ep.largest(), func(size int64) error {
		watch.stop() // waiting for other answers is not this one's delay
		defer watch.start()
		return s.grow(req.Context(), size)
	})
	if err != nil {
		return nil, err
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// usualAnswer is what an answer that does not say its length is read into at first.
const usualAnswer = 8 << 10

// readWithin reads an answer of at most so many bytes. Before it takes more memory than
// firstShare it asks for it by grow.
func readWithin(resp *http.Response, largest int64, grow func(size int64) error) ([]byte, error) {
	if resp.ContentLength > largest {
		return nil, errTooLarge
	}
	size := int64(usualAnswer)
	if resp.ContentLength >= 0 {
		size = resp.ContentLength + 1 // whose last byte finds the end
	}
	size = min(size, largest+1)
	if err := grow(size); err != nil {
		return nil, err
	}
	body := make([]byte, 0, size)
	for {
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > largest:
			return nil, errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		}
		if len(body) == cap(body) {
			size = min(2*size, largest+1)
			if err := grow(size); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, size), body...)
		}
	}
}

// stopwatch rings once it has run for as long as was left.
type stopwatch struct {
	left  time.Duration
	ring  func()
	began time.Time
	timer *time.Timer
}

func (w *stopwatch) start() {
	w.began = time.Now()
	w.timer = time.AfterFunc(w.left, w.ring)
}

func (w *stopwatch) stop() {
	w.timer.Stop()
	w.left -= time.Since(w.began)
}

// URL joins a base URL, whose path prefix is kept, a path and a query.
func URL(base, path string, query url.Values) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	joined := u.JoinPath(path)
	joined.RawQuery = query.Encode()
	return joined.String(), nil
}
