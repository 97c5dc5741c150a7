package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/starter/cli"
)

func historyFile(name string) string {
	return filepath.Join("..", "workflows", "testdata", "replay", name+".json")
}

// events is how many events a recorded history has.
func events(t *testing.T, name string) int {
	t.Helper()
	document, err := os.ReadFile(historyFile(name))
	require.NoError(t, err)
	var history struct{ Events []json.RawMessage }
	require.NoError(t, json.Unmarshal(document, &history))
	require.NotEmpty(t, history.Events)
	return len(history.Events)
}

func TestReplayOfAnExport(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	for _, tt := range []struct {
		name   string
		status int
		say    []string
	}{
		{"sync-org-small", cli.ExitDone,
			[]string{fmt.Sprintf("SyncOrg, %d events, completed", events(t, "sync-org-small")),
				"This build replays it."}},
		{"sync-org-unknown", cli.ExitDone, []string{"failed", `activity BeginRun: there is no provider named "nobody"`,
			"This build replays it."}},
		{"sync-departments-partial", cli.ExitDone, []string{"SyncDepartments,", "This build replays it."}},
		{"bad-reordered", cli.ExitFailed, []string{"the two differ from event 63 on, ActivityTaskScheduled.",
			"history:     activity LinkAccounts", "this build:  activity Recompute", "TMPRL1100"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := in.run("replay", "--history", historyFile(tt.name))
			require.Equal(t, tt.status, o.status, o.stderr)
			require.Empty(t, o.stderr)
			for _, want := range tt.say {
				require.Contains(t, o.stdout, want)
			}
			var verdict replay.Verdict
			o = in.run("replay", "--history", historyFile(tt.name), "--output", "json")
			require.Equal(t, tt.status, o.status)
			o.json(&verdict)
			require.Equal(t, tt.status == cli.ExitDone, verdict.Replays)
		})
	}
}

func TestReplayFromStandardInput(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(historyFile("hold-removals-approved"))
	require.NoError(t, err)
	o := installation{t: t}.feed(string(document), "replay", "--history", "-")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	require.Contains(t, o.stdout, "HoldRemovals,")
}

func TestReplayOfWhatIsNoHistory(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	other := filepath.Join(t.TempDir(), "other.json")
	require.NoError(t,
		os.WriteFile(other,
			[]byte(
				`{"events":[{"eventId":"1","eventType":"WorkflowExecutionStarted","workflowExecutionStartedEventAttributes":{"workflowType":{"name":"OrderPizza"}}}]}`), 0o600))
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing":     {nil, "name a workflow"},
		"both":        {[]string{"orgsync/acme", "--history", other}, "not both"},
		"run of file": {[]string{"--history", other, "--run-id", "1"}, "an exported history is of one"},
		"no file":     {[]string{"--history", "/nowhere/at.all"}, "there is no file"},
		"no history":  {[]string{"--history", "main.go"}, "this is not a workflow history"},
		"other type":  {[]string{"--history", other}, `no workflow type "OrderPizza"; it has: SyncOrg`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := in.run(append([]string{"replay"}, tt.args...)...)
			require.Equal(t, cli.ExitUsage, o.status)
			require.Contains(t, o.stderr, tt.want)
			require.Empty(t, o.stdout)
		})
	}
}
