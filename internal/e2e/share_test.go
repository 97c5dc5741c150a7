package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/simulator"
	"github.com/orgsync/orgsync/workflows"
)

// shares returns the fairness keys under which a workflow and its descendants
// scheduled activities that may take long, by activity.
func (w *world) shares(workflowID string) map[string]string {
	w.t.Helper()
	keys := map[string]string{}
	events := w.temporal.GetWorkflowHistory(w.t.Context(), workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
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
	require.Subset(t, keys, map[string]string{"PullDepartments": s.name, "PullMembers": s.name, "ApplyMembers": s.name, "Settle": s.name})
	for activity, key := range keys {
		require.Equal(t, s.name, key, activity)
	}
}
