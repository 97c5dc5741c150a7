package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// program is a running simulator.
type program struct {
	t      *testing.T
	places places
	stop   func() int
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var stderr bytes.Buffer
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, append(args, "--output", "json"), in, &stderr)
		_ = in.Close()
	}()
	p := &program{t: t}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err, stderr.String())
	require.NoError(t, json.Unmarshal(line, &p.places))
	stopped := false
	p.stop = func() int {
		cancel()
		if stopped {
			return 0
		}
		stopped = true
		return <-exit
	}
	t.Cleanup(func() { p.stop() })
	return p
}

// control calls the control interface and decodes its answer.
func (p *program) control(method, path, body string, into any) int {
	p.t.Helper()
	return p.call(method, p.places.ControlURL+path, body, into)
}

func (p *program) call(method, url, body string, into any) int {
	p.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(p.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	if into != nil {
		require.NoError(p.t, json.NewDecoder(resp.Body).Decode(into))
	}
	return resp.StatusCode
}

// token takes a WeCom token with the printed credentials.
func (p *program) token() string {
	var answer struct {
		Token string `json:"access_token"`
	}
	cfg := p.places.WeCom.Config
	p.call("GET", cfg["base_url"]+"/cgi-bin/gettoken?corpid="+cfg["corp_id"]+"&corpsecret="+cfg["secret"], "", &answer)
	require.NotEmpty(p.t, answer.Token)
	return answer.Token
}

func (p *program) departments(token string) (code, n int) {
	var answer struct {
		Code int   `json:"errcode"`
		List []any `json:"department"`
	}
	p.call("GET", p.places.WeCom.BaseURL+"/cgi-bin/department/list?access_token="+token, "", &answer)
	return answer.Code, len(answer.List)
}

func TestControl(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "--members", "120", "--departments", "9")
	counts := map[string]simulator.Counts{}
	require.Equal(t, 200, p.control("GET", "/state", "", &counts))
	require.Len(t, counts, 3)
	require.Equal(t, 120, counts["feishu"].People)
	require.Equal(t, 9, counts["wecom"].Departments)

	token := p.token()
	code, n := p.departments(token)
	require.Equal(t, []int{0, 9}, []int{code, n})
	require.Equal(t, 200, p.control("POST", "/faults",
		`{"vendor":"wecom","faults":[{"endpoint":"department/list","action":{"kind":"throttle"}}]}`, nil))
	code, _ = p.departments(token)
	require.Equal(t, 45009, code)
	var calls map[string]map[string]int
	p.control("GET", "/calls?vendor=wecom", "", &calls)
	require.Equal(t, map[string]map[string]int{"wecom": {"gettoken": 1, "department/list": 2}}, calls)

	require.Equal(t, 200, p.control("POST", "/range", `{"vendor":"wecom","departments":["9"]}`, nil))
	_, n = p.departments(token)
	require.Less(t, n, 9)
	require.Equal(t, 200, p.control("POST", "/range", `{"vendor":"wecom"}`, nil))
	_, n = p.departments(token)
	require.Equal(t, 9, n)
	require.Equal(t, 200, p.control("POST", "/expire-tokens?vendor=wecom", "", nil))
	code, _ = p.departments(token)
	require.Equal(t, 42001, code)

	var done map[string]map[string]int
	require.Equal(t, 200, p.control("POST", "/drift", `{"share":0.1,"vendor":"dingtalk"}`, &done))
	require.NotEmpty(t, done["dingtalk"])
	require.Len(t, done, 1)
	var truth simulator.Truth
	p.control("GET", "/truth?vendor=wecom", "", &truth)
	require.Len(t, truth.Members, 120)
	member := slices.Min(slices.Collect(maps.Keys(truth.Members)))
	var issued struct{ Code, Flow string }
	require.Equal(t, 200, p.control("POST", "/codes", `{"vendor":"wecom","user_id":"`+member+`"}`,
		&issued))
	require.Equal(t, "in_app", issued.Flow)
	var who struct{ UserID string }
	p.call("GET", p.places.WeCom.BaseURL+"/cgi-bin/auth/getuserinfo?access_token="+p.token()+"&code="+issued.Code, "",
		&who)
	require.Equal(t, member, who.UserID)
	for _, bad := range []struct{ path, body string }{
		{"/drift", `{"share":2}`}, {"/drift", `{"shares":0.1}`}, {"/drift", `nonsense`},
		{"/drift", `{"share":0.1,"vendor":"x"}`},
		{"/faults", `{"faults":[{"action":{"kind":"explode"}}]}`},
		{"/range", `{"vendor":"wecom","departments":["x"]}`}, {"/range", `{}`},
		{"/codes", `{"vendor":"wecom","user_id":"nobody"}`}, {"/codes", `{"vendor":"x"}`},
	} {
		var answer struct{ Error string }
		require.Equal(t, 400, p.control("POST", bad.path, bad.body, &answer), bad.body)
		require.NotEmpty(t, answer.Error)
	}
	require.Zero(t, p.stop())
}

func TestStateOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state.json")
	first := startProgram(t, "--members", "60", "--state", state)
	require.Equal(t, 200, first.control("POST", "/drift", `{"share":0.2}`, nil))
	read := func(p *program) map[string]simulator.Truth {
		out := map[string]simulator.Truth{}
		for _, vendor := range vendors {
			var truth simulator.Truth
			p.control("GET", "/truth?vendor="+vendor, "", &truth)
			out[vendor] = truth
		}
		return out
	}
	before := read(first)
	require.Zero(t, first.stop())
	second := startProgram(t, "--members", "5000", "--state", state) // sizes do not count any more
	require.Equal(t, before, read(second))
	require.Zero(t, second.stop())
	left, err := filepath.Glob(state + "*")
	require.NoError(t, err)
	require.Equal(t, []string{state}, left)
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`"feishu"`), 0o600))
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"--nope"}, 2, "unknown flag"},
		{[]string{"--members=-1"}, 2, "--members must be"},
		{[]string{"--depth=40"}, 2, "--depth must be"},
		{[]string{"--output=xml"}, 2, "--output"},
		{[]string{"--state", broken}, 1, "load company"},
		{[]string{"--state", "/nonexistent/folder/x.json"}, 1, "save state"},
		{[]string{"--feishu-addr", "nowhere:99999"}, 1, "listen on"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.exit, run(t.Context(), c.args, &stdout, &stderr), c.args)
		require.Contains(t, stderr.String(), c.says)
		require.Empty(t, stdout.String())
	}
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--help"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "curl -X POST CONTROL/drift")
}

func TestTextOutput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // serve nothing, only say where
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(ctx, []string{"--members", "3"}, &stdout, &stderr))
	for _, part := range []string{"feishu    http://127.0.0.1:", "app_key=dingsim",
		"secret=sim-app-secret  sync_secret=sim-sync-secret", "control   http"} {
		require.Contains(t, stdout.String(), part)
	}
}
