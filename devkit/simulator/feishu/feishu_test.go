package feishu_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestWholeCompanyCanBeRead(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{Options: simulator.Options{NoQuotas: true}})
	truth := c.Truth(directory.Feishu)

	departments := a.all("departments/0/children", "fetch_child=true&page_size=50")
	require.Len(t, departments, len(truth.Departments)-1) // the parent itself is not in the list
	childFirst, seen := false, map[string]bool{"0": true}
	found := map[string][]string{}
	for _, d := range append(departments, map[string]any{"open_department_id": "0"}) {
		id := d["open_department_id"].(string)
		if id != "0" {
			want := truth.Departments[id]
			require.Equal(t, want.Name, d["name"])
			require.Equal(t, want.ParentID, d["parent_department_id"])
			require.InDelta(t, want.People, d["member_count"], 0)
			require.IsType(t, "", d["order"])
			childFirst = childFirst || !seen[want.ParentID]
			seen[id] = true
		}
		for _, u := range a.all("users/find_by_department", "page_size=50&department_id="+id) {
			user := u["user_id"].(string)
			found[user] = append(found[user], id)
			want := truth.Members[user]
			require.Equal(t, want.Name, u["name"])
			require.Equal(t, want.UnionID, u["union_id"])
			require.Equal(t, want.Email, u["email"])
			require.Equal(t, want.Phone, u["mobile"])
			require.Equal(t, want.Title, u["job_title"])
			for _, o := range u["orders"].([]any) {
				o := o.(map[string]any)
				require.Equal(t, o["department_id"] == want.Main, o["is_primary_dept"])
			}
		}
	}
	require.True(t, childFirst, "some child must come before its parent")
	require.Len(t, found, len(truth.Members))
	for id, m := range truth.Members {
		require.ElementsMatch(t, m.Departments, found[id])
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	time0 := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), feishu.Config{Options: simulator.Options{Clock: time0.now}})
	first := a.token
	time0.pass(90 * time.Minute)
	again, left := a.newToken()
	require.Equal(t, first, again)
	require.Equal(t, 1800, left)
	time0.pass(time.Second)
	second, left := a.newToken()
	require.NotEqual(t, first, second)
	require.Equal(t, 7200, left)
	status, _ := a.get("departments/0", "") // the old one is still good
	require.Equal(t, 200, status)
	time0.pass(30 * time.Minute)
	a.refused("departments/0", "", 400, 99991663)

	for body, code := range map[string]int{
		`{"app_id":"","app_secret":"x"}`:              10003,
		`nonsense`:                                    10003,
		`{"app_id":"cli_other","app_secret":"x"}`:     10014,
		`{"app_id":"cli_sim","app_secret":"another"}`: 10015,
	} {
		resp, got := a.post("/open-apis/auth/v3/tenant_access_token/internal", body)
		require.Equal(t, 200, resp.StatusCode)
		require.InDelta(t, code, got["code"], 0)
	}
	_, got := a.post("/open-apis/auth/v3/app_access_token/internal", `{"app_id":"cli_sim","app_secret":"sim-secret"}`)
	require.Equal(t, second, got["app_access_token"])
	require.Equal(t, second, got["tenant_access_token"])
	require.Equal(t, 2, a.srv.Tokens.Issued())
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{})
	a.refused("departments/0/children", "page_size=51", 400, 40011)
	a.refused("departments/0/children", "page_size=0", 400, 40011)
	a.refused("departments/0/children", "page_token=abc", 400, 40012)
	a.refused("departments/0/children", "fetch_child=maybe", 400, 99992402)
	a.refused("departments/D2/children", "", 400, 99992357) // a custom id while the type is open id
	a.refused("departments/od-123/children", "department_id_type=department_id", 400, 99992380)
	a.refused("users/find_by_department", "", 400, 99992402)
	a.refused("users/ou_none", "", 400, 99992351)
	a.refused("users/none", "user_id_type=user_id", 400, 99992360)
	a.refused("users/ou_x", "user_id_type=wrong", 400, 99992402)
	a.token = "x-unknown"
	a.refused("departments/0", "", 400, 99991671)
	a.token = "t-unknown"
	a.refused("departments/0", "", 400, 99991663)
	a.token = ""
	a.refused("departments/0", "", 400, 99991661)
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{})
	_, body := a.get("departments/0/children", "fetch_child=true")
	data := body["data"].(map[string]any)
	require.Len(t, data["items"], 10) // the default size
	token := data["page_token"].(string)
	for _, sign := range []string{"/", "+", "="} {
		require.Contains(t, token, sign)
	}
	a.refused("departments/0/children", "fetch_child=true&page_token="+token, 400, 40012) // "+" became a space
	a.refused("departments/0/children", "page_token="+url.QueryEscape(token), 400, 40012) // another listing's
	_, body = a.get("departments/0/children", "fetch_child=true&page_token="+url.QueryEscape(token))
	require.Len(t, body["data"].(map[string]any)["items"], 10)

	_, body = a.get("users/find_by_department", "department_id="+c.DepartmentID(directory.Feishu, 100)+"&page_size=50")
	require.NotContains(t, body["data"], "page_token") // the last page
	a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.EmptyLastToken = true })
	_, body = a.get("users/find_by_department", "department_id="+c.DepartmentID(directory.Feishu, 100)+"&page_size=50")
	require.Empty(t, body["data"].(map[string]any)["page_token"])
	require.Contains(t, body["data"], "page_token")
}

func TestRootObject(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{})
	_, body := a.get("departments/0", "")
	require.Equal(t, map[string]any{
		"name": "", "department_id": "0", "open_department_id": "0",
		"member_count": 1500.0, "primary_member_count": 1500.0,
	}, body["data"].(map[string]any)["department"])
}

func TestLimitedRange(t *testing.T) {
	t.Parallel()
	c := company()
	granted, outside := simulator.Dept(3), simulator.Dept(4)
	var alone simulator.PersonID
	c.View(func(v *simulator.View) { alone = v.Members(outside)[0] })
	a := start(t, c,
		feishu.Config{Range: &simulator.Range{Departments: []simulator.Dept{granted},
			People: []simulator.PersonID{alone}}})
	id := func(d simulator.Dept) string { return c.DepartmentID(directory.Feishu, d) }

	a.refused("departments/0", "", 403, 40004)
	a.refused("departments/0/children", "", 403, 40004)
	a.refused("users/find_by_department", "department_id=0", 403, 40004)
	a.refused("departments/"+id(outside), "", 403, 40004)
	_, body := a.get("scopes", "")
	require.Equal(t, []any{id(granted)}, body["data"].(map[string]any)["department_ids"])
	require.Equal(t, []any{a.srv.OpenID(alone)}, body["data"].(map[string]any)["user_ids"])
	status, _ := a.get("departments/"+id(granted)+"/children", "fetch_child=true")
	require.Equal(t, 200, status)
	_, body = a.get("users/batch", "user_ids="+a.srv.OpenID(alone))
	require.Len(t, body["data"].(map[string]any)["items"], 1)
	_, body = a.get("departments/batch", "department_ids="+id(granted)+"&department_ids="+id(outside))
	require.Len(t, body["data"].(map[string]any)["items"], 1) // silently left out
}

func TestScopesPageCountsTheSum(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{})
	users, departments := 0, 0
	for token, more := "", true; more; {
		_, body := a.get("scopes", "page_size=7&page_token="+url.QueryEscape(token))
		data := body["data"].(map[string]any)
		n, m := len(data["user_ids"].([]any)), len(data["department_ids"].([]any))
		require.LessOrEqual(t, n+m, 7)
		require.False(t, departments > 0 && n > 0, "people come first")
		users, departments = users+n, departments+m
		more = data["has_more"].(bool)
		token, _ = data["page_token"].(string)
	}
	require.Equal(t, 20, users)
	require.Positive(t, departments)
}

func TestMissingPermissions(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{Scopes: []string{"contact:contact.base:readonly"}})
	_, body := a.get("departments/0/children", "")
	item := body["data"].(map[string]any)["items"].([]any)[0].(map[string]any)
	delete(item, "leaders") // only their ids need a permission
	require.Equal(t, []string{"open_department_id"}, keys(item))
	_, body = a.get("users/find_by_department", "department_id=0")
	person := body["data"].(map[string]any)["items"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"open_id", "union_id", "mobile_visible"}, keys(person))
	a.refused("users/find_by_department", "department_id=0&user_id_type=user_id", 400, 99991672)

	a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.Scopes = []string{"contact:contact:readonly_as_app"} })
	_, body = a.get("users/find_by_department", "department_id=0")
	person = body["data"].(map[string]any)["items"].([]any)[0].(map[string]any)
	require.Contains(t, person, "name")
	for _, own := range []string{"email", "mobile", "user_id"} { // not covered by broad ones
		require.NotContains(t, person, own)
	}
	a.srv.Reconfigure(func(cfg *feishu.Config) { cfg.Scopes = []string{"im:message"} })
	body = a.refused("departments/0/children", "", 400, 99991672)
	require.NotEmpty(t, body["error"].(map[string]any)["permission_violations"])
}

func TestLeaversAndTrees(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, feishu.Config{MaxTree: 20})
	a.refused("departments/0/children", "fetch_child=true", 400, 43010)
	status, _ := a.get("departments/0/children", "")
	require.Equal(t, 200, status)
	require.NoError(t, c.Leave(5))
	_, body := a.get("users/"+a.srv.OpenID(5), "")
	require.Equal(t, true,
		body["data"].(map[string]any)["user"].(map[string]any)["status"].(map[string]any)["is_resigned"])
	a.srv.Reconfigure(func(c *feishu.Config) { c.HiddenLeavers = true })
	a.refused("users/"+a.srv.OpenID(5), "", 400, 41050)
	status, _ = a.get("users/"+a.srv.OpenID(6), "")
	require.Equal(t, 200, status)
	id := c.DepartmentID(directory.Feishu, 60)
	require.NoError(t, c.DeleteDepartment(60))
	a.refused("departments/"+id, "", 400, 40015)
}

func TestQuota(t *testing.T) {
	t.Parallel()
	time0 := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), feishu.Config{Options: simulator.Options{Clock: time0.now}})
	for range 50 {
		status, _ := a.get("departments/0", "")
		require.Equal(t, 200, status)
	}
	a.refused("departments/0", "", 429, 99991400)
	status, _ := a.get("scopes", "") // each API has its own limit
	require.Equal(t, 200, status)
	time0.pass(time.Second)
	status, _ = a.get("departments/0", "")
	require.Equal(t, 200, status)
}

func TestCallsAndHooks(t *testing.T) {
	t.Parallel()
	c := company()
	var moved bool
	a := start(t, c, feishu.Config{Options: simulator.Options{BeforeCall: func(endpoint string, n int) {
		if endpoint == "departments/get" && n == 2 {
			moved = c.RenameDepartment(2, "Renamed") == nil
		}
	}}})
	id := c.DepartmentID(directory.Feishu, 2)
	_, first := a.get("departments/"+id, "")
	_, second := a.get("departments/"+id, "")
	require.True(t, moved)
	require.NotEqual(t, first["data"], second["data"])
	require.Equal(t, map[string]int{"tenant_access_token": 1, "departments/get": 2}, a.srv.Calls.All())
}

func TestTenantName(t *testing.T) {
	t.Parallel()
	a := start(t, company(), feishu.Config{})
	_, body := a.get("/open-apis/tenant/v2/tenant/query", "")
	require.Equal(t, "Acme", body["data"].(map[string]any)["tenant"].(map[string]any)["name"])
	withdraw(a, "tenant:tenant:readonly")
	a.refused("/open-apis/tenant/v2/tenant/query", "", 400, 99991672)
	_, body = a.get("/open-apis/tenant/v2/tenant/query", "")
	require.Equal(t, []any{map[string]any{"type": "action_scope_required", "subject": "tenant:tenant:readonly"}},
		body["error"].(map[string]any)["permission_violations"])
}

// The people of a range stand in it only with the permission for user ids, which no
// broad one covers; the departments stay.
func TestPeopleOfTheRangeNeedTheirPermission(t *testing.T) {
	t.Parallel()
	for name, visible := range map[string]*simulator.Range{"all members": nil,
		"limited": {Departments: []simulator.Dept{2}, People: []simulator.PersonID{3, 4}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, company(), feishu.Config{Range: visible})
			_, with := a.get("scopes", "page_size=100")
			require.NotEmpty(t, with["data"].(map[string]any)["user_ids"])
			withdraw(a, "contact:user.employee_id:readonly")
			_, without := a.get("scopes", "page_size=100")
			require.NotContains(t, without["data"], "user_ids")
			require.Equal(t, with["data"].(map[string]any)["department_ids"],
				without["data"].(map[string]any)["department_ids"])
		})
	}
}

// withdraw takes one permission from the app.
func withdraw(a *app, scope string) {
	a.srv.Reconfigure(func(cfg *feishu.Config) {
		cfg.Scopes = slices.DeleteFunc(slices.Clone(cfg.Scopes), func(s string) bool { return s == scope })
	})
}

func FuzzRequests(f *testing.F) {
	srv := feishu.New(simulator.Generate(simulator.TypicalSpec(1, 50)),
		feishu.Config{Options: simulator.Options{NoQuotas: true}})
	token, _ := srv.Tokens.Issue("t-", "cli_sim", time.Hour, time.Minute)
	f.Add("GET", "/open-apis/contact/v3/departments/0/children", "page_size=10&fetch_child=true", "")
	f.Add("GET", "/open-apis/contact/v3/users/find_by_department", "department_id=0&page_token=%2B%2F", "")
	f.Add("GET", "/open-apis/contact/v3/users/batch", "user_ids=a&user_ids=b&user_id_type=user_id", "")
	f.Add("GET", "/open-apis/contact/v3/departments", "parent_department_id=D2&department_id_type=department_id", "")
	f.Add("GET", "/open-apis/contact/v3/scopes", "page_size=-1", "")
	f.Add("POST", "/open-apis/auth/v3/tenant_access_token/internal", "", `{"app_id":7}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		req := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, RemoteAddr: "127.0.0.1:1",
			Header: http.Header{"Authorization": {"Bearer " + token}}, Body: io.NopCloser(strings.NewReader(body)),
		}
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		if rec.Code == http.StatusNotFound {
			require.Equal(t, "404 page not found", rec.Body.String())
			return
		}
		var answer struct{ Code *int }
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
		require.NotNil(t, answer.Code)
	})
}
