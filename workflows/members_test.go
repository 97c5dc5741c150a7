package workflows_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// What the server suggests to begin a new history at, and what an activity or child
// that was tried once adds to one: scheduled, started, ended, and a workflow task
// (three events) at its end at most.
const (
	suggestedEvents = 4096
	eventsEach      = 6
	eventsBesides   = 40
)

// shardsOf replaces SyncDepartments by do, called once a shard.
func shardsOf(env *testsuite.TestWorkflowEnvironment,
	do func(workflow.Context, workflows.SyncDepartmentsInput) (*workflows.SyncDepartmentsResult, error)) {
	env.RegisterWorkflowWithOptions(do, workflow.RegisterOptions{Name: workflows.SyncDepartmentsName,
		DisableAlreadyRegisteredCheck: true})
}

// Every department is read and applied exactly once, whatever the size of the
// company, in shards and batches whose histories stay small.
func TestEveryDepartmentIsReadOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ departments, shards, batch int }{
		{1, 1, 1}, {300, 1, 1}, {301, 1, 3}, {400, 1, 4}, {401, 2, 4}, {1000, 3, 10}, {20_000, 50, 50},
	} {
		t.Run(fmt.Sprint(c.departments), func(t *testing.T) {
			t.Parallel()
			f := newFakes(c.departments)
			env := f.env(t)
			var mu sync.Mutex
			children := map[string]int{}
			env.SetOnChildWorkflowStartedListener(
				func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
					mu.Lock()
					defer mu.Unlock()
					children[info.WorkflowExecution.ID]++
				})
			_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			require.NoError(t, err)
			require.Len(t, children, c.shards)
			require.Contains(t, children, fmt.Sprintf("orgsync/acme/run/%s/departments-1-%d", runID,
				min(400, c.departments)))
			for _, name := range []string{"ReadMembers", "ApplyMembers"} {
				seen := make([]int, c.departments+1)
				perSlice := map[int]int{}
				for _, batch := range inputsOf[activities.BatchInput](f, name) {
					require.LessOrEqual(t, batch.Last-batch.First+1, c.batch)
					perSlice[(batch.First-1)/400]++
					for n := batch.First; n <= batch.Last; n++ {
						seen[n]++
					}
				}
				for n := 1; n <= c.departments; n++ {
					require.Equal(t, 1, seen[n], "%s of department %d", name, n)
				}
				for _, batches := range perSlice {
					require.Less(t, 2*batches*eventsEach+eventsBesides, suggestedEvents)
				}
			}
			require.Less(t, (c.shards+12)*eventsEach+eventsBesides, suggestedEvents)
		})
	}
}

// A run's departments are divided as the activity said that sealed the tree.
func TestDepartmentsAreDividedAsDecided(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.sealDepartments = func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error) {
		return activities.FinishDepartmentsResult{Departments: 10,
			Sharding: activities.Sharding{Shard: 4, Shards: 2, Batch: 3, Batches: 5}}, nil
	}
	env := f.env(t)
	var mu sync.Mutex
	var shards []workflows.SyncDepartmentsInput
	env.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		mu.Lock()
		defer mu.Unlock()
		var in workflows.SyncDepartmentsInput
		require.NoError(t, args.Get(&in))
		shards = append(shards, in)
	})
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	shard := workflows.SyncDepartmentsInput{RunID: runID, Provider: "acme", Batch: 3, Batches: 5, Apply: true}
	var want []workflows.SyncDepartmentsInput
	for _, r := range [][2]int{{1, 4}, {5, 8}, {9, 10}} {
		shard.First, shard.Last = r[0], r[1]
		want = append(want, shard)
	}
	require.ElementsMatch(t, want, shards)
	var batches [][2]int
	for _, batch := range inputsOf[activities.BatchInput](f, "ReadMembers") {
		batches = append(batches, [2]int{batch.First, batch.Last})
	}
	require.ElementsMatch(t, [][2]int{{1, 3}, {4, 4}, {5, 7}, {8, 8}, {9, 10}}, batches)
}

// A shard keeps a bounded number of batches in flight, and really that many.
func TestBatchesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const want = 5
	f := newFakes(0)
	env := f.env(t)
	var mu sync.Mutex
	var pending [][]byte
	var most int
	env.RegisterActivityWithOptions(func(ctx context.Context, _ activities.BatchInput) (activities.ReadMembersResult,
		error) {
		mu.Lock()
		defer mu.Unlock()
		pending = append(pending, activity.GetInfo(ctx).TaskToken)
		return activities.ReadMembersResult{}, activity.ErrResultPending
	}, activity.RegisterOptions{Name: "ReadMembers", DisableAlreadyRegisteredCheck: true})
	// Once a minute, when nothing else can happen, all that is pending is answered.
	for minute := range 100/want + 2 {
		env.RegisterDelayedCallback(func() {
			mu.Lock()
			defer mu.Unlock()
			most = max(most, len(pending))
			for _, token := range pending {
				require.NoError(t, env.CompleteActivity(token, activities.ReadMembersResult{}, nil))
			}
			pending = nil
		}, time.Duration(minute+1)*time.Minute)
	}
	env.ExecuteWorkflow(workflows.SyncDepartments,
		workflows.SyncDepartmentsInput{RunID: runID, Provider: "acme", First: 1, Last: 100, Batch: 1, Batches: want,
			Apply: true})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, want, most)
	require.Equal(t, 100, f.count("ApplyMembers"))
}

func TestSlicesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	f := newFakes(8000)
	env := f.env(t)
	var mu sync.Mutex
	var running, most int
	shardsOf(env, func(ctx workflow.Context, in workflows.SyncDepartmentsInput) (*workflows.SyncDepartmentsResult,
		error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		err := workflow.Sleep(ctx, time.Minute)
		mu.Lock()
		running--
		mu.Unlock()
		return &workflows.SyncDepartmentsResult{Failed: 1, People: 70}, err
	})
	env.RegisterDelayedCallback(func() {
		var p workflows.Progress
		value, err := env.QueryWorkflow(workflows.ProgressQuery)
		require.NoError(t, err)
		require.NoError(t, value.Get(&p))
		require.Equal(t, []any{runID, directory.RunRunning, "members", 8000, 12 * 400, 12, 12 * 70},
			[]any{p.RunID, p.Status, p.Phase, p.Departments, p.DepartmentsDone, p.DepartmentsFailed, p.MembersRead})
	}, 150*time.Second)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, 6, most)
}

// What ends one shard ends the others, also those still waiting for their turn, and
// the run has failed, not been canceled.
func TestFailedSliceEndsTheOthers(t *testing.T) {
	t.Parallel()
	f := newFakes(8000)
	env := f.env(t)
	var mu sync.Mutex
	var started, ended int
	shardsOf(env, func(ctx workflow.Context, in workflows.SyncDepartmentsInput) (*workflows.SyncDepartmentsResult,
		error) {
		mu.Lock()
		started++
		mu.Unlock()
		defer func() {
			mu.Lock()
			ended++
			mu.Unlock()
		}()
		if in.First == 401 {
			if err := workflow.Sleep(ctx, time.Minute); err != nil {
				return nil, err
			}
			return nil, forbidden()
		}
		return nil, workflow.Sleep(ctx, time.Hour)
	})
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.Equal(t, directory.RunFailed, failedWith(t, err).Status)
	require.ErrorContains(t, err, "the permission is missing")
	require.Equal(t, 6, started)
	require.Equal(t, 6, ended, "the run ends after its shards")
}

// shard runs SyncDepartments over departments 1 to 6 in batches of 3.
func shard(t *testing.T, f *fakes) (workflows.SyncDepartmentsResult, error) {
	t.Helper()
	env := f.env(t)
	env.ExecuteWorkflow(workflows.SyncDepartments,
		workflows.SyncDepartmentsInput{RunID: runID, Provider: "acme", First: 1, Last: 6, Batch: 3, Batches: 16,
			Apply: true})
	var out workflows.SyncDepartmentsResult
	if err := env.GetWorkflowError(); err != nil {
		return out, err
	}
	return out, env.GetWorkflowResult(&out)
}

// pulling answers for the batch that begins with department 1; others are read.
func pulling(answer activities.ReadMembersResult,
	err error) func(activities.BatchInput) (activities.ReadMembersResult, error) {
	return func(in activities.BatchInput) (activities.ReadMembersResult, error) {
		if in.First == 1 {
			return answer, err
		}
		return activities.ReadMembersResult{Read: 3}, nil
	}
}

func TestDepartmentThatFailsIsTriedAlone(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.pullMembers = pulling(activities.ReadMembersResult{Failed: []int{2, 3}, Read: 1, People: 7}, nil)
	f.pullDepartmentMembers = func(in activities.DepartmentInput) (activities.ReadDepartmentMembersResult, error) {
		if in.Position == 3 {
			return activities.ReadDepartmentMembersResult{}, unavailable()
		}
		return activities.ReadDepartmentMembersResult{People: 5}, nil
	}
	out, err := shard(t, f)
	require.NoError(t, err)
	require.Equal(t, workflows.SyncDepartmentsResult{Failed: 1, People: 12}, out)
	require.Equal(t, []activities.DepartmentInput{{RunID: runID, Position: 2}, {RunID: runID, Position: 3}},
		inputsOf[activities.DepartmentInput](f, "ReadDepartmentMembers"))
	require.ElementsMatch(t, []activities.BatchInput{{RunID: runID, First: 1, Last: 3},
		{RunID: runID, First: 4, Last: 6}},
		inputsOf[activities.BatchInput](f, "ApplyMembers"), "what was read is applied")
	require.Zero(t, f.count("FailMembers"))
}

func TestWhatIsRecognisedIsNotApplied(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.pullMembers = pulling(activities.ReadMembersResult{Read: 3, People: 7, Unchanged: true}, nil)
	out, err := shard(t, f)
	require.NoError(t, err)
	require.Equal(t, workflows.SyncDepartmentsResult{People: 7}, out)
	require.Equal(t, []activities.BatchInput{{RunID: runID, First: 4, Last: 6}},
		inputsOf[activities.BatchInput](f, "ApplyMembers"))
}

func TestBatchThatFailsIsNotedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.pullMembers = pulling(activities.ReadMembersResult{}, unavailable())
	out, err := shard(t, f)
	require.NoError(t, err)
	require.Equal(t, 3, out.Failed)
	require.Equal(t,
		[]activities.FailMembersInput{{BatchInput: activities.BatchInput{RunID: runID, First: 1, Last: 3},
			Problem: "Feishu: connection failed"}},
		inputsOf[activities.FailMembersInput](f, "FailMembers"))
	require.Equal(t, 2, f.count("ApplyMembers"))
}

func TestBatchThatTimesOutIsNoted(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.pullMembers = pulling(activities.ReadMembersResult{}, temporal.NewHeartbeatTimeoutError())
	out, err := shard(t, f)
	require.NoError(t, err)
	require.Equal(t, 3, out.Failed)
	require.Contains(t, inputsOf[activities.FailMembersInput](f, "FailMembers")[0].Problem, "no answer in time")
}

// What would fail every department fails the shard, wherever it turns up.
func TestWhatEndsTheRunEndsTheSlice(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*fakes){
		"batch": func(f *fakes) { f.pullMembers = pulling(activities.ReadMembersResult{}, forbidden()) },
		"alone": func(f *fakes) {
			f.pullMembers = pulling(activities.ReadMembersResult{Failed: []int{2}}, nil)
			f.pullDepartmentMembers = func(activities.DepartmentInput) (activities.ReadDepartmentMembersResult, error) {
				return activities.ReadDepartmentMembersResult{}, final(activities.TypeSuperseded, "overtaken")
			}
		},
		"noting": func(f *fakes) {
			f.pullMembers = pulling(activities.ReadMembersResult{}, unavailable())
			f.failMembers = func(activities.FailMembersInput) (none, error) {
				return none{}, final(activities.TypeStorage, "postgres 42P01")
			}
		},
		"applying": func(f *fakes) {
			f.applyMembers = func(in activities.BatchInput) (none, error) {
				return none{}, final(activities.TypeSuperseded, "overtaken")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			arrange(f)
			_, err := shard(t, f)
			require.Error(t, err)
			require.False(t, temporal.IsCanceledError(err), "the reason, not what it led to: %v", err)
		})
	}
}
