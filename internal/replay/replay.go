package replay

import (
	"fmt"
	"log/slog"
	"slices"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/workflows"
)

// Verdict is what replaying a history told.
type Verdict struct {
	WorkflowID   string `json:"workflow_id"`
	RunID        string `json:"temporal_run_id"`
	WorkflowType string `json:"workflow_type"`
	Events       int    `json:"events"`
	// State is how the workflow ended, or "running".
	State string `json:"state"`
	// Failure is why it did not succeed, in its own words.
	Failure string `json:"failure,omitempty"`
	// Replays is whether this build makes the same history.
	Replays bool `json:"replays"`
	// Departure is where it does not.
	Departure *Departure `json:"departure,omitempty"`
}

// UnknownTypeError says that the history is of a workflow that this build does not have.
type UnknownTypeError struct {
	Type  string
	Known []string
}

// Error implements error.
func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("this build has no workflow type %q; it has: %s", e.Type, enumerate(e.Known))
}

// Replay runs this build's workflow code against a history. The error is
// *UnknownTypeError, or the replayer's if it could not be tried at all.
func Replay(h *historypb.History) (Verdict, error) {
	first, whose := started(h), execution(h)
	v := Verdict{WorkflowID: whose.GetWorkflowId(), RunID: whose.GetRunId(),
		WorkflowType: first.GetWorkflowType().GetName(), Events: len(h.Events)}
	v.State, v.Failure = ending(h)
	var known names
	workflows.Register(&known)
	if !slices.Contains(known.names, v.WorkflowType) {
		return v, &UnknownTypeError{Type: v.WorkflowType, Known: known.names}
	}
	r, err := newReplayer()
	if err != nil {
		return v, err
	}
	if departed := r.replay(h); departed != nil {
		v.Departure = r.explain(h, departed)
		return v, nil
	}
	v.Replays = true
	return v, nil
}

// leastEvents is the shortest history of which workflow code has made anything: before
// that no worker has taken it up, which any build can do.
const leastEvents = 4

type replayer struct{ worker.WorkflowReplayer }

func newReplayer() (replayer, error) {
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	if err != nil {
		return replayer{}, fmt.Errorf("replay: %w", err)
	}
	workflows.Register(r)
	return replayer{r}, nil
}

func (r replayer) replay(h *historypb.History) error {
	if len(h.Events) < leastEvents {
		return nil
	}
	whose := execution(h)
	return r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h,
		worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: whose.GetWorkflowId(), RunID: whose.GetRunId()},
		})
}

// names collects what would be registered.
type names struct {
	worker.WorkflowRegistry
	names []string
}

func (n *names) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	n.names = append(n.names, options.Name)
}
