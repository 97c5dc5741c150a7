package workflows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

const holdReason = "it would remove 30 of 40 members; the limit is 20"

var heldPlan = activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 30, Departments: 2, Memberships: 31},
	HoldReason: holdReason}

func planning(
	plan activities.PlanRemovalsResult,
) func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
	return func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) { return plan, nil }
}

func TestGuardLeavesTheDecisionToAWorkflowOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	plan := heldPlan
	plan.Incomplete = true
	f.planRemovals = planning(plan)
	env := f.env(t)
	var held workflows.HoldInput
	holdingChild(env, func(in workflows.HoldInput) { held = in })
	var holdID string
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		if info.WorkflowType.Name == workflows.HoldRemovalsName {
			holdID = info.WorkflowExecution.ID
		}
	})
	attribute := watchAttributes(env)
	result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, directory.RunHeld, result.Status)
	require.Equal(t, holdReason, result.HoldReason)
	require.Equal(t, "orgsync/acme/removals/"+runID, result.HoldWorkflowID)
	require.Equal(t, result.HoldWorkflowID, holdID)
	require.Equal(t, workflows.HoldInput{
		RunID: runID, Provider: "acme", Reason: holdReason, PerKind: heldPlan.PerKind, Incomplete: true,
	}, held)
	require.Equal(t, []activities.HoldRunInput{{RunID: runID, Reason: holdReason, HoldWorkflowID: holdID}},
		inputsOf[activities.HoldRunInput](f, "HoldRun"))
	require.Equal(t, []any{directory.RunRunning, directory.RunHeld}, attribute("SyncOutcome"))
	require.Zero(t, f.count("Remove"))
	require.Zero(t, f.count("FinishRun"), "a held run has not ended")
	require.Equal(t, 1, f.count("Recompute"), "additions are in")
}

func TestRemovalsAreTreatedAsAsked(t *testing.T) {
	t.Parallel()
	few := activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 1}}
	nothing := activities.PlanRemovalsResult{}
	for name, c := range map[string]struct {
		plan       activities.PlanRemovalsResult
		on         string
		removed    int
		incomplete bool
	}{
		"few":         {few, "hold", 1, false},
		"none":        {nothing, "hold", 0, false},
		"many, apply": {heldPlan, "apply", 1, false},
		"many, skip":  {heldPlan, "skip", 0, true},
		"few, skip":   {few, "skip", 0, true},
		"none, skip":  {nothing, "skip", 0, false},
		"few, not all read": {activities.PlanRemovalsResult{PerKind: directory.PerKind{Memberships: 1},
			Incomplete: true}, "hold", 1, true},
		"none, not all read": {activities.PlanRemovalsResult{Incomplete: true}, "hold", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(1)
			f.planRemovals = planning(c.plan)
			_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", OnRemovals: c.on})
			require.NoError(t, err)
			require.Equal(t, c.removed, f.count("Remove"))
			require.Zero(t, f.count("HoldRun"))
			require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: c.incomplete}},
				inputsOf[activities.FinishRunInput](f, "FinishRun"))
		})
	}
}

func TestRunThatCannotBeHeldFails(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.planRemovals = planning(heldPlan)
	f.holdRun = func(activities.HoldRunInput) (activities.HoldRunResult, error) {
		return activities.HoldRunResult{}, final(activities.TypeSuperseded, "overtaken")
	}
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
	require.Equal(t, directory.RunFailed, failedWith(t, err).Status)
	require.Zero(t, f.count("Remove"))
}

// holdingChild stands for HoldRemovals and passes its input on.
func holdingChild(env *testsuite.TestWorkflowEnvironment, started func(workflows.HoldInput)) {
	env.RegisterWorkflowWithOptions(func(_ workflow.Context, in workflows.HoldInput) (*workflows.SyncResult, error) {
		started(in)
		return nil, nil
	}, workflow.RegisterOptions{Name: workflows.HoldRemovalsName, DisableAlreadyRegisteredCheck: true})
}

// decision is what came of an update.
type decision struct {
	result   *workflows.SyncResult
	rejected error
	failed   error
}

// decide sends an update after a delay and returns where its outcome will stand.
func decide(env *testsuite.TestWorkflowEnvironment, update string, after time.Duration, input ...any) *decision {
	d := &decision{}
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(update, update+after.String(), &testsuite.TestUpdateCallback{
			OnReject: func(err error) { d.rejected = err },
			OnAccept: func() {},
			OnComplete: func(result any, err error) {
				d.failed = err
				d.result, _ = result.(*workflows.SyncResult)
			},
		}, input...)
	}, after)
	return d
}

func holding(env *testsuite.TestWorkflowEnvironment) (*workflows.SyncResult, error) {
	env.ExecuteWorkflow(workflows.HoldRemovals, workflows.HoldInput{
		RunID: runID, Provider: "acme", Reason: holdReason, PerKind: directory.PerKind{Members: 30}, Incomplete: true,
	})
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out workflows.SyncResult
	return &out, env.GetWorkflowResult(&out)
}

func TestApprovingRemovesAndSettles(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	attribute := watchAttributes(env)
	d := decide(env, workflows.ApproveUpdate, 24*time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, []string{"ResumeRun", "LookUpAgain", "WithdrawReturned", "Remove", "Recompute", "FinishRun"},
		f.order())
	require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true, DecidedBy: "temporal"}},
		inputsOf[activities.FinishRunInput](f, "FinishRun"))
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.NoError(t, d.failed)
	require.Equal(t, result, d.result, "who decides learns what came of it")
	require.Equal(t, []any{"done"}, attribute("SyncPhase"))
	require.Equal(t, []any{directory.RunSucceeded}, attribute("SyncOutcome"))
}

func TestRejectingLeavesEverything(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	d := decide(env, workflows.RejectUpdate, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, []string{"FinishRun"}, f.order())
	require.Equal(t, directory.RunRejected, result.Status)
	require.Equal(t, []string{"an operator rejected the removals: " + holdReason}, result.Errors)
	require.Equal(t, result, d.result)
}

// Who decides is on record before anything goes; whoever does not say who they are
// decided by Temporal's own means.
func TestWhoDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input []any
		by    string
	}{
		"nothing said": {nil, "temporal"},
		"nothing in":   {[]any{json.RawMessage(`{}`)}, "temporal"},
		"a login":      {[]any{workflows.Decision{RunID: runID, DecidedBy: "ann@host"}}, "ann@host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			env := f.env(t)
			decide(env, workflows.ApproveUpdate, time.Hour, c.input...)
			_, err := holding(env)
			require.NoError(t, err)
			require.Equal(t, []activities.ResumeRunInput{{RunID: runID, DecidedBy: c.by}},
				inputsOf[activities.ResumeRunInput](f, "ResumeRun"))
			require.Equal(t, c.by, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].DecidedBy)
			require.Contains(t, detailsOf(t, env), "approved by `"+c.by+"`")

			f = newFakes(0)
			env = f.env(t)
			decide(env, workflows.RejectUpdate, time.Hour, c.input...)
			_, err = holding(env)
			require.NoError(t, err)
			require.Equal(t, c.by, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].DecidedBy)
		})
	}
}

// A decision says for which run it is; what is wrong with it is refused before it counts.
func TestDecisionThatIsNotForThisRunIsRefused(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	after := time.Hour
	for input, want := range map[string]string{
		`{"run_id":"4711"}`:         `run_id is "4711", but this workflow holds run ` + runID,
		`{"run_id":""}`:             "run_id is empty",
		`{"run":"4711"}`:            `unknown field "run"`,
		`{"decided_by":"ann\nbob"}`: "decided_by has more than 200 bytes, holds what cannot be printed",
		`{"decided_by":"` + strings.Repeat("x", 201) + `"}`: "decided_by has more than 200 bytes",
	} {
		after += time.Minute
		d := decide(env, workflows.ApproveUpdate, after, json.RawMessage(input))
		env.RegisterDelayedCallback(func() { require.ErrorContains(t, d.rejected, want) }, 2*time.Hour)
	}
	env.RegisterDelayedCallback(env.CancelWorkflow, 3*time.Hour)
	_, err := holding(env)
	require.NoError(t, err)
	require.Zero(t, f.count("Remove"))
	require.Empty(t, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].DecidedBy, "nobody decided")
}

func TestSecondDecisionIsRefused(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	var env *testsuite.TestWorkflowEnvironment
	var second *decision
	f.remove = func(activities.RunInput) (activities.RemoveResult, error) { return activities.RemoveResult{}, nil }
	f.before = func(name string) {
		if name == "Remove" {
			second = decide(env, workflows.RejectUpdate, 0)
		}
	}
	env = f.env(t)
	decide(env, workflows.ApproveUpdate, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.ErrorContains(t, second.rejected, "the removals are already approved")
}

func TestNewerRunMakesTheQuestionMoot(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SupersededSignal, nil) }, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, []string{"FinishRun"}, f.order())
	require.Equal(t, directory.RunSuperseded, result.Status)
}

func TestApprovalThatCannotBeCarriedOutFails(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*fakes){
		"resume": func(f *fakes) {
			f.resumeRun = func(activities.ResumeRunInput) (none, error) {
				return none{}, final(activities.TypeSuperseded, "a newer run has taken over")
			}
		},
		"spare": func(f *fakes) {
			f.spare = func(activities.RunInput) (none, error) {
				return none{}, final(activities.TypeSuperseded, "a newer run has taken over")
			}
		},
		"remove": func(f *fakes) {
			f.remove = func(activities.RunInput) (activities.RemoveResult, error) {
				return activities.RemoveResult{}, final(activities.TypeSuperseded, "a newer run has taken over")
			}
		},
		"recompute": func(f *fakes) {
			f.recompute = func(activities.RunInput) (none, error) {
				return none{}, final(activities.TypeSuperseded, "a newer run has taken over")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			arrange(f)
			env := f.env(t)
			decide(env, workflows.ApproveUpdate, time.Hour)
			result, err := holding(env)
			require.NoError(t, err)
			require.Equal(t, directory.RunFailed, result.Status)
			require.Equal(t, []string{"a newer run has taken over"}, result.Errors)
		})
	}
}

// A provider that cannot be asked does not undo the decision: what could not be looked up
// again is spared, and the rest goes.
func TestApprovalGoesOnWhereLookingUpAgainFails(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.lookUpAgain = func(activities.RunInput) (none, error) { return none{}, forbidden() }
	env := f.env(t)
	decide(env, workflows.ApproveUpdate, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, []string{"ResumeRun", "LookUpAgain", "WithdrawReturned", "Remove", "Recompute", "FinishRun"},
		f.order())
	require.Equal(t, directory.RunSucceeded, result.Status)
}

// While another run is at work an approval waits for it, however long that takes.
func TestApprovalWaitsForTheRunAtWork(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	const attempts = 8 // the environment makes ten at most
	f.resumeRun = func(activities.ResumeRunInput) (none, error) {
		if f.count("ResumeRun") < attempts {
			return none{}, temporal.NewApplicationErrorWithOptions("run r7 is at work", activities.TypeBusy,
				temporal.ApplicationErrorOptions{NextRetryDelay: 8 * time.Hour})
		}
		return none{}, nil
	}
	env := f.env(t)
	env.SetWorkflowRunTimeout(30 * 24 * time.Hour) // there is none; the environment's own is a day
	env.RegisterDelayedCallback(func() {
		progress := query[workflows.Progress](t, env, workflows.ProgressQuery)
		require.Equal(t, [2]string{directory.RunRunning, "removals"}, [2]string{progress.Status, progress.Phase})
		env.SignalWorkflow(workflows.SupersededSignal, nil) // whether it is, the fence knows
	}, 2*time.Hour)
	d := decide(env, workflows.ApproveUpdate, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Equal(t, result, d.result)
	require.Equal(t, 1, f.count("Remove"))
	require.Equal(t, attempts, f.count("ResumeRun"))
}

func TestHoldAnswersQueriesWhileItWaits(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(workflows.ProgressQuery)
		require.NoError(t, err)
		var p workflows.Progress
		require.NoError(t, value.Get(&p))
		require.Equal(t, []any{runID, "acme", directory.RunHeld, "held", holdReason, &directory.PerKind{Members: 30}},
			[]any{p.RunID, p.Provider, p.Status, p.Phase, p.HoldReason, p.Removals})
		require.NotEmpty(t, p.HoldWorkflowID)
		env.CancelWorkflow()
	}, time.Hour)
	_, err := holding(env)
	require.NoError(t, err)
}

// Canceled while it waits, it removes nothing; once decided it is carried out, and
// whoever decided is told so.
func TestCancelingAHold(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	result, err := holding(env)
	require.NoError(t, err)
	require.Equal(t, directory.RunCanceled, result.Status)
	require.Zero(t, f.count("Remove"))

	f = newFakes(0)
	f.before = func(name string) {
		if name == "Remove" {
			env.CancelWorkflow()
		}
	}
	env = f.env(t)
	d := decide(env, workflows.ApproveUpdate, time.Hour)
	result, err = holding(env)
	require.NoError(t, err)
	require.Equal(t, []string{"ResumeRun", "LookUpAgain", "WithdrawReturned", "Remove", "Recompute", "FinishRun"},
		f.order())
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.NoError(t, d.failed)
	require.Equal(t, result, d.result)
}

func TestNewRunTellsTheHoldsItSupersedes(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.beginRun = func(activities.BeginRunInput) (activities.BeginRunResult, error) {
		return activities.BeginRunResult{RunID: runID,
			Superseded: []string{"orgsync/acme/removals/r1", "orgsync/acme/removals/r2"}}, nil
	}
	env := f.env(t)
	env.OnSignalExternalWorkflow("default-test-namespace", "orgsync/acme/removals/r1", "", workflows.SupersededSignal,
		nil).
		Return(errors.New("that workflow is gone")).Once()
	env.OnSignalExternalWorkflow("default-test-namespace", "orgsync/acme/removals/r2", "", workflows.SupersededSignal,
		nil).
		Return(nil).Once()
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err, "a hold that cannot be told does not stop the run")
	env.AssertExpectations(t)
}
