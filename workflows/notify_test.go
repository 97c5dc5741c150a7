package workflows_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

var hooks = []string{"feishu open.feishu.cn 01234567", "json hooks 89abcdef"}

// told are the notifications that a workflow starts, by workflow id.
func told(env *testsuite.TestWorkflowEnvironment) map[string]workflows.NotifyInput {
	started := map[string]workflows.NotifyInput{}
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var in workflows.NotifyInput
		if info.WorkflowType.Name == workflows.NotifyRunName && args.Get(&in) == nil {
			started[info.WorkflowExecution.ID] = in
		}
	})
	return started
}

func telling(status string) map[string]workflows.NotifyInput {
	return map[string]workflows.NotifyInput{
		"orgsync/acme/notify/" + runID + "/" + status: {RunID: runID, Provider: "acme", Status: status, Hooks: hooks},
	}
}

func TestPeopleAreToldOfRunsThatNeedThem(t *testing.T) {
	t.Parallel()
	partly := func(f *fakes) {
		f.finishRun = func(activities.FinishRunInput) (activities.RunReport, error) {
			return activities.RunReport{Provider: "acme", Status: directory.RunPartial}, nil
		}
	}
	reporting := func(f *fakes) {
		finish := f.finishRun
		f.finishRun = func(in activities.FinishRunInput) (activities.RunReport, error) {
			report, err := finish(in)
			if report.Status == directory.RunFailed || report.Status == directory.RunPartial ||
				report.Status == directory.RunRejected {
				report.Notify = hooks
			}
			return report, err
		}
		f.holdRun = func(activities.HoldRunInput) (activities.HoldRunResult, error) {
			return activities.HoldRunResult{RunReport: activities.RunReport{Provider: "acme",
				Status: directory.RunHeld, Notify: hooks}}, nil
		}
	}
	for name, c := range map[string]struct {
		arrange func(*fakes)
		status  string
		want    map[string]workflows.NotifyInput
	}{
		"succeeded": {func(*fakes) {}, directory.RunSucceeded, map[string]workflows.NotifyInput{}},
		"partial":   {partly, directory.RunPartial, telling("partial")},
		"held":      {func(f *fakes) { f.planRemovals = planning(heldPlan) }, directory.RunHeld, telling("held")},
		"failed": {func(f *fakes) {
			f.preflight = func(activities.RunInput) (activities.PreflightResult, error) {
				return activities.PreflightResult{}, forbidden()
			}
		}, directory.RunFailed, telling("failed")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(1)
			c.arrange(f)
			reporting(f)
			env := f.env(t)
			holdingChild(env, func(workflows.HoldInput) {})
			got := told(env)
			result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			if err != nil {
				failed := failedWith(t, err)
				result = &failed
			}
			require.Equal(t, c.status, result.Status)
			require.Equal(t, c.want, got)
		})
	}
	for name, c := range map[string]struct {
		update  string
		arrange func(*fakes)
		want    map[string]workflows.NotifyInput
	}{
		"expired":          {"", func(*fakes) {}, telling("rejected")},
		"approved":         {workflows.ApproveUpdate, func(*fakes) {}, map[string]workflows.NotifyInput{}},
		"rejected":         {workflows.RejectUpdate, func(*fakes) {}, map[string]workflows.NotifyInput{}},
		"approved in part": {workflows.ApproveUpdate, partly, telling("partial")},
		"approved in vain": {workflows.ApproveUpdate, func(f *fakes) {
			f.remove = func(activities.RunInput) (activities.RemoveResult, error) {
				return activities.RemoveResult{}, final(activities.TypeStorage, "postgres 42P01")
			}
		}, telling("failed")},
	} {
		t.Run("hold, "+name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			c.arrange(f)
			reporting(f)
			env := f.env(t)
			if c.update != "" {
				decide(env, c.update, time.Minute)
			}
			got := told(env)
			_, err := holdingFor(env, time.Hour)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

// That nobody can be told is no reason for the run to fail.
func TestRunGoesOnWithoutItsNotification(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.planRemovals = planning(heldPlan)
	f.holdRun = func(activities.HoldRunInput) (activities.HoldRunResult, error) {
		return activities.HoldRunResult{RunReport: activities.RunReport{Provider: "acme", Status: directory.RunHeld,
			Notify: hooks}}, nil
	}
	env := f.env(t)
	holdingChild(env, func(workflows.HoldInput) {})
	env.OnWorkflow(workflows.NotifyRunName, mock.Anything, mock.Anything).Return(nil,
		testsuite.ErrMockStartChildWorkflowFailed).Once()
	result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, directory.RunHeld, result.Status)
	env.AssertExpectations(t)
}

func notifying(env *testsuite.TestWorkflowEnvironment) (*workflows.NotifyResult, error) {
	env.ExecuteWorkflow(workflows.NotifyRun, workflows.NotifyInput{RunID: runID, Provider: "acme", Status: "held",
		Hooks: hooks})
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out workflows.NotifyResult
	return &out, env.GetWorkflowResult(&out)
}

func TestEveryWebhookIsToldOnItsOwn(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	var mu sync.Mutex
	tries := map[string]int{}
	f.notify = func(in activities.NotifyInput) (activities.NotifyResult, error) {
		mu.Lock()
		defer mu.Unlock()
		tries[in.Hook]++
		if in.Hook == hooks[0] && tries[in.Hook] < 5 {
			return activities.NotifyResult{}, temporal.NewApplicationError("no answer", activities.TypeNotification)
		}
		return activities.NotifyResult{}, nil
	}
	result, err := notifying(f.env(t))
	require.NoError(t, err)
	require.Equal(t, &workflows.NotifyResult{Told: hooks}, result)
	require.Equal(t, map[string]int{hooks[0]: 5, hooks[1]: 1}, tries, "nobody hears twice")
}

func TestWebhookThatRefusesIsNamed(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"at once":   final(activities.TypeNotification, "notify feishu: code 19021"),
		"for a day": temporal.NewApplicationError("notify feishu: code 19021", activities.TypeNotification),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			f.notify = func(in activities.NotifyInput) (activities.NotifyResult, error) {
				if in.Hook == hooks[0] {
					return activities.NotifyResult{}, refusal
				}
				return activities.NotifyResult{Moot: true}, nil
			}
			env := f.env(t)
			began := env.Now()
			_, err := notifying(env)
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "notify feishu: code 19021", failed.Message())
			var result workflows.NotifyResult
			require.NoError(t, failed.Details(&result))
			require.Equal(t, workflows.NotifyResult{Told: []string{}, Moot: hooks[1:]}, result)
			require.LessOrEqual(t, env.Now().Sub(began), 25*time.Hour)
		})
	}
}
