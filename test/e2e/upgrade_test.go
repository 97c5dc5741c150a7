package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/workflows"
)

// previous makes workers run the workflows as they were before any change of the order
// of their commands: such a worker has no versions and records none.
type previous struct {
	interceptor.ClientInterceptorBase
	interceptor.WorkerInterceptorBase
}

func (*previous) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &previousInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type previousInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *previousInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&previousOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}})
}

type previousOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (*previousOutbound) GetVersion(workflow.Context, string, workflow.Version, workflow.Version) workflow.Version {
	return workflow.DefaultVersion
}

// What a worker of the version before has begun, today's goes on with: a run in the
// middle of its people, and one that waits for a decision.
func TestUpgradeWhileRunsAreInFlight(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	today, s := w.temporal, &strikes{plan: map[string]strike{}}
	w.dialed(&previous{}, s)
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
	require.Nil(t, begun.Events[len(begun.Events)-1].GetWorkflowExecutionCompletedEventAttributes(), "the run was to be in the middle")

	w.temporal = today
	w.startWorker()
	result := w.wait(run)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(middle.source)
	result, err := w.decide(waiting, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(held.source)

	slice := w.slice(w.history(run))
	require.Empty(t, versions(slice), "the slice was begun by the version before")
	verdict, err := replay.Replay(slice)
	require.NoError(t, err)
	require.True(t, verdict.Replays, verdict.Departure)
	again := w.start(workflows.SyncInput{Provider: middle.name})
	require.Equal(t, directory.RunSucceeded, w.wait(again).Status)
	require.NotEmpty(t, versions(w.slice(w.history(again))), "today's worker begins in today's way")
}

// slice is the history of a run's first child.
func (w *world) slice(of *historypb.History) *historypb.History {
	w.t.Helper()
	for _, event := range of.Events {
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			return w.history(w.temporal.GetWorkflow(w.t.Context(), child.GetWorkflowId(), child.GetRunId()))
		}
	}
	require.Fail(w.t, "the run has no slice")
	return nil
}

// versions are the markers of a history.
func versions(of *historypb.History) (markers []string) {
	for _, event := range of.Events {
		if event.GetEventType() == enums.EVENT_TYPE_MARKER_RECORDED {
			markers = append(markers, event.GetMarkerRecordedEventAttributes().GetMarkerName())
		}
	}
	return markers
}
