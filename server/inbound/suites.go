package inbound

import (
	"errors"
	"io"
	"net/http"

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
	receive := func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("suite")
		h.take(w, r, id, suites, func(request provider.CallbackRequest) (string, []byte, error) {
			result, err := suites.Receive(r.Context(), id, request)
			return result.ContentType, result.Body, err
		})
	}
	mux.HandleFunc("GET "+SuitePattern, receive)
	mux.HandleFunc("POST "+SuitePattern, receive)
	mux.HandleFunc("GET "+InstalledPattern, func(w http.ResponseWriter, r *http.Request) {
		h.installed(w, r, suites)
	})
}

// installed takes the code that an administrator's browser brings, and says that it came.
func (h *Handler) installed(w http.ResponseWriter, r *http.Request, suites *service.SuiteIntake) {
	query, language := r.URL.Query(), message.Match(r.Header.Get("Accept-Language"))
	code, state := query.Get("auth_code"), query.Get("state")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	err := service.ErrLinkUnknown
	if !h.enter() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, language.Text(message.InstallTryAgain, nil)+"\n")
		return
	}
	defer h.leave()
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
