package provider_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// gate is a provider.Limiter that lets calls through unless told otherwise.
type gate struct{ refuse error }

func (g gate) Wait(context.Context, string, provider.Rate) error  { return g.refuse }
func (g gate) Pause(context.Context, string, time.Duration) error { return nil }

var endpoint = provider.Endpoint{Name: "user/list", Method: http.MethodGet, Path: "/user/list"}

// secretQuery stands in every URL as tokens do.
const secretQuery = "access_token=tok-secret"

type call struct {
	env *provider.Env
	log *bytes.Buffer
	url string
	// refused is what the answer says.
	refused *provider.Error
}

func newCall(t *testing.T, handler http.HandlerFunc) *call {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = quiet()
	server.Start()
	t.Cleanup(server.Close)
	said := &bytes.Buffer{}
	return &call{
		log: said, url: server.URL + "/user/list?" + secretQuery,
		env: &provider.Env{
			HTTP: server.Client(), Log: slog.New(slog.NewTextHandler(said, nil)), Limits: gate{},
			Now: time.Now, CallTimeout: 30 * time.Second, SlowCall: time.Minute,
		},
	}
}

func quiet() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) }

func (c *call) do(t *testing.T, ctx context.Context) (*provider.Reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, endpoint.Method, c.url, nil)
	require.NoError(t, err)
	return c.env.Do(ctx, directory.WeCom, endpoint, req, func(*provider.Reply) *provider.Error { return c.refused })
}

// unavailable fails unless the error is transport trouble that does not show the URL.
func (c *call) unavailable(t *testing.T, err error) *provider.Error {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, provider.Unavailable, e.Kind)
	require.Equal(t, directory.WeCom, e.Provider)
	require.Equal(t, endpoint.Name, e.Endpoint)
	require.NotContains(t, err.Error(), "tok-secret")
	require.NotContains(t, err.Error(), "http://")
	require.NotContains(t, c.log.String(), "tok-secret")
	return e
}

func TestDoReadsAnyAnswerToItsEnd(t *testing.T) {
	t.Parallel()
	var told []string
	c := newCall(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Tt-Logid", "42")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	})
	c.env.OnCall = func(name string) { told = append(told, name) }
	reply, err := c.do(t, t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, reply.Status)
	require.Equal(t, "42", reply.Header.Get("X-Tt-Logid"))
	require.Len(t, reply.Body, 100_000)
	require.Equal(t, []string{"user/list"}, told)
	require.Empty(t, c.log.String())
}

func TestDoMakesNoCallThatTheLimiterRefuses(t *testing.T) {
	t.Parallel()
	c := newCall(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	wait := &provider.Error{Kind: provider.RateLimited, RetryAfter: time.Second}
	c.env.Limits = gate{refuse: wait}
	c.env.OnCall = func(string) { t.Error("counted") }
	_, err := c.do(t, t.Context())
	require.Same(t, wait, err)
}

func TestDoWarnsOfSlowCalls(t *testing.T) {
	t.Parallel()
	c := newCall(t, func(http.ResponseWriter, *http.Request) {})
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	c.env.Now = func() time.Time {
		now = now.Add(7 * time.Second)
		return now
	}
	c.env.SlowCall = 7 * time.Second
	_, err := c.do(t, t.Context())
	require.NoError(t, err)
	require.Empty(t, c.log.String(), "as long as allowed")

	c.env.SlowCall--
	_, err = c.do(t, t.Context())
	require.NoError(t, err)
	require.Contains(t, c.log.String(), "slow provider call")
	require.Contains(t, c.log.String(), "endpoint=user/list took=7s")
	require.NotContains(t, c.log.String(), "tok-secret")
}

func TestDoBoundsACallFromDiallingToTheLastByte(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter){
		"no answer":      func(http.ResponseWriter) {},
		"half an answer": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half"); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCall(t, func(w http.ResponseWriter, r *http.Request) {
				answer(w)
				<-r.Context().Done()
			})
			c.env.CallTimeout = 50 * time.Millisecond
			_, err := c.do(t, t.Context())
			require.Equal(t, "no complete answer within 50ms", c.unavailable(t, err).Problem.String())
		})
	}
}

func TestDoLeavesTheCallersOwnEndAlone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := newCall(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := c.do(t, ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, provider.KindOf(err), "not the provider's failure")
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	return address
}

func TestURLKeepsTheBasesPath(t *testing.T) {
	t.Parallel()
	query := url.Values{"page_token": {"a/b+c=="}}
	for base, want := range map[string]string{
		"http://127.0.0.1:9":          "http://127.0.0.1:9/cgi-bin/user/list?page_token=a%2Fb%2Bc%3D%3D",
		"http://127.0.0.1:9/":         "http://127.0.0.1:9/cgi-bin/user/list?page_token=a%2Fb%2Bc%3D%3D",
		"http://127.0.0.1:9/wecom":    "http://127.0.0.1:9/wecom/cgi-bin/user/list?page_token=a%2Fb%2Bc%3D%3D",
		"https://h.example/a/b/?x=no": "https://h.example/a/b/cgi-bin/user/list?page_token=a%2Fb%2Bc%3D%3D",
	} {
		got, err := provider.URL(base, "/cgi-bin/user/list", query)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := provider.URL("http://[::1", "/x", nil)
	require.Error(t, err)
}
