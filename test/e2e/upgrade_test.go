package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/workflows"
)

// What one worker has begun another goes on with that replaces it: a run in the middle
// of its people, and one that waits for a decision.
func TestUpgradeWhileRunsAreInFlight(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	another, s := w.temporal, &strikes{plan: map[string]strike{}}
	w.dialed(s)
	stop := w.startWorker()

	held := newLeaving(w, directory.Feishu)
	leavers, newcomer := held.leave(limit + 1)
	waiting := w.held(held, leavers, newcomer)

	middle := newStaff(w)
	middle.change()
	reached := make(chan struct{})
	s.at(middle.name, "ApplyMembers", func(ctx context.Context) {
		close(reached)
		<-activity.GetWorkerStopChannel(ctx)
	})
	run := w.start(workflows.SyncInput{Provider: middle.name})
	<-reached
	stop()
	begun := w.history(run)
	require.Nil(t, begun.Events[len(begun.Events)-1].GetWorkflowExecutionCompletedEventAttributes(),
		"the run was to be in the middle")

	w.temporal = another
	w.startWorker()
	result := w.wait(run)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(middle.source)
	result, err := w.decide(waiting, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(held.source)

	slice := w.slice(w.history(run))
	verdict, err := replay.Replay(slice)
	require.NoError(t, err)
	require.True(t, verdict.Replays, verdict.Departure)
}

// slice is the history of a run's first child.
func (w *world) slice(of *historypb.History) *historypb.History {
	w.t.Helper()
	for _, event := range of.Events {
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			return w.history(w.temporal.GetWorkflow(w.t.Context(), child.GetWorkflowId(), child.GetRunId()))
		}
	}
	require.Fail(w.t, "the run has no shard")
	return nil
}
