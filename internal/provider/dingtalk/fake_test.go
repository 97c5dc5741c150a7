package dingtalk

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const (
	testKey    = "dingsimapp0001"
	testSecret = "s3cret-of-the-app"
	firstToken = "token-one-5f0c1e7a"
	nextToken  = "token-two-8a6f10b2"
	apiPrefix  = "/dingtalk"
	tokenPath  = "/v1.0/oauth2/accessToken"
)

var testNow = time.Date(2026, 1, 6, 0, 0, 0, 0, time.FixedZone("UTC+8", 8*60*60))

// call is one request that the fake server saw.
type call struct {
	method, path, token, contentType string
	rawBody                          string
}

// reply is what the fake server answers; the status defaults to 200.
type reply struct {
	status int
	body   string
	header http.Header
}

// server is a fake DingTalk: a handler for each path without the prefix.
type server struct {
	mu       sync.Mutex
	handlers map[string]func(call) reply
	calls    []call
	url      string
}

func newServer(t *testing.T, handlers map[string]func(call) reply) *server {
	t.Helper()
	s := &server{handlers: map[string]func(call) reply{
		tokenPath: issue(firstToken, nextToken),
	}}
	for path, h := range handlers {
		s.handlers[path] = h
	}
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	s.url = ts.URL + apiPrefix
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	c := call{method: r.Method, path: r.URL.Path, token: r.URL.Query().Get("access_token"),
		contentType: r.Header.Get("Content-Type"), rawBody: string(raw)}
	s.calls = append(s.calls, c)
	h := s.handlers[r.URL.Path[min(len(r.URL.Path), len(apiPrefix)):]]
	if h == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer := h(c)
	for key, values := range answer.header {
		w.Header()[key] = values
	}
	if answer.status != 0 {
		w.WriteHeader(answer.status)
	}
	_, _ = io.WriteString(w, answer.body)
}

// count says how often a path was called.
func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	for _, c := range s.calls {
		if c.path == apiPrefix+path {
			n++
		}
	}
	return n
}

// issue answers token calls with the given tokens in turn.
func issue(tokens ...string) func(call) reply {
	var n int
	return func(call) reply {
		token := tokens[min(n, len(tokens)-1)]
		n++
		return reply{body: fmt.Sprintf(`{"accessToken":%q,"expireIn":7200}`, token)}
	}
}

// always answers every call alike.
func always(body string) func(call) reply {
	return func(call) reply { return reply{body: body} }
}

// byBody answers by the request's JSON body.
func byBody(answers map[string]string) func(call) reply {
	return func(c call) reply {
		if body, ok := answers[c.rawBody]; ok {
			return reply{body: body}
		}
		return reply{body: `{"errcode":400002,"errmsg":"unexpected request"}`}
	}
}

// tokenStore is a provider.Tokens in memory.
type tokenStore struct {
	mu     sync.Mutex
	tokens map[string]string
	expiry time.Time
	drops  int
}

func (s *tokenStore) Token(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens[name]; ok {
		return t, nil
	}
	t, expiry, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	s.tokens[name], s.expiry = t, expiry
	return t, nil
}

func (s *tokenStore) Drop(_ context.Context, name, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops++
	if s.tokens[name] == token {
		delete(s.tokens, name)
	}
	return nil
}

// openLimiter lets every call through and notes the pauses.
type openLimiter struct {
	mu     sync.Mutex
	pauses map[string]time.Duration
}

func (*openLimiter) Wait(context.Context, string, provider.Rate) error { return nil }

func (l *openLimiter) Pause(_ context.Context, endpoint string, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauses[endpoint] = d
	return nil
}

// fixture is a client against a fake server.
type fixture struct {
	*client
	server *server
	tokens *tokenStore
	limits *openLimiter
}

func newFixture(t *testing.T, handlers map[string]func(call) reply) *fixture {
	t.Helper()
	f := &fixture{
		server: newServer(t, handlers),
		tokens: &tokenStore{tokens: map[string]string{}},
		limits: &openLimiter{pauses: map[string]time.Duration{}},
	}
	env := &provider.Env{
		HTTP:        &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Log:         slog.New(slog.DiscardHandler),
		Tokens:      f.tokens,
		Limits:      f.limits,
		Now:         func() time.Time { return testNow },
		CallTimeout: 5 * time.Second,
		SlowCall:    time.Minute,
	}
	c, err := Vendor.Open(provider.Settings{"app_key": testKey, "app_secret": testSecret, "base_url": f.server.url,
		"api_base_url": f.server.url}, env)
	require.NoError(t, err)
	f.client = c.(*client)
	return f
}

// requireError expects an *Error of a kind whose text holds no secret.
func requireError(t *testing.T, err error, kind provider.Kind) *provider.Error {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	require.NotEmpty(t, e.Problem.String())
	for _, secret := range []string{testSecret, firstToken, nextToken, testKey, "access_token=", personalText} {
		require.NotContains(t, err.Error(), secret)
	}
	return e
}

// personalText stands in failing answers where DingTalk's own words do.
const personalText = "林一 13800000001"
