package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// shown is what a held run would remove: more memberships than are named.
func shown() *directory.Removals {
	return &directory.Removals{
		Members:     directory.Removal{Planned: 2, There: 40, Limit: new(1), IDs: []string{"u1", "u`2"}},
		Departments: directory.Removal{There: 7, Limit: new(20), IDs: []string{}},
		Memberships: directory.Removal{Planned: 51, There: 60, IDs: []string{"u3 in d1"}},
	}
}

// holdingFor waits for a decision for as long as is left from the test's start.
func holdingFor(env *testsuite.TestWorkflowEnvironment, left time.Duration) (*workflows.SyncResult, error) {
	return holdingAt(env, left, env.Now())
}

// holdingAt does the same where the clock of Postgres says that it is now then.
func holdingAt(env *testsuite.TestWorkflowEnvironment, left time.Duration,
	now time.Time) (*workflows.SyncResult, error) {
	env.ExecuteWorkflow(workflows.HoldRemovals, workflows.HoldInput{
		RunID: runID, Provider: "acme", Reason: holdReason, ExpiresAt: new(now.Add(left)), ExpiresIn: left,
		Removals: shown(),
	})
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out workflows.SyncResult
	return &out, env.GetWorkflowResult(&out)
}

func TestUndecidedRemovalsExpire(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"in three days": 72 * time.Hour,
		"long ago, nobody was at work": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(0)
			env := f.env(t)
			attribute := watchAttributes(env)
			began := env.Now()
			result, err := holdingFor(env, left)
			require.NoError(t, err)
			require.Equal(t, []string{"FinishRun"}, f.order(), "nothing is removed")
			require.Equal(t, directory.RunRejected, result.Status)
			require.Len(t, result.Errors, 1)
			require.Contains(t, result.Errors[0],
				"nobody decided by "+began.Add(left).UTC().Format(time.DateTime)+
					" UTC, so the removals were rejected: "+holdReason)
			require.Equal(t, []any{directory.RunRejected}, attribute("SyncOutcome"))
			require.GreaterOrEqual(t, env.Now().Sub(began), max(0, left))
			require.Equal(t, "expired", query[workflows.HeldRemovals](t, env, workflows.RemovalsQuery).State)
		})
	}
}

// How long a hold lasts does not hang on whether Postgres' clock agrees with Temporal's.
func TestHoldsLastAsLongWhateverTheClocks(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]time.Duration{"Postgres two hours behind": 2 * time.Hour,
		"Postgres a day ahead": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newFakes(0).env(t)
			began := env.Now()
			result, err := holdingAt(env, time.Hour, began.Add(-behind))
			require.NoError(t, err)
			require.Equal(t, directory.RunRejected, result.Status)
			require.WithinDuration(t, began.Add(time.Hour), env.Now(), time.Second)
		})
	}
}

func TestDecisionInTimeStopsTheClock(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	began := env.Now()
	d := decide(env, workflows.ApproveUpdate, 72*time.Hour-time.Second)
	result, err := holdingFor(env, 72*time.Hour)
	require.NoError(t, err)
	require.Equal(t, []string{"ResumeRun", "LookUpAgain", "WithdrawReturned", "Remove", "Recompute", "FinishRun"},
		f.order())
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.Equal(t, result, d.result)
	require.Less(t, env.Now().Sub(began), 72*time.Hour)
}

func TestDecisionTooLateIsRefused(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	var env *testsuite.TestWorkflowEnvironment
	var late *decision
	f.before = func(string) {
		late = decide(env, workflows.ApproveUpdate, 0)
		answered := make(chan struct{})
		env.RegisterDelayedCallback(func() { close(answered) }, 0)
		<-answered
	}
	env = f.env(t)
	result, err := holdingFor(env, time.Minute)
	require.NoError(t, err)
	require.Equal(t, directory.RunRejected, result.Status)
	require.Zero(t, f.count("Remove"))
	require.ErrorContains(t, late.rejected, "the removals are already expired")
}

func TestHoldShowsWhatIsToBeDecided(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	until := env.Now().Add(time.Hour)
	env.RegisterDelayedCallback(func() {
		held := query[workflows.HeldRemovals](t, env, workflows.RemovalsQuery)
		require.WithinDuration(t, until, *held.ExpiresAt, 0)
		held.ExpiresAt = nil
		require.Equal(t, workflows.HeldRemovals{RunID: runID, Provider: "acme", State: "held", Reason: holdReason,
			Removals: shown()}, held)
		details := detailsOf(t, env)
		for _, want := range []string{
			holdReason, "| members | 2 | 40 | 1 |", "| departments | 0 | 7 | 20 |",
			"| memberships | 51 | 60 | no limit |",
			"**members:** `u1`, `u'2`\n", "`u3 in d1` and 50 more",
			"until " + until.UTC().Format(time.DateTime) + " UTC",
			"`approve_removals`", "`orgsync approve acme " + runID + "`",
			"--workflow-id orgsync/acme/removals/" + runID + " --name approve_removals",
		} {
			require.Contains(t, details, want)
		}
	}, time.Minute)
	decide(env, workflows.RejectUpdate, 2*time.Minute)
	_, err := holdingFor(env, time.Hour)
	require.NoError(t, err)
	details := detailsOf(t, env)
	require.Contains(t, details, "rejected")
	require.NotContains(t, details, "orgsync approve", "there is nothing left to decide")
}

// The run's own workflow hands on what its activity returned, and says where the
// decision is waited for.
func TestHeldRunHandsOnWhatIsShown(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.planRemovals = planning(heldPlan)
	var until time.Time
	f.holdRun = func(activities.HoldRunInput) (activities.HoldRunResult, error) {
		return activities.HoldRunResult{
			RunReport: activities.RunReport{Provider: "acme", Status: directory.RunHeld}, ExpiresAt: &until,
			ExpiresIn: time.Hour, Removals: shown(),
		}, nil
	}
	env := f.env(t)
	until = env.Now().Add(time.Hour).UTC()
	input := make(chan workflows.HoldInput, 1)
	holdingChild(env, func(in workflows.HoldInput) { input <- in })
	result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.WithinDuration(t, until, *result.HoldExpiresAt, 0)
	in := <-input
	require.Equal(t, shown(), in.Removals)
	require.WithinDuration(t, until, *in.ExpiresAt, 0)
	require.Equal(t, time.Hour, in.ExpiresIn)
	require.Contains(t, detailsOf(t, env), "`"+result.HoldWorkflowID+"`")
	progress := query[workflows.Progress](t, env, workflows.ProgressQuery)
	require.Equal(t, result.HoldWorkflowID, progress.HoldWorkflowID)
	require.WithinDuration(t, until, *progress.HoldExpiresAt, 0)
}

// However long the ids, what is shown stays far below what Temporal carries.
func TestDetailsStaySmall(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = fmt.Sprint(i, strings.Repeat("x", 128))
	}
	env.RegisterDelayedCallback(func() { require.Less(t, len(detailsOf(t, env)), 32<<10) }, time.Minute)
	decide(env, workflows.RejectUpdate, time.Hour)
	env.ExecuteWorkflow(workflows.HoldRemovals,
		workflows.HoldInput{RunID: runID, Provider: "acme", Reason: holdReason, Removals: &directory.Removals{
			Members:     directory.Removal{Planned: 5000, IDs: ids},
			Departments: directory.Removal{Planned: 5000, IDs: ids},
			Memberships: directory.Removal{Planned: 5000, IDs: ids},
		}})
	require.NoError(t, env.GetWorkflowError())
}

func query[T any](t *testing.T, env *testsuite.TestWorkflowEnvironment, name string) (answer T) {
	t.Helper()
	value, err := env.QueryWorkflow(name)
	require.NoError(t, err)
	require.NoError(t, value.Get(&answer))
	return answer
}

// detailsOf is what the Web UI shows of a workflow.
func detailsOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	return query[*sdkpb.WorkflowMetadata](t, env, "__temporal_workflow_metadata").GetCurrentDetails()
}
