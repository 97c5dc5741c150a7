package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// undo runs an UndoRun, started as "temporal workflow start" does, and returns its result.
func (w *world) undo(provider string, in workflows.UndoInput) workflows.SyncResult {
	w.t.Helper()
	return w.wait(w.startUndo(provider, in))
}

func (w *world) startUndo(provider string, in workflows.UndoInput) client.WorkflowRun {
	w.t.Helper()
	run, err := w.temporal.ExecuteWorkflow(w.t.Context(), client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(provider), TaskQueue: w.queue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.UndoRunName, in)
	require.NoError(w.t, err)
	return run
}

func TestUndoGivesBackWhatARunTook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.Feishu, simulator.Generate(simulator.TypicalSpec(71, 150)))
	w.succeed(s)
	before := w.standing(s)
	synced := w.lastSynced(s.name)
	s.company.Drift(72, 0.3)
	drifted := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, drifted.Status, drifted.Errors)
	require.Positive(t, drifted.Members.Deleted)
	last := w.lastSynced(s.name)
	require.NotEqual(t, synced, last)
	after := w.standing(s)

	untouched := w.writes()
	plan := w.undo(s.name, workflows.UndoInput{Run: drifted.RunID[:8], Mode: workflows.ModePlan})
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Equal(t, untouched, w.writes(), "a plan wrote to the directory")

	undone := w.undo(s.name, workflows.UndoInput{Run: drifted.RunID})
	require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
	require.Equal(t, drifted.RunID, undone.Undoes)
	require.Equal(t, before, w.standing(s))
	require.Equal(t, plan.Counts, undone.Counts)
	require.Equal(t, drifted.Members.Deleted, undone.Members.Restored)
	require.ElementsMatch(t, w.changes(plan.RunID), w.changes(undone.RunID))
	require.Equal(t, last, w.lastSynced(s.name), "it is no sync")

	redone := w.undo(s.name, workflows.UndoInput{Run: undone.RunID})
	require.Equal(t, directory.RunSucceeded, redone.Status, redone.Errors)
	require.Equal(t, after, w.standing(s))

	again := w.undo(s.name, workflows.UndoInput{Run: undone.RunID})
	require.Equal(t, directory.RunSucceeded, again.Status)
	require.Positive(t, again.LeftAlone)
	require.Contains(t, again.Errors[1], "left alone: changed since by run "+redone.RunID)
	changed, err := w.store.HasChanges(t.Context(), again.RunID)
	require.NoError(t, err)
	require.False(t, changed, "nothing was left to undo")
	require.Equal(t, after, w.standing(s))
	w.succeed(s) // the provider is followed again
}

// Taking back a first load would remove everybody: the guard's limits count.
func TestUndoOfManyNewPeopleIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.WeCom, simulator.Generate(simulator.TypicalSpec(73, 60)))
	loaded := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, loaded.Status, loaded.Errors)
	before := w.writes()
	plan := w.undo(s.name, workflows.UndoInput{Run: loaded.RunID, Mode: workflows.ModePlan})
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Contains(t, plan.Errors[0], "would be refused without --on-removals apply: it would remove")
	require.Equal(t, loaded.Members.Created, plan.Members.Deleted)
	refused := w.undo(s.name, workflows.UndoInput{Run: loaded.RunID})
	require.Equal(t, directory.RunFailed, refused.Status)
	require.Contains(t, refused.Errors[0], "nothing was taken back: it would remove")
	require.Equal(t, before, w.writes())
	done := w.undo(s.name, workflows.UndoInput{Run: loaded.RunID, OnRemovals: workflows.RemovalsApply})
	require.Equal(t, directory.RunSucceeded, done.Status, done.Errors)
	require.Empty(t, w.members(s.name))
	require.Empty(t, w.departments(s.name))
	w.succeed(s)
}

func (w *world) lastSynced(provider string) string {
	w.t.Helper()
	var at string
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(),
		"SELECT last_synced_at::text FROM identity_providers WHERE name = $1", provider).Scan(&at))
	return at
}
