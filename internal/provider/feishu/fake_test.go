package feishu

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

const (
	testSecret = "SECRETabc123"
	tokenStart = "t-SIMULATED"
	// leak is what no error may repeat: free text of the provider's.
	leak = "Li Lei +8613000000001 leo@example.com"

	contact      = "/prefix/open-apis/contact/v3"
	rootPath     = contact + "/departments/0"
	childrenPath = contact + "/departments/0/children"
	usersPath    = contact + "/users/find_by_department"
	scopesPath   = contact + "/scopes"
	tokenPath    = "/prefix/open-apis/auth/v3/tenant_access_token/internal"
	groupsPath   = contact + "/group/simplelist"
	adminsPath   = "/prefix/open-apis/user/v4/app_admin_user/list"
	tenantPath   = "/prefix/open-apis/tenant/v2/tenant/query"
)

// fake is a Feishu that answers what a test tells it to, and numbers its tokens.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []call
	tokens int
	limits memoryLimits
}

type call struct {
	path  string // as sent, still escaped
	query url.Values
	token string
}

// newFake serves routes by path; the token endpoint works unless routed.
func newFake(t *testing.T, routes map[string]http.HandlerFunc) (*client, *fake) {
	t.Helper()
	s := &fake{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, call{r.URL.EscapedPath(), r.URL.Query(),
			strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")})
		s.mu.Unlock()
		if route, ok := routes[r.URL.Path]; ok {
			route(w, r)
			return
		}
		if r.URL.Path == tokenPath {
			s.mu.Lock()
			s.tokens++
			n := s.tokens
			s.mu.Unlock()
			says(200, fmt.Sprintf(`{"code":0,"msg":"ok","tenant_access_token":"%s-%d","expire":7200}`, tokenStart, n))(
				w, r)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(s.Close)
	env := &provider.Env{
		HTTP: s.Client(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Tokens: &memoryTokens{}, Limits: &s.limits, Now: time.Now,
		CallTimeout: 10 * time.Second, SlowCall: 10 * time.Second,
	}
	opened, err := Vendor.Open(provider.Settings{"app_id": "cli_sim", "app_secret": testSecret,
		"base_url": s.URL + "/prefix"}, env)
	require.NoError(t, err)
	return opened.(*client), s
}

// to returns the calls made to a path.
func (s *fake) to(path string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []call
	for _, c := range s.calls {
		if c.path == path {
			found = append(found, c)
		}
	}
	return found
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Tt-Logid", "LOG1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refuses(status, code int) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"code":%d,"msg":"%s"}`, code, leak))
}

func data(d string) http.HandlerFunc {
	return says(200, `{"code":0,"msg":"success","data":`+d+`}`)
}

// inTurn answers the nth call with the nth handler and then with the last.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	}
}

// byCursor answers by page token.
func byCursor(pages map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Query().Get("page_token")]
		if !ok {
			refuses(400, 40012)(w, r)
			return
		}
		data(page)(w, r)
	}
}

// memoryTokens keeps tokens as an installation would, for one process.
type memoryTokens struct {
	mu     sync.Mutex
	tokens map[string]string
	expiry map[string]time.Time
	drops  int
}

func (m *memoryTokens) Token(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if token, ok := m.tokens[name]; ok {
		return token, nil
	}
	token, expiry, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	if m.tokens == nil {
		m.tokens, m.expiry = map[string]string{}, map[string]time.Time{}
	}
	m.tokens[name], m.expiry[name] = token, expiry
	return token, nil
}

func (m *memoryTokens) Drop(_ context.Context, name, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tokens[name] == token {
		delete(m.tokens, name)
		m.drops++
	}
	return nil
}

// memoryLimits limits nothing and notes the pauses.
type memoryLimits struct {
	mu     sync.Mutex
	pauses map[string]time.Duration
}

func (*memoryLimits) Wait(context.Context, string, provider.Rate) error { return nil }

func (l *memoryLimits) Pause(_ context.Context, endpoint string, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pauses == nil {
		l.pauses = map[string]time.Duration{}
	}
	l.pauses[endpoint] = d
	return nil
}

// failure returns err as the provider's error after making sure that it tells
// nothing it must not.
func failure(t *testing.T, err error) *provider.Error {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	requireDiscreet(t, err.Error())
	require.NotEmpty(t, e.Problem.String())
	require.Equal(t, Vendor.Type, e.Provider)
	return e
}

func requireDiscreet(t *testing.T, text string) {
	t.Helper()
	for _, secret := range append(strings.Fields(leak), testSecret, tokenStart) {
		require.NotContains(t, text, secret)
	}
}

func ptr[T any](v T) *T { return &v }
