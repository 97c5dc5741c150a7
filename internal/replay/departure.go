package replay

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// Departure is where a history and this build part.
type Departure struct {
	// EventID and EventType name the history's event.
	EventID   int64  `json:"event_id"`
	EventType string `json:"event_type"`
	// Recorded is what the history holds there, in words; empty if nothing more.
	Recorded string `json:"recorded,omitempty"`
	// Wanted is what this build does instead, in words; empty if nothing.
	Wanted string `json:"wanted,omitempty"`
	// Error is what the replayer said.
	Error string `json:"problem"`
}

// What the replayer's messages look like. Whatever they do not match is shown as it is.
var (
	instead = regexp.MustCompile(`replay command is (\w+): `)
	extra   = regexp.MustCompile(`extra replay command for (\w+): `)
	// here names the event that no command of this build makes.
	here = regexp.MustCompile(
		`(?:history event is|missing replay command for) (\w+): \((?:ActivityId:(\w+)|TimerId:(\w+)|EventId:(\d+))?`)
	position = regexp.MustCompile(`matching (\w+) command was expected in history event position (\d+)`)
	called   = regexp.MustCompile(
		`(?:ActivityType|WorkflowType):\(Name:([^)]+)\)|workflow_type:\{name:"([^"]+)"|signal_name:"([^"]+)"|MarkerName:(\w+)|TimerId:(\w+)`)
)

// explain finds the place and says in words what differs.
func (r replayer) explain(h *historypb.History, departed error) *Departure {
	message := departed.Error()
	event := r.find(h, message)
	d := &Departure{EventID: event.GetEventId(), EventType: event.GetEventType().String(), Error: message}
	if event.GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
		d.Recorded = recorded(event)
	}
	for _, what := range []*regexp.Regexp{instead, extra} {
		if at := what.FindStringSubmatchIndex(message); at != nil {
			d.Wanted = commandWords(message[at[2]:at[3]], message[at[3]:])
		}
	}
	return d
}

// find returns the event at which a history and this build part: in the first workflow
// task that cannot be replayed, the event that the message names, else the task's end.
func (r replayer) find(h *historypb.History, message string) *historypb.HistoryEvent {
	if m := position.FindStringSubmatch(message); m != nil {
		for _, event := range h.Events {
			if fmt.Sprint(event.GetEventId()) == m[2] {
				return event
			}
		}
	}
	tasks := tasksOf(h)
	n := sort.Search(len(tasks), func(n int) bool {
		return r.replay(&historypb.History{Events: h.Events[:tasks[n].end]}) != nil
	})
	if n == len(tasks) { // only the end of the history differs
		return h.Events[len(h.Events)-1]
	}
	if m := here.FindStringSubmatch(message); m != nil {
		for _, event := range h.Events[tasks[n].completed:tasks[n].end] {
			if event.GetEventType().String() == m[1] &&
				(m[2] == "" || event.GetActivityTaskScheduledEventAttributes().GetActivityId() == m[2]) &&
				(m[3] == "" || event.GetTimerStartedEventAttributes().GetTimerId() == m[3]) &&
				(m[4] == "" || fmt.Sprint(event.GetEventId()) == m[4]) {
				return event
			}
		}
	}
	if last := h.Events[tasks[n].end-1]; endings[last.GetEventType()] != "" {
		return last
	}
	return h.Events[tasks[n].completed]
}

// task is one workflow task: its completion and where the events end that its commands
// made, as positions in the history.
type task struct{ completed, end int }

// tasksOf returns the workflow tasks that were completed.
func tasksOf(h *historypb.History) (tasks []task) {
	for i, event := range h.Events {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			tasks = append(tasks, task{completed: i, end: len(h.Events)})
		case enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			if n := len(tasks); n > 0 && tasks[n-1].end == len(h.Events) {
				tasks[n-1].end = i
			}
		}
	}
	return tasks
}

// recorded says in words what an event is.
func recorded(e *historypb.HistoryEvent) string {
	switch {
	case e.GetActivityTaskScheduledEventAttributes() != nil:
		return "activity " + e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	case e.GetStartChildWorkflowExecutionInitiatedEventAttributes() != nil:
		return "child workflow " +
			e.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowType().GetName()
	case e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes() != nil:
		return "signal " + e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes().GetSignalName()
	case e.GetTimerStartedEventAttributes() != nil:
		return "timer " + e.GetTimerStartedEventAttributes().GetTimerId()
	case e.GetMarkerRecordedEventAttributes() != nil:
		return "marker " + e.GetMarkerRecordedEventAttributes().GetMarkerName()
	default:
		return words(e.GetEventType().String())
	}
}

// commandWords says in words what a command is, of which text is the replayer's description.
func commandWords(kind, text string) string {
	if next := strings.Index(text, "replay command is "); next >= 0 {
		text = text[:next]
	}
	name := ""
	if m := called.FindStringSubmatch(text); m != nil {
		for _, group := range m[1:] {
			name += group
		}
	}
	switch kind {
	case "ScheduleActivityTask":
		return "activity " + name
	case "StartChildWorkflowExecution":
		return "child workflow " + name
	case "SignalExternalWorkflowExecution":
		return "signal " + name
	case "StartTimer":
		return "timer " + name
	case "RecordMarker":
		return "marker " + name
	default:
		return words(kind)
	}
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// words writes a name in mixed case as words.
func words(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "$1 $2"))
}

func enumerate(names []string) string { return strings.Join(names, ", ") }
