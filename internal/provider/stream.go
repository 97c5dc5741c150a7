package provider

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// EventStreamer is a client on which a provider can tell of changes by a connection that the
// client opens.
type EventStreamer interface {
	// Listen opens one connection and takes what comes until it ends. A message is
	// acknowledged once the listener has kept its events.
	Listen(context.Context, Listener) error
}

// Listener takes what comes by a connection. Its methods are called from several goroutines.
type Listener interface {
	// Connected is told once the connection stands.
	Connected()
	// Leaving is told once the provider says that it is about to end the connection: another
	// one is to take its place.
	Leaving()
	// Keep stores events.
	Keep(context.Context, []Event) error
	// Refused is told of a message that could not be taken.
	Refused(Refusal)
}

// Limits of streams.
const (
	// handshakeTimeout bounds connecting, keepTimeout storing one message and writeTimeout
	// sending an answer.
	handshakeTimeout = 15 * time.Second
	keepTimeout      = 10 * time.Second
	writeTimeout     = 10 * time.Second
	// largestSkipped is how many bytes of a message that is too large are read past before
	// the connection is given up.
	largestSkipped = 64 << 20
	// keptAtOnce is how many messages of a connection are being stored at a time. Beyond
	// them it is not read, so that the provider sends no faster than they can be stored.
	keptAtOnce = 16
)

// Stream is a connection that a provider tells of changes on.
type Stream struct {
	conn    *websocket.Conn
	storing chan struct{}
	running sync.WaitGroup
}

// StreamRefused is an answer that refuses a connection.
func StreamRefused(t directory.ProviderType, ep Endpoint, answer *http.Response) *Error {
	return Meaning{Kind: Unavailable, Problem: "fault.stream_refused"}.
		AsError(t, ep, message.Args{"Status": answer.StatusCode})
}

// OpenStream connects to an address that the provider at base has named, with TLS where that
// is called with it. Where it refuses, interpret says why by the answer. Errors do not show the
// address, in which a ticket stands.
func (e *Env) OpenStream(ctx context.Context, t directory.ProviderType, ep Endpoint, base, address string,
	interpret func(*http.Response) *Error) (*Stream, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || target.Scheme != "wss" &&
		(target.Scheme != "ws" || strings.HasPrefix(base, "https:")) {
		return nil, &Error{
			Provider: t, Kind: Malformed, Endpoint: ep.Name, Problem: message.Of("fault.stream_address", nil),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: e.HTTP})
	switch {
	case err == nil:
		conn.SetReadLimit(-1) // Read has a limit of its own, which does not end the connection
		return &Stream{conn: conn, storing: make(chan struct{}, keptAtOnce)}, nil
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return nil, interpret(answer)
	default:
		trouble, detail := transportFailureOf(err, target.Hostname())
		return nil, trouble.InTransit(t, ep, detail, message.Text{})
	}
}

// ErrMessageTooLarge is a message beyond MaxMessage. The connection goes on.
var ErrMessageTooLarge = errors.New("the message is too large")

// Read returns the next message and whether it is text. It fails once nothing came for so long.
func (s *Stream) Read(ctx context.Context, silence time.Duration) (text bool, message []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	kind, reader, err := s.conn.Reader(ctx)
	if err != nil {
		return false, nil, err
	}
	message, err = io.ReadAll(io.LimitReader(reader, MaxMessage+1))
	if err == nil && len(message) > MaxMessage {
		var skipped int64
		if skipped, err = io.Copy(io.Discard, io.LimitReader(reader, largestSkipped)); err == nil {
			err = ErrMessageTooLarge
		}
		if skipped == largestSkipped {
			err = errors.New("a message has no end")
		}
		message = nil
	}
	return kind == websocket.MessageText, message, err
}

// Write sends a message.
func (s *Stream) Write(ctx context.Context, text bool, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	return s.conn.Write(ctx, kind, message)
}

// Ping asks for a sign of life. Something must be reading meanwhile.
func (s *Stream) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.conn.Ping(ctx)
}

// Keep has events stored beside reading, and then calls answer with what came of it. It waits
// while many are being stored already.
func (s *Stream) Keep(ctx context.Context, l Listener, events []Event, answer func(error)) {
	s.storing <- struct{}{}
	s.running.Go(func() {
		defer func() { <-s.storing }()
		// What was received is stored and acknowledged even where the connection is to end.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
		defer cancel()
		answer(l.Keep(ctx, events))
	})
}

// Close ends the connection once all that came is stored and answered.
func (s *Stream) Close() {
	s.running.Wait()
	_ = s.conn.Close(websocket.StatusGoingAway, "")
}

// Every does something at once and then after each pause that it returns, until ctx ends or it
// fails.
func Every(ctx context.Context, do func(context.Context) (next time.Duration, err error)) error {
	for {
		next, err := do(ctx)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(next):
		}
	}
}
