package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestUndoSaysWhatCannotBeUndone(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store, ctx := in.store(), t.Context()
	run := in.begin(store, "acme", "1")
	in.query("UPDATE sync_runs SET mode = 'plan', status = 'succeeded', finished_at = now() WHERE id = $1", run)
	o := in.run("undo", run[:8])
	require.Equal(t, exitNothing, o.status)
	require.Contains(t, o.stderr, "was a plan")
	dropped := in.begin(store, "acme", "2")
	require.NoError(t, store.RunFinish(ctx, dropped, directory.RunSucceeded, "", directory.Counts{}, true))
	in.query("UPDATE sync_runs SET details_dropped_at = now() WHERE id = $1", dropped)
	o = in.run("undo", dropped, "--output", "json")
	require.Equal(t, exitFailed, o.status)
	var document struct{ Error string }
	o.json(&document)
	require.Contains(t, document.Error, "was cleaned up at ")
	held := in.begin(store, "acme", "3")
	require.NoError(t, store.RunHold(ctx, held, "too many", "orgsync/acme/removals/"+held, directory.Counts{}))
	o = in.run("undo", held)
	require.Equal(t, exitHeld, o.status)
	require.Contains(t, o.stderr, "orgsync reject acme")
	for _, tt := range []struct{ args, want string }{
		{"ffff", "no run whose id begins with"}, {"--members=a,,b", "members holds an empty id"}, {"--departments=,", "departments holds an empty id"},
	} {
		o := in.run("undo", run, tt.args)
		if tt.args == "ffff" {
			o = in.run("undo", tt.args)
		}
		require.Equal(t, exitUsage, o.status, tt.args)
		require.Contains(t, o.stderr, tt.want)
	}
}

func TestRunsTellWhichOnesUndo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	target, undoing := in.begin(store, "acme", "1"), in.begin(store, "acme", "2")
	in.query("UPDATE sync_runs SET undoes = $2 WHERE id = $1", undoing, target)
	require.Contains(t, in.ok("runs", "list").stdout, "apply, undoes "+target[:8])
	require.Contains(t, in.ok("runs", "show", undoing).stdout, target)
	var shown shownRun
	in.ok("runs", "show", undoing, "--output", "json").json(&shown)
	require.Equal(t, target, shown.Undoes)
	var listed []db.Run
	in.ok("runs", "list", "--output", "json").json(&listed)
	require.Equal(t, target, listed[0].Undoes)
}
