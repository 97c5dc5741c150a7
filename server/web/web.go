// Package web is what every answer of the server has: headers, the access log and figures.
package web

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/orgsync/orgsync/server/api"
	"github.com/orgsync/orgsync/server/remote"
)

// Count is told of each answer; pattern is that of the route, empty where there is none.
type Count func(method, pattern string, status int, took time.Duration)

// Wrap adds to a mux what every answer has. The log says neither queries nor what is looked
// for: search texts and cursors name people.
func Wrap(mux *http.ServeMux, log *slog.Logger, count Count) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		note := &api.Note{}
		r = r.WithContext(api.WithNote(r.Context(), note))
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		answer := &counted{ResponseWriter: w}
		defer func() {
			took := time.Since(began)
			_, pattern := mux.Handler(r)
			if answer.status == 0 {
				answer.status = http.StatusOK
			}
			count(r.Method, pattern, answer.status, took)
			write(log, r, pattern, note, answer, took)
		}()
		mux.ServeHTTP(answer, r)
	})
}

func write(log *slog.Logger, r *http.Request, pattern string, note *api.Note, answer *counted, took time.Duration) {
	if strings.HasSuffix(pattern, "/healthz") || strings.HasSuffix(pattern, "/readyz") {
		return
	}
	address := remote.Address(r)
	path := r.URL.Path
	if !strings.Contains(pattern, " ") { // no operation: it may say anything
		path = ""
	}
	fields := []any{"method", r.Method, "path", path, "status", answer.status, "bytes", answer.bytes, "took_ms",
		took.Milliseconds(),
		"actor", note.Actor, "address", address}
	if note.Problem != nil {
		log.Error("request failed", append(fields, "error", note.Problem)...)
		return
	}
	log.Info("request", fields...)
}

// counted counts what is written.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (c *counted) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *counted) Write(body []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(body)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
