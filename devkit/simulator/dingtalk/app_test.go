package dingtalk_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
)

// app calls a simulated DingTalk like a client.
type app struct {
	t     *testing.T
	srv   *dingtalk.Server
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

func start(t *testing.T, c *simulator.Company, cfg dingtalk.Config) *app {
	t.Helper()
	srv := dingtalk.New(c, cfg)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	a := &app{t: t, srv: srv, url: ts.URL}
	_, body := a.call(http.MethodGet, "/gettoken?appkey=dingsim&appsecret=sim-secret", "")
	a.token = body["access_token"].(string)
	return a
}

// call returns the answer with its numbers kept to the digit.
func (a *app) call(method, path, body string) (int, map[string]any) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Content-Type", "application/json")
	return a.do(req)
}

func (a *app) do(req *http.Request) (int, map[string]any) {
	a.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	require.Equal(a.t, "application/json;charset=UTF-8", resp.Header.Get("Content-Type"))
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var answer map[string]any
	require.NoError(a.t, dec.Decode(&answer), string(raw))
	return resp.StatusCode, answer
}

// top calls an endpoint of the legacy host and requires HTTP 200.
func (a *app) top(path, body string) map[string]any {
	a.t.Helper()
	status, answer := a.call(http.MethodPost, "/topapi/"+path+"?access_token="+a.token, body)
	require.Equal(a.t, 200, status)
	return answer
}

func (a *app) result(path, body string) map[string]any {
	a.t.Helper()
	answer := a.top(path, body)
	require.Equal(a.t, json.Number("0"), answer["errcode"], "%v", answer)
	return answer["result"].(map[string]any)
}

// business requires an error of shape B, gateway one of shape A.
func (a *app) business(path, body, code string) {
	a.t.Helper()
	answer := a.top(path, body)
	require.Equal(a.t, json.Number(code), answer["errcode"], "%v", answer)
	require.NotContains(a.t, answer, "sub_code")
	require.NotEmpty(a.t, answer["request_id"])
}

func (a *app) gateway(path, body, code string) string {
	a.t.Helper()
	answer := a.top(path, body)
	require.Equal(a.t, json.Number("88"), answer["errcode"], "%v", answer)
	require.Equal(a.t, code, answer["sub_code"])
	require.Contains(a.t, answer["errmsg"], "ding talk error[subcode="+code)
	return answer["sub_msg"].(string)
}
