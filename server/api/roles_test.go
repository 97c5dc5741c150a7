package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// may says for each operation who may do it: r reader, o operator, a admin, p app.
var may = map[string]string{
	"list-providers": "roa", "create-provider": "a", "get-provider": "roa", "update-provider": "a",
	"delete-provider": "a",
	"test-provider":   "oa", "start-run": "oa", "get-schedule": "oa", "set-schedule": "oa", "delete-schedule": "oa",
	"list-runs": "oa", "get-run": "oa", "list-run-changes": "oa", "list-run-departments": "oa",
	"list-run-removals": "oa",
	"list-run-errors":   "oa", "follow-run": "oa", "decide-run": "oa", "undo-run": "oa", "retry-run": "oa",
	"cancel-run":       "oa",
	"list-departments": "roa", "get-department": "roa", "list-child-departments": "roa",
	"list-department-members": "roa",
	"list-members":            "roa", "get-member": "roa", "list-member-history": "roa",
	"get-installation": "oa", "make-install-link": "a",
	"preview-provider": "oa", "get-rules": "oa", "set-rules": "a", "delete-rules": "a",
	"list-groups": "roa", "list-group-members": "roa", "list-administrators": "roa",
	"set-offline": "oa", "delete-offline": "oa", "set-signature": "a", "delete-signature": "a",
	"set-administrator": "a", "delete-administrator": "a",
	"list-account-conflicts": "oa", "get-account-conflict": "oa", "decide-account-conflict": "a",
	"resolve-login": "ap", "exchange-login": "ap",
	"list-changes": "roa",
	"get-events":   "oa", "set-events": "a", "delete-events": "a", "retry-events": "oa",
	"list-webhooks": "oa", "create-webhook": "a", "get-webhook": "oa", "update-webhook": "a", "delete-webhook": "a",
	"list-webhook-deliveries": "oa", "resume-webhook": "oa", "test-webhook": "oa",
	"list-tokens": "a", "create-token": "a", "revoke-token": "a", "list-audit": "a",
}

// bodies are what operations with a body are sent; the others are sent none.
var bodies = map[string]string{
	"create-provider": `{"name":"new","provider_type":"wecom","config":{"corp_id":"ww1","secret":"s"}}`,
	"update-provider": `{"is_active":false}`, "start-run": `{}`, "set-schedule": `{"every":"1h"}`,
	"decide-run": `{"decision":"approve"}`, "set-events": `{"mode":"callback"}`,
	"set-rules": `{"document":"accounts: { policy: none }"}`, "set-signature": `{"url":"https://example.com/a.png"}`,
	"decide-account-conflict": `{"decision":"ignore"}`,
	"resolve-login":           `{"code":"x","flow":"web"}`, "exchange-login": `{"code":"x"}`,
	"create-webhook": `{"url":"https://192.0.2.1/"}`, "update-webhook": `{"paused":true}`, "resume-webhook": `{}`,
	"undo-run": `{}`, "retry-run": `{}`, "create-token": `{"name":"made","role":"reader"}`,
}

// fill puts objects into a path.
func fill(path, name string, ids func(noun string) string) string {
	path = strings.ReplaceAll(path, "{name}", name)
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v1/"), "/")
	if noun == "administrators" || noun == "accounts" {
		noun = "members"
	}
	return strings.NewReplacer("{id}", ids(noun), "{member}", ids(noun)).Replace(path)
}

func TestEveryRoleAgainstEveryOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := map[string]string{"": ""}
	for _, role := range []string{"reader", "operator", "admin", "app"} {
		tokens[role] = w.token(service.CreateTokenInput{Name: role, Role: role}).Secret
	}
	operations := documented(t)
	require.Len(t, operations, len(may))
	for name, op := range operations {
		method, path, _ := strings.Cut(name, " ")
		allowed, known := may[op.ID]
		require.True(t, known, "%s has no row", op.ID)
		body := bodies[op.ID]
		if op.ID == "create-provider" || op.ID == "create-token" {
			body = `{}` // so that nothing is made
		}
		for role, token := range tokens {
			letter := role
			if role == "app" {
				letter = "p"
			}
			// Of objects that nobody has.
			got := w.send(token, method, fill(path, "nobody", func(string) string { return uuid.NewString() }), body,
				"If-Match", `"x"`)
			switch {
			case role == "":
				got.problem(http.StatusUnauthorized, "token_refused")
				require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer", name)
			case strings.Contains(allowed, letter[:1]):
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden,
					http.StatusInternalServerError},
					got.status, "%s %s: %s", role, op.ID, got.body)
				if strings.Contains(path, "{") {
					require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", role, op.ID, got.body)
				}
			default:
				got.problem(http.StatusForbidden, "role_too_low")
			}
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		}
	}
}

// What a token is not bound to does not exist for it, and stays as it is.
func TestEveryTenantAgainstAnothersObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign := map[string]string{
		"runs": w.globex["run"], "departments": w.globex["child"], "members": w.globex["bob"],
		"groups": w.globex["group"],
		"tokens": w.globex["token"], "webhooks": w.globex["webhook"],
	}
	for bound, token := range map[string]string{
		"tenant":   w.token(service.CreateTokenInput{Name: "t", Role: "admin", TenantID: tenant1}).Secret,
		"provider": w.token(service.CreateTokenInput{Name: "p", Role: "admin", Provider: "acme"}).Secret,
	} {
		for name, op := range documented(t) {
			method, path, _ := strings.Cut(name, " ")
			if strings.Contains(path, "{") {
				got := w.send(token, method, fill(path, "globex", func(noun string) string { return foreign[noun] }),
					bodies[op.ID], "If-Match", `"x"`)
				require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", bound, op.ID, got.body)
				require.NotContains(t, strings.ReplaceAll(got.body, `\"globex\"`, ""), "globex", "%s %s", bound, op.ID)
			}
		}
		lists := []string{"/api/v1/members?q=a"}
		for name := range documented(t) {
			if path, isGet := strings.CutPrefix(name, "GET "); isGet && !strings.Contains(path, "{") {
				lists = append(lists, path)
			}
		}
		require.Greater(t, len(lists), 10)
		for _, path := range lists {
			got := w.get(token, path)
			items, _ := got.items()
			require.NotContains(t, got.body, w.globex["provider"], "%s %s", bound, path)
			require.NotContains(t, got.body, "globex", "%s %s", bound, path)
			if path != "/api/v1/tokens" && path != "/api/v1/changes" {
				require.NotEmpty(t, items, "%s %s", bound, path)
			}
		}
		for _, path := range []string{"/members?provider=globex", "/members?department=" + w.globex["child"],
			"/members?group=" + w.globex["group"], "/groups?provider=globex", "/administrators?provider=globex",
			"/accounts/conflicts?provider=globex",
			"/runs?provider=globex",
			"/providers/acme/departments?parent=" + w.globex["department"]} {
			require.Equal(t, http.StatusNotFound, w.get(token, "/api/v1"+path).status, "%s %s", bound, path)
		}
		// Nor is there a way out by giving more than one has.
		w.send(token, http.MethodPost, "/api/v1/tokens",
			`{"name":"wide","role":"admin","tenant_id":"`+tenant2+`"}`).problem(http.StatusForbidden, "reach_too_wide")
		w.send(token, http.MethodPost, "/api/v1/tokens",
			`{"name":"wide","role":"admin","provider":"globex"}`).problem(http.StatusNotFound, "provider_unknown")
		w.send(token, http.MethodPatch, "/api/v1/providers/acme", `{"tenant_id":"`+tenant2+`"}`, "If-Match",
			w.get(token,
				"/api/v1/providers/acme").header.Get("ETag")).
			problem(http.StatusForbidden, "reach_too_narrow")
		var made map[string]any
		w.send(token, http.MethodPost, "/api/v1/tokens", `{"name":"narrow `+bound+`","role":"reader"}`).decode(&made)
		listed, _ := w.get(made["token"].(string), "/api/v1/providers").items()
		require.Len(t, listed, 1, "a token that is made by a bound one is bound as well")
	}
	bound := w.token(service.CreateTokenInput{Name: "b", Role: "admin", TenantID: tenant1}).Secret
	w.send(bound, http.MethodPost, "/api/v1/providers", strings.Replace(bodies["create-provider"], `{`,
		`{"tenant_id":"`+tenant2+`",`, 1)).
		problem(http.StatusForbidden, "reach_too_narrow")
	var created map[string]any
	w.send(bound, http.MethodPost, "/api/v1/providers", bodies["create-provider"]).decode(&created)
	require.Equal(t, tenant1, created["tenant_id"])
	narrow := w.token(service.CreateTokenInput{Name: "n", Role: "admin", Provider: "acme"}).Secret
	w.send(narrow, http.MethodPost, "/api/v1/providers", bodies["create-provider"]).problem(http.StatusForbidden,
		"reach_too_narrow")

	everything := w.as("admin")
	listed, _ := w.get(everything, "/api/v1/providers").items()
	var names []string
	for _, p := range listed {
		names = append(names, p["name"].(string))
		require.Equal(t, true, p["is_active"])
	}
	require.True(t, slices.Contains(names, "globex") && slices.Contains(names, "acme"), names)
	tokens, _ := w.get(everything, "/api/v1/tokens").items()
	for _, token := range tokens {
		require.Equal(t, "active", token["state"])
	}
}
