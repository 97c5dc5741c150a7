package wecom_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
)

// caller calls a simulated WeCom like a client with both credentials.
type caller struct {
	t         *testing.T
	srv       *wecom.Server
	url       string
	app, sync string
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

func start(t *testing.T, c *simulator.Company, cfg wecom.Config) *caller {
	t.Helper()
	srv := wecom.New(c, cfg)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	a := &caller{t: t, srv: srv, url: ts.URL}
	a.app, a.sync = a.newToken("sim-app-secret"), a.newToken("sim-sync-secret")
	return a
}

func (a *caller) newToken(secret string) string {
	return a.good("gettoken", "corpid=wwsim&corpsecret="+secret)["access_token"].(string)
}

func (a *caller) do(method, endpoint, query, body string) (*http.Response, map[string]any) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.url+"/cgi-bin/"+endpoint+"?"+query, strings.NewReader(body))
	require.NoError(a.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	require.Equal(a.t, 200, resp.StatusCode)
	require.Equal(a.t, "application/json; charset=UTF-8", resp.Header.Get("Content-Type"))
	var answer map[string]any
	require.NoError(a.t, json.Unmarshal(raw, &answer), string(raw))
	return resp, answer
}

func (a *caller) good(endpoint, query string) map[string]any {
	a.t.Helper()
	_, answer := a.do(http.MethodGet, endpoint, query, "")
	require.Zero(a.t, answer["errcode"], "%v", answer)
	require.Equal(a.t, "ok", answer["errmsg"])
	return answer
}

// refused requires an error answer.
func (a *caller) refused(endpoint, query string, code int) map[string]any {
	a.t.Helper()
	resp, answer := a.do(http.MethodGet, endpoint, query, "")
	require.InDelta(a.t, code, answer["errcode"], 0, "%v", answer)
	require.Equal(a.t, strconv.Itoa(code), resp.Header.Get("Error-Code"))
	require.Equal(a.t, answer["errmsg"], resp.Header.Get("Error-Msg"))
	return answer
}

func (a *caller) byApp(query string) string  { return "access_token=" + a.app + "&" + query }
func (a *caller) bySync(query string) string { return "access_token=" + a.sync + "&" + query }
