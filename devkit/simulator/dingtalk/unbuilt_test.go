package dingtalk_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
)

// Calls that DingTalk has and this service does not answer like those whose permission
// point is missing, each in its host's form, though the app has all points.
func TestKnownCallsLackAPermission(t *testing.T) {
	t.Parallel()
	a := start(t, company(), dingtalk.Config{Options: noQuotas})
	for path, point := range map[string]string{
		"role/getrolegroup":    "qyapi_get_department_list",
		"user/get_admin_scope": "qyapi_get_member", "v2/user/getbymobile": "qyapi_get_member_by_mobile",
	} {
		require.Contains(t, a.gateway(path, `{}`, "60011"), "{requiredScopes=["+point+"]}", path)
	}
	for _, old := range []string{"/user/get", "/user/list", "/user/listbypage", "/department/list", "/department/get"} {
		status, body := a.call(http.MethodGet, old+"?access_token="+a.token+"&userid=x", "")
		require.Equal(t, 200, status)
		require.Equal(t, json.Number("60011"), body["errcode"], old)
		require.NotContains(t, body, "request_id")
	}
	newer := func(token string) (int, map[string]any) {
		req, err := http.NewRequest(http.MethodGet, a.url+"/v1.0/contact/empLeaveRecords?access_token="+a.token,
			strings.NewReader(""))
		require.NoError(t, err)
		if token != "" {
			req.Header.Set("X-Acs-Dingtalk-Access-Token", token)
		}
		return a.do(req)
	}
	status, body := newer(a.token)
	require.Equal(t, 403, status)
	require.Equal(t, "Forbidden.AccessDenied.AccessTokenPermissionDenied", body["code"])
	require.Equal(t, map[string]any{"requiredScopes": []any{"Contact.Common.Read"}}, body["accessdenieddetail"])
	status, body = newer("wrong")
	require.Equal(t, []any{400, "InvalidAuthentication"}, []any{status, body["code"]})
	status, body = newer("") // the query is not read there
	require.Equal(t, []any{400, "AuthenticationFailed.MissingParameter"}, []any{status, body["code"]})

	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.TrustedIPs = []string{"192.0.2.1"} })
	a.gateway("role/getrolegroup", `{}`, "60020")
	_, body = newer(a.token)
	require.Equal(t, "Forbidden.AccessDenied.IpNotInWhiteList", body["code"])
	_, body = a.call(http.MethodGet, "/user/get?access_token="+a.token, "")
	require.Equal(t, "60020", body["sub_code"])
	require.Equal(t, map[string]int{"gettoken": 1, "role/getrolegroup": 2},
		map[string]int{"gettoken": a.srv.Calls.Count("gettoken"),
			"role/getrolegroup": a.srv.Calls.Count("role/getrolegroup")})
	require.Equal(t, 2, a.srv.Calls.Count("/user/get"), "not counted with the call of that name that is built")
}
