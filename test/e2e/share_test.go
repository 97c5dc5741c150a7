package e2e

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// shares returns the fairness keys under which a workflow and its descendants
// scheduled activities that may take long, by activity.
func (w *world) shares(workflowID string) map[string]string {
	w.t.Helper()
	keys := map[string]string{}
	events := w.temporal.GetWorkflowHistory(w.t.Context(), workflowID, "", false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(w.t, err)
		if a := event.GetActivityTaskScheduledEventAttributes(); a.GetHeartbeatTimeout().AsDuration() > 0 {
			keys[a.GetActivityType().GetName()] = a.GetPriority().GetFairnessKey()
		}
		if child := event.GetChildWorkflowExecutionStartedEventAttributes(); child != nil {
			for activity, key := range w.shares(child.GetWorkflowExecution().GetWorkflowId()) {
				keys[activity] = key
			}
		}
	}
	return keys
}

// Runs of several providers take turns at the queues: all that may take long carries
// the provider as its fairness key, in slices too.
func TestProvidersTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.DingTalk, simulator.Generate(simulator.TypicalSpec(3, 10)))
	w.succeed(s)
	keys := w.shares(workflows.SyncWorkflowID(s.name))
	require.Subset(t, keys, map[string]string{"ReadDepartments": s.name, "ReadMembers": s.name, "ApplyMembers": s.name,
		"Recompute": s.name})
	for activity, key := range keys {
		require.Equal(t, s.name, key, activity)
	}
}

// inFlight is how many calls a run has under way at most (ARCHITECTURE.md, "Limits").
const inFlight = 32

// A run whose every call hangs takes all that one run may have, and another company's
// run still comes to its end.
func TestSmallCompanyDoesNotWaitForALargeOne(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.opens.CallTimeout, w.opens.CallRate = 10*time.Minute, 0
	w.startWorker()
	company := simulator.TypicalSpec(5, 500)
	company.Departments = 500 // two slices, with enough batches in each
	arrived, open := make(chan struct{}, company.Departments*2), make(chan struct{})
	var reading atomic.Bool
	large := w.simulateWith(directory.Feishu, simulator.Generate(company),
		simulator.Options{BeforeCall: func(endpoint string, n int) {
			switch {
			case endpoint == readers[directory.Feishu].departments && n == 2:
				reading.Store(true) // the preflight is over
			case endpoint == readers[directory.Feishu].members && reading.Load():
				arrived <- struct{}{}
				<-open
			}
		}})
	small := w.simulate(directory.Feishu, simulator.Generate(simulator.TypicalSpec(3, 10)))

	run := w.start(workflows.SyncInput{Provider: large.name})
	for range inFlight {
		<-arrived
	}
	w.succeed(small)
	described, err := w.temporal.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
	require.NoError(t, err)
	require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
	require.Empty(t, arrived, "more calls under way than one run may have")

	close(open)
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
	w.requireEqual(large)
}
