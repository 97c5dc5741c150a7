// Package replay tells whether this build's workflow code can go on with a workflow's
// history, and where the two part if not. It reads histories from a Temporal server or
// from exports and changes nothing.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// ErrNotHistory says that what was given is no workflow history.
var ErrNotHistory = errors.New("this is not a workflow history")

// Fetch reads a workflow's history from the server; an empty runID means the newest
// run. Errors are the server's.
func Fetch(ctx context.Context, c client.Client, workflowID, runID string) (*historypb.History, error) {
	history := &historypb.History{}
	events := c.GetWorkflowHistory(ctx, workflowID, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of workflow %s: %w", workflowID, err)
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// Parse reads an export, as "temporal workflow show -o json" and the Web UI write it.
// Its errors are ErrNotHistory.
func Parse(document []byte) (*historypb.History, error) {
	document = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(document), []byte("\ufeff")))
	if bytes.HasPrefix(document, []byte("[")) { // the events alone
		document = append(append([]byte(`{"events":`), document...), '}')
	}
	history, err := client.HistoryFromJSON(bytes.NewReader(document), client.HistoryJSONOptions{})
	if err != nil {
		return nil, fmt.Errorf(
			"%w: %w; export one with: temporal workflow show -w WORKFLOW_ID -o json, or download it in the Web UI, "+
				"encoded", ErrNotHistory, err)
	}
	if len(history.GetEvents()) == 0 || started(history) == nil {
		return nil, fmt.Errorf(
			"%w: it does not begin with the event WorkflowExecutionStarted; export it whole: temporal workflow show "+
				"-w WORKFLOW_ID -o json", ErrNotHistory)
	}
	for i, event := range history.Events {
		if event.GetEventId() != int64(i+1) {
			return nil, fmt.Errorf(
				"%w: it lacks event %d; export it whole: temporal workflow show -w WORKFLOW_ID -o json", ErrNotHistory,
				i+1)
		}
	}
	return history, nil
}

func started(h *historypb.History) *historypb.WorkflowExecutionStartedEventAttributes {
	return h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
}

// endings are how histories end, in words.
var endings = map[enums.EventType]string{
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:        "completed",
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:           "failed",
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:        "timed out",
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:         "canceled",
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:       "terminated",
	enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued as new",
}

// Running is the state of a history without an end: of a workflow at work, or an
// export that was made while it was.
const Running = "running"

// ending returns how the workflow ended and, where it did not succeed, why.
func ending(h *historypb.History) (state, failure string) {
	last := h.Events[len(h.Events)-1]
	state, ended := endings[last.GetEventType()]
	if !ended {
		return Running, ""
	}
	if failed := last.GetWorkflowExecutionFailedEventAttributes(); failed != nil {
		failure = chain(failed.GetFailure())
	}
	if terminated := last.GetWorkflowExecutionTerminatedEventAttributes(); terminated != nil {
		failure = terminated.GetReason()
	}
	return state, failure
}

// chain joins a failure with its causes, leaving out the wrapping that says nothing.
func chain(f *failurepb.Failure) string {
	if f == nil {
		return ""
	}
	cause := chain(f.GetCause())
	if cause == "" {
		return f.GetMessage()
	}
	if f.GetActivityFailureInfo() != nil {
		return "activity " + f.GetActivityFailureInfo().GetActivityType().GetName() + ": " + cause
	}
	if f.GetChildWorkflowExecutionFailureInfo() != nil {
		return "child workflow " + f.GetChildWorkflowExecutionFailureInfo().GetWorkflowType().GetName() + ": " + cause
	}
	return f.GetMessage() + ": " + cause
}

// execution is whose history it is, as far as the history says.
func execution(h *historypb.History) *commonpb.WorkflowExecution {
	first := started(h)
	return &commonpb.WorkflowExecution{WorkflowId: first.GetWorkflowId(), RunId: first.GetOriginalExecutionRunId()}
}
