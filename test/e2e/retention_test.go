package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// Workers schedule retention once; it drops what the settings no longer keep, and
// the next sync does not miss it.
func TestRetentionIsScheduledAndCleansUp(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.cfg.KeepRuns, w.cfg.KeepDetails, w.cfg.KeepRaw = 0, time.Nanosecond, time.Nanosecond
	w.startWorker()
	l := newLab(t, 81)
	d, _ := l.below(simulator.Root, "Sales", 3)
	s := w.simulate(directory.Feishu, l.Company)
	leaver := l.hire(d)
	w.sync(s.name)
	l.must(l.Leave(leaver))
	removed := w.sync(s.name)
	require.Equal(t, 1, removed.Members.Deleted)
	newest := w.sync(s.name)

	ctx := t.Context()
	require.NoError(t, app.EnsureRetention(ctx, w.temporal, w.queue))
	schedule := w.temporal.ScheduleClient().GetHandle(ctx, workflows.RetentionID)
	t.Cleanup(func() { _ = schedule.Delete(context.Background()) })
	require.NoError(t, schedule.Pause(ctx, client.SchedulePauseOptions{Note: "back-up"}))
	require.NoError(t, app.EnsureRetention(ctx, w.temporal, w.queue))
	described, err := schedule.Describe(ctx)
	require.NoError(t, err)
	require.True(t, described.Schedule.State.Paused, "a pause survives the start of a worker")
	require.Len(t, described.Info.NextActionTimes, 10)
	for _, next := range described.Info.NextActionTimes {
		require.Equal(t, 3, next.UTC().Hour())
		require.NotZero(t, next.UTC().Minute())
	}

	run, err := w.temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: workflows.RetentionID, TaskQueue: w.queue}, workflows.RetentionName)
	require.NoError(t, err)
	var result workflows.RetentionResult
	require.NoError(t, run.Get(ctx, &result))
	require.Positive(t, result.Details)
	require.Positive(t, result.Raw)
	require.Zero(t, result.Runs)

	require.Empty(t, w.changes(removed.RunID))
	stored, err := w.store.Report.GetRun(ctx, removed.RunID)
	require.NoError(t, err)
	require.NotNil(t, stored.DetailsDroppedAt)
	stored, err = w.store.Report.GetRun(ctx, newest.RunID)
	require.NoError(t, err)
	require.Nil(t, stored.DetailsDroppedAt)
	var raw int
	require.NoError(t,
		w.pool.QueryRow(ctx, `SELECT count(*) FROM org_members WHERE status = 'deleted' AND raw_data <> '{}'`).Scan(
			&raw))
	require.Zero(t, raw)
	w.succeed(s)
}
