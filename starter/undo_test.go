package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	runcmd "github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/workflows"
)

func TestUndoSaysWhatCannotBeUndone(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store, ctx := in.store(), t.Context()
	run := in.begin(store, "acme", "1")
	in.query("UPDATE sync_runs SET mode = 'plan', status = 'succeeded', finished_at = now() WHERE id = $1", run)
	o := in.run("undo", run[:8])
	require.Equal(t, cli.ExitNothing, o.status)
	require.Contains(t, o.stderr, "was a plan")
	dropped := in.begin(store, "acme", "2")
	require.NoError(t, store.FinishRun(ctx, dropped, directory.RunSucceeded, "", directory.Counts{}, true))
	in.query("UPDATE sync_runs SET details_dropped_at = now() WHERE id = $1", dropped)
	o = in.run("undo", dropped, "--output", "json")
	require.Equal(t, cli.ExitFailed, o.status)
	var document struct{ Error string }
	o.json(&document)
	require.Contains(t, document.Error, "was deleted at ")
	held := in.begin(store, "acme", "3")
	require.NoError(t, store.HoldRun(ctx, held, "too many", "orgsync/acme/removals/"+held, directory.Counts{}))
	o = in.run("undo", held)
	require.Equal(t, cli.ExitHeld, o.status)
	require.Contains(t, o.stderr, "approve or reject them first; see: orgsync runs show "+held[:8])
	for _, tt := range []struct{ args, want string }{
		{"ffff", "no run whose id begins with"}, {"--members=a,,b", "members holds an empty id"},
		{"--departments=,", "departments holds an empty id"},
	} {
		o := in.run("undo", run, tt.args)
		if tt.args == "ffff" {
			o = in.run("undo", tt.args)
		}
		require.Equal(t, cli.ExitUsage, o.status, tt.args)
		require.Contains(t, o.stderr, tt.want)
	}
}

// Whoever undoes a run twice is told that the first time was it.
func TestUndoThatTakesNothingBackIsTold(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	target := report.Run{ID: in.begin(store, "acme", "1"), Provider: "acme"}
	undoing := in.begin(store, "acme", "2")
	result := workflows.SyncResult{RunID: undoing, Provider: "acme", Mode: "apply", Status: directory.RunSucceeded,
		Undoes: target.ID, LeftAlone: 3}
	in.query(`UPDATE sync_runs SET status = 'succeeded', finished_at = now() WHERE id = $1`, target.ID)
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
		VALUES ($1, 'member', gen_random_uuid(), gen_random_uuid(), 'u1', 'created', '{}')`, target.ID)
	conclude := func() (int, string, string) {
		stdout, stderr := &lines{}, &lines{}
		temporal := &fakeTemporal{get: func(context.Context) (workflows.SyncResult, error) { return result, nil }}
		return in.runWith(t.Context(), temporal, stdout, stderr, "undo", target.ID), stdout.String(), stderr.String()
	}
	status, stdout, stderr := conclude()
	require.Equal(t, cli.ExitNothing, status)
	require.Equal(t, "orgsync: nothing of run "+target.ID[:8]+
		" is left to undo; see: orgsync runs list --provider acme\n", stderr)
	require.Contains(t, stdout, "acme: succeeded (apply)")

	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		VALUES ($1, 'membership', gen_random_uuid(), gen_random_uuid(), 'u1', 'updated', '{"is_leader": true}',
		'{"is_leader": false}')`, undoing)
	status, stdout, stderr = conclude()
	require.Equal(t, cli.ExitDone, status)
	require.Empty(t, stderr)
	require.Contains(t, stdout, "The next sync of acme goes by the provider again")
	result.Status = directory.RunPartial
	status, _, _ = conclude()
	require.Equal(t, cli.ExitPartial, status)
}

func TestRunsTellWhichOnesUndo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	target, undoing := in.begin(store, "acme", "1"), in.begin(store, "acme", "2")
	in.query("UPDATE sync_runs SET undoes = $2 WHERE id = $1", undoing, target)
	require.Contains(t, in.ok("runs", "list").stdout, "undo of "+target[:8])
	require.Contains(t, in.ok("runs", "show", undoing).stdout, target)
	var shown runcmd.Shown
	in.ok("runs", "show", undoing, "--output", "json").json(&shown)
	require.Equal(t, target, shown.Undoes)
	var listed []runcmd.Run
	in.ok("runs", "list", "--output", "json").json(&listed)
	require.Equal(t, target, listed[0].Undoes)
}
