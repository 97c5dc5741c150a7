package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
)

// TestHandbook runs what docs/operations.md tells operators to type, in order, on an
// installation of its own. A comment before a block may say what the block needs and
// how it ends (CONTRIBUTING.md, "Tests").
func TestHandbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	h := newHandbook(t)
	ran := 0
	for _, block := range blocksOf(t, string(text)) {
		if block.reason != "" {
			block.requireNotRunnable(t)
			continue
		}
		ran++
		if !t.Run(fmt.Sprintf("line %d", block.line), func(t *testing.T) { h.run(t, block) }) {
			return // what follows builds on it
		}
	}
	require.Greater(t, ran, 20)
}

// block is one piece of code in the handbook.
type block struct {
	line     int
	language string
	code     string
	// given names what must be so before the block: a key of states.
	given string
	// exit is the status that the shell ends with.
	exit string
	// reason says why the block is not run.
	reason string
}

var (
	codeBlock = regexp.MustCompile("(?ms)((?:^ *<!-- handbook: [^\n]*-->\n)*)^( *)```(sh|sql)\n(.*?)^ *```")
	mark      = regexp.MustCompile(`<!-- handbook: (given|exits|not run:) ?(.*?) -->`)
)

func blocksOf(t *testing.T, text string) (blocks []block) {
	t.Helper()
	for _, at := range codeBlock.FindAllStringSubmatchIndex(text, -1) {
		b := block{
			line: strings.Count(text[:at[6]], "\n") + 1, language: text[at[6]:at[7]], exit: "0",
			code: regexp.MustCompile("(?m)^"+text[at[4]:at[5]]).ReplaceAllString(text[at[8]:at[9]], ""),
		}
		marks := text[at[2]:at[3]]
		for _, m := range mark.FindAllStringSubmatch(marks, -1) {
			switch m[1] {
			case "given":
				b.given = m[2]
			case "exits":
				b.exit = m[2]
			case "not run:":
				b.reason = m[2]
			}
		}
		require.Len(t, mark.FindAllString(marks, -1), strings.Count(marks, "\n"), "line %d: unknown mark", b.line)
		blocks = append(blocks, b)
	}
	require.Equal(t, strings.Count(text, "<!-- handbook:"), len(mark.FindAllString(text, -1)),
		"a mark stands before no block, or is unknown")
	return blocks
}

// foreign are the programs that a block may use which is not run.
var foreign = []string{"docker", "kubectl", "systemctl", "psql", "pg_dump", "cd", "cp", "mkdir", "sudo"}

func (b block) requireNotRunnable(t *testing.T) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(b.code), "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && !strings.HasPrefix(word, "#") && !slices.Contains(foreign, word) {
			t.Errorf("line %d: %q could be run", b.line, line)
		}
	}
}

// handbook is an installation as the handbook's reader has it: programs in PATH, a
// simulated company named acme, a worker.
type handbook struct {
	*leaving
	dir      string
	url      string // the database's, with all rights; programs have their roles'
	env      []string
	pool     *pgxpool.Pool
	temporal *stack.Temporal
	worker   *exec.Cmd
	server   *exec.Cmd
	// simulator is the program that make up starts.
	simulator *exec.Cmd
	gate      *gate
	// port is where the worker serves its metrics.
	port string
	// runs is how many runs there were before the block that ran last.
	runs int
}

func newHandbook(t *testing.T) *handbook {
	t.Helper()
	h := &handbook{dir: t.TempDir(), gate: &gate{}}
	ctx := t.Context()
	bin := filepath.Join(h.dir, "bin")
	require.NoError(t, os.MkdirAll(filepath.Join(h.dir, "etc"), 0o700))
	require.NoError(t, os.Mkdir(bin, 0o700))
	// Where "make build" puts them, so that what is up to date is not linked again.
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	for name, source := range map[string]string{"orgsync": "./starter", "orgsync-worker": "./worker",
		"orgsync-server": "./server", "simulator": "./devkit/cmd/simulator"} {
		built := filepath.Join(root, "bin", name)
		build := exec.CommandContext(ctx, "go", "build", "-o", built, source)
		build.Dir = root
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, os.Symlink(built, filepath.Join(bin, name)))
	}
	temporal, err := stack.TemporalBinary(ctx, os.Stderr)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(temporal, filepath.Join(bin, "temporal")))
	h.temporal, err = stack.StartTemporal(ctx, filepath.Join(h.dir, "temporal"), stack.Ports{}, os.Stderr)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.temporal.Stop()) })

	h.url = dbtest.New(t)
	h.pool, err = pgxpool.New(ctx, h.url)
	require.NoError(t, err)
	t.Cleanup(h.pool.Close)

	h.leaving = &leaving{lab: newLab(t, 52)}
	h.first, h.people = h.below(simulator.Root, "First", 100)
	h.second, _ = h.below(simulator.Root, "Second", 5)
	service := feishu.New(h.Company, feishu.Config{Options: simulator.Options{BeforeCall: h.gate.before}})
	h.source = &source{kind: directory.Feishu, name: "acme", company: h.Company, faults: service.Faults}
	settings, err := json.Marshal(map[string]string{"app_id": "cli_sim", "app_secret": "sim-secret",
		"base_url": serve(t, service)})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "acme.json"), settings, 0o600))

	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, h.port, err = net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	h.env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + h.dir,
		"DATABASE_URL=" + dbtest.As(t, "orgsync_operator", h.url),
		"ORGSYNC_KEYSET=" + filepath.Join(h.dir, "etc", "keyset.json"), "ORGSYNC_UI_URL=" + h.temporal.UI(),
		"TEMPORAL_ADDRESS=" + h.temporal.Address(), "TEMPORAL_NAMESPACE=" + stack.Namespace,
		"ORGSYNC_METRICS_ADDRESS=127.0.0.1:" + h.port,
	}
	t.Cleanup(func() {
		for _, program := range []*exec.Cmd{h.worker, h.server, h.simulator} {
			if program != nil {
				_ = program.Process.Kill()
				_ = program.Wait()
			}
		}
	})
	return h
}

// run runs one block in the state that it asks for.
func (h *handbook) run(t *testing.T, b block) {
	h.t, h.leaving.t = t, t
	after := func() {}
	if b.given != "" {
		state, known := states[b.given]
		require.True(t, known, "%q is no state", b.given)
		after = state(h)
	}
	require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT count(*) FROM sync_runs").Scan(&h.runs))
	if b.language == "sql" {
		_, err := h.pool.Exec(t.Context(), h.filled(b.code))
		require.NoError(t, err, b.code)
	} else {
		out, status := h.shell(b.code)
		require.Equal(t, b.exit, status, "%s\n%s", b.code, out)
	}
	after()
}

// shell runs commands as an operator types them.
func (h *handbook) shell(code string) (output, status string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", h.filled(code))
	cmd.Dir, cmd.Env, cmd.WaitDelay = h.dir, h.env, time.Second
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(h.t, err)
	}
	return string(out), fmt.Sprint(cmd.ProcessState.ExitCode())
}

// filled puts real ids and paths where the reader would.
func (h *handbook) filled(code string) string {
	h.t.Helper()
	var run string
	if strings.Contains(code, "RUN_ID") {
		require.NoError(h.t, h.pool.QueryRow(h.t.Context(),
			"SELECT id::text FROM sync_runs ORDER BY started_at DESC LIMIT 1").Scan(&run))
	}
	var webhook string
	if strings.Contains(code, "WEBHOOK_ID") {
		require.NoError(h.t, h.pool.QueryRow(h.t.Context(),
			"SELECT id::text FROM webhooks ORDER BY created_at DESC LIMIT 1").Scan(&webhook))
	}
	return strings.NewReplacer(
		"RUN_ID", run, "WEBHOOK_ID", webhook, "DEPARTMENT_ID", h.department(h.second), "MEMBER_ID",
		h.member(h.people[0]),
		":9464", ":"+h.port, "/etc/orgsync/", filepath.Join(h.dir, "etc")+"/",
	).Replace(code)
}

// sync runs a sync of acme that must end with the status.
func (h *handbook) sync(status string) {
	h.t.Helper()
	out, got := h.shell("orgsync sync acme --wait")
	require.Equal(h.t, status, got, out)
}

// lose lets people go.
func (h *handbook) lose(n int) {
	h.t.Helper()
	for _, p := range h.people[:n] {
		h.must(h.Leave(p))
	}
	h.people = h.people[n:]
}

// hold brings about a held run: more people leave, unless those of a rejected run still wait
// to be removed.
func (h *handbook) hold() {
	h.t.Helper()
	var status string
	require.NoError(h.t, h.pool.QueryRow(h.t.Context(),
		"SELECT status FROM sync_runs ORDER BY started_at DESC LIMIT 1").Scan(&status))
	if status != directory.RunRejected {
		h.lose(limit + 1)
	}
	h.sync("3")
}

// states are what a block can ask for. Each brings it about and returns what ends it.
var states = map[string]func(*handbook) (after func()){
	"a worker": func(h *handbook) func() {
		h.startWorker()
		return func() {}
	},
	// As by systemctl restart, which stops the worker with SIGTERM.
	"restarted workers": func(h *handbook) func() {
		require.NoError(h.t, h.worker.Process.Signal(syscall.SIGTERM))
		require.NoError(h.t, h.worker.Wait(), "a worker that is stopped ends with status 0")
		h.startWorker()
		return func() {}
	},
	"a run at work": func(h *handbook) func() {
		arrived, open := h.gate.shut(readers[directory.Feishu].members)
		out, status := h.shell("orgsync sync acme")
		require.Equal(h.t, "0", status, out)
		select {
		case <-arrived:
		case <-time.After(30 * time.Second):
			require.Fail(h.t, "the run does not read")
		}
		return func() {
			open()
			_, _ = h.shell("temporal workflow result -w orgsync/acme")
		}
	},
	"a held run": func(h *handbook) func() {
		h.hold()
		return func() {}
	},
	"a server": func(h *handbook) func() {
		h.startServer()
		return func() {}
	},
	"a simulator and a server": func(h *handbook) func() {
		h.startServer()
		h.startSimulator()
		return func() {}
	},
	"a held run and a server": func(h *handbook) func() {
		h.startServer()
		_, _ = h.shell("temporal workflow result -w orgsync/acme") // the run that was followed
		h.hold()
		return func() {
			require.Eventually(h.t, func() (over bool) {
				err := h.pool.QueryRow(h.t.Context(),
					"SELECT bool_and(finished_at IS NOT NULL) FROM sync_runs").Scan(&over)
				return err == nil && over
			}, 30*time.Second, 50*time.Millisecond)
		}
	},
	"a partial run": func(h *handbook) func() {
		h.faults.Add(simulator.Fault{
			Endpoint: readers[directory.Feishu].members, Department: h.department(h.second), Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.OutOfRange},
		})
		h.sync("4")
		h.faults.Clear()
		return func() {}
	},
	"the end of the run just started": func(h *handbook) func() {
		var began, over bool
		require.Eventually(h.t, func() bool {
			err := h.pool.QueryRow(h.t.Context(), "SELECT count(*) > $1, bool_and(status <> 'running') FROM sync_runs",
				h.runs).Scan(&began, &over)
			return err == nil && began && over
		}, 30*time.Second, 50*time.Millisecond)
		return func() {}
	},
	"a run that changed something": func(h *handbook) func() {
		h.lose(1)
		h.must(h.Rename(h.people[0], "Somebody Else"))
		h.sync("0")
		return func() {}
	},
}

func (h *handbook) startWorker() {
	h.t.Helper()
	log, err := os.OpenFile(filepath.Join(h.dir, "worker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(h.t, err)
	defer log.Close()
	h.worker = exec.Command(filepath.Join(h.dir, "bin", "orgsync-worker"))
	h.worker.Env = append(slices.Clone(h.env), "DATABASE_URL="+dbtest.As(h.t, "orgsync_worker", h.url),
		"ORGSYNC_MIGRATE=false")
	h.worker.Stdout, h.worker.Stderr = log, log
	require.NoError(h.t, h.worker.Start())
}

// startServer starts the REST API, once, with a token for the blocks.
func (h *handbook) startServer() {
	h.t.Helper()
	if h.server != nil {
		return
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(h.t, err)
	address := free.Addr().String()
	require.NoError(h.t, free.Close())
	h.server = exec.Command(filepath.Join(h.dir, "bin", "orgsync-server"))
	h.env = append(h.env, "ORGSYNC_PUBLIC_URL=http://"+address)
	h.server.Env = append(slices.Clone(h.env), "ORGSYNC_SERVER_ADDRESS="+address, "ORGSYNC_METRICS_ADDRESS=")
	h.server.Stderr = os.Stderr
	require.NoError(h.t, h.server.Start())
	out, status := h.shell("orgsync token create handbook --role admin 2> token.log")
	require.Equal(h.t, "0", status, out)
	h.env = append(h.env, "ORGSYNC_SERVER_URL=http://"+address, "ORGSYNC_TOKEN="+strings.TrimSpace(out))
	_, status = h.shell("until curl -sf $ORGSYNC_SERVER_URL/readyz; do sleep 0.1; done")
	require.Equal(h.t, "0", status)
}

// startSimulator starts the simulator, with the files that make up writes for each of its
// companies.
func (h *handbook) startSimulator() {
	h.t.Helper()
	h.simulator = exec.Command(filepath.Join(h.dir, "bin", "simulator"), "--members", "30", "--departments", "4",
		"--output", "json")
	h.simulator.Stderr = os.Stderr
	out, err := h.simulator.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, h.simulator.Start())
	var places map[string]json.RawMessage
	require.NoError(h.t, json.NewDecoder(out).Decode(&places))
	require.NoError(h.t, os.Mkdir(filepath.Join(h.dir, ".dev"), 0o700))
	for _, name := range []string{"feishu", "wecom", "suite"} {
		var place struct{ Config json.RawMessage }
		require.NoError(h.t, json.Unmarshal(places[name], &place))
		require.NoError(h.t, os.WriteFile(filepath.Join(h.dir, ".dev", name+".json"), place.Config, 0o600))
	}
	var control string
	require.NoError(h.t, json.Unmarshal(places["control_url"], &control))
	h.env = append(h.env, "ORGSYNC_SIM_CONTROL_URL="+control)
}

// gate keeps a service's calls waiting.
type gate struct {
	mu       sync.Mutex
	endpoint string
	arrived  chan struct{}
	opened   chan struct{}
}

func (g *gate) before(endpoint string, _ int) {
	g.mu.Lock()
	opened := g.opened
	shut := opened != nil && endpoint == g.endpoint
	if shut && g.arrived != nil {
		close(g.arrived)
		g.arrived = nil
	}
	g.mu.Unlock()
	if shut {
		<-opened
	}
}

// shut lets calls of an endpoint wait from now on until open is called; arrived is
// closed when the first waits.
func (g *gate) shut(endpoint string) (arrived <-chan struct{}, open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	waits, opened := make(chan struct{}), make(chan struct{})
	g.endpoint, g.arrived, g.opened = endpoint, waits, opened
	return waits, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.opened = nil
		close(opened)
	}
}
