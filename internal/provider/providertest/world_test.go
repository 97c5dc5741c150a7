package providertest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	dingtalkclient "github.com/orgsync/orgsync/internal/provider/dingtalk"
	feishuclient "github.com/orgsync/orgsync/internal/provider/feishu"
	wecomclient "github.com/orgsync/orgsync/internal/provider/wecom"
)

// setup says which client talks to which service, and what the client cannot see
// of the company because of how the service is configured.
type setup struct {
	vendor   provider.Vendor
	settings provider.Settings
	start    func(*simulator.Company) (http.Handler, *simulator.Service)
	clock    func() time.Time
	visible  *simulator.Range
	hidden   hidden
	// env changes the surroundings the client is given.
	env func(*provider.Env)
	// openID is how Feishu's app knows a person.
	openID func(simulator.PersonID) string
}

// hosts are the settings that name a host beside base_url.
var hosts = map[directory.ProviderType][]string{
	directory.Feishu: {"accounts_url"}, directory.DingTalk: {"api_base_url", "login_url"},
	directory.WeCom: {"login_url", "authorize_url"},
}

// secrets that the simulated services expect and no text may show.
const (
	appSecret  = "sim-secret"
	wecomApp   = "sim-app-secret"
	wecomSync  = "sim-sync-secret"
	wecomAgent = "1000002"
)

func onFeishu(cfg feishu.Config) *setup {
	s := &setup{
		vendor: feishuclient.Vendor, visible: cfg.Range, clock: cfg.Clock,
		settings: provider.Settings{"app_id": "cli_sim", "app_secret": appSecret},
		hidden:   hiddenFromFeishu(cfg.Scopes),
	}
	s.start = func(c *simulator.Company) (http.Handler, *simulator.Service) {
		server := feishu.New(c, cfg)
		s.openID = server.OpenID
		return server, server.Service
	}
	return s
}

func onDingTalk(cfg dingtalk.Config) *setup {
	return &setup{
		vendor: dingtalkclient.Vendor, visible: cfg.Range, clock: cfg.Clock,
		settings: provider.Settings{"app_key": "dingsim", "app_secret": appSecret},
		hidden:   hiddenFromDingTalk(cfg),
		start: func(c *simulator.Company) (http.Handler, *simulator.Service) {
			server := dingtalk.New(c, cfg)
			return server, server.Service
		},
	}
}

// mode is which of WeCom's credentials are configured.
type mode string

const (
	appOnly  mode = "app"
	syncOnly mode = "sync"
	both     mode = "app and sync"
)

func onWeCom(cfg wecom.Config, m mode) *setup {
	settings := provider.Settings{"corp_id": "wwsim"}
	if m != syncOnly {
		settings["secret"], settings["agent_id"] = wecomApp, wecomAgent
	}
	if m != appOnly {
		settings["sync_secret"] = wecomSync
	}
	return &setup{
		vendor: wecomclient.Vendor, visible: cfg.Range, clock: cfg.Clock, settings: settings,
		hidden: hiddenFromWeCom(cfg, m),
		start: func(c *simulator.Company) (http.Handler, *simulator.Service) {
			server := wecom.New(c, cfg)
			return server, server.Service
		},
	}
}

// world is one company behind one service, and a client of ours in front of it.
type world struct {
	*setup
	t       *testing.T
	kind    directory.ProviderType
	company *simulator.Company
	service *simulator.Service
	tokens  *tokens
	limits  *limits
	log     *logBuffer
	client  provider.Client
	url     string
	// byOpenID are the people whose open ids have been looked at.
	byOpenID map[string]simulator.PersonID
	// personal is what no text may show of the company's people.
	personal []string
}

func open(t *testing.T, company *simulator.Company, s *setup) *world {
	t.Helper()
	w := &world{
		setup: s, t: t, kind: s.vendor.Type, company: company,
		tokens: &tokens{kept: map[string]string{}, until: map[string]time.Time{}}, limits: &limits{}, log: &logBuffer{},
		byOpenID: map[string]simulator.PersonID{},
	}
	handler, service := s.start(company)
	w.service = service
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	if s.clock == nil {
		s.clock = time.Now
	}
	w.tokens.now = s.clock
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	env := &provider.Env{
		HTTP:   &http.Client{Transport: transport},
		Log:    slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Tokens: w.tokens, Limits: w.limits, Now: s.clock, CallTimeout: 30 * time.Second, SlowCall: time.Minute,
	}
	if s.env != nil {
		s.env(env)
	}
	settings := provider.Settings{"base_url": server.URL + "/"}
	for _, key := range hosts[s.vendor.Type] {
		settings[key] = server.URL + "/"
	}
	w.url = server.URL
	for key, value := range s.settings {
		settings[key] = value
	}
	var err error
	w.client, err = s.vendor.Open(settings, env)
	require.NoError(t, err)
	return w
}

// tokens is a provider.Tokens in memory.
type tokens struct {
	now func() time.Time

	mu    sync.Mutex
	kept  map[string]string
	until map[string]time.Time
	seen  []string
}

func (k *tokens) Token(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if token, ok := k.kept[name]; ok && k.now().Before(k.until[name]) {
		return token, nil
	}
	token, until, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	k.kept[name], k.until[name] = token, until
	k.seen = append(k.seen, token)
	return token, nil
}

func (k *tokens) Drop(_ context.Context, name, token string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept[name] == token {
		delete(k.kept, name)
	}
	return nil
}

func (k *tokens) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.seen)
}

// limits is a provider.Limiter that never makes anybody wait. It remembers who was
// paused for how long.
type limits struct {
	mu     sync.Mutex
	paused map[string]time.Duration
}

func (l *limits) Wait(context.Context, string, provider.Rate) error { return nil }

func (l *limits) Pause(_ context.Context, endpoint string, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil {
		l.paused = map[string]time.Duration{}
	}
	l.paused[endpoint] = d
	return nil
}

func (l *limits) pauses() map[string]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused
}

// clock is a time that only passes when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 9, 10, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logBuffer collects log lines of several goroutines.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
