package main

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// history is what a round cost Temporal.
type history struct {
	Workflows int `json:"workflows"`
	Events    int `json:"events"`
	// LargestHistory is the most events of one workflow.
	LargestHistory int `json:"largest_history"`
	// LargestPayload is the most bytes of one input, result or attribute.
	LargestPayload int `json:"largest_payload"`
	// Actions are counted as Temporal Cloud bills them, heartbeats left out, which
	// leave no trace.
	Actions         int     `json:"actions"`
	ActionsPer1000  float64 `json:"actions_per_1000_members"`
	FailedAttempts  int     `json:"failed_attempts"`
	ActivitiesEnded int     `json:"activities"`
}

// readHistories reads the run's own history and those of its children.
func (s *measured) readHistories(ctx context.Context, run client.WorkflowRun, r *round) error {
	marks, children, err := s.readHistory(ctx, run.GetID(), run.GetRunID(), &r.History)
	if err != nil {
		return err
	}
	for _, child := range children {
		if _, _, err := s.readHistory(ctx, child.GetWorkflowId(), child.GetRunId(), &r.History); err != nil {
			return err
		}
	}
	for i := range marks[:len(marks)-1] {
		r.Phases = append(r.Phases, phase{marks[i].name, marks[i+1].at.Sub(marks[i].at).Seconds()})
	}
	r.History.ActionsPer1000 = float64(r.History.Actions) / float64(max(1, r.Members)) * 1000
	return nil
}

// mark is when a phase began.
type mark struct {
	name string
	at   time.Time
}

// readHistory adds one workflow's history up. The marks end with the workflow's end.
func (s *measured) readHistory(
	ctx context.Context,
	id, runID string,
	h *history,
) (marks []mark, children []*commonpb.WorkflowExecution, err error) {
	events := s.Client.GetWorkflowHistory(ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	count := 0
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, nil, err
		}
		count++
		h.Actions += actions(event)
		if err := measurePayloads(ctx, event, h); err != nil {
			return nil, nil, err
		}
		at := event.GetEventTime().AsTime()
		switch {
		case event.GetWorkflowExecutionStartedEventAttributes() != nil:
			marks = append(marks, mark{"begin", at})
		case event.GetChildWorkflowExecutionStartedEventAttributes() != nil:
			children = append(children, event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution())
		case event.GetActivityTaskStartedEventAttributes() != nil:
			h.ActivitiesEnded++
			h.FailedAttempts += int(event.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
		}
		if name := phaseOf(event); name != "" {
			marks = append(marks, mark{name, at})
		}
		if !events.HasNext() {
			marks = append(marks, mark{"end", at})
		}
	}
	h.Workflows++
	h.Events += count
	h.LargestHistory = max(h.LargestHistory, count)
	return marks, children, nil
}

// phaseOf is the phase that an event marks the beginning of.
func phaseOf(event *historypb.HistoryEvent) (name string) {
	payload := event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().
		GetIndexedFields()["SyncPhase"]
	if payload != nil && converter.GetDefaultDataConverter().FromPayload(payload, &name) == nil && name == "hold" {
		name = "finish" // nothing was held
	}
	return name
}

// actions is what Temporal Cloud would bill (https://docs.temporal.io/cloud/actions).
func actions(event *historypb.HistoryEvent) int {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED: // each attempt
		return int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return 1
	}
	return 0
}

func measurePayloads(ctx context.Context, event *historypb.HistoryEvent, h *history) error {
	return proxy.VisitPayloads(ctx, event, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, payload := range payloads {
				h.LargestPayload = max(h.LargestPayload, len(payload.GetData()))
			}
			return payloads, nil
		},
	})
}
