package providertest

import (
	"errors"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// needsSomebody are the kinds that no waiting cures.
var needsSomebody = map[provider.Kind]bool{
	provider.Invalid: true, provider.Unauthenticated: true, provider.Forbidden: true, provider.OutOfRange: true,
	provider.NotFound: true, provider.QuotaExhausted: true,
}

// otherKinds are those that pass, each with what it must say beside its problem.
var otherKinds = map[provider.Kind]func(*provider.Error) bool{
	provider.RateLimited:   func(e *provider.Error) bool { return e.RetryAfter > 0 },
	provider.Unavailable:   func(*provider.Error) bool { return true },
	provider.Malformed:     func(*provider.Error) bool { return true },
	provider.TokenRefused:  func(e *provider.Error) bool { return e.Action.String() != "" },
	provider.CursorExpired: func(*provider.Error) bool { return true },
	provider.TooLarge:      func(e *provider.Error) bool { return e.Instead != "" },
}

// fit fails unless the error is one that the engine and its operators can use: it
// has a kind, says what is wrong, where, and what to do if somebody must, and
// gives nothing away.
func (w *world) fit(err error) *provider.Error {
	w.t.Helper()
	var e *provider.Error
	require.True(w.t, errors.As(err, &e), "%T: %v", err, err)
	require.Equal(w.t, w.kind, e.Provider)
	require.NotEmpty(w.t, e.Problem.String())
	if needsSomebody[e.Kind] {
		require.NotEmpty(w.t, e.Action.String(), err)
	} else {
		passes := otherKinds[e.Kind]
		require.NotNil(w.t, passes, "kind %q", e.Kind)
		require.True(w.t, passes(e), err)
	}
	w.requireDiscreet(e.In(message.English), e.In(message.Chinese))
	return e
}

// requireDiscreet fails if a text shows a secret, a token or somebody's data.
func (w *world) requireDiscreet(texts ...string) {
	w.t.Helper()
	if w.personal == nil {
		w.company.View(func(v *simulator.View) {
			for p := range v.People() {
				facts := v.Facts(p.ID)
				for _, value := range []string{p.Name, p.Email, p.Phone, w.phone(p.Phone), facts.WorkEmail,
					facts.Telephone} {
					if value != "" {
						w.personal = append(w.personal, value)
					}
				}
			}
		})
	}
	for _, text := range texts {
		require.NotContains(w.t, text, "<no value>")
		for _, value := range slices.Concat(w.personal, w.tokens.all(), []string{appSecret, wecomApp, wecomSync}) {
			require.False(w.t, strings.Contains(text, value), "shows %q: %s", value, text)
		}
	}
}
