package workflows_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

func scheduledSync(env *testsuite.TestWorkflowEnvironment,
	in workflows.ScheduledInput) (*workflows.ScheduledResult, error) {
	env.ExecuteWorkflow(workflows.ScheduledSyncName, in)
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out workflows.ScheduledResult
	return &out, env.GetWorkflowResult(&out)
}

// syncsOf has another function stand for SyncOrg.
func syncsOf(env *testsuite.TestWorkflowEnvironment,
	do func(workflow.Context, workflows.SyncInput) (*workflows.SyncResult, error)) {
	env.RegisterWorkflowWithOptions(do, workflow.RegisterOptions{Name: workflows.SyncOrgName,
		DisableAlreadyRegisteredCheck: true})
}

// However the sync ends, what the schedule started ends like it, and says so where
// runs are listed.
func TestScheduledSyncEndsAsTheSyncDoes(t *testing.T) {
	t.Parallel()
	result := func(status string) *workflows.SyncResult {
		return &workflows.SyncResult{RunID: runID, Provider: "acme", Mode: workflows.ModeApply, Status: status,
			Calls: 7}
	}
	failure := temporal.NewApplicationErrorWithOptions("the secret is wrong", workflows.FailureType,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{result(directory.RunFailed)}})
	for name, c := range map[string]struct {
		result  *workflows.SyncResult
		err     error
		outcome string
	}{
		"succeeded":       {result(directory.RunSucceeded), nil, directory.RunSucceeded},
		"partial":         {result(directory.RunPartial), nil, directory.RunPartial},
		"held":            {result(directory.RunHeld), nil, directory.RunHeld},
		"failed":          {nil, failure, directory.RunFailed},
		"never began":     {nil, final(activities.TypeInvalid, "provider is switched off"), directory.RunFailed},
		"canceled itself": {nil, temporal.NewCanceledError(result(directory.RunCanceled)), directory.RunCanceled},
		"in some way":     {nil, &temporal.TerminatedError{}, directory.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			env := f.env(t)
			var got workflows.SyncInput
			syncsOf(env, func(ctx workflow.Context, in workflows.SyncInput) (*workflows.SyncResult, error) {
				assert.Equal(t, "orgsync/acme", workflow.GetInfo(ctx).WorkflowExecution.ID)
				got = in
				return c.result, c.err
			})
			attribute := watchAttributes(env)
			out, err := scheduledSync(env, workflows.ScheduledInput{Provider: "acme",
				OnRemovals: workflows.RemovalsSkip})
			require.Equal(t, workflows.SyncInput{Provider: "acme", Mode: workflows.ModeApply,
				OnRemovals: workflows.RemovalsSkip, StartedBy: "temporal"}, got)
			require.Equal(t, []any{"acme"}, attribute("OrgProvider"))
			require.Equal(t, []any{c.outcome}, attribute("SyncOutcome"))
			if c.err == nil {
				require.NoError(t, err)
				require.Equal(t, &workflows.ScheduledResult{SyncResult: c.result}, out)
				return
			}
			require.Error(t, err)
			var want, failed *temporal.ApplicationError
			if errors.As(c.err, &want) {
				require.ErrorAs(t, err, &failed)
				require.Equal(t, want.Type(), failed.Type())
				require.Equal(t, want.Message(), failed.Message())
				require.Equal(t, want.HasDetails(), failed.HasDetails())
			}
			require.Equal(t, c.outcome == directory.RunCanceled, temporal.IsCanceledError(err), "%v", err)
			var canceled *temporal.CanceledError
			if errors.As(err, &canceled) {
				require.True(t, canceled.HasDetails(), "the run's result")
			}
		})
	}
}

// A sync that is already at work, whoever started it and under whatever id, is left alone.
func TestScheduledSyncIsSkippedWhileAnotherWorks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		busy error
		want string
	}{
		"under the fixed id": {&temporal.ChildWorkflowExecutionAlreadyStartedError{},
			"a sync of acme is already running: workflow orgsync/acme"},
		"under another id":   {final(activities.TypeBusy, "run 1 of acme is at work"), "run 1 of acme is at work"},
		"switched off since": {final(activities.TypeInactive, "provider is switched off"), "provider is switched off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newFakes(0).env(t)
			syncsOf(env, func(workflow.Context, workflows.SyncInput) (*workflows.SyncResult, error) {
				return nil, c.busy
			})
			attribute := watchAttributes(env)
			out, err := scheduledSync(env, workflows.ScheduledInput{Provider: "acme"})
			require.NoError(t, err)
			require.Equal(t, &workflows.ScheduledResult{Skipped: c.want}, out)
			require.Equal(t, []any{workflows.OutcomeSkipped}, attribute("SyncOutcome"))
			document, err := json.Marshal(out)
			require.NoError(t, err)
			require.JSONEq(t, `{"skipped":"`+c.want+`"}`, string(document))
		})
	}
}

// The schedule to remove is the one that started the workflow, whatever it is called.
func TestScheduledSyncOfAProviderThatIsGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		startedBy string
		want      string
	}{"by hand": {"", "orgsync/acme"}, "by a schedule": {"nightly", "nightly"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			f.checkSchedule = func(activities.CheckScheduleInput) (activities.CheckScheduleResult, error) {
				return activities.CheckScheduleResult{Gone: "there is no such provider"}, nil
			}
			env := f.env(t)
			if c.startedBy != "" {
				require.NoError(t, env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(
					temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById").ValueSet(c.startedBy))))
			}
			attribute := watchAttributes(env)
			out, err := scheduledSync(env, workflows.ScheduledInput{Provider: "acme"})
			require.NoError(t, err)
			require.Equal(t, &workflows.ScheduledResult{Skipped: "there is no such provider"}, out)
			require.Equal(t, []any{workflows.OutcomeSkipped}, attribute("SyncOutcome"))
			require.Equal(t, []string{"CheckSchedule"}, f.order(), "nothing is synced")
			require.Equal(t, []activities.CheckScheduleInput{{Provider: "acme", ScheduleID: c.want}},
				inputsOf[activities.CheckScheduleInput](f, "CheckSchedule"))
		})
	}
}

// Canceling what the schedule started cancels the sync and waits for it to stop.
func TestCancelingAScheduledSync(t *testing.T) {
	t.Parallel()
	env := newFakes(0).env(t)
	stopped := false
	syncsOf(env, func(ctx workflow.Context, _ workflows.SyncInput) (*workflows.SyncResult, error) {
		canceled := workflow.Sleep(ctx, time.Hour)
		stopping, _ := workflow.NewDisconnectedContext(ctx)
		err := workflow.Sleep(stopping, time.Minute)
		stopped = true
		return nil, errors.Join(canceled, err)
	})
	attribute := watchAttributes(env)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	_, err := scheduledSync(env, workflows.ScheduledInput{Provider: "acme"})
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.True(t, stopped)
	require.Equal(t, []any{directory.RunCanceled}, attribute("SyncOutcome"))
}

func TestScheduledInputIsCheckedInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ input, want string }{
		"no provider": {`{}`, `input: provider is missing`},
		"unknown removals": {`{"provider":"acme","on_removals":"yes"}`,
			`input: on_removals is "yes"; it must be one of hold, apply, skip`},
		"empty removals": {`{"provider":"acme","on_removals":""}`, `input: on_removals is empty`},
		"misspelt key":   {`{"provider":"acme","on_removal":"skip"}`, `unknown field "on_removal"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in workflows.ScheduledInput
			err := json.Unmarshal([]byte(c.input), &in)
			if err == nil {
				_, err = scheduledSync(newFakes(0).env(t), in)
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
