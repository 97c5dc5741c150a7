package workflows_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

const targetID = "0a1b2c3d-target"

func undoFakes() *fakes {
	f := newFakes(0)
	f.beginUndo = func(activities.BeginUndoInput) (activities.BeginUndoResult, error) {
		return activities.BeginUndoResult{BeginRunResult: activities.BeginRunResult{RunID: runID}, Provider: "acme",
			Undoes: targetID}, nil
	}
	return f
}

func TestUndoRun(t *testing.T) {
	t.Parallel()
	f := undoFakes()
	counts := directory.Counts{Members: directory.MemberCounts{Restored: 3}}
	f.undo = func(activities.UndoInput) (activities.UndoResult, error) {
		return activities.UndoResult{Counts: counts, LeftAlone: 2}, nil
	}
	env := f.env(t)
	attribute := watchAttributes(env)
	env.ExecuteWorkflow(workflows.UndoRunName,
		json.RawMessage(`{"run":"0a1b","mode":"plan","departments":["d1"],"members":["m1"],"on_removals":"apply"}`))
	require.NoError(t, env.GetWorkflowError())
	var result workflows.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, targetID, result.Undoes)
	require.Equal(t, 2, result.LeftAlone)
	require.Equal(t, runID, result.RunID)
	require.Equal(t, []string{"BeginUndo", "Undo", "FinishRun"}, f.order())
	require.Equal(t,
		[]activities.BeginUndoInput{{Run: "0a1b", Mode: "plan", Departments: []string{"d1"}, Members: []string{"m1"},
			Apply: true, StartedBy: "temporal"}}, inputsOf[activities.BeginUndoInput](f, "BeginUndo"))
	require.Equal(t,
		[]activities.UndoInput{{RunID: runID, Departments: []string{"d1"}, Members: []string{"m1"}, Apply: true}},
		inputsOf[activities.UndoInput](f, "Undo"))
	require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true, Counts: &counts}},
		inputsOf[activities.FinishRunInput](f, "FinishRun"),
		"it never counts as synced, and a plan is counted by its dry run")
	require.Equal(t, []any{"acme"}, attribute("OrgProvider"))
	require.Equal(t, []any{"undo", "done"}, attribute("SyncPhase"))
	require.Equal(t, []any{directory.RunRunning, directory.RunSucceeded}, attribute("SyncOutcome"))
}

// An applied undoing is counted from its change log, like any run.
func TestUndoRunThatAppliesLeavesTheCountingToTheChangeLog(t *testing.T) {
	t.Parallel()
	f := undoFakes()
	env := f.env(t)
	env.ExecuteWorkflow(workflows.UndoRunName, workflows.UndoInput{Run: targetID})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true}},
		inputsOf[activities.FinishRunInput](f, "FinishRun"))
	require.Equal(t, "apply", inputsOf[activities.BeginUndoInput](f, "BeginUndo")[0].Mode)

	f = undoFakes()
	f.env(t).ExecuteWorkflow(workflows.UndoRunName, workflows.UndoInput{Run: targetID, StartedBy: "ann@host"})
	require.Equal(t, "ann@host", inputsOf[activities.BeginUndoInput](f, "BeginUndo")[0].StartedBy)
}

func TestUndoRunThatIsRefusedEndsFailedWithItsReason(t *testing.T) {
	t.Parallel()
	f := undoFakes()
	f.undo = func(activities.UndoInput) (activities.UndoResult, error) {
		return activities.UndoResult{}, final(activities.TypeInvalid,
			"nothing was taken back: it would remove 31 of 40 members")
	}
	env := f.env(t)
	env.ExecuteWorkflow(workflows.UndoRunName, workflows.UndoInput{Run: targetID})
	var failed *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &failed)
	require.Equal(t, workflows.FailureType, failed.Type())
	var result workflows.SyncResult
	require.NoError(t, failed.Details(&result))
	require.Equal(t, directory.RunFailed, result.Status)
	require.Contains(t, result.Errors[0], "31 of 40")
}

func TestUndoRunCanceledAtWorkEndsCanceled(t *testing.T) {
	t.Parallel()
	f := undoFakes()
	env := f.env(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, 0)
	f.undo = func(activities.UndoInput) (activities.UndoResult, error) {
		return activities.UndoResult{}, temporal.NewCanceledError()
	}
	env.ExecuteWorkflow(workflows.UndoRunName, workflows.UndoInput{Run: targetID})
	var canceled *temporal.CanceledError
	require.ErrorAs(t, env.GetWorkflowError(), &canceled)
	require.Equal(t, directory.RunCanceled, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].Status)
}

func TestUndoRunRefusesWrongInput(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`{}`:                                 "run is missing",
		`{"run":"a","mode":"try"}`:           "mode is",
		`{"run":"a","on_removals":"hold"}`:   "must be one of refuse, apply",
		`{"run":"a","departments":["x",""]}`: "departments holds an empty id",
		`{"run":"a","members":[""]}`:         "members holds an empty id",
		`{"run":"a","members":[]}`:           "members is empty",
		`{"run":"a","departments":[]}`:       "departments is empty",
		`{"run":"a","started_by":"a\tb"}`:    "started_by has more than 200 bytes, holds what cannot be printed",
		`{"run":""}`:                         "run is missing",
		`{"run":"a","mode":" "}`:             "mode is empty",
		`{"run":"a","provider":"acme"}`:      "only run is required",
	} {
		f := undoFakes()
		env := f.env(t)
		env.ExecuteWorkflow(workflows.UndoRunName, json.RawMessage(input))
		require.ErrorContains(t, env.GetWorkflowError(), want, input)
		require.Empty(t, f.order())
	}
	f := undoFakes()
	f.beginUndo = func(activities.BeginUndoInput) (activities.BeginUndoResult, error) {
		return activities.BeginUndoResult{}, final(activities.TypeInvalid, "run was a plan")
	}
	env := f.env(t)
	env.ExecuteWorkflow(workflows.UndoRunName, workflows.UndoInput{Run: targetID})
	require.ErrorContains(t, env.GetWorkflowError(), "run was a plan")
	require.Equal(t, []string{"BeginUndo"}, f.order(), "what never began is not ended")
}
