package e2e

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/proto"

	"github.com/orgsync/orgsync/internal/devstack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/simulator"
	"github.com/orgsync/orgsync/workflows"
)

// credentials collects the tokens that clients send and are given.
type credentials struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (c *credentials) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		for _, token := range []string{r.URL.Query().Get("access_token"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")} {
			if token != "" {
				c.seen[token] = true
			}
		}
		c.mu.Unlock()
		next.ServeHTTP(rw, r)
	})
}

// secretsOf is everything of a company that must not leave Postgres: people's names
// long enough to be told from ordinary words, addresses, numbers.
func secretsOf(s *source) map[string]string {
	out := map[string]string{}
	for id, m := range s.company.Truth(s.kind).Members {
		if name := strings.TrimSpace(m.Name); utf8.RuneCountInString(name) >= 2 && len(name) >= 6 {
			out[name] = "name of " + id
		}
		if m.Email != "" {
			out[strings.ToLower(m.Email)] = "e-mail of " + id
		}
		if m.Phone != "" {
			out[m.Phone] = "phone of " + id
			out[strings.TrimPrefix(m.Phone, "+86")] = "phone of " + id
		}
	}
	return out
}

// leaks returns what of the secrets stands in the text.
func leaks(text []byte, secrets map[string]string) (found []string) {
	lower := bytes.ToLower(text)
	for secret, what := range secrets {
		if bytes.Contains(text, []byte(secret)) || bytes.Contains(lower, []byte(secret)) {
			found = append(found, what)
		}
	}
	return found
}

func TestNothingPersonalLeavesPostgres(t *testing.T) {
	t.Parallel()
	w := newWorldLogging(t)
	tokens := &credentials{seen: map[string]bool{}}
	secrets := map[string]string{"sim-secret": "app secret", "sim-app-secret": "app secret", "sim-sync-secret": "sync secret"}
	var sources []*source
	for i, kind := range kinds {
		s := w.simulateWith(kind, simulator.Generate(simulator.TypicalSpec(uint64(70+i), 90)), simulator.Options{}, tokens.around)
		sources = append(sources, s)
		for secret, what := range secretsOf(s) {
			secrets[secret] = what
		}
		require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
		w.provoke(s)
	}
	for token := range tokens.seen {
		secrets[token] = "access token"
	}
	require.Greater(t, len(secrets), 300)

	histories := 0
	for _, s := range sources {
		for name, history := range w.histories(s.name) {
			histories++
			require.Empty(t, leaks(history, secrets), "history of %s", name)
		}
	}
	require.Greater(t, histories, 3*6, "runs and their children")
	require.Contains(t, w.logs.String(), "level=", "there are log lines to search")
	require.Empty(t, leaks([]byte(w.logs.String()), secrets), "log")
	require.Empty(t, leaks(w.notes(), secrets), "run history and errors")

	// The search finds what is there, however it is packed.
	for secret, what := range secrets {
		require.Equal(t, []string{what}, leaks([]byte(`{"hello":"`+secret+`"}`), map[string]string{secret: what}))
	}
}

// newWorldLogging is newWorld with everything that the SDK and the worker log kept.
func newWorldLogging(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	logged, err := client.DialContext(t.Context(), client.Options{
		HostPort: server.Address(), Namespace: devstack.Namespace,
		Logger: sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	})
	require.NoError(t, err)
	t.Cleanup(logged.Close)
	w.queue += "-logged"
	w.temporal = logged
	w.startWorker()
	return w
}

// provoke makes runs of every end, with errors of every kind in them.
func (w *world) provoke(s *source) {
	w.t.Helper()
	members := readers[s.kind].members
	faults := []simulator.Action{
		{Kind: simulator.HTML}, {Kind: simulator.Truncate}, {Kind: simulator.NoID}, {Kind: simulator.WrongType}, {Kind: simulator.Duplicate},
		{Kind: simulator.Reset}, {Kind: simulator.Code, Code: 50004}, {Kind: simulator.Throttle},
	}
	s.company.Drift(8, 0.1)
	departments := w.departments(s.name)
	i := 0
	for id := range departments {
		if i < len(faults) {
			s.faults.Add(simulator.Fault{Endpoint: members, Department: id, Times: 2, From: 2, Action: faults[i]})
		}
		i++
	}
	w.sync(s.name)
	s.faults.Clear()

	for p := range simulator.PersonID(40) {
		_ = s.company.Leave(p + 1) // some have left already
	}
	require.Equal(w.t, directory.RunHeld, w.sync(s.name).Status)
	require.Equal(w.t, directory.RunSucceeded, w.wait(w.start(workflows.SyncInput{Provider: s.name, Mode: workflows.ModePlan})).Status)
	s.faults.Add(simulator.Fault{Times: simulator.Forever, Action: simulator.Action{Kind: simulator.Forbidden}})
	require.Equal(w.t, directory.RunFailed, w.sync(s.name).Status)
	s.faults.Clear()
}

// histories returns the history of every workflow of a provider, children included,
// in the server's own encoding, in which payloads and messages stand as they are.
func (w *world) histories(provider string) map[string][]byte {
	w.t.Helper()
	out := map[string][]byte{}
	var page []byte
	for {
		listed, err := w.temporal.ListWorkflow(w.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId STARTS_WITH %q", workflows.SyncWorkflowID(provider)), NextPageToken: page,
		})
		require.NoError(w.t, err)
		for _, execution := range listed.GetExecutions() {
			ids := execution.GetExecution()
			var history bytes.Buffer
			for events := w.temporal.GetWorkflowHistory(w.t.Context(), ids.GetWorkflowId(), ids.GetRunId(), false, 0); events.HasNext(); {
				event, err := events.Next()
				require.NoError(w.t, err)
				encoded, err := proto.Marshal(event)
				require.NoError(w.t, err)
				history.Write(encoded)
			}
			encoded, err := proto.Marshal(execution) // memo, search attributes
			require.NoError(w.t, err)
			history.Write(encoded)
			out[ids.GetWorkflowId()+" "+ids.GetRunId()] = history.Bytes()
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return out
		}
	}
}

// notes is all text that runs leave for people to read.
func (w *world) notes() []byte {
	w.t.Helper()
	var text bytes.Buffer
	for _, query := range []string{
		"SELECT r::text FROM sync_runs r", "SELECT l::text FROM sync_run_departments l", "SELECT e::text FROM sync_run_errors e", "SELECT p::text FROM identity_providers p",
	} {
		rows, err := w.pool.Query(w.t.Context(), query)
		require.NoError(w.t, err)
		for rows.Next() {
			var line string
			require.NoError(w.t, rows.Scan(&line))
			_, _ = io.WriteString(&text, line+"\n")
		}
		require.NoError(w.t, rows.Err())
	}
	return text.Bytes()
}
