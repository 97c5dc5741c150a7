package workflows

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
)

// LoginsInput is RecordLogins' input.
type LoginsInput struct {
	Provider string `json:"provider"`
}

// LoginsWorkflowID is the id of a provider's RecordLogins.
func LoginsWorkflowID(provider string) string { return SyncWorkflowID(provider) + "/logins" }

// LoginSignal tells RecordLogins that a login brought something.
const LoginSignal = "login"

const (
	// loginRounds bounds the history of one execution.
	loginRounds = 100
	// How long to wait for another run of the provider.
	shortestTurn = time.Second
	longestTurn  = 15 * time.Second
)

// RecordLogins has the directory read members of whom logins brought something: one targeted
// run for all who wait. It ends when none does; a signal that comes meanwhile is seen first.
func RecordLogins(ctx workflow.Context, in LoginsInput) error {
	wake := workflow.GetSignalChannel(ctx, LoginSignal)
	for range loginRounds {
		for wake.ReceiveAsync(nil) {
		}
		var waiting activities.WaitingLogins
		if err := workflow.ExecuteActivity(finalizeOptions(ctx, in.Provider), logins.ListLogins,
			activities.ListLoginsInput{Provider: in.Provider, Most: MaxMembers}).Get(ctx, &waiting); err != nil {
			return err
		}
		if len(waiting.IDs) == 0 {
			return nil
		}
		if err := readWhoSignedIn(ctx, in.Provider, waiting.Members); err != nil {
			return err
		}
		if err := workflow.ExecuteActivity(finalizeOptions(ctx, in.Provider), logins.DropLogins, waiting).
			Get(ctx, nil); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, RecordLogins, in)
}

// readWhoSignedIn runs a targeted sync of members once no other run of the provider is at work.
// What the run fails for stands in its record.
func readWhoSignedIn(ctx workflow.Context, provider string, members []string) error {
	slices.Sort(members)
	sync := SyncInput{Provider: provider, Members: slices.Compact(members), StartedBy: directory.ByLogin}
	if problem := sync.Normalize(); problem != nil {
		return invalid(problem)
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: SyncWorkflowID(provider)})
	for turn := shortestTurn; ; turn = min(2*turn, longestTurn) {
		err := workflow.ExecuteChildWorkflow(child, SyncOrg, sync).Get(ctx, nil)
		var running *temporal.ChildWorkflowExecutionAlreadyStartedError
		var failed *temporal.ApplicationError
		switch {
		case errors.As(err, &running), errors.As(err, &failed) && failed.Type() == activities.TypeBusy:
			if err := workflow.Sleep(ctx, turn); err != nil {
				return err
			}
		case temporal.IsCanceledError(err) && ctx.Err() != nil:
			return err
		default:
			return nil
		}
	}
}
