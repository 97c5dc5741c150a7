package dingtalk_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/internal/directory"
)

func company() *simulator.Company { return simulator.Generate(simulator.TypicalSpec(12, 1500)) }

var noQuotas = simulator.Options{NoQuotas: true}

func TestWholeCompanyCanBeRead(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, dingtalk.Config{Options: noQuotas})
	truth := c.Truth(directory.DingTalk)
	found := map[string][]string{}
	walk := []string{"1"}
	for i := 0; i < len(walk); i++ {
		id := walk[i]
		for _, child := range a.top("v2/department/listsub", `{"dept_id":`+id+`}`)["result"].([]any) {
			child := child.(map[string]any)
			walk = append(walk, child["dept_id"].(json.Number).String())
			require.Equal(t, truth.Departments[walk[len(walk)-1]].Name, child["name"])
			for _, absent := range []string{"member_count", "order", "dept_manager_userid_list"} {
				require.NotContains(t, child, absent)
			}
		}
		for cursor, more := json.Number("0"), true; more; {
			page := a.result("v2/user/list", fmt.Sprintf(`{"dept_id":%s,"cursor":%s,"size":100}`, id, cursor))
			for _, u := range page["list"].([]any) {
				u := u.(map[string]any)
				userid := u["userid"].(string)
				found[userid] = append(found[userid], id)
				want := truth.Members[userid]
				require.Equal(t, want.Name, u["name"])
				require.Equal(t, want.UnionID, u["unionid"])
				require.Equal(t, want.Email, u["email"])
				if want.Phone != "" {
					require.Equal(t, want.Phone, "+"+u["state_code"].(string)+u["mobile"].(string))
				}
				require.Equal(t, !want.Active, u["disable_status"] == true)
				order, err := strconv.ParseInt(u["dept_order"].(json.Number).String(), 10, 64)
				require.NoError(t, err)
				require.NotEqual(t, order, int64(float64(order)), "must not survive a float")
			}
			if more = page["has_more"].(bool); more {
				cursor = page["next_cursor"].(json.Number)
			} else {
				require.NotContains(t, page, "next_cursor")
			}
		}
	}
	require.Len(t, walk, len(truth.Departments))
	require.Len(t, found, len(truth.Members))
	for id, m := range truth.Members {
		require.ElementsMatch(t, m.Departments, found[id])
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), dingtalk.Config{Options: simulator.Options{Clock: now.now}})
	now.pass(119 * time.Minute)
	status, body := a.call(http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"dingsim","appSecret":"sim-secret"}`)
	require.Equal(t, 200, status)
	require.Equal(t, a.token, body["accessToken"]) // the same, with its full life again
	now.pass(119 * time.Minute)
	a.result("v2/department/get", `{"dept_id":1}`)
	now.pass(2 * time.Minute)
	a.gateway("v2/department/get", `{"dept_id":1}`, "40014")
	_, body = a.call(http.MethodGet, "/gettoken?appkey=dingsim&appsecret=sim-secret", "")
	require.NotEqual(t, a.token, body["access_token"])

	_, body = a.call(http.MethodGet, "/gettoken?appkey=dingsim&appsecret=wrong", "")
	require.Equal(t, map[string]any{"errcode": json.Number("40096"), "errmsg": "不合法的appKey或appSecret"}, body)
	_, body = a.call(http.MethodGet, "/gettoken", `{"appkey":"dingsim","appsecret":"sim-secret"}`)
	require.Equal(t, json.Number("40035"), body["errcode"])
	for request, want := range map[string]string{
		`{"appKey":"dingsim","appSecret":"wrong"}`: "invalidClientIdOrSecret",
		``:                     "Missingbody",
		`{"appKey":"dingsim"}`: "invalidClientIdOrSecret",
		`{"appKey":"dingsim","appSecret":["sim-secret"]}`:                                                  "invalidClientIdOrSecret",
		`{"appkey":"dingsim","appsecret":"sim-secret","client_id":"dingsim","client_secret":"sim-secret"}`: "invalidClientIdOrSecret",
	} {
		status, body = a.call(http.MethodPost, "/v1.0/oauth2/accessToken?appKey=dingsim&appSecret=sim-secret", request)
		require.Equal(t, 400, status)
		require.Equal(t, want, body["code"])
		require.Contains(t, body, "requestid")
	}
	good := `{"client_id":"dingsim","client_secret":"sim-secret","grant_type":"client_credentials"}`
	_, body = a.call(http.MethodPost, "/v1.0/oauth2/dingsimcorp/token", good)
	require.NotEmpty(t, body["access_token"])
	status, _ = a.call(http.MethodPost, "/v1.0/oauth2/nonsense/token", good)
	require.Equal(t, 500, status)
	status, body = a.call(http.MethodPost, "/v1.0/oauth2/dingsimcorp/token", `{"grant_type":"password"}`)
	require.Equal(t, 400, status)
	require.Equal(t, "unsupported.grant.type", body["code"])
}

// Each host refuses token calls in its own words, and by the limit of every API.
func TestTokenCallsAreLimited(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), dingtalk.Config{Options: simulator.Options{Clock: now.now}})
	now.pass(time.Second)
	newer := func() (int, map[string]any) {
		return a.call(http.MethodPost, "/v1.0/oauth2/accessToken", `{"appKey":"dingsim","appSecret":"sim-secret"}`)
	}
	older := func() (int, map[string]any) {
		return a.call(http.MethodGet, "/gettoken?appkey=dingsim&appsecret=sim-secret", "")
	}
	for range 20 {
		status, body := newer()
		require.Equal(t, 200, status)
		require.NotContains(t, body, "errcode")
		status, body = older()
		require.Equal(t, 200, status)
		require.Equal(t, json.Number("0"), body["errcode"])
	}
	status, body := newer()
	require.Equal(t, 403, status)
	require.Equal(t, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", body["code"])
	status, body = older()
	require.Equal(t, 200, status)
	require.Equal(t, "90018", body["sub_code"])

	now.pass(time.Second)
	_, body = a.call(http.MethodPost, "/gettoken?appkey=dingsim&appsecret=sim-secret", "")
	require.NotEqual(t, json.Number("0"), body["errcode"], "it is a GET")
	for code, want := range map[int]string{90002: "Forbidden.AccessDenied.QpsLimitForApi",
		60020: "Forbidden.AccessDenied.IpNotInWhiteList", -1: "unknownError"} {
		a.srv.Faults.Add(simulator.Fault{Endpoint: "oauth2/accessToken",
			Action: simulator.Action{Kind: simulator.Code, Code: code}})
		_, body = newer()
		require.Equal(t, want, body["code"])
		require.NotEmpty(t, body["requestid"])
	}
	a.srv.Faults.Add(simulator.Fault{Endpoint: "oauth2/accessToken",
		Action: simulator.Action{Kind: simulator.Throttle, Code: 1111}})
	_, body = newer()
	require.Equal(t, json.Number("1111"), body["status"])
}

func TestRefusalsAndTheirOrder(t *testing.T) {
	t.Parallel()
	a := start(t, company(), dingtalk.Config{Options: noQuotas})
	a.business("v2/user/list", `{"dept_id":1,"cursor":0,"size":101}`, "40035")
	a.business("v2/user/list", `{"dept_id":1,"cursor":0}`, "40035")
	a.business("user/listsimple", `{"dept_id":1,"cursor":0,"size":101}`, "40069")
	a.business("user/listsimple", `{"dept_id":1,"cursor":-1,"size":10}`, "40068")
	a.business("v2/department/get", `{"dept_id":5}`, "60003")
	a.business("v2/department/get", `{}`, "400002")
	a.business("v2/user/get", `{"userid":"nobody"}`, "60121")
	a.business("user/getbyunionid", `{"unionid":"x"}`, "60121")
	require.Equal(t, json.Number("22"), a.top("v2/user/notexist", `{}`)["errcode"])
	status, body := a.call(http.MethodGet, "/v1.0/contact/unknown", "")
	require.Equal(t, 404, status)
	require.Contains(t, body, "requestid")

	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.Points = []string{"qyapi_get_member"} })
	require.Contains(t, a.gateway("v2/department/get", `{"dept_id":5}`, "60011"),
		"{requiredScopes=[qyapi_get_department_list]}")
	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.TrustedIPs = []string{"192.0.2.1"} })
	require.Contains(t, a.gateway("v2/department/get", `{"dept_id":5}`, "60020"), "request ip=127.0.0.1")
	good := a.token
	a.token = "wrong"
	a.gateway("v2/department/get", `{"dept_id":5}`, "40014")
	a.token = ""
	require.Equal(t, "access_token is blank", a.gateway("v2/department/get", `{"dept_id":5}`, "40000"))
	req, err := http.NewRequest(http.MethodPost, a.url+"/topapi/v2/department/get", strings.NewReader(`{"dept_id":1}`))
	require.NoError(t, err)
	req.Header.Set("X-Acs-Dingtalk-Access-Token", good) // not read by the legacy host
	_, body = a.do(req)
	require.Equal(t, "40000", body["sub_code"])
}

func TestFormsAreRead(t *testing.T) {
	t.Parallel()
	a := start(t, company(), dingtalk.Config{})
	form := url.Values{"access_token": {a.token}, "dept_id": {"1"}}
	req, err := http.NewRequest(http.MethodPost, a.url+"/topapi/v2/department/get", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, body := a.do(req)
	require.Equal(t, json.Number("1"), body["result"].(map[string]any)["dept_id"])
	require.Equal(t, json.Number("1"), a.result("v2/department/get", `{"dept_id":"1"}`)["dept_id"])
}

func TestDepartments(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, dingtalk.Config{Options: noQuotas, HomeSchool: true})
	root := a.result("v2/department/get", `{"dept_id":1}`)
	require.NotContains(t, root, "parent_id")
	require.Equal(t, json.Number("1500"), root["member_count"])
	require.Equal(t, json.Number("20"), root["owning_member_count"])
	var ids []string
	for _, d := range a.top("v2/department/listsub", `{}`)["result"].([]any) { // the root when nothing is asked for
		ids = append(ids, d.(map[string]any)["dept_id"].(json.Number).String())
	}
	require.Contains(t, ids, "-7")
	a.business("v2/department/get", `{"dept_id":-7}`, "60003")
	var others []string
	for _, id := range a.result("v2/department/listsubid", `{"dept_id":1}`)["dept_id_list"].([]any) {
		others = append(others, id.(json.Number).String())
	}
	require.ElementsMatch(t, ids, others)
	chain := a.result("v2/department/listparentbydept",
		`{"dept_id":`+c.DepartmentID(directory.DingTalk, 60)+`}`)["parent_id_list"].([]any)
	require.Equal(t, c.DepartmentID(directory.DingTalk, 60), chain[0].(json.Number).String())
	require.Equal(t, json.Number("1"), chain[len(chain)-1])
}

func TestScope(t *testing.T) {
	t.Parallel()
	c := company()
	granted, outside := c.DepartmentID(directory.DingTalk, 3), c.DepartmentID(directory.DingTalk, 4)
	var stranger, alone string
	var person simulator.PersonID
	c.View(func(v *simulator.View) {
		members := v.Members(4)
		p, _ := v.Person(members[0])
		q, _ := v.Person(members[1])
		alone, stranger, person = c.UserID(directory.DingTalk, p), c.UserID(directory.DingTalk, q), p.ID
	})
	a := start(t, c, dingtalk.Config{Options: noQuotas,
		Range: &simulator.Range{Departments: []simulator.Dept{3}, People: []simulator.PersonID{person}}})
	_, body := a.call(http.MethodGet, "/auth/scopes?access_token="+a.token, "")
	require.NotContains(t, body, "request_id")
	scopes := body["auth_org_scopes"].(map[string]any)
	require.Equal(t, []any{json.Number(granted)}, scopes["authed_dept"])
	require.Equal(t, []any{alone}, scopes["authed_user"])
	a.business("v2/department/listsub", `{"dept_id":1}`, "50004")
	a.business("v2/department/get", `{"dept_id":`+outside+`}`, "50004")
	a.business("v2/user/list", `{"dept_id":`+outside+`,"cursor":0,"size":10}`, "50004")
	a.business("v2/user/get", `{"userid":"`+stranger+`"}`, "50002")
	require.Equal(t, alone, a.result("v2/user/get", `{"userid":"`+alone+`"}`)["userid"])
	require.NotEmpty(t, a.result("v2/department/listsubid", `{"dept_id":1}`)["dept_id_list"]) // ignores the scope
	require.NotEmpty(t, a.result("user/listid", `{"dept_id":`+outside+`}`)["userid_list"])
	require.Equal(t, json.Number("1500"), a.result("user/count", `{"only_active":false}`)["count"])
}

func TestFieldPoints(t *testing.T) {
	t.Parallel()
	a := start(t, company(), dingtalk.Config{Options: noQuotas, Points: []string{"qyapi_get_department_member"}})
	for _, u := range a.result("v2/user/list", `{"dept_id":1,"cursor":0,"size":100}`)["list"].([]any) {
		for _, hidden := range []string{"mobile", "state_code", "email", "work_place", "extension"} {
			require.NotContains(t, u, hidden)
		}
	}
	a.srv.Reconfigure(func(cfg *dingtalk.Config) { cfg.Points = append(cfg.Points, dingtalk.MobilePoint) })
	for _, u := range a.result("v2/user/list", `{"dept_id":1,"cursor":0,"size":100}`)["list"].([]any) {
		require.Contains(t, u, "mobile")
		require.NotContains(t, u, "email")
	}
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Date(2026, 9, 3, 0, 0, 2, 0, time.UTC)}
	a := start(t, company(), dingtalk.Config{Options: simulator.Options{Clock: now.now}})
	for range 20 {
		a.result("v2/department/get", `{"dept_id":1}`)
	}
	a.gateway("v2/department/get", `{"dept_id":1}`, "90018")
	a.result("user/count", `{"only_active":true}`)
	now.pass(time.Second)
	a.result("v2/department/get", `{"dept_id":1}`)
	a.srv.Faults.Add(
		simulator.Fault{Endpoint: "user/list",
			Action: simulator.Action{Kind: simulator.Throttle, Code: 90002, Delay: 5 * time.Second}},
		simulator.Fault{Endpoint: "user/list", Action: simulator.Action{Kind: simulator.Throttle, Code: 1111}},
	)
	text := a.gateway("v2/user/list", `{"dept_id":1,"cursor":0,"size":10}`, "90002")
	require.Contains(t, text, "apiPath(dingtalk.oapi.v2.user.list)")
	require.Contains(t, text, "限制将在 2026-09-03 08:00:08 结束") // China time
	require.Equal(t, json.Number("1111"), a.top("v2/user/list", `{"dept_id":1,"cursor":0,"size":10}`)["status"])
}

func FuzzRequests(f *testing.F) {
	srv := dingtalk.New(simulator.Generate(simulator.TypicalSpec(1, 50)), dingtalk.Config{Options: noQuotas})
	token, _ := srv.Tokens.Issue("", "dingsim", time.Hour, 0)
	for _, path := range []string{"/topapi/v2/user/list", "/topapi/v2/department/listsub", "/topapi/v2/user/get",
		"/topapi/user/listid", "/v1.0/oauth2/accessToken"} {
		f.Add(path, "application/json", `{"dept_id":1,"cursor":0,"size":10,"userid":"0001000001"}`)
		f.Add(path, "application/x-www-form-urlencoded", "dept_id=1&cursor=9223372036854775807&size=1")
	}
	f.Add("/topapi/v2/user/list", "", `{"dept_id":1e400,"cursor":[],"size":"x"}`)
	f.Fuzz(func(t *testing.T, path, kind, body string) {
		req := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: path, RawQuery: "access_token=" + token},
			RemoteAddr: "127.0.0.1:1",
			Header:     http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)),
		}
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		require.True(t, json.Valid(rec.Body.Bytes()))
	})
}
