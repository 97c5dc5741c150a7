package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
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
	"github.com/orgsync/orgsync/server/web"
)

const (
	tenant1 = "11111111-1111-1111-1111-111111111111"
	tenant2 = "22222222-2222-2222-2222-222222222222"
)

// world is a server on a database of its own, without Temporal, with the company acme of one
// tenant and globex of another.
type world struct {
	t       *testing.T
	url     string
	pool    *pgxpool.Pool
	service *service.Service
	log     *strings.Builder
	spans   *tracetest.SpanRecorder
	figures *metrics.Metrics
	// ownAddresses is what ORGSYNC_TENANT_ADDRESSES=own sets.
	ownAddresses atomic.Bool
	// acme and globex are ids of what the companies have.
	acme, globex map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: &strings.Builder{}, spans: tracetest.NewSpanRecorder()}
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
		NewSender: func() (*webhook.Sender, error) {
			return webhook.NewSender(webhook.Guard{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}), nil
		},
		DialTemporal:     func(context.Context) (client.Client, error) { return nil, errors.New("connection refused") },
		Vendors:          app.Vendors(),
		OwnAddressesOnly: func() (bool, error) { return w.ownAddresses.Load(), nil },
	})
	t.Cleanup(w.service.Close)
	mux := http.NewServeMux()
	rest, err := api.New(mux, w.service, "0.0.0")
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.figures = metrics.New(nil, quiet)
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(w.spans)).Tracer("")
	server := httptest.NewServer(web.Wrap(mux, web.Watch{Log: log, Count: w.figures.Request, Tracer: tracer}))
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
		Name: name, Type: "wecom", Config: []byte(`{"corp_id":"ww-` + name + `","secret":"s3cr3t-` + name +
			`"}`), TenantID: tenant,
	})
	require.NoError(w.t, err)
	ids := map[string]string{"provider": added.Provider.ID, "name": name}
	one := func(key, sql string, args ...any) {
		var id string
		require.NoError(w.t, w.pool.QueryRow(w.t.Context(), sql+" RETURNING id", args...).Scan(&id))
		ids[key] = id
	}
	one("department",
		`INSERT INTO org_departments (provider_id, tenant_id, external_id, name, path)
			VALUES ($1, $2, '1', $3, $3)`, ids["provider"], tenant, name)
	one("child", `INSERT INTO org_departments (provider_id, tenant_id, external_id, parent_id, name, path, raw_data)
		VALUES ($1, $2, '2', $3, 'Sales', 'x/Sales', '{"id": 2}')`, ids["provider"], tenant, ids["department"])
	for _, member := range []string{"ann", "bob"} {
		one(member, `INSERT INTO org_members (provider_id, tenant_id, external_id, name, name_translit_full, email,
			department_id, raw_data)
			VALUES ($1, $2, $3, $3, $3, $3 || '@example.com', $4, '{"userid": "raw"}')`,
			ids["provider"], tenant, member, ids["child"])
		w.exec(`INSERT INTO org_member_departments (member_id, department_id, is_primary) VALUES ($1, $2, true)`,
			ids[member], ids["child"])
	}
	one("run", `INSERT INTO sync_runs (provider_id, generation, workflow_id, temporal_run_id, status, hold_reason,
		hold_workflow_id, counts)
		VALUES ($1, 1, 'orgsync/' || $2, gen_random_uuid(), 'held', 'too many', 'orgsync/' || $2 || '/removals', '{}')`,
		ids["provider"], name)
	w.exec(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
		VALUES ($1, 'member', $2, $2)`,
		ids["run"], ids["bob"])
	w.exec(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		VALUES ($1, 'member', $2, $2, 'ann', 'updated', '{"title": "a", "raw_data": {"userid": "raw"}}',
		'{"title": "b"}')`, ids["run"], ids["ann"])
	w.exec(`INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
		VALUES ($1, 'member', 'carl', 'unreadable')`, ids["run"])
	w.exec(`INSERT INTO sync_run_departments (run_id, external_id, children_method, children_via, members_method,
		members_via)
		VALUES ($1, '1', 'list', '1', 'list', '1')`, ids["run"])
	one("group", `INSERT INTO org_groups (provider_id, tenant_id, external_id, kind, name, member_count)
		VALUES ($1, $2, '5', 'tag', 'Drivers', 2)`, ids["provider"], tenant)
	w.exec(`INSERT INTO org_group_members (group_id, member_id) VALUES ($1, $2)`, ids["group"], ids["ann"])
	w.exec(`INSERT INTO org_group_departments (group_id, department_id) VALUES ($1, $2)`, ids["group"], ids["child"])
	w.exec(`INSERT INTO org_administrators (provider_id, member_id, source, level) VALUES ($1, $2, 'provider', 'main'),
		($1, $2, 'local', 'admin')`, ids["provider"], ids["ann"])
	w.exec(`INSERT INTO account_conflicts (provider_id, member_id, reason, candidates)
		VALUES ($1, $2, 'several_accounts', '{7b2c0000-0000-4000-8000-000000000001}')`, ids["provider"], ids["bob"])
	made := w.token(service.CreateTokenInput{Name: name, Role: "reader", Provider: name})
	ids["token"] = made.ID
	hook, err := w.service.AddWebhook(w.t.Context(), service.AddWebhookInput{URL: "http://127.0.0.1:1/" + name,
		Provider: name, TenantID: tenant})
	require.NoError(w.t, err)
	ids["webhook"] = hook.ID
	return ids
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}

func (w *world) token(in service.CreateTokenInput) service.CreateTokenResult {
	w.t.Helper()
	made, err := w.service.CreateToken(w.t.Context(), in)
	require.NoError(w.t, err)
	return made
}

// as returns a token with a role that is bound to nothing.
func (w *world) as(role string) string {
	return w.token(service.CreateTokenInput{Name: uuid.NewString(), Role: role}).Secret
}

// reply is an answer that was read.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// send makes a request; headers are name and value by turns.
func (w *world) send(token, method, path, body string, headers ...string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return reply{w.t, answer.StatusCode, answer.Header, string(text)}
}

func (w *world) get(token, path string, headers ...string) reply {
	w.t.Helper()
	return w.send(token, http.MethodGet, path, "", headers...)
}

// problem requires a problem document with a status and code.
func (r reply) problem(status int, code string) api.Problem {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.body)
	require.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"))
	var p api.Problem
	require.NoError(r.t, json.Unmarshal([]byte(r.body), &p))
	require.Equal(r.t, []any{code, status}, []any{p.Code, p.Status})
	require.NotEmpty(r.t, p.Detail)
	require.NotContains(r.t, p.Detail, "problem.")
	require.NotEmpty(r.t, p.Action)
	require.NotContains(r.t, p.Action, "action.")
	return p
}

// decode requires success and reads the body.
func (r reply) decode(into any) {
	r.t.Helper()
	require.Less(r.t, r.status, 300, r.body)
	require.NoError(r.t, json.Unmarshal([]byte(r.body), into), r.body)
}

// items are the objects of a list.
func (r reply) items() (items []map[string]any, next string) {
	r.t.Helper()
	var list struct {
		Items []map[string]any
		Next  *string
	}
	r.decode(&list)
	if list.Next != nil {
		next = *list.Next
	}
	return list.Items, next
}
