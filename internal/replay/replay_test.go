package replay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/workflows"
)

// recorded reads a history of the workflows' replay tests.
func recorded(t *testing.T, name string) *historypb.History {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("..", "..", "workflows", "testdata", "replay", name+".json"))
	require.NoError(t, err)
	history, err := replay.Parse(document)
	require.NoError(t, err)
	return history
}

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]replay.Verdict{
		"sync-org-small":         {WorkflowType: workflows.SyncOrgName, State: "completed"},
		"sync-org-canceled":      {WorkflowType: workflows.SyncOrgName, State: "canceled"},
		"sync-departments-small": {WorkflowType: workflows.SyncDepartmentsName, State: "completed"},
		"hold-removals-approved": {WorkflowType: workflows.HoldRemovalsName, State: "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdict, err := replay.Replay(recorded(t, name))
			require.NoError(t, err)
			require.True(t, verdict.Replays, verdict.Departure)
			require.Nil(t, verdict.Departure)
			require.Equal(t, []string{want.WorkflowType, want.State, ""},
				[]string{verdict.WorkflowType, verdict.State, verdict.Failure})
			require.True(t, strings.HasPrefix(verdict.WorkflowID, "orgsync/"), verdict.WorkflowID)
			require.NotEmpty(t, verdict.RunID)
			require.Positive(t, verdict.Events)
		})
	}
}

func TestFailureIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"sync-org-failed":  "Feishu",
		"sync-org-unknown": `activity BeginRun: there is no provider named "nobody"`,
	} {
		verdict, err := replay.Replay(recorded(t, name))
		require.NoError(t, err)
		require.True(t, verdict.Replays)
		require.Equal(t, "failed", verdict.State)
		require.Contains(t, verdict.Failure, want)
	}
}

func TestDepartureIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]replay.Departure{
		"bad-reordered": {EventID: 63, EventType: "ActivityTaskScheduled", Recorded: "activity LinkAccounts",
			Wanted: "activity Recompute"},
		"bad-missing": {EventType: "WorkflowExecutionCompleted", Recorded: "workflow execution completed",
			Wanted: "activity FinishRun"},
		"bad-other-child": {EventID: 39, EventType: "StartChildWorkflowExecutionInitiated",
			Recorded: "child workflow HoldRemovals", Wanted: "child workflow SyncDepartments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			departs(t, recorded(t, name), want)
		})
	}
}

func departs(t *testing.T, h *historypb.History, want replay.Departure) {
	t.Helper()
	verdict, err := replay.Replay(h)
	require.NoError(t, err)
	require.False(t, verdict.Replays)
	require.Contains(t, verdict.Departure.Error, "TMPRL1100")
	got := *verdict.Departure
	got.Error = ""
	if want.EventID == 0 {
		got.EventID = 0
	}
	require.Equal(t, want, got)
}

// Where the history ends in the middle of what this build does, that is said.
func TestMoreThanRecorded(t *testing.T) {
	t.Parallel()
	cut := proto.CloneOf(recorded(t, "sync-org-small"))
	for i, event := range cut.Events {
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "Preflight" {
			cut.Events = cut.Events[:i]
			departs(t, cut, replay.Departure{EventID: event.GetEventId() - 2, EventType: "WorkflowTaskCompleted",
				Wanted: "activity Preflight"})
			return
		}
	}
	require.Fail(t, "no preflight")
}

// A workflow at work has a history without an end; it replays as far as it goes.
func TestWorkflowAtWork(t *testing.T) {
	t.Parallel()
	h := recorded(t, "sync-org-large")
	for i, event := range h.Events {
		if i > 0 && event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_STARTED || i == 0 {
			verdict, err := replay.Replay(&historypb.History{Events: h.Events[:i+1]})
			require.NoError(t, err)
			require.True(t, verdict.Replays, "%d events: %v", i+1, verdict.Departure)
			require.Equal(t, "running", verdict.State)
		}
	}
}

func TestUnknownWorkflowType(t *testing.T) {
	t.Parallel()
	h := recorded(t, "sync-org-small")
	h.Events[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType.Name = "OrderPizza"
	_, err := replay.Replay(h)
	var unknown *replay.UnknownTypeError
	require.ErrorAs(t, err, &unknown)
	require.ErrorContains(t, err, `no workflow type "OrderPizza"; it has: SyncOrg, SyncDepartments`)
}

func TestParse(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "workflows", "testdata", "replay", "sync-org-small.json")
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	events := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(document)), `{"events":`), "}")
	short := strings.ReplaceAll(string(document), "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED", "WorkflowExecutionStarted")
	for name, good := range map[string]string{"export": string(document), "events alone": events,
		"byte order mark": "\ufeff" + string(document), "short names": short} {
		history, err := replay.Parse([]byte(good))
		require.NoError(t, err, name)
		require.Len(t, history.Events, 84, name)
	}
	for name, bad := range map[string]string{
		"empty": "", "text": "hello", "other document": `{"provider":"acme"}`, "list": `[1]`,
		"no events": `{"events":[]}`, "null": "null", "nothing in it": `[{}]`,
		"the middle": `{"events":[{"eventId":"5","eventType":"EVENT_TYPE_TIMER_STARTED","timerStartedEventAttributes":{"timerId":"1"}}]}`,
		"a gap":      `{"events":[{"eventId":"1","eventType":"WorkflowExecutionStarted","workflowExecutionStartedEventAttributes":{}},{"eventId":"3","eventType":"WorkflowTaskStarted"}]}`,
		"reversed":   `{"events":[{"eventId":"2","eventType":"WorkflowExecutionStarted","workflowExecutionStartedEventAttributes":{}}]}`,
		"cut off":    string(document[:len(document)/2]),
		"decoded":    strings.Replace(string(document), `"data":"`, `"data":"{`, 1),
	} {
		_, err := replay.Parse([]byte(bad))
		require.ErrorIs(t, err, replay.ErrNotHistory, name)
		require.ErrorContains(t, err, "temporal workflow show -w WORKFLOW_ID -o json", name)
	}
}

func FuzzParse(f *testing.F) {
	document, err := os.ReadFile(filepath.Join("..", "..", "workflows", "testdata", "replay", "sync-org-unknown.json"))
	require.NoError(f, err)
	f.Add(document)
	f.Add(
		[]byte(`[{"eventId":"1","eventType":"WorkflowExecutionStarted","workflowExecutionStartedEventAttributes":{}}]`))
	f.Add([]byte(`{"events":[{}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if history, err := replay.Parse(document); err == nil {
			require.NotEmpty(t, history.Events)
		}
	})
}
