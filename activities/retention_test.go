package activities

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
)

// executions is a Temporal that knows these executions of a workflow, "" the latest.
type executions struct {
	client.Client
	known map[string]enums.WorkflowExecutionStatus
}

func (e executions) DescribeWorkflowExecution(_ context.Context, _,
	runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	status, ok := e.known[runID]
	if !ok {
		return nil, serviceerror.NewNotFound("no such execution")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status}}, nil
}

// A run that nobody will end any more is ended; one at work, be it after a reset, is not.
func TestDeadRunsAreEnded(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })

	const running, terminated = enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED
	for name, c := range map[string]struct {
		age   string
		known map[string]enums.WorkflowExecutionStatus
		want  string
	}{
		"at work": {"2 days", map[string]enums.WorkflowExecutionStatus{"run-1": running, "": running},
			directory.RunRunning},
		"reset": {"2 days", map[string]enums.WorkflowExecutionStatus{"run-1": terminated, "": running},
			directory.RunRunning},
		"begun of late": {"2 hours", nil, directory.RunRunning},
		"terminated": {"2 days", map[string]enums.WorkflowExecutionStatus{"run-1": terminated, "": terminated},
			directory.RunCanceled},
		"no longer known": {"2 days", nil, directory.RunFailed},
	} {
		d := departments(0)
		b := newBench(t, store, d, d)
		b.runs.Temporal = executions{known: c.known}
		_, err := conn.Exec(t.Context(), `UPDATE sync_runs SET started_at = now() - $2::interval WHERE id = $1`,
			b.runID, c.age)
		require.NoError(t, err)
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(b.retention)
		value, err := env.ExecuteActivity(b.retention.EndDeadRuns)
		require.NoError(t, err)
		var ended EndDeadRunsResult
		require.NoError(t, value.Get(&ended))
		run, err := store.Report.GetRun(t.Context(), b.runID)
		require.NoError(t, err)
		require.Equal(t, c.want, run.Status, name)
		require.Equal(t, c.want != directory.RunRunning, ended.Ended == 1, name)
		_, err = conn.Exec(t.Context(), `DELETE FROM sync_runs`)
		require.NoError(t, err)
	}
}

// Each part cleans up by the shortest time that concerns it, and not at all for ever.
func TestCleanUpKeepsWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, d)
	first := b.runID
	b.load()
	clean := func(keep Keep) map[string]int {
		b.retention.Keep = keep
		rows := map[string]int{}
		for _, part := range Parts {
			if n := must[CleanUpResult](b, b.retention.CleanUp, CleanUpInput{Part: part}); n.Rows > 0 {
				rows[part] = n.Rows
			}
		}
		return rows
	}
	require.Empty(t, clean(Keep{}))
	require.Empty(t, clean(Keep{Runs: time.Hour, Details: time.Hour, Raw: time.Hour}))

	rows := clean(Keep{Details: time.Nanosecond})
	require.Greater(t, rows[PartDetails], 4)
	require.Zero(t, rows[PartRuns])
	require.Empty(t, clean(Keep{Details: time.Nanosecond}))
	require.Equal(t, map[string]int{PartRuns: 1}, clean(Keep{Runs: time.Nanosecond, Details: time.Hour}))
	_, err := b.store.Report.GetRun(t.Context(), first)
	require.ErrorIs(t, err, db.ErrNotFound)
	run, err := b.store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.Equal(t, directory.RunRunning, run.Status, "the run at work stays")

	require.True(t, b.fails(b.retention.CleanUp, CleanUpInput{Part: "dust"}).NonRetryable())
}

// Nothing is deleted for its age by a clock that may have jumped: where Postgres' is days
// ahead of the worker's, or behind, the rest is still cleaned up.
func TestNothingIsOldByAClockThatMayBeWrong(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"ahead": 800 * 24 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, database(t), d, d)
			old := b.runID
			b.load()
			b.retention.Now = func() time.Time { return time.Now().Add(-jump) }
			b.retention.Keep = Keep{Runs: time.Nanosecond, Details: time.Nanosecond, Raw: time.Nanosecond}
			for _, part := range []string{PartRaw, PartDetails, PartRuns} {
				failed := b.fails(b.retention.CleanUp, CleanUpInput{Part: part})
				require.ErrorContains(t, failed, "by the clock of Postgres and")
				require.False(t, failed.NonRetryable(), "another worker's clock may agree")
			}
			for _, part := range []string{PartStaging, PartCalls} {
				must[CleanUpResult](b, b.retention.CleanUp, CleanUpInput{Part: part})
			}
			run, err := b.store.Report.GetRun(t.Context(), old)
			require.NoError(t, err)
			require.Nil(t, run.DetailsDroppedAt)
			b.retention.Now = time.Now
			require.Positive(t, must[CleanUpResult](b, b.retention.CleanUp, CleanUpInput{Part: PartDetails}).Rows)
		})
	}
}

func TestShorterOfTwoAges(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]time.Duration{{0, 0, 0}, {1, 0, 1}, {0, 1, 1}, {2, 1, 1}, {1, 2, 1}} {
		require.Equal(t, c[2], shorter(c[0], c[1]))
	}
}
