package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/workflows"
)

// server is the Temporal server that all tests of the package share.
var server *stack.Temporal

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		os.Exit(workAsChild())
	}
	dir, err := os.MkdirTemp("", "orgsync-e2e-")
	if err == nil {
		// The tests wait more than they work: for back-off, time-outs, heartbeats.
		err = flag.Set("test.parallel", "4")
	}
	if err == nil {
		server, err = stack.StartTemporal(context.Background(), dir, stack.Ports{}, os.Stderr)
	}
	if err != nil {
		slog.Error("start Temporal", "error", err)
		os.Exit(1)
	}
	code := m.Run()
	err = errors.Join(server.Stop(), os.RemoveAll(dir))
	if err != nil {
		slog.Error("stop Temporal", "error", err)
		code = 1
	}
	os.Exit(code)
}

// world is one test's installation: a database, a task queue with a worker, and as
// many simulated providers as it adds.
type world struct {
	t      *testing.T
	url    string
	pool   *pgxpool.Pool
	store  *db.Store
	opener *clients.Opener
	// works and opens are store and opener with no more rights than a worker has.
	works    *db.Store
	opens    *clients.Opener
	temporal client.Client
	queue    string
	cfg      config.Config
	// settings are what a worker process of this world is configured with.
	settings map[string]string
	logs     *logBuffer
}

// newWorld returns an installation on the shared servers, with a worker.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t, dbtest.New(t), server)
	w.startWorker()
	return w
}

// emptyWorld returns an installation without a worker.
func emptyWorld(t *testing.T, databaseURL string, on *stack.Temporal) *world {
	t.Helper()
	ctx := t.Context()
	keys, err := secret.Generate()
	require.NoError(t, err)
	box, err := secret.Load(string(keys))
	require.NoError(t, err)
	w := &world{t: t, url: databaseURL, queue: "orgsync-" + uuid.NewString(), logs: &logBuffer{}}
	w.settings = map[string]string{
		"DATABASE_URL": dbtest.As(t, "orgsync_worker", w.url), "ORGSYNC_KEYSET": string(keys),
		"ORGSYNC_CALL_TIMEOUT": "3s", "ORGSYNC_SLOW_CALL": "1s",
		"TEMPORAL_ADDRESS": on.Address(), "TEMPORAL_NAMESPACE": stack.Namespace, workerVariable: w.queue,
		"ORGSYNC_WEBHOOK_NETWORKS": "127.0.0.0/8",
	}
	w.cfg, err = config.Load(func(name string) string { return w.settings[name] })
	require.NoError(t, err)
	w.store, err = db.Open(ctx, w.url)
	require.NoError(t, err)
	t.Cleanup(w.store.Close)
	w.works, err = db.Open(ctx, w.settings["DATABASE_URL"])
	require.NoError(t, err)
	t.Cleanup(w.works.Close)
	w.pool, err = pgxpool.New(ctx, w.url)
	require.NoError(t, err)
	t.Cleanup(w.pool.Close)
	w.temporal, err = on.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(w.temporal.Close)
	require.NoError(t, app.EnsureSearchAttributes(ctx, w.temporal, stack.Namespace))
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.opener, w.opens = app.NewOpener(w.store.Providers, box, w.cfg, log), app.NewOpener(w.works.Providers, box, w.cfg,
		log)
	return w
}

// ownNamespace gives the installation a Temporal namespace of its own, with the task queue that servers know.
func (w *world) ownNamespace() {
	w.t.Helper()
	name := w.queue
	_, err := w.temporal.WorkflowService().RegisterNamespace(w.t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(w.t, err)
	w.temporal, err = client.NewClientFromExisting(w.temporal, client.Options{Namespace: name})
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool { // the server takes a moment to know it everywhere
		_, err := w.temporal.ListWorkflow(w.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	require.NoError(w.t, app.EnsureSearchAttributes(w.t.Context(), w.temporal, name))
	w.queue = workflows.TaskQueue
	w.settings["TEMPORAL_NAMESPACE"], w.settings[workerVariable] = name, w.queue
}

// startWorker starts one more worker; it stops with the test or when told to.
func (w *world) startWorker() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	worker := app.NewWorker(w.temporal, w.queue, w.works, w.opens, w.cfg)
	go func() {
		defer close(done)
		if err := worker.Run(ctx); err != nil {
			w.t.Errorf("worker: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(stop)
	return stop
}

// add stores a provider and returns its name, unique on the shared server.
func (w *world) add(kind directory.ProviderType, settings map[string]string) string {
	w.t.Helper()
	name := string(kind) + "-" + uuid.NewString()[:8]
	document, err := json.Marshal(settings)
	require.NoError(w.t, err)
	parsed, err := clients.Parse(w.opener.Vendors[kind], document, nil)
	require.NoError(w.t, err)
	require.NoError(w.t, clients.Validate(w.opener.Vendors[kind], parsed))
	public, secrets := clients.Split(parsed)
	body, err := json.Marshal(public)
	require.NoError(w.t, err)
	_, err = w.store.Providers.Add(w.t.Context(),
		providers.NewProvider{Name: name, Type: kind, Config: body, Guard: limits()}, w.opener.Seal(secrets))
	require.NoError(w.t, err)
	return name
}

// source is one simulated provider of a world.
type source struct {
	kind    directory.ProviderType
	name    string
	company *simulator.Company
	faults  *simulator.Faults
	calls   *simulator.Calls
	url     string
	feishu  *feishu.Server
	ding    *dingtalk.Server
	wecom   *wecom.Server
}

// simulate serves company as a provider of that kind and stores it.
func (w *world) simulate(kind directory.ProviderType, company *simulator.Company) *source {
	return w.simulateWith(kind, company, simulator.Options{})
}

func (w *world) simulateWith(kind directory.ProviderType, company *simulator.Company, options simulator.Options,
	around ...func(http.Handler) http.Handler) *source {
	w.t.Helper()
	s := &source{kind: kind, company: company}
	var handler http.Handler
	var settings map[string]string
	switch kind {
	case directory.Feishu:
		s.feishu = feishu.New(company, feishu.Config{Options: options})
		s.faults, s.calls, handler = s.feishu.Faults, s.feishu.Calls, s.feishu
		settings = map[string]string{"app_id": "cli_sim", "app_secret": "sim-secret",
			"encrypt_secret": encryptKey, "verification_secret": verification}
	case directory.DingTalk:
		s.ding = dingtalk.New(company, dingtalk.Config{Options: options})
		s.faults, s.calls, handler = s.ding.Faults, s.ding.Calls, s.ding
		settings = map[string]string{"app_key": "dingsim", "app_secret": "sim-secret",
			"callback_token_secret": callbackToken, "callback_aes_secret": callbackAES}
	case directory.WeCom:
		s.wecom = wecom.New(company, wecom.Config{Options: options, OldApp: true})
		s.faults, s.calls, handler = s.wecom.Faults, s.wecom.Calls, s.wecom
		settings = map[string]string{"corp_id": "wwsim", "secret": "sim-app-secret",
			"callback_token_secret": callbackToken, "callback_aes_secret": callbackAES}
	}
	for _, wrap := range around {
		handler = wrap(handler)
	}
	s.url = serve(w.t, handler)
	for _, key := range hosts[kind] {
		settings[key] = s.url
	}
	s.name = w.add(kind, settings)
	return s
}

// hosts are the settings that name a host, which is one and the same here.
var hosts = map[directory.ProviderType][]string{
	directory.Feishu:   {"base_url", "accounts_url"},
	directory.DingTalk: {"base_url", "api_base_url", "login_url"},
	directory.WeCom:    {"base_url", "login_url", "authorize_url"},
}

// serve serves a simulated provider until the test ends and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	service := httptest.NewUnstartedServer(handler)
	service.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	service.Start()
	t.Cleanup(service.Close)
	return service.URL
}

// start starts a sync as "temporal workflow start" does.
func (w *world) start(in workflows.SyncInput) client.WorkflowRun {
	w.t.Helper()
	run, err := w.temporal.ExecuteWorkflow(w.t.Context(), client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(in.Provider), TaskQueue: w.queue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.SyncOrgName, in)
	require.NoError(w.t, err)
	return run
}

// wait returns a sync's result, also of one that failed.
func (w *world) wait(run client.WorkflowRun) workflows.SyncResult {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	var result workflows.SyncResult
	err := run.Get(ctx, &result)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.HasDetails() {
		require.NoError(w.t, failed.Details(&result))
		return result
	}
	require.NoError(w.t, err)
	return result
}

func (w *world) sync(provider string) workflows.SyncResult {
	w.t.Helper()
	return w.wait(w.start(workflows.SyncInput{Provider: provider}))
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
