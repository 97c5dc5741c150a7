package main

import (
	"encoding/json"
	"os"
	"os/user"
	"testing"

	runcmd "github.com/orgsync/orgsync/starter/run"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/provider"
	"github.com/orgsync/orgsync/workflows"
)

func TestWhoIsTheSystemsUserAndHost(t *testing.T) {
	t.Parallel()
	account, err := user.Current()
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	me := account.Username + "@" + host
	require.Equal(t, me, cli.Actor())

	in := newInstallation(t)
	in.add("acme", feishuConfig())
	temporal := &fakeTemporal{}
	require.Equal(t, cli.ExitDone, in.runWith(t.Context(), temporal, &lines{}, &lines{}, "sync", "acme"))
	asked := temporal.started.(workflows.SyncInput)
	requireAsker(t, in, me, asked, asked.Request)
	run := in.begin(in.store(), "acme", "execution")
	in.query(`UPDATE sync_runs SET status = 'succeeded', finished_at = now() WHERE id = $1`, run)
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
		VALUES ($1, 'member', gen_random_uuid(), gen_random_uuid(), 'u1', 'created', '{}')`, run)
	stderr := &lines{}
	require.Equal(t, cli.ExitDone, in.runWith(t.Context(), temporal, &lines{}, stderr, "undo", run, "--no-wait"),
		stderr)
	undone := temporal.started.(workflows.UndoInput)
	requireAsker(t, in, me, undone, undone.Request)
	in.query(`UPDATE identity_providers SET updated_by = NULL`)
	require.NotContains(t, in.ok("provider", "show", "acme").stdout, " by ")
	in.ok("provider", "update", "acme", "--removal-limit", "7")
	require.Contains(t, in.ok("provider", "show", "acme").stdout, " by "+me)
	var shown provider.View
	in.ok("provider", "show", "acme", "--output", "json").json(&shown)
	require.Equal(t, me, shown.UpdatedBy)
}

// requireAsker requires that a request in Postgres says who asks, and that Temporal is not told.
func requireAsker(t *testing.T, in installation, want string, input any, request string) {
	t.Helper()
	text, err := json.Marshal(input)
	require.NoError(t, err)
	require.NotContains(t, string(text), want)
	var asker string
	require.NoError(t, in.pool().QueryRow(t.Context(), `SELECT actor FROM run_requests WHERE id = $1`, request).Scan(&asker))
	require.Equal(t, want, asker)
}

func TestRunsTellWhoStartedAndDecidedThem(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	require.NotContains(t, in.ok("runs", "show", run).stdout, "decided by")
	in.query(`UPDATE sync_runs SET started_by = $2 WHERE id = $1`, run,
		directory.BySchedule(workflows.ScheduleID("acme")))
	require.NoError(t, store.HoldRun(t.Context(), run, "too many", "orgsync/acme/removals/"+run, directory.Counts{}))
	require.NoError(t, store.RecordDecision(t.Context(), run, "ann@host", "", true))
	in.query(`INSERT INTO org_members (provider_id, external_id, name) SELECT id, 'u1', 'Ann' FROM identity_providers`)
	in.query(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id) SELECT $1, 'member', id, id
		FROM org_members`, run)
	require.NoError(t, store.FinishRun(t.Context(), run, directory.RunRejected, "no", directory.Counts{}, false))

	text := in.ok("runs", "show", run).stdout
	require.Regexp(t, `started +\S+ \S+ by schedule orgsync/acme\n`, text)
	require.Regexp(t, `decided by +ann@host\n`, text)
	require.Contains(t, in.ok("runs", "list").stdout, "schedule orgsync/acme")
	var listed []runcmd.Run
	in.ok("runs", "list", "--output", "json").json(&listed)
	require.Equal(t, []string{"schedule orgsync/acme", "ann@host"}, []string{listed[0].StartedBy, listed[0].DecidedBy})
	told := in.ok("explain", "acme", "u1").stdout
	require.Contains(t, told, "(rejected), started by schedule orgsync/acme, workflow")
	require.Contains(t, told, "not carried out: the run ended rejected, decided by ann@host")
	require.Equal(t, "ann@host", in.explained("u1").Runs[0].Run.DecidedBy)
}
