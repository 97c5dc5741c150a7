package console_test

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
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/metrics"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/internal/webhook"
	"github.com/orgsync/orgsync/server/api"
	"github.com/orgsync/orgsync/server/console"
	"github.com/orgsync/orgsync/server/console/session"
	"github.com/orgsync/orgsync/server/web"
)

const (
	tenant1 = "11111111-1111-1111-1111-111111111111"
	tenant2 = "22222222-2222-2222-2222-222222222222"
	// hostile is a name that does harm where it is written as it is.
	hostile = `<script>alert(1)</script>"'&`
)

// world is a server on a database of its own, without Temporal, with the company acme of one
// tenant and globex of another.
type world struct {
	t       *testing.T
	url     string
	pool    *pgxpool.Pool
	service *service.Service
	// acme and globex are ids of what the companies have.
	acme, globex map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	location := dbtest.New(t)
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
		NewSender:    func() (*webhook.Sender, error) { return webhook.NewSender(webhook.Guard{}), nil },
	})
	t.Cleanup(w.service.Close)
	mux := http.NewServeMux()
	rest, err := api.New(mux, w.service, "0.0.0")
	require.NoError(t, err)
	console.New(mux, w.service, session.New(w.service, "", quiet), rest.Follow, quiet)
	server := httptest.NewServer(web.Wrap(mux, web.Watch{
		Log: quiet, Count: metrics.New(nil, quiet).Request, Tracer: noop.NewTracerProvider().Tracer("")}))
	t.Cleanup(server.Close)
	t.Cleanup(rest.Close)
	w.url = server.URL
	w.acme, w.globex = w.company("acme", tenant1), w.company("globex", tenant2)
	return w
}

// company stores a provider with a department, one below it, two people and a held run that
// would remove one of them.
func (w *world) company(name, tenant string) map[string]string {
	w.t.Helper()
	added, err := w.service.AddProvider(w.t.Context(), service.AddProviderInput{
		Name: name, Type: "wecom", TenantID: tenant,
		Config: []byte(`{"corp_id":"ww-` + name + `","secret":"s3cr3t-` + name + `"}`),
	})
	require.NoError(w.t, err)
	ids := map[string]string{"provider": added.Provider.ID, "name": name}
	one := func(key, sql string, args ...any) {
		var id string
		require.NoError(w.t, w.pool.QueryRow(w.t.Context(), sql+" RETURNING id", args...).Scan(&id))
		ids[key] = id
	}
	one("department", `INSERT INTO org_departments (provider_id, tenant_id, external_id, name, path)
		VALUES ($1, $2, '1', $3, $3)`, ids["provider"], tenant, name+hostile)
	one("child", `INSERT INTO org_departments (provider_id, tenant_id, external_id, parent_id, name, path)
		VALUES ($1, $2, '2', $3, 'Sales', 'x/Sales')`, ids["provider"], tenant, ids["department"])
	for _, member := range []string{"ann", "bob"} {
		one(member, `INSERT INTO org_members (provider_id, tenant_id, external_id, name, email, title, department_id)
			VALUES ($1, $2, $3, $5, $3 || '@example.com', $5, $4)`,
			ids["provider"], tenant, member, ids["child"], member+" "+name+hostile)
		w.exec(`INSERT INTO org_member_departments (member_id, department_id, is_primary) VALUES ($1, $2, true)`,
			ids[member], ids["child"])
	}
	one("group", `INSERT INTO org_groups (provider_id, external_id, kind, name, category, member_count)
		VALUES ($1, 'g1', 'role', $2, $2, 2)`, ids["provider"], name+hostile)
	w.exec(`INSERT INTO org_group_members (group_id, member_id, scope) VALUES ($1, $2, '{}')`, ids["group"], ids["ann"])
	w.exec(`INSERT INTO org_group_departments (group_id, department_id) VALUES ($1, $2)`, ids["group"],
		ids["department"])
	one("webhook", `INSERT INTO webhooks (id, url, content, provider_id, tenant_id, types, secret, key_id, publication,
			change)
		VALUES (gen_random_uuid(), 'https://hooks.example.com/' || $1, 'ping', $2, $3, '{}', '\x00', 1, 0, 0)`,
		name, ids["provider"], tenant)
	w.exec(`INSERT INTO org_administrators (provider_id, member_id, source, level) VALUES ($1, $2, 'local', 'admin')`,
		ids["provider"], ids["ann"])
	one("run", `INSERT INTO sync_runs (provider_id, generation, workflow_id, temporal_run_id, status, hold_reason,
			hold_workflow_id, counts)
		VALUES ($1, 1, 'orgsync/' || $2, gen_random_uuid(), 'held', 'too many', 'orgsync/' || $2 || '/removals', '{}')`,
		ids["provider"], name)
	w.exec(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id) VALUES ($1, 'member', $2, $2)`,
		ids["run"], ids["bob"])
	w.exec(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		VALUES ($1, 'member', $2, $2, 'ann', 'updated', $3, '{"title": "b"}')`,
		ids["run"], ids["ann"], map[string]string{"title": "a" + hostile})
	w.exec(`INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
		VALUES ($1, 'member', 'carl', $2)`, ids["run"], "unreadable "+hostile)
	made, err := w.service.CreateToken(w.t.Context(), service.CreateTokenInput{Name: name, Role: "reader",
		Provider: name})
	require.NoError(w.t, err)
	ids["token"] = made.ID
	return ids
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

// browser is one that keeps cookies and follows no redirects.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// as returns a browser that is signed in.
func (w *world) as(in service.CreateSignInLinkInput) *browser {
	w.t.Helper()
	in.By = service.By{Name: "root@host"}
	link, err := w.service.CreateSignInLink(w.t.Context(), in)
	require.NoError(w.t, err)
	b := w.browser()
	got := b.post("/sign-in/link", url.Values{"code": {link.Code}})
	require.Equal(w.t, http.StatusSeeOther, got.status, got.body)
	require.Equal(w.t, "/", got.header.Get("Location"))
	return b
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// do makes a request; headers are name and value by turns.
func (b *browser) do(method, path, body string, headers ...string) reply {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.url+path, strings.NewReader(body))
	require.NoError(b.w.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.client.Do(r)
	require.NoError(b.w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(b.w.t, err)
	return reply{answer.StatusCode, answer.Header, string(text)}
}

func (b *browser) get(path string, headers ...string) reply {
	b.w.t.Helper()
	return b.do(http.MethodGet, path, "", headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) reply {
	b.w.t.Helper()
	return b.do(http.MethodPost, path, form.Encode(), headers...)
}
