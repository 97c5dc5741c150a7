// Package web is what every answer of the server has: headers, the access log, figures and a span.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/orgsync/orgsync/server/api"
	"github.com/orgsync/orgsync/server/remote"
)

// Watch is what is told of each answer.
type Watch struct {
	Log *slog.Logger
	// Count gets the pattern of the route, empty where there is none.
	Count func(method, pattern string, status int, took time.Duration)
	// Tracer makes the request's span, below which stands what it starts.
	Tracer trace.Tracer
}

// Wrap adds to a mux what every answer has. Neither log nor span says queries or what is looked
// for: search texts and cursors name people.
func Wrap(mux *http.ServeMux, watch Watch) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		note := &api.Note{}
		ctx, span := watch.startSpan(r)
		r = r.WithContext(api.WithNote(ctx, note))
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
			watch.Count(r.Method, pattern, answer.status, took)
			endSpan(span, pattern, answer.status)
			write(watch.Log, r, pattern, note, answer, took)
		}()
		mux.ServeHTTP(answer, r)
	})
}

// startSpan begins the span of a request, below the caller's own where a traceparent says so.
func (w Watch) startSpan(r *http.Request) (context.Context, trace.Span) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return w.Tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
}

// endSpan names a span by its route: a path may say anything.
func endSpan(span trace.Span, pattern string, status int) {
	if method, route, is := strings.Cut(pattern, " "); is {
		span.SetName(pattern)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route))
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

func write(log *slog.Logger, r *http.Request, pattern string, note *api.Note, answer *counted, took time.Duration) {
	if strings.HasSuffix(pattern, "/healthz") || strings.HasSuffix(pattern, "/readyz") {
		return
	}
	address := remote.Address(r)
	method, path := r.Method, r.URL.Path
	if !strings.Contains(pattern, " ") { // no operation: they may say anything
		method, path = "", ""
	}
	fields := []any{"method", method, "path", path, "status", answer.status, "bytes", answer.bytes, "took_ms",
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
