package workflows_test

import (
	"errors"
	"sync"
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

// Canceled at whatever step, a run gets its final status and the workflow ends as
// canceled with the result.
func TestCancelingARun(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"BeginRun", "Preflight", "ReadDepartments", "FinishDepartments", "ApplyDepartments", "DepartmentIDs",
		"ReadMembers", "ReadDepartmentMembers",
		"FailMembers", "ApplyMembers", "PlanRemovals", "Remove", "Recompute", "LinkAccounts", "HoldRun",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			f := newFakes(400)
			f.pullMembers = func(in activities.BatchInput) (activities.ReadMembersResult, error) {
				if at == "FailMembers" {
					return activities.ReadMembersResult{}, unavailable()
				}
				return activities.ReadMembersResult{Failed: []int{in.First}}, nil
			}
			f.planRemovals = planning(activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 1}})
			if at == "HoldRun" {
				f.planRemovals = planning(heldPlan)
			}
			var env *testsuite.TestWorkflowEnvironment
			f.before = func(name string) {
				if name == at {
					env.CancelWorkflow()
				}
			}
			env = f.env(t)
			attribute := watchAttributes(env)
			_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			var canceled *temporal.CanceledError
			require.ErrorAs(t, err, &canceled)
			var result *workflows.SyncResult
			require.NoError(t, canceled.Details(&result))
			require.Equal(t, directory.RunCanceled, result.Status)
			finished := inputsOf[activities.FinishRunInput](f, "FinishRun")
			require.Len(t, finished, 1)
			require.Equal(t, directory.RunCanceled, finished[0].Status)
			require.Equal(t, "the workflow was canceled", finished[0].Problem)
			require.Equal(t, "FinishRun", f.order()[len(f.order())-1], "nothing happens after the end")
			require.Equal(t, []any{directory.RunRunning, directory.RunCanceled}, attribute("SyncOutcome"))
		})
	}
}

// The run ends after its shards, also after those that take their time to stop and
// while others wait for their turn.
func TestCanceledRunWaitsForItsSlices(t *testing.T) {
	t.Parallel()
	f := newFakes(8000)
	var mu sync.Mutex
	var started, ended int
	f.before = func(name string) {
		if name == "FinishRun" {
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, 6, started)
			assert.Equal(t, 6, ended)
		}
	}
	env := f.env(t)
	shardsOf(env, func(ctx workflow.Context, _ workflows.SyncDepartmentsInput) (*workflows.SyncDepartmentsResult,
		error) {
		mu.Lock()
		started++
		mu.Unlock()
		canceled := workflow.Sleep(ctx, time.Hour)
		stopping, _ := workflow.NewDisconnectedContext(ctx)
		err := workflow.Sleep(stopping, time.Minute)
		mu.Lock()
		ended++
		mu.Unlock()
		return nil, errors.Join(canceled, err)
	})
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, 1, f.count("FinishRun"))
}

// A cancel that comes when everything is done does not undo it.
func TestCancelingAFinishedRun(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	var env *testsuite.TestWorkflowEnvironment
	f.before = func(name string) {
		if name == "FinishRun" {
			env.CancelWorkflow()
		}
	}
	env = f.env(t)
	result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status)
}
