package workflows

import (
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// ScheduledInput is ScheduledSync's input. Only Provider is required.
type ScheduledInput struct {
	// Provider is the stored provider's name.
	Provider string `json:"provider"`
	// OnRemovals is what SyncInput says of it.
	OnRemovals string `json:"on_removals,omitempty"`
}

// UnmarshalJSON refuses unknown keys: a misspelt key of a schedule set by hand must not
// do something else again and again.
func (in *ScheduledInput) UnmarshalJSON(data []byte) error {
	type plain ScheduledInput
	return decodeStrictly(data, (*plain)(in),
		`{"provider":"NAME","on_removals":"hold|apply|skip"}, only provider is required`)
}

// ScheduledResult is what ScheduledSync returns: the sync's result, or why there was none.
type ScheduledResult struct {
	*SyncResult
	// Skipped says in words why nothing was synced.
	Skipped string `json:"skipped,omitempty"`
}

// OutcomeSkipped is AttributeOutcome of a ScheduledSync that started no sync.
const OutcomeSkipped = "skipped"

// ScheduledSync is what a schedule starts. It syncs in a child with the id that every
// sync of the provider has, which is why a scheduled and a manual one never run
// together: a schedule knows only what it started itself, and Temporal appends the time
// to the ids of that. It ends as the sync does; one that is already at work, and a
// provider that is gone or switched off, are no failures.
func ScheduledSync(ctx workflow.Context, in ScheduledInput) (*ScheduledResult, error) {
	sync := SyncInput{Provider: in.Provider, OnRemovals: in.OnRemovals}
	if problem := sync.Normalize(); problem != nil {
		return nil, invalid(problem)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeProvider.ValueSet(in.Provider)); err != nil {
		return nil, err
	}
	sync.StartedBy = starterOf(ctx, "")
	result, failed := scheduledSync(ctx, sync)
	outcome := directory.RunFailed
	switch {
	case temporal.IsCanceledError(failed):
		outcome = directory.RunCanceled
	case failed != nil:
	case result.Skipped != "":
		outcome = OutcomeSkipped
	default:
		outcome = result.Status
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeOutcome.ValueSet(outcome)); err != nil {
		return nil, err
	}
	return result, failed
}

func scheduledSync(ctx workflow.Context, in SyncInput) (*ScheduledResult, error) {
	var checked activities.CheckScheduleResult
	if err := workflow.ExecuteActivity(finalizeOptions(ctx, in.Provider), schedules.CheckSchedule,
		activities.CheckScheduleInput{
			Provider: in.Provider, ScheduleID: startedBy(ctx, in.Provider),
		}).Get(ctx, &checked); err != nil {
		return nil, err
	}
	l := checked.Language
	skip := func(reason string) (*ScheduledResult, error) {
		workflow.SetCurrentDetails(ctx, l.Text(message.ScheduledSkipped, message.Args{"Reason": reason}))
		return &ScheduledResult{Skipped: reason}, nil
	}
	if checked.Gone != "" {
		return skip(checked.Gone)
	}
	id := SyncWorkflowID(in.Provider)
	workflow.SetCurrentDetails(ctx, l.Text(message.ScheduledChild, message.Args{"WorkflowID": id}))
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          id,
		ParentClosePolicy:   enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       l.Text(message.SummaryScheduled, message.Args{"Summary": in.Summary(l)}),
		StaticDetails:       in.Details(l),
	})
	var result SyncResult
	err := workflow.ExecuteChildWorkflow(child, SyncOrg, in).Get(ctx, &result)
	if err == nil {
		return &ScheduledResult{SyncResult: &result}, nil
	}
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	var canceled *temporal.CanceledError
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &running):
		return skip("a sync of " + in.Provider + " is already running: workflow " + id)
	case errors.As(err, &canceled):
		return nil, canceled
	case errors.As(err,
		&failed) && (failed.Type() == activities.TypeBusy || failed.Type() == activities.TypeInactive):
		// Another one was started under an id of its own, or the provider was switched off since.
		return skip(failed.Message())
	case errors.As(err, &failed):
		return nil, failed // with the run's result in its details
	default:
		return nil, err // terminated, for example
	}
}

// starterOf says who started a workflow: the person its input names, else the schedule that
// did, else a person by Temporal's own means.
func starterOf(ctx workflow.Context, given string) string {
	if given != "" {
		return given
	}
	if id, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduledBy); ok {
		return directory.BySchedule(id)
	}
	return directory.ByTemporal
}

// startedBy is the schedule that started this workflow: Temporal says so in a search
// attribute of its own. Where a person started it by hand it is the provider's schedule.
func startedBy(ctx workflow.Context, provider string) string {
	if id, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduledBy); ok {
		return id
	}
	return ScheduleID(provider)
}
