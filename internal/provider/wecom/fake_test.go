package wecom

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	testAppSecret  = "made-up-app-secret"
	testSyncSecret = "made-up-sync-secret"
	testCorpID     = "ww0123456789abcdef"
)

// fakeTokens keeps tokens in a map.
type fakeTokens struct {
	mu     sync.Mutex
	tokens map[string]string
	expiry map[string]time.Time
}

func (f *fakeTokens) Token(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if token, ok := f.tokens[name]; ok {
		return token, nil
	}
	token, expiry, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	f.tokens[name], f.expiry[name] = token, expiry
	return token, nil
}

func (f *fakeTokens) Drop(_ context.Context, name, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tokens[name] == token {
		delete(f.tokens, name)
	}
	return nil
}

// fakeLimits never waits and remembers pauses.
type fakeLimits struct {
	mu     sync.Mutex
	paused map[string]time.Duration
}

func (*fakeLimits) Wait(context.Context, string, provider.Rate) error { return nil }

func (f *fakeLimits) Pause(_ context.Context, endpoint string, d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused[endpoint] = d
	return nil
}

// testNow is the fake clock's only time.
var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// request is what the fake API was asked.
type request struct {
	endpoint string
	query    map[string]string
	body     map[string]any
	token    string
}

// answer is what the fake API says; status 0 means 200.
type answer struct {
	status int
	header map[string]string
	body   string
}

// fakeAPI answers like WeCom: gettoken hands out numbered tokens per secret,
// other calls need one of them.
type fakeAPI struct {
	mu       sync.Mutex
	handlers map[string]func(request) answer
	requests []request
	tokens   map[string]string // token to secret
	server   *httptest.Server
	limits   *fakeLimits
	store    *fakeTokens
}

// newAPI starts a fake API below the path prefix /wecom. The answers are JSON
// texts by endpoint name; tests replace them by handlers where they need more.
func newAPI(t *testing.T, answers map[string]string) *fakeAPI {
	t.Helper()
	api := &fakeAPI{
		handlers: map[string]func(request) answer{},
		tokens:   map[string]string{},
		limits:   &fakeLimits{paused: map[string]time.Duration{}},
		store:    &fakeTokens{tokens: map[string]string{}, expiry: map[string]time.Time{}},
	}
	for name, body := range answers {
		api.handlers[name] = always(body)
	}
	api.server = httptest.NewServer(api)
	t.Cleanup(api.server.Close)
	return api
}

func always(body string) func(request) answer {
	return func(request) answer { return answer{body: body} }
}

// by answers by the value of a query parameter; others are not visible.
func by(key string, answers map[string]string) func(request) answer {
	return func(r request) answer {
		if body, ok := answers[r.query[key]]; ok {
			return answer{body: body}
		}
		return answer{body: `{"errcode":60011,"errmsg":"no privilege","userlist":[],"department":[]}`}
	}
}

// inTurn gives one answer after the other and repeats the last.
func inTurn(bodies ...string) func(request) answer {
	n := -1
	return func(request) answer {
		n = min(n+1, len(bodies)-1)
		return answer{body: bodies[n]}
	}
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, ok := strings.CutPrefix(r.URL.Path, "/wecom/cgi-bin/")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	req := request{endpoint: name, query: map[string]string{}}
	for key, values := range r.URL.Query() {
		req.query[key] = values[0]
	}
	req.token = req.query["access_token"]
	if content, _ := io.ReadAll(r.Body); len(content) > 0 {
		_ = json.Unmarshal(content, &req.body)
	}
	f.requests = append(f.requests, req)
	got := f.answerTo(req)
	for key, value := range got.header {
		w.Header().Set(key, value)
	}
	if got.status != 0 {
		w.WriteHeader(got.status)
	}
	_, _ = io.WriteString(w, got.body)
}

func (f *fakeAPI) answerTo(req request) answer {
	handler, ok := f.handlers[req.endpoint]
	switch {
	case req.endpoint == "gettoken" && !ok:
		token := fmt.Sprintf("tok-made-up-%d", len(f.tokens)+1)
		f.tokens[token] = req.query["corpsecret"]
		return answer{body: `{"errcode":0,"errmsg":"ok","access_token":"` + token + `","expires_in":7200}`}
	case !ok:
		return answer{status: http.StatusNotFound}
	case req.endpoint != "gettoken" && f.tokens[req.token] == "":
		return answer{body: `{"errcode":40014,"errmsg":"invalid access_token","department":[],"order":[]}`}
	default:
		return handler(req)
	}
}

// secretOf returns the secret whose token a request carried.
func (f *fakeAPI) secretOf(r request) string { return f.tokens[r.token] }

// calls returns how often an endpoint was called.
func (f *fakeAPI) calls(endpoint string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if r.endpoint == endpoint {
			n++
		}
	}
	return n
}

func (f *fakeAPI) env() *provider.Env {
	return &provider.Env{
		HTTP: f.server.Client(), Log: slog.New(slog.DiscardHandler), Tokens: f.store, Limits: f.limits,
		Now: func() time.Time { return testNow }, CallTimeout: 5 * time.Second, SlowCall: time.Minute,
	}
}

// open makes a client with the settings given beside company and address.
func (f *fakeAPI) open(t *testing.T, more provider.Settings) provider.Client {
	t.Helper()
	s := provider.Settings{"corp_id": testCorpID, "base_url": f.server.URL + "/wecom"}
	for key, value := range more {
		s[key] = value
	}
	client, err := Vendor.Open(s, f.env())
	require.NoError(t, err)
	return client
}

var (
	appOnly  = provider.Settings{"secret": testAppSecret}
	appAgent = provider.Settings{"secret": testAppSecret, "agent_id": "1000002"}
	syncOnly = provider.Settings{"sync_secret": testSyncSecret}
	bothKeys = provider.Settings{"secret": testAppSecret, "sync_secret": testSyncSecret}
)

// requireError asserts an error's kind and that its text shows nothing that
// must stay inside: secrets, tokens, people's data, the provider's own words.
func requireError(t *testing.T, err error, kind provider.Kind) *provider.Error {
	t.Helper()
	require.Error(t, err)
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, err)
	require.NotEmpty(t, e.Problem.String())
	requireClean(t, err.Error())
	return e
}

func requireClean(t *testing.T, text string) {
	t.Helper()
	for _, private := range []string{testAppSecret, testSyncSecret, "tok-made-up", "Ada", "13800000000", "example.com",
		"private words", "access_token=", "corpsecret="} {
		require.NotContains(t, text, private)
	}
}

// parsed is a record; nil if the text is no JSON object.
func parsed(text string) record {
	r, _ := wire.Parse([]byte(text))
	return r
}

func ptr[T any](v T) *T { return &v }
