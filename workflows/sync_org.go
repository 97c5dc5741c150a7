package workflows

import (
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// SyncOrg makes the stored directory of one provider equal to what the provider
// says. It ends completed with status succeeded, partial or held, failed with the
// result in the failure's details, or canceled; the run's row has its final status
// in every case. What a person must decide (removals beyond the guard's limits) is
// left to HoldRemovals, so that the provider's next run can start.
func SyncOrg(ctx workflow.Context, in SyncInput) (*SyncResult, error) {
	if problem := in.Normalize(); problem != nil {
		return nil, invalid(problem)
	}
	s := newSyncOrg(ctx, in)
	if err := s.setup(ctx); err != nil {
		return nil, err
	}
	return s.finish(ctx, s.run(ctx))
}

// syncOrg is the state of one run.
type syncOrg struct {
	in SyncInput
	// task is what a run does that reads nothing, empty for a sync.
	task     string
	progress Progress
	// people is how many single people the run is limited to, 0 if it reads departments.
	people int
	// eventGroups says that events are about groups or administrators.
	eventGroups bool
	visible     activities.PreflightResult
	tree        activities.FinishDepartmentsResult
	removals    activities.PlanRemovalsResult
	// groupsRead is set once groups are being read, and stopGroups ends that.
	groupsRead workflow.Future
	stopGroups func()
	// dryRun is set in plan mode.
	dryRun *activities.DryRunResult
	// held is set once HoldRemovals waits for the decision.
	held *SyncResult
	// vendor is what kind of provider it is, and language that of the texts, for people.
	vendor   string
	language message.Language
	// result is what the run came to, once it has ended or is held, and reasons are what
	// went wrong until then.
	result  *SyncResult
	reasons []directory.Reason
}

func newSyncOrg(ctx workflow.Context, in SyncInput) *syncOrg {
	started := workflow.GetInfo(ctx).WorkflowStartTime.UTC()
	return &syncOrg{in: in, stopGroups: func() {}, progress: Progress{
		Provider: in.Provider, Mode: in.Mode, Status: directory.RunRunning, Phase: "begin", StartedAt: &started,
	}}
}

// setup answers queries and takes the fence: from here on no other run of the
// provider can write.
func (s *syncOrg) setup(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery, func() (Progress, error) { return s.progress, nil },
		workflow.QueryHandlerOptions{
			Description: "how far the run has come: its phases, departments and people read, removals planned, and " +
				"what it waits for"})
	if err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, s.details())
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeProvider.ValueSet(s.in.Provider)); err != nil {
		return err
	}
	// Not to be canceled: a run that has begun must be known here, to be ended.
	beginning, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var begun activities.BeginRunResult
	if err := workflow.ExecuteActivity(finalizeOptions(beginning, s.in.Provider), runs.BeginRun,
		activities.BeginRunInput{
			Provider: s.in.Provider, Mode: s.in.Mode, OnRemovals: s.in.OnRemovals,
			Departments: s.in.Departments, Members: s.in.Members, Retry: s.in.Retry, Events: s.in.Events,
			Rules: s.in.Rules, Task: s.task,
			StartedBy: starterOf(ctx, s.in.StartedBy), Request: s.in.Request,
		}).Get(beginning, &begun); err != nil {
		return err
	}
	s.progress.RunID, s.progress.TenantID, s.vendor = begun.RunID, begun.TenantID, begun.Vendor
	s.language, s.people, s.eventGroups = begun.Language, begun.Members, begun.Groups
	for _, id := range begun.Superseded {
		// Best effort: a workflow that misses this finds out when a person decides.
		_ = workflow.SignalExternalWorkflow(ctx, id, "", SupersededSignal, nil).Get(ctx, nil)
	}
	return nil
}

// step is a part of a run that operators see by its name.
type step struct {
	phase string
	do    func(workflow.Context) error
}

// steps are those of a sync, in order.
func (s *syncOrg) steps() []step {
	if s.task != "" {
		return []step{{"recompute", s.carryOut}, {"hold", s.hold}}
	}
	return append(
		s.readingSteps(),
		step{"removals", s.reconcile},
		step{"recompute", s.recompute},
		step{"hold", s.hold},
	)
}

// run goes through the steps. It returns the first failure that ends it.
func (s *syncOrg) run(ctx workflow.Context) error {
	defer func() { s.stopGroups() }()
	for _, step := range s.steps() {
		if err := s.enter(ctx, step.phase); err != nil {
			return err
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enter shows people that a phase begins.
func (s *syncOrg) enter(ctx workflow.Context, phase string) error {
	s.progress.enter(ctx, phase)
	workflow.SetCurrentDetails(ctx, s.details())
	return workflow.UpsertTypedSearchAttributes(ctx, s.attributes(AttributePhase.ValueSet(phase),
		AttributeOutcome.ValueSet(s.progress.Status))...)
}

// attributes adds to updates what tells whose run it is.
func (s *syncOrg) attributes(updates ...temporal.SearchAttributeUpdate) []temporal.SearchAttributeUpdate {
	updates = append(updates, AttributeProvider.ValueSet(s.in.Provider))
	if s.progress.TenantID != "" {
		updates = append(updates, AttributeTenant.ValueSet(s.progress.TenantID))
	}
	return updates
}

func (s *syncOrg) ref() activities.RunInput { return activities.RunInput{RunID: s.progress.RunID} }

func (s *syncOrg) planning() bool { return s.in.Mode == ModePlan }

// reconcile finds out what is gone and, unless a person must decide, removes it.
func (s *syncOrg) reconcile(ctx workflow.Context) error {
	remove := s.in.OnRemovals != RemovalsSkip
	// Either may look people up at the provider, hence the fetching queue.
	if s.planning() {
		s.dryRun = new(activities.DryRunResult)
		return workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reconcile.DryRun, activities.DryRunInput{
			RunID: s.progress.RunID, LimitedRange: s.visible.LimitedRange, Lost: s.visible.Lost, Remove: remove,
		}).Get(ctx, s.dryRun)
	}
	err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reconcile.PlanRemovals,
		activities.PlanRemovalsInput{RunID: s.progress.RunID, Lost: s.visible.Lost,
			LimitedRange: s.visible.LimitedRange}).Get(ctx, &s.removals)
	if err == nil {
		s.progress.Removals = &s.removals.PerKind
		workflow.SetCurrentDetails(ctx, s.details())
	}
	if err != nil || !remove || !s.removals.Any() || s.mustHold() {
		return err
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), reconcile.Remove, s.ref()).Get(ctx, nil)
}

func (s *syncOrg) mustHold() bool {
	return s.in.OnRemovals == RemovalsHold && s.removals.HoldReason != ""
}

// recompute computes what depends on the whole, with or without the removals.
func (s *syncOrg) recompute(ctx workflow.Context) error {
	if s.planning() {
		return nil
	}
	if err := workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.Recompute, s.ref()).Get(ctx,
		nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.LinkAccounts, s.ref()).Get(ctx, nil)
}

// hold leaves the decision to a workflow of its own and waits only until that one
// has started.
func (s *syncOrg) hold(ctx workflow.Context) error {
	if !s.mustHold() {
		return nil
	}
	id := HoldWorkflowID(s.in.Provider, s.progress.RunID)
	var held activities.HoldRunResult
	if err := workflow.ExecuteActivity(finalizeOptions(ctx, s.in.Provider), runs.HoldRun, activities.HoldRunInput{
		RunID: s.progress.RunID, Reason: s.removals.HoldReason, HoldWorkflowID: id,
	}).Get(ctx, &held); err != nil {
		return err
	}
	childCtx := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        id,
		ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:     s.language.Text(message.HoldSummary, message.Args{"Provider": s.in.Provider}),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			s.attributes(AttributePhase.ValueSet("held"), AttributeOutcome.ValueSet(directory.RunHeld))...),
	})
	child := workflow.ExecuteChildWorkflow(childCtx, HoldRemovals, HoldInput{
		RunID: s.progress.RunID, Provider: s.in.Provider, Reason: s.removals.HoldReason,
		PerKind: s.removals.PerKind, Incomplete: s.incomplete(), ExpiresAt: held.ExpiresAt, ExpiresIn: held.ExpiresIn,
		Removals: held.Removals,
		Language: s.language, Accounts: s.task == TaskAccounts,
	})
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return err
	}
	startNotification(ctx, s.language, NotifyInput{
		RunID: s.progress.RunID, Provider: s.in.Provider, Status: directory.RunHeld, Hooks: held.Notify,
	})
	s.held, s.reasons = resultOf(s.progress.RunID, held.RunReport), held.Reasons
	s.held.HoldWorkflowID, s.held.HoldReason, s.held.HoldExpiresAt = id, s.removals.HoldReason, held.ExpiresAt
	s.progress.HoldWorkflowID, s.progress.HoldReason = id, s.removals.HoldReason
	s.progress.HoldExpiresAt = held.ExpiresAt
	return nil
}

// incomplete reports that the directory is not known to equal the provider now.
func (s *syncOrg) incomplete() bool {
	return s.removals.Incomplete || s.task != "" || len(s.in.Departments) > 0 || s.people > 0 || s.in.Events ||
		s.planning() ||
		(s.in.OnRemovals == RemovalsSkip && s.removals.Any())
}

// finish gives the run its final status, also when it was canceled: then on a
// context that is not.
func (s *syncOrg) finish(ctx workflow.Context, failed error) (*SyncResult, error) {
	if s.held != nil && failed == nil {
		return s.held, s.outcome(ctx, s.held)
	}
	end := endedBy(ctx, failed, activities.FinishRunInput{RunID: s.progress.RunID, Incomplete: s.incomplete()})
	if failed == nil && s.dryRun != nil {
		end.Counts = &s.dryRun.Counts
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	result, report, err := finishRun(ctx, s.in.Provider, end)
	if err != nil {
		return nil, err
	}
	s.reasons = report.Reasons
	if err := s.outcome(ctx, result); err != nil {
		return nil, err
	}
	if !s.in.Events && (result.Status == directory.RunFailed || result.Status == directory.RunPartial) {
		startNotification(ctx, s.language, NotifyInput{
			RunID: result.RunID, Provider: s.in.Provider, Status: result.Status, Hooks: report.Notify,
		})
	}
	return outcomeOf(result, end)
}

func (s *syncOrg) outcome(ctx workflow.Context, result *SyncResult) error {
	s.result = result
	s.progress.end(ctx, result.Status)
	workflow.SetCurrentDetails(ctx, s.details())
	return publish(ctx, result)
}
