package login_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console/session"
	"github.com/orgsync/orgsync/server/login"
)

// world is a server whose company acme is in the directory already, without Temporal.
type world struct {
	t        *testing.T
	url      string
	service  *service.Service
	pool     *pgxpool.Pool
	company  *simulator.Company
	sessions *session.Sessions
	mux      *http.ServeMux
	login    *login.Login
}

const returnTo = "https://wiki.example/login?from=orgsync"

func newWorld(t *testing.T) *world {
	t.Helper()
	location := dbtest.New(t)
	w := &world{t: t, company: simulator.Generate(simulator.TypicalSpec(5, 20))}
	var err error
	w.pool, err = pgxpool.New(t.Context(), location)
	require.NoError(t, err)
	t.Cleanup(w.pool.Close)
	keys, err := secret.Generate()
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	w.service = service.New(service.Connections{
		DatabaseURL: func() (string, error) { return dbtest.As(t, "orgsync_operator", location), nil },
		Keys:        func() (*secret.Box, error) { return secret.Load(string(keys)) },
		NewOpener: func(store *providers.Store, box *secret.Box) (*clients.Opener, error) {
			return app.NewOpener(store, box, config.Config{FetchConcurrency: 1, CallTimeout: 1e9}, quiet), nil
		},
		DialTemporal: func(context.Context) (client.Client, error) { return nil, errors.New("connection refused") },
		Vendors:      app.Vendors(),
	})
	t.Cleanup(w.service.Close)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL
	sim := feishu.New(w.company, feishu.Config{RedirectURLs: []string{w.url + "/login/acme/callback"}})
	vendor := httptest.NewServer(sim)
	t.Cleanup(vendor.Close)
	added, err := w.service.AddProvider(t.Context(), service.AddProviderInput{
		Name: "acme", Type: "feishu", Config: []byte(`{"app_id":"cli_sim","app_secret":"sim-secret","base_url":"` +
			vendor.URL + `","accounts_url":"` + vendor.URL + `"}`),
	})
	require.NoError(t, err)
	w.company.View(func(v *simulator.View) {
		for p := range v.People() {
			_, err := w.pool.Exec(t.Context(), `INSERT INTO org_members (provider_id, external_id, unionid, name)
				VALUES ($1, $2, $3, $4)`, added.Provider.ID, w.company.UserID(directory.Feishu, p),
				w.company.UnionID(directory.Feishu, p.ID), p.Name)
			require.NoError(t, err)
		}
	})
	require.NoError(t, w.service.AddApp(t.Context(), "wiki", []string{returnTo}, service.By{Name: "test"}))
	w.sessions = session.New(w.service, w.url, quiet)
	w.mux, w.login = mux, login.New(mux, w.service, w.sessions, w.url, quiet)
	mux.Handle("GET /who", w.sessions.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		caller, _ := w.sessions.Caller(r)
		_, _ = io.WriteString(rw, string(caller.Role)+" "+caller.Name)
	})))
	return w
}

// id is the external id of a person.
func (w *world) id(p simulator.PersonID) (id string) {
	w.company.View(func(v *simulator.View) {
		person, _ := v.Person(p)
		id = w.company.UserID(directory.Feishu, person)
	})
	return id
}

// browser is one that follows redirects only when told to.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

func (b *browser) get(address string) (status int, location *url.URL, body string) {
	b.w.t.Helper()
	resp, err := b.client.Get(address)
	require.NoError(b.w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.w.t, err)
	if location, err = resp.Location(); err != nil {
		location = &url.URL{}
	}
	return resp.StatusCode, location, string(text)
}

// begin goes to the provider's page and returns what it sends back to.
func (b *browser) begin(query url.Values, choice string) (callback string) {
	b.w.t.Helper()
	status, page, body := b.get(b.w.url + "/login/acme?" + query.Encode())
	require.Equal(b.w.t, http.StatusFound, status, body)
	status, back, body := b.get(page.String() + "&" + choice)
	require.Equal(b.w.t, http.StatusFound, status, body)
	return back.String()
}

func toWiki(state string) url.Values {
	return url.Values{"app": {"wiki"}, "return_to": {returnTo}, "state": {state}}
}

func TestASignInToAnApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	callback := b.begin(toWiki("mine\r\nSet-Cookie: a=b"), "sim_person="+w.id(3))

	// Another browser cannot use what this one was given, and does not use it up.
	status, _, body := w.browser().get(callback)
	require.Equal(t, http.StatusForbidden, status, body)

	status, back, body := b.get(callback)
	require.Equal(t, http.StatusFound, status, body)
	require.Equal(t, "wiki.example", back.Host)
	require.Equal(t, []string{"orgsync", "mine\r\nSet-Cookie: a=b"},
		[]string{back.Query().Get("from"), back.Query().Get("state")})
	require.NotContains(t, back.String(), "\n")

	status, _, body = b.get(callback)
	require.Equal(t, http.StatusForbidden, status, "a state is good once")
	require.Contains(t, body, "begin it anew")

	view := w.service.ViewFor(access.Caller{Role: access.App})
	found, err := view.ExchangeLogin(t.Context(), back.Query().Get("code"))
	require.NoError(t, err)
	require.Equal(t, w.id(3), found.Member.ExternalID)
	require.True(t, found.First)
	_, err = view.ExchangeLogin(t.Context(), back.Query().Get("code"))
	require.True(t, service.HasCode(err, service.LoginCodeInvalid), "a code is good once")

	// What is refused goes back to the application as a code, without a person.
	for choice, want := range map[string]string{
		"sim_answer=refuse":                         "access_denied",
		"sim_answer=outsider&sim_person=" + w.id(3): "other_company",
	} {
		_, back, _ := b.get(b.begin(toWiki("s"), choice))
		require.Equal(t, []string{want, "s", ""},
			[]string{back.Query().Get("error"), back.Query().Get("state"), back.Query().Get("code")})
	}
	// One tenant's caller gets nothing of another's.
	_, back, _ = b.get(b.begin(toWiki("s"), "sim_person="+w.id(4)))
	bound := w.service.ViewFor(access.Caller{Role: access.App, Reach: access.Reach{
		TenantID: "11111111-1111-1111-1111-111111111111",
	}})
	_, err = bound.ExchangeLogin(t.Context(), back.Query().Get("code"))
	require.True(t, service.HasCode(err, service.LoginCodeInvalid))
}

func TestNobodyIsSentElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	for _, foreign := range []string{
		"", "https://evil.example/", returnTo + "&x=1", strings.ToUpper(returnTo), "https://wiki.example/login",
		"https://wiki.example@evil.example/", returnTo + "#f",
	} {
		query := url.Values{"app": {"wiki"}, "return_to": {foreign}}
		status, location, body := b.get(w.url + "/login/acme?" + query.Encode())
		require.Equal(t, []any{http.StatusForbidden, ""}, []any{status, location.String()}, foreign)
		require.Contains(t, body, "orgsync app add")
		require.NotContains(t, body, "evil")
	}
	status, _, body := b.get(w.url + "/login/nobody?" + toWiki("s").Encode())
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, body, "There is no sign-in at this address")
	require.NotContains(t, body, "acme", "which providers there are is nothing for a visitor")
	for _, wrong := range []string{
		"http://wiki.example/", "javascript:alert(1)", "https://u@wiki.example", "//x", "https://x/#f",
	} {
		require.Error(t, w.service.AddApp(t.Context(), "wiki", []string{wrong}, service.By{Name: "test"}), wrong)
	}
}

func TestGuessingIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	var last int
	for range 31 {
		last, _, _ = b.get(w.url + "/login/acme/callback?code=x&state=y")
	}
	require.Equal(t, http.StatusTooManyRequests, last)
}

func TestLocalAdministratorsEnterTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	status, _, body := b.get(b.begin(url.Values{}, "sim_person="+w.id(3)))
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "orgsync admins acme --add")
	_, _, who := b.get(w.url + "/who")
	require.Equal(t, " ", who)
	_, err := w.pool.Exec(t.Context(), `INSERT INTO org_administrators (provider_id, member_id, source, level)
		SELECT provider_id, id, 'local', 'admin' FROM org_members WHERE external_id = $1`, w.id(3))
	require.NoError(t, err)
	for wanted, to := range map[string]string{
		"/runs?x=1": "/runs?x=1", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/",
	} {
		status, back, body := b.get(b.begin(url.Values{"return_to": {wanted}}, "sim_person="+w.id(3)))
		require.Equal(t, []any{http.StatusFound, w.url + to}, []any{status, back.String()}, body)
	}
	_, _, who = b.get(w.url + "/who")
	require.Equal(t, "admin member "+w.id(3)+" of acme", who)
	var actions []string
	require.NoError(t, w.pool.QueryRow(t.Context(),
		`SELECT array_agg(DISTINCT action) FROM audit_log`).Scan(&actions))
	require.Subset(t, actions, []string{"app.add", "session.create"})
}
