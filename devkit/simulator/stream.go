package simulator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Stream says how a service delivers messages about changes on connections that its clients
// open.
type Stream struct {
	Delivery
	// Odd is the share of messages before which something comes that no page describes: a
	// frame of another kind, or none at all. Split is that of messages in several frames,
	// where a service does so, Cut that of messages after which the connection is cut before
	// an answer is read.
	Odd, Split, Cut float64
}

// Streams are an app's connections.
type Streams struct {
	// Began, if set before the service answers, is called for each connection that was opened.
	Began func()

	mu      sync.Mutex
	tickets map[string]time.Time
	open    map[*Connection]bool
	// opened counts connections.
	opened int
}

// Connection is one of them.
type Connection struct {
	conn *websocket.Conn

	mu      sync.Mutex
	answers map[string]chan []byte
}

// NewTicket returns what a connection can be opened with, once, until its life is over.
func (s *Streams) NewTicket(life time.Duration) string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // it never fails
	ticket := hex.EncodeToString(random)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tickets == nil {
		s.tickets = map[string]time.Time{}
	}
	s.tickets[ticket] = time.Now().Add(life)
	return ticket
}

// UseTicket uses a ticket up and reports whether it was good.
func (s *Streams) UseTicket(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.tickets[ticket]
	delete(s.tickets, ticket)
	return known && time.Now().Before(until)
}

// Opened is how many connections there have been.
func (s *Streams) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Address is where a connection is opened, below the address that a request came to.
func Address(r *http.Request, endpoint, path string) string {
	scheme := "ws://"
	if r.TLS != nil {
		scheme = "wss://"
	}
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	return scheme + r.Host + strings.TrimSuffix(asked, endpoint) + path
}

// Serve makes a request a connection and gives what comes on it to take, until it ends or take
// reports that something is not as it should be.
func (s *Streams) Serve(w http.ResponseWriter, r *http.Request, began func(*Connection),
	take func(c *Connection, text bool, message []byte) bool) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	c := &Connection{conn: conn, answers: map[string]chan []byte{}}
	defer c.Cut()
	s.mu.Lock()
	if s.open == nil {
		s.open = map[*Connection]bool{}
	}
	s.open[c] = true
	s.opened++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	}()
	began(c)
	if s.Began != nil {
		s.Began()
	}
	for {
		kind, message, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		if !take(c, kind == websocket.MessageText, message) {
			_ = conn.Close(websocket.StatusPolicyViolation, "not as documented")
			return
		}
	}
}

// Connections are those that are open.
func (s *Streams) Connections() (open []*Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		open = append(open, c)
	}
	return open
}

// Any is one of them, by chance; nil if none is open.
func (s *Streams) Any() *Connection {
	open := s.Connections()
	if len(open) == 0 {
		return nil
	}
	return open[mathrand.IntN(len(open))] //nolint:gosec // a simulation
}

// Ask sends a message in one or several frames and returns the answer with that id, nil if
// none came in time. Where the connection is to be cut, that is done before.
func (c *Connection) Ask(id string, text bool, frames [][]byte, within time.Duration, cut bool) []byte {
	answer := make(chan []byte, 1)
	c.mu.Lock()
	c.answers[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.answers, id)
	}()
	for _, frame := range frames {
		if c.Send(text, frame) != nil {
			return nil
		}
	}
	if cut {
		c.Cut()
		return nil
	}
	select {
	case got := <-answer:
		return got
	case <-time.After(within):
		return nil
	}
}

// Answer hands an answer to who waits for it.
func (c *Connection) Answer(id string, message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting := c.answers[id]; waiting != nil {
		select {
		case waiting <- message:
		default:
		}
	}
}

// Send sends one frame.
func (c *Connection) Send(text bool, frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	return c.conn.Write(ctx, kind, frame)
}

// Cut ends the connection without a word.
func (c *Connection) Cut() { _ = c.conn.CloseNow() }
