package workflows

import (
	"fmt"

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
	if problem := in.Normalize(); problem != "" {
		return nil, temporal.NewNonRetryableApplicationError(problem, activities.TypeInvalid, nil)
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
	people   int
	visible  activities.PreflightResult
	tree     activities.FinishDepartmentsResult
	removals activities.PlannedRemovals
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
	return &syncOrg{in: in, progress: Progress{
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
	s.language, s.people = begun.Language, begun.Members
	for _, id := range begun.Superseded {
		// Best effort: a workflow that misses this finds out when somebody decides.
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

// readingSteps bring what the provider says into staging and apply it. The steps after them
// depend only on staging and on the completeness record, however the provider was read. A
// run limited to members needs neither the tree nor, since their own records are all that
// is read, a preflight: what it would find they meet themselves.
func (s *syncOrg) readingSteps() []step {
	if s.in.Events {
		return []step{{"members", s.readMembersByID}, {"departments", s.departmentsByID},
			{"members", s.applyMembersByID}}
	}
	if s.people > 0 {
		return []step{{"members", s.membersByID}}
	}
	return []step{{"preflight", s.preflight}, {"departments", s.departments}, {"members", s.members},
		{"groups", s.groups}}
}

// run goes through the steps. It returns the first failure that ends it.
func (s *syncOrg) run(ctx workflow.Context) error {
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

// preflight makes sure that a sync can work before anything is touched.
func (s *syncOrg) preflight(ctx workflow.Context) error {
	return workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.Preflight, s.ref()).Get(ctx, &s.visible)
}

// departments reads the tree and applies it. Departments that could not be asked
// for their children are on record as incomplete; only if nothing could be read at
// all is the run over.
func (s *syncOrg) departments(ctx workflow.Context) error {
	failed := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDepartments, s.ref()).Get(ctx, nil)
	if failed != nil && (ctx.Err() != nil || activities.EndsRun(failed)) {
		return failed
	}
	seal := activities.FinishDepartmentsInput{RunID: s.progress.RunID}
	if failed != nil {
		seal.Problem = reasonOf(failed)
	}
	if err := workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), reader.FinishDepartments, seal).Get(ctx,
		&s.tree); err != nil {
		return err
	}
	s.progress.Departments = s.tree.Departments - s.tree.Excluded
	s.progress.DepartmentsDone, s.progress.MembersRead = s.tree.Unchanged, s.tree.UnchangedMembers
	if s.tree.Departments == 0 {
		return failed
	}
	if s.planning() {
		return nil
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyDepartments,
		activities.ApplyDepartmentsInput{RunID: s.progress.RunID, LimitedRange: s.visible.LimitedRange}).Get(ctx, nil)
}

// positions is how many departments are left to be read or applied.
func (s *syncOrg) positions() int { return s.tree.Departments - s.tree.Excluded - s.tree.Unchanged }

// members reads and applies the people, slice by slice, a few slices at a time.
func (s *syncOrg) members(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	shape := s.tree.Sharding
	slices := workflow.NewSemaphore(ctx, int64(shape.Shards))
	wg := workflow.NewWaitGroup(ctx)
	var failed error
	for first := 1; first <= s.positions() && failed == nil; first += shape.Shard {
		if err := slices.Acquire(ctx, 1); err != nil {
			break
		}
		slice := SyncDepartmentsInput{
			RunID: s.progress.RunID, Provider: s.in.Provider, First: first,
			Last:  min(first+shape.Shard-1, s.positions()),
			Batch: shape.Batch, Batches: shape.Batches, Apply: !s.planning(), Language: s.language,
		}
		wg.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wg.Done()
			defer slices.Release(1)
			if err := s.syncShard(ctx, slice); err != nil && failed == nil {
				failed = err
				cancel() // what ends one slice ends them all
			}
		})
	}
	wg.Wait(ctx)
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

func (s *syncOrg) syncShard(ctx workflow.Context, in SyncDepartmentsInput) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: fmt.Sprintf("%s/run/%s/departments-%d-%d", SyncWorkflowID(s.in.Provider), in.RunID,
			in.First, in.Last),
		ParentClosePolicy:   enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       s.summaryOf(in),
		// Neither phase nor outcome: those are the run's, and found with it.
		TypedSearchAttributes: temporal.NewSearchAttributes(s.attributes()...),
	})
	var out SyncDepartmentsResult
	if err := workflow.ExecuteChildWorkflow(ctx, SyncDepartments, in).Get(ctx, &out); err != nil {
		return err
	}
	s.progress.DepartmentsDone += in.Last - in.First + 1
	s.progress.DepartmentsFailed += out.Failed
	s.progress.MembersRead += out.People
	workflow.SetCurrentDetails(ctx, s.details())
	return nil
}

// departmentsByID reads and applies the departments of a run by events, by a look-up each, and
// new ones that its members are in.
func (s *syncOrg) departmentsByID(ctx workflow.Context) error {
	if err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDepartmentsByID, s.ref()).Get(ctx,
		nil); err != nil {
		return err
	}
	// What is above may be out of sight, which is no trouble of the run.
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyDepartments,
		activities.ApplyDepartmentsInput{RunID: s.progress.RunID, LimitedRange: true}).Get(ctx, nil)
}

// membersByID reads and applies the people the run is limited to, by a look-up each.
// Those that fail have their reasons on record.
func (s *syncOrg) membersByID(ctx workflow.Context) error {
	if err := s.readMembersByID(ctx); err != nil || s.planning() {
		return err
	}
	return s.applyMembersByID(ctx)
}

func (s *syncOrg) readMembersByID(ctx workflow.Context) error {
	if s.people == 0 {
		return nil
	}
	err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadMembersByID, s.ref()).Get(ctx, nil)
	if err != nil && (ctx.Err() != nil || activities.EndsRun(err)) {
		return err
	}
	return nil
}

func (s *syncOrg) applyMembersByID(ctx workflow.Context) error {
	if s.people == 0 {
		return nil
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyMembers,
		activities.BatchInput{RunID: s.progress.RunID, First: 1, Last: s.people}).Get(ctx, nil)
}

// groups reads groups and administrators, and looks up what no listing tells. What of it
// cannot be read is on record, and concerns nothing else.
func (s *syncOrg) groups(ctx workflow.Context) error {
	if len(s.in.Departments) == 0 {
		if err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadGroups, s.ref()).Get(ctx,
			nil); err != nil {
			return err
		}
	}
	if !s.visible.Details {
		return nil
	}
	if err := s.enter(ctx, "details"); err != nil {
		return err
	}
	in := activities.ReadDetailsInput{RunID: s.progress.RunID, LimitedRange: s.visible.LimitedRange}
	for read := (activities.ReadDetailsResult{More: true}); read.More; {
		read = activities.ReadDetailsResult{}
		if err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDetails, in).Get(ctx,
			&read); err != nil {
			return err
		}
	}
	return nil
}

// summaryOf names a slice by its place in the run's order and the ids at its ends.
func (s *syncOrg) summaryOf(in SyncDepartmentsInput) string {
	summary := fmt.Sprintf("departments %d to %d of %d", in.First, in.Last, s.positions())
	if n := (in.First - 1) / s.tree.Sharding.Shard; n < len(s.tree.Shards) {
		ends := s.tree.Shards[n]
		summary += ": " + ends[0] + " to " + ends[1]
	}
	return summary
}

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
		activities.PlanRemovals{RunID: s.progress.RunID, Lost: s.visible.Lost,
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
	startNotification(
		ctx,
		s.language,
		NotifyInput{RunID: s.progress.RunID, Provider: s.in.Provider, Status: directory.RunHeld,
			Hooks: held.Notify},
	)
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
	end := activities.FinishRunInput{RunID: s.progress.RunID, Incomplete: s.incomplete()}
	switch {
	case failed == nil:
		if s.dryRun != nil {
			end.Counts = &s.dryRun.Counts
		}
	case ctx.Err() != nil || temporal.IsCanceledError(failed):
		end.Status, end.Problem = directory.RunCanceled, "the workflow was canceled"
	default:
		end.Status, end.Problem = directory.RunFailed, reasonOf(failed)
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var report activities.RunReport
	if err := workflow.ExecuteActivity(finalizeOptions(ctx, s.in.Provider), runs.FinishRun, end).Get(ctx,
		&report); err != nil {
		return nil, err
	}
	result := resultOf(s.progress.RunID, report)
	s.reasons = report.Reasons
	if err := s.outcome(ctx, result); err != nil {
		return nil, err
	}
	if !s.in.Events && (result.Status == directory.RunFailed || result.Status == directory.RunPartial) {
		startNotification(
			ctx,
			s.language,
			NotifyInput{RunID: result.RunID, Provider: s.in.Provider, Status: result.Status,
				Hooks: report.Notify},
		)
	}
	switch {
	case failed == nil:
		return result, nil
	case end.Status == directory.RunCanceled:
		return nil, temporal.NewCanceledError(result)
	default:
		return nil, temporal.NewApplicationErrorWithOptions(end.Problem, FailureType, temporal.ApplicationErrorOptions{
			NonRetryable: true, Details: []any{result},
		})
	}
}

func (s *syncOrg) outcome(ctx workflow.Context, result *SyncResult) error {
	s.result = result
	s.progress.end(ctx, result.Status)
	workflow.SetCurrentDetails(ctx, s.details())
	return publish(ctx, result)
}

func resultOf(runID string, r activities.RunReport) *SyncResult {
	return &SyncResult{
		RunID: runID, Provider: r.Provider, Mode: r.Mode, Status: r.Status, Counts: r.Counts, Calls: r.Calls,
		DurationMS: r.DurationMS, Errors: append([]string{}, r.Errors...), // a list in JSON, too
	}
}
