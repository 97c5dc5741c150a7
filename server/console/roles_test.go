package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/server/console"
)

// open are the pages that anybody may see.
var open = []string{"GET /sign-in", "GET /sign-in/link", "POST /sign-in/link", "POST /sign-out", "POST /language", "/"}

// may says for each page and action who may: r reader, o operator, a admin.
var may = map[string]string{
	"GET /{$}":  "roa",
	"GET /runs": "oa", "GET /runs/{id}": "oa", "GET /runs/{id}/progress": "oa", "GET /runs/{id}/removals.csv": "oa",
	"POST /runs/{id}/decision": "oa", "POST /runs/{id}/retry": "oa", "POST /runs/{id}/undo": "oa",
	"POST /runs/{id}/cancel": "oa", "POST /providers/{name}/runs": "oa",
	"GET /providers": "roa", "GET /providers/{name}": "roa", "GET /providers/{name}/settings": "a",
	"POST /providers/{name}/settings": "a",
	"POST /providers/{name}/remove":   "a", "GET /providers/{name}/rules": "oa", "POST /providers/{name}/rules": "a",
	"POST /providers/{name}/rules/try": "oa", "GET /schedules": "oa", "POST /providers/{name}/schedule": "oa",
	"POST /providers/{name}/schedule/remove": "oa",
	"GET /setup":                             "a", "GET /setup/{type}": "a", "POST /setup/{type}": "a",
	"GET /providers/{name}/setup/test": "oa", "GET /providers/{name}/setup/scope": "oa",
	"POST /providers/{name}/setup/scope": "a", "GET /providers/{name}/setup/plan": "oa",
	"GET /providers/{name}/setup/schedule": "oa",
	"GET /directory":                       "roa", "GET /directory/{name}": "roa", "GET /departments/{id}": "roa",
	"GET /departments/{id}/children": "roa", "GET /people": "roa", "GET /people/{id}": "roa",
	"POST /people/{id}/sync": "oa", "POST /people/{id}/offline": "oa", "POST /people/{id}/online": "oa",
	"GET /groups": "roa", "GET /groups/{id}": "roa", "GET /administrators": "roa",
	"POST /administrators/{id}": "a", "POST /administrators/{id}/remove": "a",
	"GET /changes": "roa", "GET /events": "oa", "GET /providers/{name}/events": "oa",
	"POST /providers/{name}/events": "a", "POST /providers/{name}/events/disable": "a",
	"POST /providers/{name}/events/retry":   "oa",
	"POST /providers/{name}/schedule/pause": "oa", "POST /providers/{name}/schedule/resume": "oa",
	"GET /webhooks": "oa", "POST /webhooks": "a", "GET /webhooks/{id}": "oa", "POST /webhooks/{id}/pause": "a",
	"POST /webhooks/{id}/resume": "oa", "POST /webhooks/{id}/test": "oa", "POST /webhooks/{id}/remove": "a",
	"GET /settings": "a", "POST /settings/tokens": "a", "POST /settings/tokens/{id}/revoke": "a",
	"POST /providers/{name}/installation": "a",
	"GET /settings/audit":                 "a", "GET /accounts": "oa", "POST /accounts/{id}": "a",
}

// fill puts objects into a pattern.
func fill(pattern, name string, id func(noun string) string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	path = strings.NewReplacer("{$}", "", "{name}", name, "{type}", "nothing", "{id}", id(noun)).Replace(path)
	return method, path
}

func TestEveryRoleAgainstEveryPageAndAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	browsers := map[string]*browser{"": w.browser()}
	for _, role := range []string{"reader", "operator", "admin"} {
		browsers[role] = w.as(service.CreateSignInLinkInput{Role: role})
	}
	routes := console.Routes()
	require.Len(t, routes, len(may)+len(open))
	for pattern, operation := range routes {
		allowed, known := may[pattern]
		if !known {
			require.Contains(t, open, pattern)
			continue
		}
		require.Contains(t, access.Table, operation, pattern)
		method, path := fill(pattern, "nobody", func(string) string { return uuid.NewString() })
		for role, b := range browsers {
			got := b.do(method, path, "") // objects that nobody has
			require.NotEqual(t, http.StatusInternalServerError, got.status, "%s %s: %s", role, pattern, got.body)
			switch {
			case role == "":
				require.Equal(t, http.StatusSeeOther, got.status, pattern)
				require.True(t, strings.HasPrefix(got.header.Get("Location"), "/sign-in"), pattern)
			case !strings.Contains(allowed, role[:1]):
				require.Equal(t, http.StatusForbidden, got.status, "%s %s", role, pattern)
			case regexp.MustCompile(`{(id|name|type)}`).MatchString(pattern):
				require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", role, pattern, got.body)
			default:
				require.NotEqual(t, http.StatusForbidden, got.status, "%s %s", role, pattern)
			}
			require.Equal(t, "no-store", got.header.Values("Cache-Control")[0])
			require.NotContains(t, got.header.Get("Content-Security-Policy"), "unsafe")
			require.Contains(t, got.header.Get("Content-Security-Policy"), "script-src 'self';", pattern)
		}
	}
}

// What a person is not bound to does not exist for them.
func TestEveryTenantAgainstAnothersObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign := map[string]string{
		"runs": w.globex["run"], "departments": w.globex["child"], "people": w.globex["ann"],
		"settings": w.globex["token"], "accounts": w.globex["ann"], "groups": w.globex["group"],
		"webhooks":       w.globex["webhook"],
		"administrators": w.globex["ann"],
	}
	for bound, in := range map[string]service.CreateSignInLinkInput{
		"tenant": {Role: "admin", TenantID: tenant1}, "provider": {Role: "admin", Provider: "acme"},
	} {
		b := w.as(in)
		for pattern := range may {
			method, path := fill(pattern, "globex", func(noun string) string { return foreign[noun] })
			got := b.do(method, path, "")
			if strings.Contains(pattern, "{id}") || strings.Contains(pattern, "{name}") {
				require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", bound, pattern, got.body)
			}
			shown := strings.ReplaceAll(got.body, path, "") // what was asked for
			for _, of := range []string{">globex", w.globex["provider"], w.globex["run"], w.globex["ann"]} {
				require.NotContains(t, shown, of, "%s %s", bound, pattern)
			}
		}
	}
	require.Contains(t, w.as(service.CreateSignInLinkInput{Role: "admin"}).get("/runs").body, w.globex["run"])
}

// An address may hold a password.
func TestAnOperatorSeesNoMoreOfAWebhookThanItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`UPDATE webhooks SET url = 'https://hooks.example.com/s3cr3t'`)
	for _, path := range []string{"/webhooks", "/webhooks/" + w.acme["webhook"]} {
		require.NotContains(t, w.as(service.CreateSignInLinkInput{Role: "operator"}).get(path).body, "s3cr3t", path)
		require.Contains(t, w.as(service.CreateSignInLinkInput{Role: "admin"}).get(path).body, "s3cr3t", path)
	}
}
