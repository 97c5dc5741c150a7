package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	v1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/workflows"
)

// collector receives traces as an OpenTelemetry collector does.
type collector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   strings.Builder
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request v1.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// path is a span and what it is below, the outermost first, by name.
func (c *collector) path(span *tracepb.Span) string {
	name := span.GetName()
	for _, above := range c.spans {
		if string(above.GetSpanId()) == string(span.GetParentSpanId()) &&
			string(above.GetTraceId()) == string(span.GetTraceId()) {
			return c.path(above) + " > " + name
		}
	}
	return name
}

var addressInLog = regexp.MustCompile(`metrics and health"[^\n]*"address":"(http://[^"]+)"`)

// watched is what a worker process tells about itself.
type watched struct {
	t    *testing.T
	base string
}

func (w watched) get(path string) (status int, body string) {
	w.t.Helper()
	answer, err := http.Get(w.base + path) //nolint:noctx // of the test's own process
	require.NoError(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer.StatusCode, string(text)
}

func (w watched) metrics() map[string]*dto.MetricFamily {
	w.t.Helper()
	status, text := w.get("/metrics")
	require.Equal(w.t, http.StatusOK, status)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(w.t, err)
	return families
}

// A worker process tells what it does in metrics, logs and traces, and nothing that is
// confidential.
func TestWorkerCanBeWatched(t *testing.T) {
	t.Parallel()
	traces := &collector{}
	receiver := httptest.NewServer(traces)
	t.Cleanup(receiver.Close)
	w := emptyWorld(t, dbtest.New(t), server)
	w.settings["ORGSYNC_METRICS_ADDRESS"], w.settings["ORGSYNC_LOG_FORMAT"] = "127.0.0.1:0", "json"
	w.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.URL
	tokens := &secrets{seen: map[string]bool{}}
	l := newLab(t, 91)
	d, people := l.below(simulator.Root, "Sales", limit+5)
	s := w.simulateWith(directory.Feishu, l.Company, simulator.Options{}, tokens.around)

	worker := w.spawn()
	var told watched
	require.Eventually(t, func() bool {
		found := addressInLog.FindStringSubmatch(w.logs.String())
		if found == nil {
			return false
		}
		told = watched{t, found[1]}
		status, _ := told.get("/readyz")
		return status == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	status, _ := told.get("/healthz")
	require.Equal(t, http.StatusOK, status)

	// A webhook is told of it all.
	w.hook(w.service(), newReceiver(t), service.AddWebhookInput{})
	// A load with a throttled call, a run that is held, one that fails, and retention.
	s.faults.Add(simulator.Fault{Endpoint: readers[s.kind].members, From: 2, Times: 1,
		Action: simulator.Action{Kind: simulator.Throttle, Delay: time.Second}})
	loaded := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, loaded.Status, loaded.Errors)
	for _, p := range people[:limit+1] {
		l.must(l.Leave(p))
	}
	l.hire(d)
	require.Equal(t, directory.RunHeld, w.sync(s.name).Status)
	wrong := w.add(directory.Feishu, map[string]string{"app_id": "cli_sim", "app_secret": "mistaken-secret",
		"base_url": s.url})
	told.metrics() // knows the provider before its run fails
	require.Equal(t, directory.RunFailed, w.sync(wrong).Status)
	run, err := w.temporal.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "retention-" + w.queue, TaskQueue: w.queue}, workflows.RetentionName)
	require.NoError(t, err)
	require.NoError(t, run.Get(t.Context(), nil))
	// The provider told of something that nothing follows, and has a suite's ticket.
	p, err := w.store.Providers.FindByName(t.Context(), s.name)
	require.NoError(t, err)
	require.NoError(t, w.store.Providers.PutSuiteTicket(t.Context(), p.ID, providers.Sealed{Value: []byte("sealed")},
		time.Now()))
	require.NoError(t, w.store.EnableEvents(t.Context(), p, "callback", audit.By{Name: "test"}))
	_, err = w.store.AddEvents(t.Context(), p.ID, []db.Event{{ID: "e1", Kind: "unknown", ObjectType: db.EventOther}})
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		return told.metrics()["orgsync_published_to_delivery_seconds"] != nil
	}, time.Minute, 50*time.Millisecond)
	families := told.metrics()
	value := func(name string, labels ...string) float64 { return valueOf(t, families, name, labels...) }
	require.Equal(t, 1., value("orgsync_runs_total", "provider", s.name, "mode", "apply", "status", "succeeded"))
	require.Equal(t, 1., value("orgsync_runs_total", "provider", s.name, "mode", "apply", "status", "held"))
	require.Equal(t, 1., value("orgsync_runs_total", "provider", wrong, "mode", "apply", "status", "failed"))
	require.Equal(t, 0., value("orgsync_runs_total", "provider", wrong, "mode", "apply", "status", "succeeded"))
	require.Equal(t, float64(loaded.Members.Created+1),
		value("orgsync_members_changed_total", "provider", s.name, "kind", "created"))
	require.Equal(t, 0., value("orgsync_members_changed_total", "provider", s.name, "kind", "deleted"))
	require.Equal(t, float64(loaded.Departments.Created),
		value("orgsync_departments_changed_total", "provider", s.name, "kind", "created"))
	require.Equal(t, 1., value("orgsync_provider_throttled_total", "provider", s.name))
	require.Equal(t, 1., value("orgsync_provider_calls_total", "provider", s.name, "outcome", "RateLimited"))
	require.Positive(t, value("orgsync_provider_calls_total", "provider", s.name, "outcome", "ok"))
	require.Positive(t, value("orgsync_provider_calls_total", "provider", wrong, "outcome", "Unauthenticated"))
	require.Equal(t, 1., value("orgsync_held_runs", "provider", s.name))
	require.Equal(t, 1., value("orgsync_runs_since_success", "provider", wrong))
	require.Equal(t, 0., value("orgsync_runs_since_success", "provider", s.name))
	require.Equal(t, 1., value("orgsync_state_known"))
	requireDocumented(t, families)

	// Told to stop, it is gone in good order and has sent everything.
	require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(t, worker.Wait())
	traces.mu.Lock()
	defer traces.mu.Unlock()
	paths := map[string]bool{}
	for _, span := range traces.spans {
		paths[traces.path(span)] = true
	}
	require.True(t, paths["RunWorkflow:SyncOrg > StartChildWorkflow:SyncDepartments > RunWorkflow:SyncDepartments"+
		" > StartActivity:ReadMembers > RunActivity:ReadMembers > feishu users/find_by_department"],
		slices.Collect(maps.Keys(paths)))

	needles := map[string]bool{"sim-secret": true, "mistaken-secret": true, w.settings["ORGSYNC_KEYSET"]: true,
		"Person Number": true, "Sales": true}
	for token := range tokens.seen {
		needles[token] = true
	}
	require.Greater(t, len(needles), 5, "tokens were used")
	logs := w.logs.String()
	require.Empty(t, leaks(traces.raw.String(), needles), "traces")
	require.Empty(t, leaks(logs, needles), "logs")
	for _, want := range []string{
		`"msg":"run begun"`, `"msg":"run ended"`, `"status":"succeeded"`,
		`"msg":"run held: removals wait for a decision"`, `"msg":"provider asks for fewer calls"`,
		`"provider":"` + s.name + `","run_id":"` + loaded.RunID, fmt.Sprintf(`"members_read":%d`, loaded.Members.Read),
	} {
		require.Contains(t, logs, want)
	}
}

// valueOf is the sum of a family's samples that carry the labels.
func valueOf(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) (sum float64) {
	t.Helper()
	require.Contains(t, families, name)
	found := false
	for _, sample := range families[name].GetMetric() {
		has := map[string]string{}
		for _, label := range sample.GetLabel() {
			has[label.GetName()] = label.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			found = true
			sum += sample.GetCounter().GetValue() + sample.GetGauge().GetValue()
		}
	}
	require.True(t, found, "%s %v is not told", name, labels)
	return sum
}

// inTrouble are metrics that appear only when something is wrong that this test does
// not do to the worker: their names are the SDK's.
var inTrouble = []string{"temporal_workflow_task_execution_failed_total"}

var (
	metricName = regexp.MustCompile(`\b(?:orgsync|temporal|process|go)_[a-z_]+`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(orgsync_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|")
)

// requireDocumented holds what a worker tells against the table of its metrics, and
// what the dashboard and the alert rules ask for against what it tells.
func requireDocumented(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
		require.NoError(t, err)
		return string(text)
	}
	documented := map[string]bool{}
	page, server, found := strings.Cut(read("docs", "metrics.md"), "\n## Metrics of a server\n")
	require.True(t, found)
	for _, row := range metricRow.FindAllStringSubmatch(server, -1) {
		require.NotContains(t, families, row[1], "a server tells it, and no worker does")
		documented[row[1]] = true
	}
	for _, row := range metricRow.FindAllStringSubmatch(page, -1) {
		name := row[1]
		documented[name] = true
		require.Contains(t, families, name, "documented, but not told")
		require.Equal(t, row[2], strings.ToLower(families[name].GetType().String()), name)
		var labels []string
		for _, label := range families[name].GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		require.ElementsMatch(t, labels, strings.FieldsFunc(row[3], func(r rune) bool { return r == ',' || r == ' ' }),
			name)
	}
	for name := range families {
		require.True(t, documented[name] || !strings.HasPrefix(name, "orgsync_"), "%s is not in docs/metrics.md", name)
	}
	for _, file := range [][]string{{"deploy", "grafana", "orgsync.json"}, {"deploy", "prometheus", "rules.yml"}} {
		used := metricName.FindAllString(read(file...), -1)
		require.Greater(t, len(used), 10)
		for _, name := range used {
			told := families[name] != nil || families[strings.TrimSuffix(name, "_bucket")] != nil ||
				slices.Contains(inTrouble, name)
			require.True(t, told, "%s asks for %s, which no worker tells", file[2], name)
		}
	}
}
