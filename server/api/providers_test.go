package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

func TestSecretsGoInAndNeverOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	created := w.send(admin, http.MethodPost, "/api/v1/providers",
		`{"name":"new","provider_type":"wecom","config":{"corp_id":"ww1","secret":"t0p-s3cr3t"}}`)
	require.Equal(t, http.StatusCreated, created.status, created.body)
	require.Equal(t, "/api/v1/providers/new", created.header.Get("Location"))
	var shown map[string]any
	created.decode(&shown)
	require.Equal(t, map[string]any{"corp_id": "ww1", "secret": "***"}, shown["config"])
	sealed := func() (value string) {
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT encode(sealed, 'hex') FROM provider_secrets s
			JOIN identity_providers p ON p.id = s.provider_id
			WHERE p.name = 'new' AND key = 'secret'`).Scan(&value))
		return value
	}
	before := sealed()
	patched := w.send(admin, http.MethodPatch, "/api/v1/providers/new",
		`{"config":{"corp_id":"ww2","secret":"***"},"removal_limit_count":7}`, "If-Match", created.header.Get("ETag"))
	patched.decode(&shown)
	require.Equal(t, map[string]any{"corp_id": "ww2", "secret": "***"}, shown["config"])
	require.EqualValues(t, 7, shown["removal_limit_count"])
	require.Equal(t, before, sealed(), "given as *** it stays")
	w.send(admin, http.MethodPatch, "/api/v1/providers/new", `{"config":{"secret":"0ther-s3cr3t"}}`, "If-Match",
		patched.header.Get("ETag")).decode(&shown)
	require.NotEqual(t, before, sealed())
	for _, path := range []string{"/providers", "/providers/new", "/audit"} {
		body := w.get(admin, "/api/v1"+path).body
		require.NotContains(t, body, "s3cr3t", path)
	}
	reader := w.as("reader")
	w.get(reader, "/api/v1/providers/new").decode(&shown)
	require.Nil(t, shown["config"])

	// What is wrong with a setting must not repeat it.
	for _, body := range []string{`{"name":"x","provider_type":"wecom","config":{"secret":"s3cr3t"}}`,
		`{"name":"x","provider_type":"wecom","config":{"secret":["s3cr3t"]}}`,
		`{"name":"x","provider_type":"wecom","config":{"corp_id":"c","secret":"s3cr3t","colour":"s3cr3t"}}`,
		`{"name":"x","provider_type":"s3cr3t","config":{}}`, `s3cr3t`} {
		got := w.send(admin, http.MethodPost, "/api/v1/providers", body)
		require.GreaterOrEqual(t, got.status, 400)
		require.Less(t, got.status, 500)
		require.NotContains(t, got.body, "s3cr3t")
	}
	require.NotContains(t, w.log.String(), "s3cr3t")
	w.send(admin, http.MethodPost, "/api/v1/providers",
		`{"name":"new","provider_type":"wecom","config":{"corp_id":"ww1","secret":"s"}}`).
		problem(http.StatusConflict, "provider_exists")
	require.Equal(t, http.StatusNoContent, w.send(admin, http.MethodDelete, "/api/v1/providers/new", "").status)
	w.get(admin, "/api/v1/providers/new").problem(http.StatusNotFound, "provider_unknown")
}

// Of two who change the same at once one is told.
func TestEditsDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	w.send(admin, http.MethodPatch, "/api/v1/providers/acme",
		`{"is_active":false}`).problem(http.StatusPreconditionRequired, "if_match_missing")
	w.send(admin, http.MethodPatch, "/api/v1/providers/acme", `{"is_active":false}`, "If-Match",
		`"old"`).problem(http.StatusPreconditionFailed, "provider_changed")
	w.send(admin, http.MethodPatch, "/api/v1/providers/acme", `{"is_active":false}`, "If-Match",
		`*`).problem(http.StatusPreconditionFailed, "if_match_any")
	tag := w.get(admin, "/api/v1/providers/acme").header.Get("ETag")
	var both sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		both.Go(func() {
			statuses[i] = w.send(admin, http.MethodPatch, "/api/v1/providers/acme",
				`{"hold_seconds":`+strings.Repeat("1",
					i+1)+`}`, "If-Match", tag).status
		})
	}
	both.Wait()
	won := 0
	for _, status := range statuses {
		require.Contains(t, []int{http.StatusOK, http.StatusPreconditionFailed, http.StatusConflict}, status)
		if status == http.StatusOK {
			won++
		}
	}
	require.Equal(t, 1, won, statuses)
}

func TestProblemsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.as("reader")
	for accepted, want := range map[string][2]string{
		"":                  {`there is no provider "nobody"`, "Check the name or id"},
		"zh-CN,zh;q=0.9":    {"nobody", "请检查名称或 id"},
		"fr, en;q=0.1":      {`there is no provider "nobody"`, "Check the name or id"},
		"not a language \"": {`there is no provider "nobody"`, "Check the name or id"},
	} {
		p := w.get(reader, "/api/v1/providers/nobody", "Accept-Language", accepted).problem(http.StatusNotFound,
			"provider_unknown")
		require.Contains(t, p.Detail, want[0], accepted)
		require.Contains(t, p.Action, want[1], accepted)
	}
	p := w.get(reader, "/api/v1/runs", "Accept-Language", "zh").problem(http.StatusForbidden, "role_too_low")
	require.Contains(t, p.Detail, "operator, admin")
	require.Contains(t, p.Detail, "令牌的角色不允许")
	w.get(reader, "/api/v1/nothing").problem(http.StatusNotFound, "route_unknown")
	invalid := w.get(reader, "/api/v1/members?status=odd").problem(http.StatusUnprocessableEntity, "input_invalid")
	require.Equal(t, "query.status", invalid.Fields[0].Location)
	w.send(w.as("operator"), http.MethodPost, "/api/v1/providers/acme/runs",
		`{}`).problem(http.StatusServiceUnavailable,
		"temporal_unreachable")
	w.send(w.as("operator"), http.MethodPost, "/api/v1/providers/acme/runs",
		`{"departments":[]}`).problem(http.StatusUnprocessableEntity, "input_invalid")
	w.send(w.as("operator"), http.MethodPost, "/api/v1/providers/acme/runs", `{"mode":"`+strings.Repeat("x",
		300<<10)+`"}`).
		problem(http.StatusRequestEntityTooLarge, "body_too_large")
}

// What is given as null is given and empty, which must not mean the same as left out: everything.
func TestNullIsNotLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := "/api/v1/runs/" + uuid.NewString()
	for _, one := range []struct{ method, path, body, field string }{
		{http.MethodPost, "/api/v1/providers/acme/runs", `{"departments":null}`, "departments"},
		{http.MethodPost, "/api/v1/providers/acme/runs", `{"members":null}`, "members"},
		{http.MethodPost, "/api/v1/providers/acme/runs", `{"mode":null}`, "mode"},
		{http.MethodPost, "/api/v1/providers/acme/runs", `{"departments":["a",null]}`, "departments[1]"},
		{http.MethodPost, run + "/undo", `{"departments":null}`, "departments"},
		{http.MethodPost, "/api/v1/tokens", `{"name":"x","role":"reader","provider":null}`, "provider"},
		{http.MethodPost, "/api/v1/webhooks", `{"url":"https://x.example","provider":null}`, "provider"},
		{http.MethodPut, "/api/v1/providers/acme/events", `{"mode":null}`, "mode"},
		{http.MethodPost, "/api/v1/providers", `{"name":"x","type":"feishu","config":{"app_id":null}}`, "config.app_id"},
	} {
		p := w.send(w.as("admin"), one.method, one.path, one.body).problem(http.StatusUnprocessableEntity,
			"input_invalid")
		require.Equal(t, "body."+one.field, p.Fields[0].Location, one.path)
	}
}

func TestTokensAreNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.as("reader")
	for range 20 {
		w.get(good[:len(good)-1]+"7", "/api/v1/members").problem(http.StatusUnauthorized, "token_refused")
	}
	refused := w.get(good[:len(good)-1]+"7", "/api/v1/members")
	refused.problem(http.StatusTooManyRequests, "too_many_refused")
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	// One program with an old token keeps nobody else out who comes through the same proxy.
	require.Equal(t, http.StatusOK, w.get(good, "/api/v1/members").status)
}

func TestATokenInTheAddressIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.as("reader")
	for _, query := range []string{"?token=", "?access_token=", "?authorization=Bearer%20"} {
		w.get("", "/api/v1/members"+query+token).problem(http.StatusUnauthorized, "token_refused")
	}
}

// Search texts and cursors name people, and paths that are no operations may say anything.
func TestTheAccessLogNamesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(service.CreateTokenInput{Name: "payroll", Role: "reader"}).Secret
	w.get(token, "/api/v1/members?q=zhangsan")
	w.get(token, "/api/v1/members/"+w.acme["ann"])
	w.get(token, "/zhangsan")
	w.get(token, "/api/v1/"+token)
	log := w.log.String()
	require.Contains(t, log, "path=/api/v1/members status=200")
	require.Contains(t, log, "path=/api/v1/members/"+w.acme["ann"])
	require.Contains(t, log, `actor="token payroll"`)
	require.NotContains(t, log, "zhangsan")
	require.NotContains(t, log, token)
	require.NotContains(t, log, "example.com")
}

// What is given but empty comes from a variable that was not set: it must not mean everything.
func TestFieldsThatAreGivenButEmptyAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	const id = "/0191d2a0-7b1e-7c3a-9d42-5f1c2b3a4d5e"
	const run, hook = "/api/v1/runs" + id, "/api/v1/webhooks" + id
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "/api/v1/tokens", `{"name":"t","role":"reader","provider":""}`},
		{http.MethodPost, "/api/v1/tokens", `{"name":"t","role":"reader","tenant_id":""}`},
		{http.MethodPost, "/api/v1/webhooks", `{"url":"https://app.example.com/","provider":""}`},
		{http.MethodPost, "/api/v1/webhooks", `{"url":"https://app.example.com/","types":[]}`},
		{http.MethodPatch, hook, `{"types":[]}`},
		{http.MethodPost, hook + "/resume", `{"from":""}`},
		{http.MethodPut, run + "/decision", `{"decision":"approve","note":""}`},
		{http.MethodPut, "/api/v1/providers/acme/schedule", `{"every":"1h","offset":""}`},
		{http.MethodPut, "/api/v1/providers/acme/schedule", `{"every":"","cron":"0 2 * * *"}`},
	} {
		w.send(admin, c.method, c.path, c.body, "If-Match", `"x"`).
			problem(http.StatusUnprocessableEntity, "input_invalid")
	}
	w.send(admin, http.MethodPut, "/api/v1/providers/acme/schedule", `{"every":"1w"}`).
		problem(http.StatusUnprocessableEntity, "duration_invalid")
	for _, body := range []string{`{}`, `{"every":"1h","cron":"0 2 * * *"}`} {
		w.send(admin, http.MethodPut, "/api/v1/providers/acme/schedule", body).
			problem(http.StatusUnprocessableEntity, "schedule_rule_unclear")
	}
	w.send(admin, http.MethodPost, "/api/v1/providers/acme/runs", "").
		problem(http.StatusBadRequest, "body_missing")
}

func TestWhatIsNoOperationIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.as("admin")
	refused := w.send(admin, http.MethodDelete, "/api/v1/members", "")
	refused.problem(http.StatusMethodNotAllowed, "method_unknown")
	require.Equal(t, "GET", refused.header.Get("Allow"))
	w.send(admin, http.MethodPost, "/api/v1/tokens", `{`).problem(http.StatusBadRequest, "input_invalid")
	w.send(admin, http.MethodPost, "/api/v1/tokens", `x`, "Content-Type", "text/plain").
		problem(http.StatusUnsupportedMediaType, "media_type_unknown")
}
