package api

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/remote"
)

type contextKey int

const (
	callerKey contextKey = iota
	languageKey
	noteKey
	// tableKey is there where a list is asked for as CSV.
	tableKey
)

func callerOf(ctx context.Context) access.Caller {
	c, _ := ctx.Value(callerKey).(access.Caller)
	return c
}

func languageIn(ctx context.Context) message.Language {
	l, _ := ctx.Value(languageKey).(message.Language)
	return l
}

// Note is what the access log has of a request beside what HTTP says.
type Note struct {
	// Actor is who made it.
	Actor string
	// Problem is what went wrong inside.
	Problem error
}

// NoteIn returns the note of a request, nil if it has none.
func NoteIn(ctx context.Context) *Note {
	n, _ := ctx.Value(noteKey).(*Note)
	return n
}

// WithNote returns a context for a request, about which the API then notes these.
func WithNote(ctx context.Context, n *Note) context.Context {
	return context.WithValue(ctx, noteKey, n)
}

// authorize lets through callers who may do the operation.
func (a *API) authorize(op operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		language := languageOf(r)
		caller, err := a.caller(r)
		if err != nil {
			writeProblem(w, problemNoted(r.Context(), language, err))
			return
		}
		if note, ok := r.Context().Value(noteKey).(*Note); ok {
			note.Actor = caller.Name
		}
		if refused := access.Check(caller, op.id); refused != access.Allowed {
			writeProblem(w, problemOf(language, forbidden(refused, op.id)))
			return
		}
		if empty := emptyParameters(language, r.URL.Query()); len(empty) > 0 {
			problem := newProblem(language, http.StatusUnprocessableEntity, inputInvalid, nil)
			problem.Fields = empty
			writeProblem(w, problem)
			return
		}
		if op.slow {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(slowTimeout))
		}
		if strings.HasPrefix(strings.TrimSpace(r.Header.Get("Accept")), "text/csv") {
			ctx = huma.WithValue(ctx, tableKey, true)
		}
		next(huma.WithValue(huma.WithValue(ctx, callerKey, caller), languageKey, language))
	}
}

// emptyParameters are the parameters of a query that are given without a value. They are refused, since they would
// otherwise mean the same as left out: a filter whose value a program has lost would list everything.
func emptyParameters(l message.Language, query url.Values) []Field {
	var empty []Field
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if slices.Contains(query[name], "") {
			empty = append(empty, Field{Location: "query." + name, Problem: l.Text("problem.parameter_empty", nil)})
		}
	}
	return empty
}

// refusalsAllowed is how many wrong tokens an address may send within a minute.
const refusalsAllowed = 20

// caller is whom the request's token stands for. A good token is taken however many wrong ones
// come from its address: behind a proxy, that is everybody's.
func (a *API) caller(r *http.Request) (access.Caller, error) {
	address := remote.Address(r)
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		token = ""
	}
	caller, err := a.service.Authenticate(r.Context(), strings.TrimSpace(token))
	if service.HasCode(err, service.TokenRefused) && token != "" {
		if a.refused.TooMany(address, time.Now()) {
			return access.Caller{}, &refusal{http.StatusTooManyRequests, refusedTooOft, nil}
		}
		a.refused.Add(address, time.Now())
	}
	caller.Address = address
	return caller, err
}
