package feishu_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator/feishu"
)

// send calls any path with any method.
func (a *app) send(method, path string) *http.Response {
	a.t.Helper()
	req, err := http.NewRequest(method, a.url+path, strings.NewReader("{}"))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	return resp
}

// Calls that Feishu has and this service does not answer like those whose permission is
// missing, by its name, though the app has all there are.
func TestKnownCallsLackAPermission(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{})
	for call, scope := range map[string]string{
		"GET contact/v3/group/member_belong?member_id=ou_1":          "contact:group:readonly",
		"GET contact/v3/functional_roles/r1/members":                 "contact:functional_role:readonly",
		"GET contact/v3/unit":                                        "contact:unit:readonly",
		"GET contact/v3/unit/u1":                                     "contact:unit:readonly",
		"GET contact/v3/job_levels":                                  "contact:job_level:readonly",
		"GET contact/v3/job_families/jf_1":                           "contact:job_family:readonly",
		"GET contact/v3/job_titles":                                  "contact:job_title:readonly",
		"GET contact/v3/work_cities":                                 "contact:work_city:readonly",
		"POST contact/v3/users/batch_get_id":                         "contact:user.id:readonly",
		"POST contact/v3/users?client_token=x":                       "contact:contact",
		"PATCH contact/v3/departments/od-1":                          "contact:contact",
		"DELETE contact/v3/users/ou_1":                               "contact:contact",
		"POST contact/v3/users/ou_1/resurrect":                       "contact:contact",
		"PATCH contact/v3/departments/od-1/update_department_id?a=b": "contact:contact",
	} {
		method, path, _ := strings.Cut(call, " ")
		resp := a.send(method, "/open-apis/"+path)
		require.Equal(t, 400, resp.StatusCode, call)
		body := a.decode(resp)
		require.InDelta(t, 99991672, body["code"], 0, call)
		violations := body["error"].(map[string]any)["permission_violations"]
		require.Contains(t, violations, map[string]any{"type": "action_scope_required", "subject": scope}, call)
	}
	for _, userOnly := range []string{"POST /open-apis/contact/v3/departments/search",
		"GET /open-apis/authen/v1/user_info"} {
		method, path, _ := strings.Cut(userOnly, " ")
		require.InDelta(t, 99991663, a.decode(a.send(method, path))["code"], 0, userOnly)
	}

	a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.TrustedIPs = []string{"192.0.2.1"} })
	require.InDelta(t, 99991401, a.decode(a.send("GET", "/open-apis/contact/v3/unit"))["code"], 0,
		"the address is checked before")
	a.token = "t-other"
	require.InDelta(t, 99991663, a.decode(a.send("GET", "/open-apis/contact/v3/unit"))["code"], 0,
		"and the token before that")
}

// Unknown paths, and known ones called otherwise, are no JSON at all.
func TestUnknownCallsAreNotFoundInPlainText(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{})
	for _, call := range []string{
		"GET /open-apis/contact/v3/nonsense/at/all", "GET /nonsense", "POST /open-apis/contact/v3/scopes",
		"GET /open-apis/contact/v3/unit/",
		"DELETE /open-apis/contact/v3/group/simplelist", "GET /open-apis/auth/v3/tenant_access_token/internal",
	} {
		method, path, _ := strings.Cut(call, " ")
		resp := a.send(method, path)
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 404, resp.StatusCode, call)
		require.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"), call)
		require.Equal(t, "404 page not found", string(raw), call)
	}
}
