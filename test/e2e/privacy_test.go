package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// wiretap keeps everything that programs send to Temporal: inputs, results,
// heartbeats, failures, memos, search attributes, as the bytes on the wire.
type wiretap struct{ logBuffer }

func (tap *wiretap) unary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if message, ok := request.(proto.Message); ok {
		sent, err := proto.Marshal(message)
		if err != nil {
			return fmt.Errorf("tap %s: %w", method, err)
		}
		_, _ = tap.Write(sent)
	}
	return invoke(ctx, method, request, reply, conn, options...)
}

// secrets collects what must not be told, from the requests that carry it.
type secrets struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *secrets) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		for _, token := range []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
			r.URL.Query().Get("access_token")} {
			if token != "" {
				s.seen[token] = true
			}
		}
		s.mu.Unlock()
		next.ServeHTTP(rw, r)
	})
}

// gossip answers for a department, while it is on, with a refusal that quotes
// somebody's record.
func gossip(on *atomic.Bool, kind directory.ProviderType, department, text string, next http.Handler) http.Handler {
	code, message := "errcode", "errmsg"
	if kind == directory.Feishu {
		code, message = "code", "msg"
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("department_id")
		if kind == directory.DingTalk {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte(department)) {
				query = department
			}
		}
		if !on.Load() || query != department || !strings.HasSuffix(r.URL.Path, readers[kind].members) {
			next.ServeHTTP(rw, r)
			return
		}
		_, _ = fmt.Fprintf(rw, `{%q:%d,%q:%q,"name":%q}`, code, busy[kind], message, text, text)
	})
}

// histories returns the histories of a workflow and of all its descendants, as the
// bytes in which the server keeps them.
func (w *world) histories(workflowID, runID string) string {
	w.t.Helper()
	var all strings.Builder
	events := w.temporal.GetWorkflowHistory(w.t.Context(), workflowID, runID, false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(w.t, err)
		body, err := proto.Marshal(event)
		require.NoError(w.t, err)
		all.Write(body)
		if child := event.GetChildWorkflowExecutionStartedEventAttributes(); child != nil {
			all.WriteString(w.histories(child.GetWorkflowExecution().GetWorkflowId(),
				child.GetWorkflowExecution().GetRunId()))
		}
	}
	return all.String()
}

// records returns all that is stored of runs: their rows, ledgers and errors.
func (w *world) records() string {
	w.t.Helper()
	var all string
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `
		SELECT string_agg(t.row, E'\n') FROM (
			SELECT r::text AS row FROM sync_runs r UNION ALL SELECT l::text FROM sync_run_departments l
			UNION ALL SELECT e::text FROM sync_run_errors e UNION ALL SELECT x::text FROM sync_run_removals x
			UNION ALL SELECT (p.name, p.config)::text FROM identity_providers p) t`).Scan(&all))
	return all
}

// leaks returns what of the needles occurs in the hay.
func leaks(hay string, needles map[string]bool) (found []string) {
	for needle := range needles {
		if strings.Contains(hay, needle) {
			found = append(found, needle)
		}
	}
	return found
}

// shortest is how long a value must be to be looked for: shorter ones occur anyway.
const shortest = 5

// gossiper is a company about whom everything may be known but nothing told.
type gossiper struct {
	*lab
	*source
	broken simulator.Dept
	people []simulator.PersonID
	talks  atomic.Bool
}

func newGossiper(w *world, kind directory.ProviderType, tokens *secrets) *gossiper {
	w.t.Helper()
	g := &gossiper{lab: newLab(w.t, 61)}
	hire := func(n int, d simulator.Dept) {
		p, err := g.Hire(fmt.Sprintf("欧阳 Zyxwvut %s %d", kind, n), d)
		g.must(err, g.SetEmail(p, fmt.Sprintf("zyxwvut.%d@%s.example", n, kind)),
			g.SetPhone(p, fmt.Sprintf("+86139%08d", 70000000+n)),
			g.SetTitle(p, fmt.Sprintf("Dragon Tamer %d", n)))
		g.people = append(g.people, p)
	}
	d, _ := g.below(simulator.Root, "Dragons "+string(kind), 0)
	g.broken, _ = g.below(simulator.Root, "Unicorns "+string(kind), 0)
	for n := range limit + 5 {
		hire(n, d)
	}
	for n := range 3 {
		hire(100+n, g.broken)
	}
	g.source = w.simulateWith(kind, g.Company, simulator.Options{}, tokens.around,
		func(next http.Handler) http.Handler {
			return gossip(&g.talks, kind, g.Company.DepartmentID(kind, g.broken),
				"欧阳 Zyxwvut zyxwvut.100@example +8613970000100", next)
		})
	return g
}

// confidential is every value of the company that is long enough to be told from
// others by, ids aside.
func (g *gossiper) confidential(into map[string]bool) {
	add := func(values ...string) {
		for _, v := range values {
			if len([]rune(v)) >= shortest {
				into[v] = true
			}
		}
	}
	g.View(func(v *simulator.View) {
		for d := range v.Departments() {
			add(d.Name)
		}
		for p := simulator.PersonID(1); p <= v.LastPerson(); p++ {
			person, _ := v.Person(p)
			add(person.Name, person.Email, person.Phone, strings.TrimPrefix(person.Phone, "+86"), person.Title)
			facts := v.Facts(p)
			add(facts.WorkEmail, facts.Telephone, facts.EnglishName, facts.WorkPlace)
		}
	})
	add("欧阳 Zyxwvut", "zyxwvut", "Zyxwvut", "img.example", "wework.example", "avatar", "raw_data")
}

func TestNothingConfidentialIsTold(t *testing.T) {
	t.Parallel()
	tap, told, tokens := &wiretap{}, &logBuffer{}, &secrets{seen: map[string]bool{}}
	w := emptyWorld(t, dbtest.New(t), server)
	temporal, err := client.DialContext(t.Context(), client.Options{
		HostPort: server.Address(), Namespace: stack.Namespace,
		Logger: log.NewStructuredLogger(
			slog.New(slog.NewJSONHandler(told, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		ConnectionOptions: client.ConnectionOptions{
			DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(tap.unary)}},
	})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	w.temporal = temporal
	w.startWorker()

	var companies []*gossiper
	var runs []client.WorkflowRun
	statuses := map[string]bool{}
	needles := map[string]bool{"sim-secret": true, "sim-app-secret": true, "mistaken-secret": true,
		w.settings["ORGSYNC_KEYSET"]: true}
	sync := func() {
		t.Helper()
		var started []client.WorkflowRun
		for _, g := range companies {
			started = append(started, w.start(workflows.SyncInput{Provider: g.name}))
		}
		for _, run := range started {
			statuses[w.wait(run).Status] = true
		}
		runs = append(runs, started...)
	}
	for _, kind := range kinds {
		g := newGossiper(w, kind, tokens)
		companies = append(companies, g)
		g.confidential(needles)
	}
	// A load, a run in which one department's refusal quotes people and another's
	// records are spoilt, one that is held, one that fails, and one with a wrong secret.
	sync()
	for _, g := range companies {
		g.talks.Store(true)
		for i, action := range []simulator.Action{
			{Kind: simulator.WrongType, Field: "name"}, {Kind: simulator.NoID}, {Kind: simulator.Truncate},
			{Kind: simulator.HTTPStatus, Status: http.StatusBadGateway},
		} {
			g.faults.Add(simulator.Fault{Endpoint: readers[g.kind].members, From: i + 2, Times: 2, Action: action})
		}
	}
	sync()
	for _, g := range companies {
		// Single people, one of whom nobody knows and all of whom fail once.
		g.faults.Add(simulator.Fault{Endpoint: readers[g.kind].member, Times: 2,
			Action: simulator.Action{Kind: simulator.WrongType, Field: "name"}})
		run := w.start(workflows.SyncInput{Provider: g.name,
			Members: []string{g.member(g.people[0]), g.member(g.people[1]), "nobody"}})
		statuses[w.wait(run).Status] = true
		runs = append(runs, run)
	}
	for _, g := range companies {
		g.talks.Store(false)
		g.faults.Clear()
		for _, p := range g.people[:limit+1] {
			g.must(g.Leave(p))
		}
	}
	sync()
	for _, g := range companies {
		g.faults.Add(simulator.Fault{Endpoint: readers[g.kind].members, Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.Forbidden}})
	}
	sync()
	wrong := w.add(directory.Feishu, map[string]string{"app_id": "cli_sim", "app_secret": "mistaken-secret",
		"base_url": companies[0].url})
	run := w.start(workflows.SyncInput{Provider: wrong})
	require.Equal(t, directory.RunFailed, w.wait(run).Status)
	runs = append(runs, run)
	for _, status := range []string{directory.RunSucceeded, directory.RunPartial, directory.RunHeld,
		directory.RunFailed} {
		require.True(t, statuses[status], "no run was %s, so that nothing is known of those: %v", status, statuses)
	}

	for token := range tokens.seen {
		needles[token] = true
	}
	require.Greater(t, len(needles), 100)
	search := func() map[string][]string {
		var kept strings.Builder
		for _, run := range runs {
			kept.WriteString(w.histories(run.GetID(), run.GetRunID()))
		}
		require.Contains(t, kept.String(), companies[0].name, "these are no histories of ours")
		return map[string][]string{
			"histories": leaks(kept.String(), needles), "wire": leaks(tap.String(), needles),
			"logs": leaks(told.String()+w.logs.String(), needles), "records": leaks(w.records(), needles),
		}
	}
	for where, found := range search() {
		require.Empty(t, found, where)
	}

	// The search finds what is there: a name taken for a provider's goes everywhere but
	// into the records of runs.
	planted := w.start(workflows.SyncInput{Provider: "Zyxwvut"})
	require.Error(t, planted.Get(t.Context(), nil))
	runs = append(runs, planted)
	for where, found := range search() {
		if where != "records" {
			require.Contains(t, found, "Zyxwvut", where)
		}
	}
}
