//go:build record

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"google.golang.org/protobuf/proto"

	"github.com/orgsync/orgsync/workflows"
)

// corpus is where the replay tests look.
var corpus = filepath.Join("..", "..", "workflows", "testdata", "replay")

func itoa(n int) string { return strconv.Itoa(n) }

// write stores a history, an event a line, without what tells of the machine that
// recorded it. Its company is simulated.
func write(t *testing.T, name string, history *historypb.History) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("{\"events\":[\n")
	for i, event := range history.Events {
		body, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(event)
		require.NoError(t, err)
		var fields any
		require.NoError(t, json.Unmarshal(body, &fields))
		anonymise(fields)
		line, err := json.Marshal(fields)
		require.NoError(t, err)
		if i > 0 {
			out.WriteString(",\n")
		}
		out.Write(line)
	}
	out.WriteString("\n]}\n")
	require.NoError(t, os.WriteFile(filepath.Join(corpus, name+".json"), out.Bytes(), 0o644))
}

func anonymise(value any) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			anonymise(one)
		}
	case map[string]any:
		// Process and host of the worker, which also names its own queue; build of its program.
		delete(value, "workerVersion")
		delete(value, "stackTrace")
		if value["kind"] == "TASK_QUEUE_KIND_STICKY" {
			value["name"] = "sticky"
		}
		for key, field := range value {
			if key == "identity" {
				value[key] = "worker"
				continue
			}
			anonymise(field)
		}
	}
}

// The bad histories are a good one with one thing changed that the workflow code
// would not have done.

// reordered has Recompute and LinkAccounts change places.
func reordered(t *testing.T, good *historypb.History) *historypb.History {
	t.Helper()
	bad := proto.CloneOf(good)
	swap := map[string]string{"Recompute": "LinkAccounts", "LinkAccounts": "Recompute"}
	changed := 0
	for _, event := range bad.Events {
		activity := event.GetActivityTaskScheduledEventAttributes().GetActivityType()
		if other, ok := swap[activity.GetName()]; ok {
			activity.Name = other
			changed++
		}
	}
	require.Equal(t, 2, changed)
	return bad
}

// withoutFinish ends where FinishRun would have been scheduled.
func withoutFinish(t *testing.T, good *historypb.History) *historypb.History {
	t.Helper()
	bad := proto.CloneOf(good)
	finish := slices.IndexFunc(bad.Events, func(e *historypb.HistoryEvent) bool {
		return e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "FinishRun"
	})
	require.Positive(t, finish)
	last := bad.Events[len(bad.Events)-1]
	require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, last.EventType)
	cut := bad.Events[finish]
	last.EventId = cut.EventId
	last.GetWorkflowExecutionCompletedEventAttributes().WorkflowTaskCompletedEventId =
		cut.GetActivityTaskScheduledEventAttributes().WorkflowTaskCompletedEventId
	bad.Events = append(bad.Events[:finish], last)
	return bad
}

// otherChild starts another type of workflow for the shard.
func otherChild(t *testing.T, good *historypb.History) *historypb.History {
	t.Helper()
	bad := proto.CloneOf(good)
	for _, event := range bad.Events {
		if child := event.GetStartChildWorkflowExecutionInitiatedEventAttributes(); child != nil {
			child.WorkflowType.Name = workflows.HoldRemovalsName
			return bad
		}
	}
	require.Fail(t, "the run has no shard")
	return nil
}

// otherActivity schedules another activity first.
func otherActivity(t *testing.T, good *historypb.History) *historypb.History {
	t.Helper()
	bad := proto.CloneOf(good)
	for _, event := range bad.Events {
		if activity := event.GetActivityTaskScheduledEventAttributes(); activity != nil {
			activity.ActivityType.Name = "FinishRun"
			return bad
		}
	}
	require.Fail(t, "the run has no activity")
	return nil
}
