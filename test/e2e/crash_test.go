package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/localpg"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/workflows"
)

// workerVariable makes the test binary a worker on the queue it names: a process
// that a test can kill.
const workerVariable = "ORGSYNC_E2E_WORKER_QUEUE"

// workAsChild is such a worker's main: orgsync-worker's own but for its task queue.
func workAsChild() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(os.Getenv)
	if err != nil {
		return 2
	}
	log := app.NewLogger(os.Stderr, cfg)
	box, err := secret.Load(cfg.Keyset.Reveal())
	if err != nil {
		return 2
	}
	store, err := db.Open(ctx, cfg.DatabaseURL.Reveal(), db.Connections(cfg.DatabaseConnections))
	if err != nil {
		return 1
	}
	watch, err := app.NewWatch(ctx, store, cfg, log)
	if err != nil {
		return 2
	}
	defer watch.Close()
	temporal, err := app.DialTemporal(ctx, log, watch.Adjust)
	if err != nil {
		return 1
	}
	opener := app.NewOpener(store.Providers, box, cfg, log)
	opener.Metrics = watch.Metrics
	worker := app.NewWorker(temporal, os.Getenv(workerVariable), store, opener, cfg)
	stopServing, err := watch.Serve(worker, store, temporal)
	if err != nil {
		return 1
	}
	defer stopServing()
	if err := worker.Run(ctx); err != nil {
		return 1
	}
	return 0
}

// spawn starts a worker process; it is killed with the test at the latest.
func (w *world) spawn() *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	require.NoError(w.t, err)
	worker := exec.Command(self)
	worker.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir()}
	for name, value := range w.settings {
		worker.Env = append(worker.Env, name+"="+value)
	}
	worker.Stderr = w.logs
	require.NoError(w.t, worker.Start())
	w.t.Cleanup(func() {
		_ = worker.Process.Kill()
		_ = worker.Wait()
	})
	return worker
}

// pages counts, for each different request to the listing endpoints, how often it was made.
type pages struct {
	endpoints []string
	mu        sync.Mutex
	seen      map[string]int
}

// around counts requests before they reach the service.
func (p *pages) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !slices.ContainsFunc(p.endpoints, func(e string) bool { return strings.HasSuffix(r.URL.Path, e) }) {
			next.ServeHTTP(rw, r)
			return
		}
		query := r.URL.Query()
		query.Del("access_token")
		p.mu.Lock()
		p.seen[fmt.Sprintf("%s?%s %s", r.URL.Path, query.Encode(), body)]++
		p.mu.Unlock()
		next.ServeHTTP(rw, r)
	})
}

// repeated is how many requests were made more than once, and the most often that any was.
func (p *pages) repeated() (requests, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.seen {
		if n > 1 {
			requests++
		}
		most = max(most, n)
	}
	return requests, most
}

// at returns a hook that runs do once, in a goroutine of its own, at the nth call of an endpoint.
func at(endpoint string, nth int, do func()) func(string, int) {
	var once sync.Once
	return func(called string, n int) {
		if called == endpoint && n >= nth {
			once.Do(func() { go do() })
		}
	}
}

// readers are the calls by which each provider lists departments and members.
var readers = map[directory.ProviderType]struct{ departments, members, member string }{
	directory.Feishu:   {"departments/children", "users/find_by_department", "users/get"},
	directory.DingTalk: {"department/listsub", "user/list", "user/get"},
	directory.WeCom:    {"department/list", "user/list", "user/get"},
}

// crashSpec has departments of more than one page.
func crashSpec() simulator.Spec {
	spec := simulator.TypicalSpec(21, 400)
	spec.Departments, spec.RootMembers = 24, 120
	return spec
}

func TestKilledWorkerIsReplacedWithoutReadingAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []directory.ProviderType{directory.Feishu, directory.DingTalk} {
		for _, phase := range []string{readers[kind].departments, readers[kind].members} {
			t.Run(string(kind)+"/"+phase, func(t *testing.T) {
				t.Parallel()
				w := emptyWorld(t, dbtest.New(t), server)
				victim := w.spawn()
				nth := 10
				if kind == directory.Feishu && phase == readers[kind].departments {
					nth = 1 // the whole tree is one page
				}
				killed := make(chan struct{})
				counted := &pages{endpoints: []string{"/children", "/listsub", "/find_by_department", "/user/list"},
					seen: map[string]int{}}
				s := w.simulateWith(kind, simulator.Generate(crashSpec()),
					simulator.Options{BeforeCall: at(phase, nth, func() {
						_ = victim.Process.Kill()
						w.spawn()
						close(killed)
					})}, counted.around)

				result := w.sync(s.name)
				<-killed
				require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
				w.requireEqual(s)
				repeated, most := counted.repeated()
				// What was under way when the worker died is asked again: at most one page
				// for each of its activities (the preflight samples one page of each kind).
				require.LessOrEqual(t, most, 3, "some page was read over and over")
				require.LessOrEqual(t, repeated, 18, "more pages were read again than activities were under way")
			})
		}
	}
}

func TestPostgresRestartsInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Not a temporary cluster: those do without the durability that is on trial here.
	cluster, err := localpg.Start(t.Context(), localpg.Config{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, cluster.Stop())
		require.NoError(t, localpg.Remove(dir))
	})
	require.NoError(t, dbtest.Prepare(t.Context(), cluster.URL("postgres")))
	w := emptyWorld(t, cluster.URL("postgres"), server)
	w.startWorker()
	restarted := make(chan error, 1)
	s := w.simulateWith(directory.DingTalk, simulator.Generate(crashSpec()),
		simulator.Options{BeforeCall: at("user/list", 12, func() {
			if err := cluster.Crash(); err != nil {
				restarted <- err
				return
			}
			restarted <- cluster.Restart(context.Background())
		})})

	result := w.sync(s.name)
	require.NoError(t, <-restarted)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(s)
}

func TestTemporalRestartsInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own, err := stack.StartTemporal(t.Context(), dir, stack.Ports{}, os.Stderr)
	require.NoError(t, err)
	w := emptyWorld(t, dbtest.New(t), own)
	w.startWorker()
	restarted := make(chan error, 1)
	s := w.simulateWith(directory.Feishu, simulator.Generate(crashSpec()),
		simulator.Options{BeforeCall: at("users/find_by_department", 12, func() {
			if err := own.Stop(); err != nil {
				restarted <- err
				return
			}
			own, err = stack.StartTemporal(context.Background(), dir, stack.Ports{}, os.Stderr)
			restarted <- err
		})})
	t.Cleanup(func() { require.NoError(t, own.Stop()) })

	result := w.sync(s.name)
	require.NoError(t, <-restarted)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(s)
}

func TestTwoWorkersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startWorker()
	spec := crashSpec()
	spec.SeveralDepartments = 0.5 // people whom both workers meet at the same time
	var sources []*source
	for _, kind := range kinds {
		sources = append(sources, w.simulate(kind, simulator.Generate(spec)))
	}
	for range 2 {
		var wg sync.WaitGroup
		for _, s := range sources {
			run := w.start(workflows.SyncInput{Provider: s.name})
			wg.Go(func() {
				result := w.wait(run)
				if result.Status != directory.RunSucceeded {
					t.Errorf("%s: %s %v", s.name, result.Status, result.Errors)
				}
			})
		}
		wg.Wait()
		for _, s := range sources {
			w.requireEqual(s)
			s.company.Drift(5, 0.05)
		}
	}
}
