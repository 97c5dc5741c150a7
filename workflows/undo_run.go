package workflows

import (
	"cmp"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// RemovalsRefuse is the default way of an UndoRun to treat removals.
const RemovalsRefuse = "refuse"

// UndoInput is UndoRun's input. Only Run is required.
type UndoInput struct {
	// Run is the id of the run to be taken back, or as much of its beginning as is unique.
	Run string `json:"run"`
	// Mode is "apply" (default) or "plan", which changes nothing and reports what apply
	// would do.
	Mode string `json:"mode,omitempty"`
	// Departments and Members limit what is taken back, by external ids: departments
	// with what is below them and the members who have or had a place there. Left out they
	// limit nothing; given but empty they are refused.
	Departments []string `json:"departments,omitzero"`
	Members     []string `json:"members,omitzero"`
	// OnRemovals is what to do if taking back the run would remove more than the removal
	// guard lets pass: "refuse" (default) changes nothing at all, "apply" removes.
	OnRemovals string `json:"on_removals,omitempty"`
	// StartedBy is what SyncInput says of it.
	StartedBy string `json:"started_by,omitempty"`
	// Request is what SyncInput says of it.
	Request string `json:"request,omitempty"`
}

// UnmarshalJSON refuses unknown keys, as SyncInput's does.
func (in *UndoInput) UnmarshalJSON(data []byte) error {
	type plain UndoInput
	return decodeStrictly(
		data,
		(*plain)(in),
		`{"run":"ID","mode":"apply|plan","departments":["ID"],"members":["ID"],"on_removals":"refuse|apply","started_by":"LOGIN"}, only run is required`,
	)
}

// Normalize fills in the defaults and returns what is wrong, or nil.
func (in *UndoInput) Normalize() *message.Error {
	if in.Mode == "" {
		in.Mode = ModeApply
	}
	if in.OnRemovals == "" {
		in.OnRemovals = RemovalsRefuse
	}
	if blank(in.Run) {
		return say(message.InputRunMissing, nil)
	}
	return cmp.Or(oneOf("mode", in.Mode, ModeApply, ModePlan),
		oneOf("on_removals", in.OnRemovals, RemovalsRefuse, RemovalsApply),
		idsProblem("departments", "department", in.Departments), idsProblem("members", "member", in.Members),
		actorProblem("started_by", in.StartedBy))
}

// UndoRun takes back what an earlier run of a provider changed, as a run of its own:
// it takes the provider's fence like a sync and leaves alone what later runs changed.
// It ends completed with status succeeded, or partial if it was asked for something of
// which the run changed nothing, failed with the result in the failure's details, or
// canceled. The next sync follows the provider again.
func UndoRun(ctx workflow.Context, in UndoInput) (*SyncResult, error) {
	if problem := in.Normalize(); problem != nil {
		return nil, invalid(problem)
	}
	u := newUndoRun(ctx, in)
	if err := u.setup(ctx); err != nil {
		return nil, err
	}
	return u.finish(ctx, u.run(ctx))
}

// undoRun is the state of one undoing run.
type undoRun struct {
	in       UndoInput
	progress Progress
	begun    activities.BeginUndoResult
	undone   activities.UndoResult
	// reasons are what went wrong, once the run has ended.
	reasons []directory.Reason
}

func newUndoRun(ctx workflow.Context, in UndoInput) *undoRun {
	started := workflow.GetInfo(ctx).WorkflowStartTime.UTC()
	return &undoRun{in: in, progress: Progress{Mode: in.Mode, Status: directory.RunRunning, Phase: "begin",
		StartedAt: &started}}
}

// setup answers queries and takes the fence.
func (u *undoRun) setup(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery, func() (Progress, error) { return u.progress, nil },
		workflow.QueryHandlerOptions{Description: "how far the undoing run has come"})
	if err != nil {
		return err
	}
	// Not to be canceled: a run that has begun must be known here, to be ended.
	beginning, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.ExecuteActivity(finalizeOptions(beginning, "run "+u.in.Run), runs.BeginUndo,
		activities.BeginUndoInput{
			Run: u.in.Run, Mode: u.in.Mode, Departments: u.in.Departments, Members: u.in.Members,
			Apply:     u.in.OnRemovals == RemovalsApply,
			StartedBy: starterOf(ctx, u.in.StartedBy), Request: u.in.Request,
		}).Get(beginning, &u.begun); err != nil {
		return err
	}
	u.progress.RunID, u.progress.Provider, u.progress.TenantID = u.begun.RunID, u.begun.Provider, u.begun.TenantID
	return nil
}

// run takes everything back in one step.
func (u *undoRun) run(ctx workflow.Context) error {
	u.progress.enter(ctx, "undo")
	workflow.SetCurrentDetails(ctx, u.details())
	found := []temporal.SearchAttributeUpdate{
		AttributePhase.ValueSet("undo"), AttributeOutcome.ValueSet(u.progress.Status),
		AttributeProvider.ValueSet(u.begun.Provider),
	}
	if u.begun.TenantID != "" {
		found = append(found, AttributeTenant.ValueSet(u.begun.TenantID))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, found...); err != nil {
		return err
	}
	return workflow.ExecuteActivity(writeOptions(ctx, u.begun.Provider), reconcile.Undo, activities.UndoInput{
		RunID: u.begun.RunID, Departments: u.in.Departments, Members: u.in.Members,
		Apply: u.in.OnRemovals == RemovalsApply,
	}).Get(ctx, &u.undone)
}

// details is what the Web UI shows.
func (u *undoRun) details() string {
	l := u.begun.Language
	return l.Text(message.UndoPage, message.Args{
		"Provider": u.begun.Provider, "Undoes": u.begun.Undoes, "Mode": u.in.Mode, "Run": u.begun.RunID,
		"Status": l.Status(u.progress.Status), "Problems": problems(l, u.reasons),
	})
}

// finish gives the run its final status, also when it was canceled: then on a
// context that is not. The directory does not count as synced: it now differs from
// the provider on purpose.
func (u *undoRun) finish(ctx workflow.Context, failed error) (*SyncResult, error) {
	end := endedBy(ctx, failed, activities.FinishRunInput{RunID: u.begun.RunID, Incomplete: true})
	if failed == nil && u.in.Mode == ModePlan {
		end.Counts = &u.undone.Counts
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	result, report, err := finishRun(ctx, u.begun.Provider, end)
	if err != nil {
		return nil, err
	}
	result.Undoes, result.LeftAlone = u.begun.Undoes, u.undone.LeftAlone
	u.reasons = report.Reasons
	u.progress.end(ctx, result.Status)
	workflow.SetCurrentDetails(ctx, u.details())
	if err := publish(ctx, result); err != nil {
		return nil, err
	}
	if result.Status == directory.RunFailed {
		startNotification(ctx, u.begun.Language, NotifyInput{
			RunID: result.RunID, Provider: result.Provider, Status: result.Status, Hooks: report.Notify,
		})
	}
	return outcomeOf(result, end)
}
