package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// schedule has a provider synced as "temporal schedule create" does, at once and then
// no more in this test's life.
func (w *world) schedule(id, provider string) client.ScheduleHandle {
	w.t.Helper()
	handle, err := w.temporal.ScheduleClient().Create(w.t.Context(), client.ScheduleOptions{
		ID: id, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: 30 * 24 * time.Hour}}},
		TriggerImmediately: true,
		Action: &client.ScheduleWorkflowAction{
			// By the schedule's own name: what two schedules start in one second would be one workflow.
			ID: id + "/scheduled", Workflow: workflows.ScheduledSyncName, TaskQueue: w.queue,
			Args: []any{map[string]string{"provider": provider}},
		},
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = handle.Delete(w.t.Context()) })
	return handle
}

// scheduled waits until a schedule has started so many workflows and returns the last.
func (w *world) scheduled(handle client.ScheduleHandle, nth int) client.WorkflowRun {
	w.t.Helper()
	var last *client.ScheduleWorkflowExecution
	require.Eventually(w.t, func() bool {
		described, err := handle.Describe(w.t.Context())
		if err != nil || len(described.Info.RecentActions) < nth {
			return false
		}
		last = described.Info.RecentActions[nth-1].StartWorkflowResult
		return true
	}, time.Minute, 50*time.Millisecond)
	return w.temporal.GetWorkflow(w.t.Context(), last.WorkflowID, last.FirstExecutionRunID)
}

func (w *world) trigger(handle client.ScheduleHandle) {
	w.t.Helper()
	require.NoError(w.t, handle.Trigger(w.t.Context(), client.ScheduleTriggerOptions{}))
}

// stall keeps the provider from listing people, until its faults are cleared.
func (s *source) stall() {
	s.faults.Add(simulator.Fault{Endpoint: readers[s.kind].members, Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.Throttle, Delay: time.Hour}})
}

// stalled waits until a sync of the provider is at its first call that lists people.
func (w *world) stalled(provider string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		value, err := w.temporal.QueryWorkflow(w.t.Context(), workflows.SyncWorkflowID(provider), "",
			workflows.ProgressQuery)
		var p workflows.Progress
		return err == nil && value.Get(&p) == nil && p.Phase == "preflight"
	}, time.Minute, 50*time.Millisecond)
}

func TestScheduledAndManualSyncsNeverRunTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newPlot(w, directory.Feishu).source
	handle := w.schedule("nightly of "+s.name, s.name)
	var result workflows.ScheduledResult
	require.NoError(t, w.scheduled(handle, 1).Get(t.Context(), &result))
	require.Empty(t, result.Skipped)
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.Equal(t, "schedule nightly of "+s.name, w.actors(result.RunID)[0])
	w.requireEqual(s)

	// A manual sync is at work: the schedule leaves it alone.
	s.stall()
	manual := w.start(workflows.SyncInput{Provider: s.name})
	w.stalled(s.name)
	w.trigger(handle)
	result = workflows.ScheduledResult{}
	require.NoError(t, w.scheduled(handle, 2).Get(t.Context(), &result))
	require.Nil(t, result.SyncResult)
	require.Equal(t, "a sync of "+s.name+" is already running: workflow orgsync/"+s.name, result.Skipped)
	require.NoError(t, w.temporal.CancelWorkflow(t.Context(), manual.GetID(), manual.GetRunID()))
	require.Error(t, manual.Get(t.Context(), nil))

	// A scheduled sync is at work: a manual one is refused. Canceling what the schedule
	// started cancels the sync.
	w.trigger(handle)
	third := w.scheduled(handle, 3)
	w.stalled(s.name)
	_, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: manual.GetID(), TaskQueue: w.queue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.SyncOrgName, workflows.SyncInput{Provider: s.name})
	require.ErrorAs(t, err, new(*serviceerror.WorkflowExecutionAlreadyStarted))
	require.NoError(t, w.temporal.CancelWorkflow(t.Context(), third.GetID(), third.GetRunID()))
	err = third.Get(t.Context(), nil)
	var canceled *temporal.CanceledError
	require.ErrorAs(t, err, &canceled)
	var of workflows.SyncResult
	require.NoError(t, canceled.Details(&of))
	require.Equal(t, directory.RunCanceled, w.status(of.RunID))

	// Terminating it cancels the sync, too.
	w.trigger(handle)
	fourth := w.scheduled(handle, 4)
	w.stalled(s.name)
	require.NoError(t, w.temporal.TerminateWorkflow(t.Context(), fourth.GetID(), fourth.GetRunID(), "test"))
	require.ErrorAs(t, w.temporal.GetWorkflow(t.Context(), manual.GetID(), "").Get(t.Context(), nil), &canceled)
	require.NoError(t, canceled.Details(&of))
	require.Equal(t, directory.RunCanceled, w.status(of.RunID))
	s.faults.Clear()

	// A failure is one of what the schedule started, too, with the run's result.
	s.faults.Add(simulator.Fault{Endpoint: readers[s.kind].departments, Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.Forbidden}})
	w.trigger(handle)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, w.scheduled(handle, 5).Get(t.Context(), nil), &failed)
	require.Equal(t, workflows.FailureType, failed.Type())
	require.NoError(t, failed.Details(&of))
	require.Equal(t, directory.RunFailed, w.status(of.RunID))
	s.faults.Clear()

	// Switched off behind everybody's back, the provider takes along the schedule that
	// finds out, whatever it is called.
	_, err = w.pool.Exec(t.Context(), `UPDATE identity_providers SET is_active = false WHERE name = $1`, s.name)
	require.NoError(t, err)
	w.trigger(handle)
	require.Eventually(t, func() bool {
		_, err := handle.Describe(t.Context())
		return errors.As(err, new(*serviceerror.NotFound))
	}, time.Minute, 50*time.Millisecond)
}
