package wecom_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
)

func company() *simulator.Company { return simulator.Generate(simulator.TypicalSpec(13, 1500)) }

// ids are the values of a key in a list of objects.
func ids(list any, key string) []string {
	var out []string
	for _, item := range list.([]any) {
		out = append(out, fmt.Sprint(item.(map[string]any)[key]))
	}
	return out
}

func TestWholeCompanyCanBeRead(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, wecom.Config{})
	truth := c.Truth(directory.WeCom)
	departments := a.good("department/list", a.byApp(""))["department"].([]any)
	require.Len(t, departments, len(truth.Departments))
	childFirst, seen, found := false, map[string]bool{"0": true}, map[string][]string{}
	for _, d := range departments {
		d := d.(map[string]any)
		id := fmt.Sprint(d["id"])
		require.Equal(t, truth.Departments[id].Name, d["name"])
		require.NotContains(t, d, "name_en")
		require.Equal(t, len(truth.Departments[id].Leaders), len(d["department_leader"].([]any)))
		childFirst = childFirst || !seen[fmt.Sprint(d["parentid"])]
		seen[id] = true
		for _, u := range a.good("user/list", a.byApp("fetch_child=1&department_id="+id))["userlist"].([]any) {
			u := u.(map[string]any)
			userid := u["userid"].(string)
			found[userid] = append(found[userid], id)
			want := truth.Members[userid]
			require.Equal(t, want.Name, u["name"])
			require.Equal(t, want.Title, u["position"])
			require.Equal(t, want.Main, fmt.Sprint(u["main_department"]))
			require.Equal(t, !want.Active, u["status"] == 2.0)
			require.Len(t, u["order"], len(u["department"].([]any)))
			require.Len(t, u["is_leader_in_dept"], len(u["department"].([]any)))
			for _, hidden := range []string{"mobile", "email", "biz_mail", "avatar", "gender", "qr_code", "address"} {
				require.NotContains(t, u, hidden)
			}
		}
	}
	require.True(t, childFirst, "some child must come before its parent")
	require.Len(t, found, len(truth.Members))
	for id, m := range truth.Members {
		require.ElementsMatch(t, m.Departments, found[id])
	}
}

func TestIDListIsPagedByRows(t *testing.T) {
	t.Parallel()
	c := company()
	a := start(t, c, wecom.Config{})
	truth := c.Truth(directory.WeCom)
	found := map[string][]string{}
	pages, straddles, last := 0, false, ""
	for cursor := any(""); cursor != nil; pages++ {
		// unknown keys are ignored
		body, err := json.Marshal(map[string]any{"cursor": cursor, "limit": 7, "department_id": 3})
		require.NoError(t, err)
		_, answer := a.do(http.MethodPost, "user/list_id", a.bySync(""), string(body))
		require.Zero(t, answer["errcode"])
		rows := answer["dept_user"].([]any)
		require.LessOrEqual(t, len(rows), 7)
		straddles = straddles || rows[0].(map[string]any)["userid"] == last
		for _, r := range rows {
			last = r.(map[string]any)["userid"].(string)
			found[last] = append(found[last], fmt.Sprint(r.(map[string]any)["department"]))
		}
		var more bool
		if cursor, more = answer["next_cursor"]; !more {
			cursor = nil // the last page has no such key
		}
	}
	require.Greater(t, pages, 10)
	require.True(t, straddles, "one person's rows must lie on two pages")
	require.Len(t, found, len(truth.Members))
	for id, m := range truth.Members {
		require.ElementsMatch(t, m.Departments, found[id])
	}
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.EmptyLastCursor = true })
	_, answer := a.do(http.MethodPost, "user/list_id", a.bySync(""), "{}")
	require.Empty(t, answer["next_cursor"])
	require.Contains(t, answer, "next_cursor")
	for _, bad := range []string{`{"limit":0}`, `{"limit":10001}`, `{"cursor":"x"}`, `{"limit":"1"}`, `nonsense`} {
		_, answer = a.do(http.MethodPost, "user/list_id", a.bySync(""), bad)
		require.InDelta(t, 40058, answer["errcode"], 0, bad)
		require.Equal(t, []any{}, answer["dept_user"])
	}
}

func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	a := start(t, company(), wecom.Config{})
	answer := a.refused("user/list_id", a.byApp(""), 48002)
	require.Equal(t, []any{}, answer["dept_user"])
	for _, call := range []string{"department/list", "department/get", "user/list", "user/simplelist", "user/get"} {
		a.refused(call, a.bySync("id=1&department_id=1&userid=Ada-2"), 48009)
	}
	require.ElementsMatch(t,
		ids(a.good("department/simplelist", a.byApp(""))["department_id"], "id"),
		ids(a.good("department/simplelist", a.bySync(""))["department_id"], "id"))
	require.NotContains(t, a.good("department/simplelist", a.bySync(""))["department_id"].([]any)[0], "name")
	a.refused("agent/get", a.bySync("agentid=1000002"), 301002)
	a.refused("agent/get", a.byApp("agentid=7"), 301002)
	require.Contains(t, a.good("agent/get", a.byApp("agentid=1000002")), "allow_partys")

	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.OldSyncIP = true })
	require.Contains(t, a.good("user/get", a.bySync("userid=Ada-2")), "mobile")
	a.refused("agent/get", a.bySync("agentid=1000002"), 301002)
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.OldApp = true })
	require.Contains(t, a.good("user/get", a.byApp("userid=ADA-2")), "mobile") // userids ignore case
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.OldApp, cfg.GenderZero = false, true })
	require.Equal(t, "0", a.good("user/get", a.byApp("userid=Ada-2"))["gender"])
}

func TestTokensAndOrderOfChecks(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), wecom.Config{Options: simulator.Options{Clock: now.now}})
	require.NotEqual(t, a.app, a.sync)
	require.Equal(t, a.app, a.newToken("sim-app-secret"))
	a.refused("gettoken", "", 41004)
	a.refused("gettoken", "corpid=wwsim", 41004)
	a.refused("gettoken", "corpid=other&corpsecret=sim-app-secret", 40013)
	require.Contains(t, a.refused("gettoken", "corpid=wwsim&corpsecret=x", 40001)["errmsg"],
		"invalid credential, hint: [")

	a.refused("department/list", "", 41001)
	require.Equal(t, []any{}, a.refused("user/list", "access_token=x", 40014)["userlist"])
	require.Equal(t, "invalid access_token", a.refused("user/get", "access_token=x", 40014)["errmsg"])
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.TrustedIPs = []string{"192.0.2.1"} })
	a.refused("department/list", "access_token=x", 40014)
	require.Contains(t, a.refused("department/list", a.bySync(""), 60020)["errmsg"], "from ip: 127.0.0.1")
	a.newToken("sim-app-secret") // gettoken has no gate
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.TrustedIPs = nil })
	a.refused("user/list", a.bySync("department_id=x"), 48009) // before the parameters
	a.refused("user/list", a.byApp("department_id=x"), 60123)
	a.refused("user/list", a.byApp("department_id=99999"), 60003)
	a.refused("user/get", a.byApp("userid=nobody"), 60111)

	now.pass(2 * time.Hour)
	a.refused("department/list", a.byApp(""), 42001)
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.ExpiredAs40014 = true })
	a.refused("department/list", a.byApp(""), 40014)
	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.FreshTokens = true })
	require.NotEqual(t, a.newToken("sim-app-secret"), a.newToken("sim-app-secret"))
}

func TestTransport(t *testing.T) {
	t.Parallel()
	a := start(t, company(), wecom.Config{})
	resp, err := http.Get(a.url + "/cgi-bin/user/unknown?" + a.byApp(""))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 404, resp.StatusCode)
	require.Empty(t, raw)
	req, err := http.NewRequest(http.MethodGet, a.url+"/cgi-bin/department/list", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+a.app) // ignored
	resp, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "41001", resp.Header.Get("Error-Code"))
}

func TestVisibleRange(t *testing.T) {
	t.Parallel()
	c := company()
	var alone, stranger string
	var person simulator.PersonID
	c.View(func(v *simulator.View) {
		p, _ := v.Person(v.Members(4)[0])
		q, _ := v.Person(v.Members(4)[1])
		alone, stranger, person = c.UserID(directory.WeCom, p), c.UserID(directory.WeCom, q), p.ID
	})
	require.NoError(t, c.Join(person, 3))
	a := start(t, c, wecom.Config{Range: &simulator.Range{Departments: []simulator.Dept{3}}})
	list := a.good("department/list", a.byApp(""))["department"]
	require.Contains(t, ids(list, "id"), "3")
	require.NotContains(t, ids(list, "id"), "1") // the parent of 3 is missing
	require.Len(t, a.good("department/simplelist", a.bySync(""))["department_id"], c.Counts().Departments)
	a.refused("user/list", a.byApp("department_id=4"), 60011)
	a.refused("department/get", a.byApp("id=1"), 60011)
	a.refused("user/get", a.byApp("userid="+stranger), 60111)
	seen := a.good("user/get", a.byApp("userid="+alone)) // in a visible department and another
	require.Equal(t, []any{3.0}, seen["department"])     // parallel arrays are cut alike
	require.Len(t, seen["order"], 1)
	require.NotContains(t, seen, "main_department")

	a.srv.Reconfigure(func(cfg *wecom.Config) { cfg.Range = &simulator.Range{People: []simulator.PersonID{person}} })
	require.Empty(t, a.good("department/list", a.byApp(""))["department"])
	agent := a.good("agent/get", a.byApp("agentid=1000002"))
	require.NotContains(t, agent, "allow_partys")
	require.Equal(t, []string{alone}, ids(agent["allow_userinfos"].(map[string]any)["user"], "userid"))
}

func TestLimitsOfSizeAndFrequency(t *testing.T) {
	t.Parallel()
	now := &clock{at: time.Unix(1_800_000_000, 0)}
	a := start(t, company(), wecom.Config{MaxUserList: 10, HonourFetchChild: true,
		Options: simulator.Options{Clock: now.now}})
	a.refused("user/list", a.byApp("department_id=1"), 45029)
	require.Len(t, a.good("user/simplelist", a.byApp("department_id=1"))["userlist"], 20)
	require.Len(t, a.good("user/simplelist", a.byApp("department_id=1&fetch_child=1"))["userlist"], 1500)
	var rec *httptest.ResponseRecorder
	for i := range 10_001 {
		if i == 5000 {
			now.pass(30 * time.Second)
		}
		rec = httptest.NewRecorder()
		a.srv.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/cgi-bin/user/get?"+a.byApp("userid=Ada-2"), nil))
	}
	require.Equal(t, "45009", rec.Header().Get("Error-Code"))
	now.pass(59 * time.Second)
	a.refused("user/get", a.byApp("userid=Ada-2"), 45009) // closed for a whole window from then on
	now.pass(time.Second)
	a.good("user/get", a.byApp("userid=Ada-2"))
}

func FuzzRequests(f *testing.F) {
	srv := wecom.New(simulator.Generate(simulator.TypicalSpec(1, 50)),
		wecom.Config{Options: simulator.Options{NoQuotas: true}})
	app, _ := srv.Tokens.Issue("", "app", time.Hour, 0)
	contact, _ := srv.Tokens.Issue("", "sync", time.Hour, 0)
	f.Add("user/list_id", "", `{"cursor":"c-00","limit":3}`)
	f.Add("user/list_id", "", `{"cursor":"","limit":1}`)
	f.Add("user/list", "department_id=1", "")
	f.Add("department/list", "id=2", "")
	f.Add("user/get", "userid=Ada-2", "")
	f.Add("agent/get", "agentid=1000002", "")
	f.Fuzz(func(t *testing.T, path, query, body string) {
		for _, token := range []string{app, contact} {
			req := &http.Request{
				Method: http.MethodPost, URL: &url.URL{Path: "/cgi-bin/" + path,
					RawQuery: "access_token=" + token + "&" + query},
				RemoteAddr: "127.0.0.1:1", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			}
			rec := httptest.NewRecorder()
			srv.ServeHTTP(rec, req)
			require.True(t, rec.Code == http.StatusNotFound || json.Valid(rec.Body.Bytes()))
		}
	})
}
