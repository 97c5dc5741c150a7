package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	const url = "http://127.0.0.1:1/token-of-the-receiver"
	var made map[string]any
	created := w.send(admin, http.MethodPost, "/api/v1/webhooks", `{"url":"`+url+`","types":["member.*"]}`)
	require.Equal(t, http.StatusCreated, created.status)
	created.decode(&made)
	secret, path := made["secret"].(string), created.header.Get("Location")
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, secret)
	require.Equal(t, []any{"ping", "active", url, []any{"member.*"}, nil, nil, nil}, []any{made["content"],
		made["state"], made["url"], made["types"], made["provider"], made["tenant_id"], made["pause_reason"]})
	shown := w.get(admin, path)
	require.NotContains(t, shown.body, secret)
	require.NotContains(t, w.get(admin, "/api/v1/webhooks").body, secret)
	tag := shown.header.Get("ETag")
	require.Equal(t, tag, created.header.Get("ETag"))

	// Changes need what was read.
	w.send(admin, http.MethodPatch, path, `{"paused":true}`).problem(http.StatusPreconditionRequired, "if_match_missing")
	w.send(admin, http.MethodPatch, path, `{"paused":true}`, "If-Match", `"7"`).
		problem(http.StatusPreconditionFailed, "webhook_changed")
	var paused map[string]any
	w.send(admin, http.MethodPatch, path, `{"paused":true,"content":"events"}`, "If-Match", tag).decode(&paused)
	require.Equal(t, []any{"paused", "person", "events"},
		[]any{paused["state"], paused["pause_reason"], paused["content"]})
	w.send(admin, http.MethodPatch, path, `{"paused":true}`, "If-Match", tag).
		problem(http.StatusPreconditionFailed, "webhook_changed")

	// What is published waits, and goes on from where it is told to.
	w.publish(w.acme)
	var waiting map[string]any
	w.get(admin, path).decode(&waiting)
	require.Equal(t, []any{1.0, made["cursor"]}, []any{waiting["waiting"], waiting["cursor"]})
	require.NotEmpty(t, waiting["oldest_waiting"])
	var resumed map[string]any
	operator := w.as("operator")
	w.send(operator, http.MethodPost, path+"/resume", `{"from":"now"}`).decode(&resumed)
	require.Equal(t, []any{"active", 0.0}, []any{resumed["state"], resumed["waiting"]})
	require.NotEqual(t, made["cursor"], resumed["cursor"])
	w.send(operator, http.MethodPost, path+"/resume", `{"from":"`+made["cursor"].(string)+`"}`).decode(&resumed)
	require.Equal(t, made["cursor"], resumed["cursor"])
	w.send(operator, http.MethodPost, path+"/resume", `{"from":"x"}`).
		problem(http.StatusUnprocessableEntity, "cursor_invalid")

	// Deliveries are on record, the latest first.
	for range 3 {
		w.exec(`INSERT INTO webhook_deliveries (webhook_id, after_publication, after_change, publication, change, events,
			status, attempts, http_status) VALUES ($1, 0, 0, 1, 1, 5, 'delivered', 2, 200)`, made["id"])
	}
	deliveries, next := w.get(operator, path+"/deliveries?limit=2").items()
	require.Len(t, deliveries, 2)
	require.Equal(t, []any{"delivered", 5.0, 2.0, 200.0}, []any{deliveries[0]["status"], deliveries[0]["events"],
		deliveries[0]["attempts"], deliveries[0]["http_status"]})
	rest, next := w.get(operator, path+"/deliveries?limit=2&after="+next).items()
	require.Len(t, rest, 1)
	require.Empty(t, next)
	var tested map[string]any
	w.send(operator, http.MethodPost, path+"/test", "").decode(&tested)
	require.Equal(t, false, tested["delivered"])
	require.NotContains(t, tested["problem"], "token-of-the-receiver")

	// What cannot be right is refused.
	for body, code := range map[string]string{
		`{"url":"https://10.0.0.1/"}`: "input_invalid", `{"url":"ftp://example.com/"}`: "input_invalid",
		`{"url":"` + url + `","content":"all"}`:             "input_invalid",
		`{"url":"` + url + `","types":["member.exploded"]}`: "event_type_unknown",
	} {
		w.send(admin, http.MethodPost, "/api/v1/webhooks", body).problem(http.StatusUnprocessableEntity, code)
	}
	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, path, "").status)
	w.get(admin, path).problem(http.StatusNotFound, "webhook_unknown")
	w.get(admin, "/api/v1/webhooks/"+uuid.NewString()).problem(http.StatusNotFound, "webhook_unknown")

	audit := w.get(admin, "/api/v1/audit").body
	for _, action := range []string{"webhook.add", "webhook.update", "webhook.resume", "webhook.remove"} {
		require.Contains(t, audit, action)
	}
	for _, text := range []string{audit, w.log.String()} {
		require.NotContains(t, text, "token-of-the-receiver")
		require.NotContains(t, text, "whsec_")
	}
}

// Who is bound has webhooks for what they reach, and sees no others.
func TestWebhooksOfTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bound := w.token(service.CreateTokenInput{Name: "b", Role: "admin", TenantID: tenant1}).Secret
	var made map[string]any
	w.send(bound, http.MethodPost, "/api/v1/webhooks", `{"url":"http://127.0.0.1:1/"}`).decode(&made)
	require.Equal(t, tenant1, made["tenant_id"], "a webhook reaches no further than its maker")
	listed, _ := w.get(bound, "/api/v1/webhooks").items()
	require.Len(t, listed, 2)
	w.send(bound, http.MethodPost, "/api/v1/webhooks", `{"url":"http://127.0.0.1:1/","provider":"globex"}`).
		problem(http.StatusNotFound, "provider_unknown")
	w.send(bound, http.MethodPost, "/api/v1/webhooks", `{"url":"http://127.0.0.1:1/","tenant_id":"`+tenant2+`"}`).
		problem(http.StatusForbidden, "reach_too_wide")
	w.publish(w.globex)
	var after map[string]any
	w.get(bound, "/api/v1/webhooks/"+made["id"].(string)).decode(&after)
	require.Equal(t, 0.0, after["waiting"], "what another tenant publishes does not wait")
	require.False(t, strings.Contains(w.get(bound, "/api/v1/webhooks").body, w.globex["webhook"]))
}

// A webhook of a provider that was removed is told of nothing else, and does not look as if it were.
func TestAWebhookOfARemovedProviderIsNotOneOfAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	var made, after map[string]any
	w.send(admin, http.MethodPost, "/api/v1/webhooks", `{"url":"http://127.0.0.1:1/","provider":"globex"}`).decode(&made)
	w.exec("DELETE FROM identity_providers WHERE id = $1", w.globex["provider"])
	w.get(admin, "/api/v1/webhooks/"+made["id"].(string)).decode(&after)
	require.Equal(t, w.globex["provider"], after["provider"])
}
