package inbound

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/service"
)

// SuitePattern is the route of the callback addresses of suites, and InstalledPattern that to
// which an administrator's browser comes back after installing one.
const (
	SuitePattern     = service.SuitePath + "{suite}"
	InstalledPattern = SuitePattern + service.InstalledPath
)

// longestParameter is how long a code or a state may be.
const longestParameter = 512

// RegisterSuites adds the routes of suites to a mux.
func (h *Handler) RegisterSuites(mux *http.ServeMux, suites *service.SuiteIntake) {
	receive := func(w http.ResponseWriter, r *http.Request) { h.receiveSuite(w, r, suites) }
	mux.HandleFunc("GET "+SuitePattern, receive)
	mux.HandleFunc("POST "+SuitePattern, receive)
	mux.HandleFunc("GET "+InstalledPattern, func(w http.ResponseWriter, r *http.Request) {
		h.installed(w, r, suites)
	})
}

// receiveSuite takes a message to a suite.
func (h *Handler) receiveSuite(w http.ResponseWriter, r *http.Request, suites *service.SuiteIntake) {
	id := r.PathValue("suite")
	switch err := suites.Knows(r.Context(), id); {
	case errors.Is(err, service.ErrNoReceiver):
		http.NotFound(w, r)
		return
	case err != nil:
		h.fail(w, "suite "+id, err)
		return
	}
	refuse := func(reason provider.Refusal) {
		suites.CountRefused(r.Context(), id, reason)
		answer(w, reason)
	}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	default:
		refuse(provider.RefusedBusy)
		return
	}
	body, reason := read(w, r)
	if reason != "" {
		refuse(reason)
		return
	}
	result, err := suites.Receive(r.Context(), id, provider.CallbackRequest{
		Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: time.Now(),
	})
	var refused *provider.RefusedError
	switch {
	case errors.As(err, &refused):
		answer(w, refused.Reason) // counted by the intake
	case err != nil:
		h.fail(w, "suite "+id, err)
	default:
		w.Header().Set("Content-Type", result.ContentType)
		_, _ = w.Write(result.Body)
	}
}

// installed takes the code that an administrator's browser brings, and says that it came.
func (h *Handler) installed(w http.ResponseWriter, r *http.Request, suites *service.SuiteIntake) {
	query, language := r.URL.Query(), message.Match(r.Header.Get("Accept-Language"))
	code, state := query.Get("auth_code"), query.Get("state")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	err := service.ErrLinkUnknown
	if code != "" && state != "" && len(code) <= longestParameter && len(state) <= longestParameter {
		err = suites.Installed(r.Context(), r.PathValue("suite"), code, state)
	}
	switch {
	case errors.Is(err, service.ErrLinkUnknown), errors.Is(err, service.ErrNoReceiver):
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, language.Text(message.InstallLinkUnknown, nil)+"\n")
	case err != nil:
		h.log.Error("installation not taken", "suite", r.PathValue("suite"), "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, language.Text(message.InstallTryAgain, nil)+"\n")
	default:
		_, _ = io.WriteString(w, language.Text(message.SuiteInstalled, nil)+"\n")
	}
}
