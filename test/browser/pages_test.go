package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// pages are those that are seen once a company is there, with the names of their pictures. {member}
// and such stand for ids. The others are seen on the way there.
var pages = []struct{ path, picture string }{
	{"/", ""}, {"/directory", ""}, {"/directory/acme", "directory"},
	{"/departments/{department}", "department"},
	{"/departments/{department}/children", ""}, {"/people?q=zhang", "people"}, {"/people/{member}", "person"},
	{"/groups?provider=acme", "groups"}, {"/groups/{group}", "group"}, {"/administrators", "administrators"},
	{"/accounts", "accounts"}, {"/runs", "runs"}, {"/runs/{run}", "run"}, {"/providers", "providers"},
	{"/providers/acme", "provider"}, {"/providers/acme/settings", "provider-settings"},
	{"/providers/acme/rules", "rules"}, {"/providers/acme/setup/schedule", ""}, {"/schedules", "schedules"},
	{"/events", "events"}, {"/providers/acme/events", "provider-events"}, {"/changes", "changes"},
	{"/webhooks", "webhooks"}, {"/webhooks/{webhook}", "webhook"}, {"/settings", "settings"},
	{"/settings/audit", "audit"}, {"/no-such-page", ""},
}

// noPages are answers that are no page of HTML.
var noPages = []string{"/runs/{id}/progress", "/runs/{id}/removals.csv"}

// seen are the patterns of pages that were looked at in each language and colour scheme.
var seen = map[string]bool{}

// routed tells patterns of the console by addresses.
var routed = func() *http.ServeMux {
	mux := http.NewServeMux()
	for _, pattern := range patterns() {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	return mux
}()

// patterns are those of all pages, as the console's source has them.
func patterns() (found []string) {
	files, err := filepath.Glob(filepath.Join(checkout, "server", "console", "*.go"))
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			panic(err) // it was found just now
		}
		for _, match := range regexp.MustCompile(`pattern: "GET (/[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
			found = append(found, match[1])
		}
	}
	return found
}

// saw notes which page was looked at.
func saw(t *testing.T, path string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	require.NoError(t, err)
	_, pattern := routed.Handler(request)
	seen[pattern] = true
}

func leavesNoPageOut(p *person) {
	require.Greater(p.t, len(patterns()), 25)
	for _, pattern := range patterns() {
		if !strings.Contains(strings.Join(noPages, " "), pattern) || pattern == "/runs/{id}" {
			require.True(p.t, seen[pattern], "no test looks at %s", pattern)
		}
	}
}

// query does something in the database, or asks it for one text.
func query(t *testing.T, sql string, args ...any) (answer string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), os.Getenv("DATABASE_URL"))
	require.NoError(t, err)
	defer connection.Close(t.Context())
	if strings.HasPrefix(sql, "SELECT") {
		require.NoError(t, connection.QueryRow(t.Context(), sql, args...).Scan(&answer))
		return answer
	}
	_, err = connection.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	return ""
}

// fill adds what takes long to come about: an event that was given up, messages that were refused, and
// a person about whose account somebody must decide.
func fill(t *testing.T) {
	t.Helper()
	query(t, `INSERT INTO provider_events (provider_id, event_id, kind, object_type, object_id, tries, set_aside_at)
		SELECT id, 'e1', 'contact.user.updated_v3', 'member', 'ou_gone', 3, now() FROM identity_providers
		WHERE name = 'acme'`)
	query(t, `INSERT INTO provider_event_refusals (provider_id, reason, refused)
		SELECT id, 'signature', 3 FROM identity_providers WHERE name = 'acme'`)
	query(t, `INSERT INTO account_conflicts (provider_id, member_id, reason, candidates)
		SELECT m.provider_id, m.id, 'several_accounts', ARRAY[gen_random_uuid(), gen_random_uuid()]
		FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		WHERE p.name = 'acme' AND m.status = 'active' AND m.user_id IS NULL ORDER BY m.external_id LIMIT 1`)
}

// ids are what stands for {member} and such.
func ids(t *testing.T) *strings.Replacer {
	t.Helper()
	of := func(sql string) string { return query(t, sql) }
	const acme = ` WHERE provider_id = (SELECT id FROM identity_providers WHERE name = 'acme') `
	return strings.NewReplacer(
		"{member}", of(`SELECT id::text FROM org_members`+acme+`AND status = 'active' AND phone IS NOT NULL
			ORDER BY external_id LIMIT 1`),
		"{department}", of(`SELECT parent_id::text FROM org_departments`+acme+`AND status = 'active'
			AND parent_id IS NOT NULL ORDER BY path LIMIT 1`),
		"{group}", of(`SELECT g.id::text FROM org_groups g WHERE member_count > 0 ORDER BY member_count, name LIMIT 1`),
		"{run}", of(`SELECT id::text FROM sync_runs`+acme+`AND status = 'succeeded' AND mode = 'apply'
			ORDER BY generation LIMIT 1`),
		"{webhook}", of(`SELECT id::text FROM webhooks LIMIT 1`),
	)
}
