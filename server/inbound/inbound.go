// Package inbound takes what providers send to the callback address. It has no sign-in: a
// message proves itself by its signature. Whatever is wrong with one costs a counter.
package inbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
)

// Pattern is the route of the callback address.
const Pattern = "/events/{provider}"

// Limits of requests. WeCom and Feishu want the check of an address answered within a second,
// and DingTalk each message within a second and a half.
const (
	readTimeout = time.Second
	// mostAtOnce is how many messages may be worked on; more are told to come again.
	mostAtOnce = 64
)

// Handler answers the callback address.
type Handler struct {
	intake *service.Intake
	log    *slog.Logger
	places chan struct{}
}

// New returns a handler.
func New(intake *service.Intake, log *slog.Logger) *Handler {
	return &Handler{intake: intake, log: log, places: make(chan struct{}, mostAtOnce)}
}

// Register adds the route to a mux.
func (h *Handler) Register(mux *http.ServeMux) {
	mux.Handle("GET "+Pattern, h)
	mux.Handle("POST "+Pattern, h)
}

// statuses of refusals; providers send again whatever is not 200.
var statuses = map[provider.Refusal]int{
	provider.RefusedMalformed: http.StatusBadRequest,
	provider.RefusedTooLarge:  http.StatusRequestEntityTooLarge,
	provider.RefusedSlow:      http.StatusRequestTimeout,
	provider.RefusedBusy:      http.StatusServiceUnavailable,
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("provider")
	h.take(w, r, name, h.intake, func(request provider.CallbackRequest) (string, []byte, error) {
		result, err := h.intake.Receive(r.Context(), name, request)
		return result.ContentType, result.Body, err
	})
}

// addressee is whose messages come to an address: a provider or a suite.
type addressee interface {
	Knows(ctx context.Context, name string) error
	CountRefused(ctx context.Context, name string, reason provider.Refusal)
}

// take reads a message to a name and answers with what receive returns for it.
func (h *Handler) take(w http.ResponseWriter, r *http.Request, name string, to addressee,
	receive func(provider.CallbackRequest) (contentType string, body []byte, err error)) {
	switch err := to.Knows(r.Context(), name); {
	case errors.Is(err, service.ErrNoReceiver):
		http.NotFound(w, r)
		return
	case err != nil:
		h.fail(w, r, err)
		return
	}
	refuse := func(reason provider.Refusal) {
		to.CountRefused(r.Context(), name, reason)
		answer(w, reason)
	}
	body, reason := read(w, r)
	if reason != "" {
		refuse(reason)
		return
	}
	// Only now, so that senders who take their time keep nobody else waiting.
	if !h.enter() {
		refuse(provider.RefusedBusy)
		return
	}
	defer h.leave()
	contentType, reply, err := receive(provider.CallbackRequest{
		Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: time.Now(),
	})
	var refused *provider.RefusedError
	switch {
	case errors.As(err, &refused):
		answer(w, refused.Reason) // counted by the intake
	case err != nil:
		h.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(reply)
	}
}

// enter takes a place among those that are worked on, if there is one; leave gives it back.
func (h *Handler) enter() bool {
	select {
	case h.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (h *Handler) leave() { <-h.places }

// read returns a request's body, or why it was not read.
func read(w http.ResponseWriter, r *http.Request) ([]byte, provider.Refusal) {
	if r.ContentLength > provider.MaxMessage {
		return nil, provider.RefusedTooLarge
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
	var body bytes.Buffer
	_, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, provider.MaxMessage))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, provider.RefusedTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, provider.RefusedSlow
	case err != nil:
		return nil, provider.RefusedMalformed
	default:
		return body.Bytes(), ""
	}
}

// answer says no more than a status.
func answer(w http.ResponseWriter, reason provider.Refusal) {
	status := statuses[reason]
	if status == 0 {
		status = http.StatusForbidden
	}
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
}

// fail has the provider send the message again.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.log.Error("message not taken", "address", r.URL.Path, "error", err)
	w.WriteHeader(http.StatusServiceUnavailable)
}
