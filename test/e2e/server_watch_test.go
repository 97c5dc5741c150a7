package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// health is what the server answers at one of its own paths.
func (s *apiServer) health(path string) string {
	s.w.t.Helper()
	answer, err := http.Get(s.url + path) //nolint:noctx // of the test's own process
	require.NoError(s.w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.w.t, err)
	return fmt.Sprint(answer.StatusCode, " ", string(body))
}

// A server tells what it does in metrics, logs and traces; a request and the run that it starts are
// one trace. Nothing of it is confidential.
func TestTheServerCanBeWatched(t *testing.T) { //nolint:paralleltest // on the operators' task queue
	sent := &collector{}
	receiver := httptest.NewServer(sent)
	t.Cleanup(receiver.Close)
	w := emptyWorld(t, dbtest.New(t), server)
	w.queue = workflows.TaskQueue
	w.startWorker()
	s := w.serve("OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "ORGSYNC_METRICS_ADDRESS=127.0.0.1:0",
		"ORGSYNC_LOG_FORMAT=json")
	l := newLab(t, 92)
	l.below(simulator.Root, "Sales", 5)
	company := w.simulate(directory.Feishu, l.Company)
	ann := s.operator("ann")
	status, header, text := s.send(ann, http.MethodPost, "/providers/"+company.name+"/runs", "", "{}")
	require.Equal(t, http.StatusAccepted, status, text)
	require.Eventually(t, func() bool {
		_, _, text := s.send(ann, http.MethodGet, header.Get("Location")[len("/api/v1"):], "", "")
		return strings.Contains(text, `"status":"succeeded"`)
	}, time.Minute, 50*time.Millisecond)
	status, _, text = s.send(ann, http.MethodGet, "/members?q=Person", "", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "Person")

	require.NoError(t, s.process.Process.Signal(syscall.SIGTERM))
	require.NoError(t, s.process.Wait())
	sent.mu.Lock()
	defer sent.mu.Unlock()
	paths := map[string]bool{}
	for _, span := range sent.spans {
		paths[sent.path(span)] = true
	}
	require.Contains(t, paths, "POST /api/v1/providers/{name}/runs > StartWorkflow:SyncOrg")
	require.Contains(t, paths, "GET /api/v1/members")
	needles := map[string]bool{"Person Number": true, "q=Person": true, "Sales": true, "sim-secret": true, ann: true}
	require.Empty(t, leaks(sent.raw.String(), needles), "traces")
	require.Empty(t, leaks(w.logs.String(), needles), "logs")
	require.Contains(t, sent.raw.String(), "orgsync-server")
	require.Contains(t, w.logs.String(), `"path":"/api/v1/members","status":200`)
}

// A server is ready where Postgres answers and has all migrations. Temporal it needs only for what
// starts or decides runs, which is refused until it is back.
func TestWhenTheServerIsReady(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	s := w.serve("TEMPORAL_ADDRESS=127.0.0.1:1")
	const ready = "200 postgres: ok\nschema: ok\n"
	require.Equal(t, ready, s.health("/readyz"))
	ask := func() error {
		cmd := exec.CommandContext(t.Context(), s.program, "--ready")
		cmd.Env = s.process.Env
		return cmd.Run()
	}
	require.NoError(t, ask())
	ann := s.operator("ann")
	status, _, text := s.send(ann, http.MethodGet, "/members", "", "")
	require.Equal(t, http.StatusOK, status, text)
	company := w.add(directory.Feishu, map[string]string{"app_id": "cli_sim", "app_secret": "s"})
	status, _, text = s.send(ann, http.MethodPost, "/providers/"+company+"/runs", "", "{}")
	require.Equal(t, http.StatusServiceUnavailable, status, text)
	require.Contains(t, text, `"code":"temporal_unreachable"`)

	w.exec("UPDATE orgsync_schema_version SET version = version - 1")
	require.Equal(t, "503 postgres: ok\nschema: failing\n", s.health("/readyz"))
	require.Eventually(t, func() bool { return strings.Contains(w.logs.String(), "schema_behind") },
		10*time.Second, 10*time.Millisecond)
	require.Error(t, ask())
	w.exec("UPDATE orgsync_schema_version SET version = version + 2")
	require.Equal(t, ready, s.health("/readyz"), "a newer build's schema serves this one, too")

	w.allowConnections(false)
	require.Equal(t, "503 postgres: failing\nschema: failing\n", s.health("/readyz"))
	require.Equal(t, "200 ok\n", s.health("/healthz"), "restarting the server would not help")
	status, _, text = s.send(ann, http.MethodGet, "/members", "", "")
	require.Equal(t, http.StatusServiceUnavailable, status, "%s\n%v", text, w.logs)
	w.allowConnections(true)
	require.Equal(t, ready, s.health("/readyz"))
	status, _, text = s.send(ann, http.MethodGet, "/members", "", "")
	require.Equal(t, http.StatusOK, status, text)
}

func (w *world) exec(sql string) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql)
	require.NoError(w.t, err)
}

// allowConnections takes the world's database away, or gives it back.
func (w *world) allowConnections(allowed bool) {
	w.t.Helper()
	config, err := pgx.ParseConfig(w.url)
	require.NoError(w.t, err)
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	require.NoError(w.t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(w.t.Context(), fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS %t",
		pgx.Identifier{name}.Sanitize(), allowed))
	require.NoError(w.t, err)
	if !allowed {
		_, err = conn.Exec(w.t.Context(),
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
		require.NoError(w.t, err)
	}
}
