package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// wire is a connection to the tests' Temporal server that can be cut, as a network or a
// killed process does it, and joined again.
type wire struct {
	t        *testing.T
	address  string
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{t: t, address: "127.0.0.1:0"}
	w.join()
	t.Cleanup(w.cut)
	return w
}

// join lets the server be reached.
func (w *wire) join() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.address)
	require.NoError(w.t, err)
	w.listener, w.address = listener, listener.Addr().String()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // cut
			}
			far, err := net.Dial("tcp", os.Getenv("TEMPORAL_ADDRESS"))
			if err != nil {
				_ = near.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, near, far)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(near, far) }()
			go func() { _, _ = io.Copy(far, near) }()
		}
	}()
}

// cut ends all connections, and lets none begin.
func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.open {
		_ = conn.Close()
	}
	w.open = nil
}

// dial connects a client to the server by this wire.
func (w *wire) dial(namespace string) client.Client {
	w.t.Helper()
	temporal, err := client.DialContext(w.t.Context(), client.Options{
		HostPort: w.address, Namespace: namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(w.t, err)
	w.t.Cleanup(temporal.Close)
	return temporal
}

// lines is what a command writes while it is at work.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait waits until this was written.
func (l *lines) wait(t *testing.T, want string, patience time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(l.String(), want) }, patience, 10*time.Millisecond,
		"%q is not in: %v", want, l)
}
