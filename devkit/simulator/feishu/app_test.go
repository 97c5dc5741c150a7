package feishu_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
)

// app calls a simulated Feishu like a client.
type app struct {
	t     *testing.T
	srv   *feishu.Server
	url   string
	token string
}

// clock is a hand-set time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func start(t *testing.T, c *simulator.Company, cfg feishu.Config) *app {
	t.Helper()
	srv := feishu.New(c, cfg)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	a := &app{t: t, srv: srv, url: ts.URL}
	a.token, _ = a.newToken()
	return a
}

func (a *app) newToken() (string, int) {
	_, body := a.post("/open-apis/auth/v3/tenant_access_token/internal",
		`{"app_id":"cli_sim","app_secret":"sim-secret"}`)
	require.InDelta(a.t, 0, body["code"], 0)
	return body["tenant_access_token"].(string), int(body["expire"].(float64))
}

func (a *app) post(path, body string) (*http.Response, map[string]any) {
	resp, err := http.Post(a.url+path, "application/json", strings.NewReader(body))
	require.NoError(a.t, err)
	return resp, a.decode(resp)
}

func (a *app) decode(resp *http.Response) map[string]any {
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	require.True(a.t, strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"))
	require.NotEmpty(a.t, resp.Header.Get("X-Tt-Logid"))
	var body map[string]any
	require.NoError(a.t, json.Unmarshal(raw, &body), string(raw))
	return body
}

// get calls an endpoint, relative to the contact API; query is as in a URL.
func (a *app) get(path, query string) (int, map[string]any) {
	if !strings.HasPrefix(path, "/") {
		path = "/open-apis/contact/v3/" + path
	}
	req, err := http.NewRequest(http.MethodGet, a.url+path+"?"+query, nil)
	require.NoError(a.t, err)
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	return resp.StatusCode, a.decode(resp)
}

// refused requires an error answer.
func (a *app) refused(path, query string, status, code int) map[string]any {
	a.t.Helper()
	got, body := a.get(path, query)
	require.InDelta(a.t, code, body["code"], 0, "%v", body)
	require.Equal(a.t, status, got)
	return body
}

// all reads a listing to its end.
func (a *app) all(path, query string) []map[string]any {
	a.t.Helper()
	var list []map[string]any
	for token, more := "", true; more; {
		status, body := a.get(path, query+"&page_token="+url.QueryEscape(token))
		require.Equal(a.t, 200, status, "%v", body)
		data := body["data"].(map[string]any)
		for _, item := range data["items"].([]any) {
			list = append(list, item.(map[string]any))
		}
		more = data["has_more"].(bool)
		token, _ = data["page_token"].(string)
	}
	return list
}

func company() *simulator.Company { return simulator.Generate(simulator.TypicalSpec(11, 1500)) }

func keys(m map[string]any) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}
