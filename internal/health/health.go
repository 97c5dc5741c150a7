// Package health answers over HTTP whether the process lives (/healthz), whether it can
// work (/readyz), and what it counts (/metrics). It tells no more about a failing check
// than its name: the answer may be read by anybody who reaches the address.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Check is one thing that must work for the process to be ready.
type Check struct {
	Name string
	// OK returns nil if it works.
	OK func(context.Context) error
}

// checkTimeout bounds all checks of one answer; they are made at the same time.
const checkTimeout = 3 * time.Second

// Server answers until it is closed.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen answers at the address, which may end in ":0" for any free port. log is told of
// checks that fail.
func Listen(address string, metrics http.Handler, log *slog.Logger, checks ...Check) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w; set ORGSYNC_METRICS_ADDRESS to a free address", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	Register(mux, log, checks...)
	s := &Server{listener: listener, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "error", err)
		}
	}()
	return s, nil
}

// Register adds /healthz and /readyz to a mux.
func Register(mux *http.ServeMux, log *slog.Logger, checks ...Check) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", &readiness{checks: checks, log: log})
}

// Address is where it answers.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close stops answering.
func (s *Server) Close() error { return s.server.Close() }

type readiness struct {
	checks []Check
	log    *slog.Logger
}

// ServeHTTP implements http.Handler: a line for each check.
func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), checkTimeout)
	defer cancel()
	failures := make([]error, len(r.checks))
	done := make(chan struct{})
	for i, check := range r.checks {
		go func() {
			failures[i] = check.OK(ctx)
			done <- struct{}{}
		}()
	}
	for range r.checks {
		<-done
	}
	status, lines := http.StatusOK, make([]string, len(r.checks))
	for i, check := range r.checks {
		lines[i] = check.Name + ": ok"
		if failures[i] != nil {
			status, lines[i] = http.StatusServiceUnavailable, check.Name+": failing"
			r.log.Warn("not ready", "check", check.Name, "error", failures[i])
		}
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}
