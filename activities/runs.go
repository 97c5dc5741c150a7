package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/metrics"
)

// Runs opens, holds and ends runs.
type Runs struct {
	Store *db.Store
	// Temporal answers whether the workflow of an unfinished run is still at work.
	Temporal client.Client
	// Hooks are the names of the webhooks that are to be told of runs.
	Hooks []string
	// TellPartial says when they are told of partial ones.
	TellPartial TellPartial
	// Metrics counts what came of runs.
	Metrics *metrics.Metrics
	// Language is that of what is shown to people.
	Language message.Language
}

// BeginRunInput says which run is to begin.
type BeginRunInput struct {
	Provider    string   `json:"provider"`
	Mode        string   `json:"mode"`
	OnRemovals  string   `json:"on_removals"`
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// Retry is the run of which this one is to read what failed.
	Retry string `json:"retry,omitempty"`
	// Rules is the version of the rules that a plan goes by; 0: those in force.
	Rules int `json:"rules,omitempty"`
	// Events limits the run to what waiting events are about.
	Events bool `json:"events,omitempty"`
	// Task is what a run does that reads nothing, empty for a sync.
	Task string `json:"task,omitempty"`
	// StartedBy is who started it.
	StartedBy string `json:"started_by,omitempty"`
	// Request is the row of run_requests that says who started it, from where; it goes before
	// StartedBy.
	Request string `json:"request,omitempty"`
}

// BeginRunResult is a run that has begun.
type BeginRunResult struct {
	RunID string `json:"run_id"`
	// Members is how many single people the run is limited to; 0: it reads departments.
	Members int `json:"members,omitempty"`
	// Superseded are the workflows that held for a decision which is now moot.
	Superseded []string `json:"superseded,omitempty"`
	// Vendor is what kind of provider it is, for people.
	Vendor string `json:"vendor,omitempty"`
	// TenantID is the platform's tenant that the provider belongs to, empty if none.
	TenantID string `json:"tenant_id,omitempty"`
	// Language is that of what is shown to people.
	Language message.Language `json:"language,omitempty"`
}

// BeginRun opens the run and takes the provider's fence. Repeated for the same
// workflow execution it returns the same run.
func (a *Runs) BeginRun(ctx context.Context, in BeginRunInput) (BeginRunResult, error) {
	defer heartbeat(ctx)()
	execution := activity.GetInfo(ctx).WorkflowExecution
	begun, err := a.Store.BeginRun(ctx, db.NewRun{
		Provider: in.Provider, WorkflowID: execution.ID, TemporalRunID: execution.RunID,
		Mode: in.Mode, OnRemovals: in.OnRemovals,
		Departments: in.Departments, Members: in.Members, Retries: in.Retry, RulesVersion: in.Rules, Task: in.Task,
		StartedBy: in.StartedBy, Request: in.Request, Events: objectsOf(in),
	}, a.endedStatus)
	var busy *db.RunBusyError
	switch {
	case errors.As(err, &busy) && busy.Run.ByEvents && !in.Events:
		return BeginRunResult{}, awaitEvents(busy)
	case errors.Is(err, db.ErrNothingWaits):
		return BeginRunResult{}, refuse(TypeNothing, message.NoEventWaits, message.Args{"Provider": in.Provider})
	case errors.Is(err, db.ErrNotFound):
		return BeginRunResult{}, a.unknownProvider(ctx, in.Provider)
	case errors.Is(err, db.ErrNoRules):
		return BeginRunResult{}, refuse(TypeInvalid, message.RulesVersionUnknown,
			message.Args{"Provider": in.Provider, "Version": in.Rules})
	case errors.Is(err, db.ErrInactive):
		return BeginRunResult{}, refuse(TypeInactive, message.ProviderSwitchedOff,
			message.Args{"Provider": in.Provider})
	case err != nil:
		return BeginRunResult{}, classify(err)
	}
	if _, err := a.setAccountPolicy(ctx, begun.RunID); err != nil {
		return BeginRunResult{}, err
	}
	out := BeginRunResult{RunID: begun.RunID, Members: begun.Members, Superseded: begun.Superseded,
		Vendor:   begun.Provider.Type.Traits().DisplayName,
		Language: a.Language}
	if begun.Provider.TenantID != nil {
		out.TenantID = *begun.Provider.TenantID
	}
	tellBegun(ctx, in.Provider, out.RunID, in.Mode)
	return out, nil
}

// MostEventObjects is how many objects a run by events reads.
const MostEventObjects = 300

// objectsOf is how many objects a run may read that is limited to events, 0 for others.
func objectsOf(in BeginRunInput) int {
	if in.Events {
		return MostEventObjects
	}
	return 0
}

// awaitEvents has a run begin once the run by events has ended that is at work: that is short,
// and no other begins meanwhile.
func awaitEvents(busy *db.RunBusyError) error {
	return temporal.NewApplicationErrorWithOptions(busy.Error(), TypeBusy, temporal.ApplicationErrorOptions{
		NextRetryDelay: time.Second, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

func (a *Runs) unknownProvider(ctx context.Context, name string) error {
	stored, err := a.Store.Providers.List(ctx)
	if err != nil {
		return classify(err)
	}
	names := make([]string, len(stored))
	for i, p := range stored {
		names[i] = p.Name
	}
	return refuse(TypeNotFound, message.ProviderNotStored,
		message.Args{"Provider": name, "Providers": strings.Join(names, ", ")})
}

// endedStatus tells how the workflow of an unfinished run endedStatus, or "" if it is at work.
func (a *Runs) endedStatus(ctx context.Context, run db.OpenRun) (string, error) {
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.TemporalRunID)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return directory.RunFailed, nil
	}
	if err != nil {
		return "", fmt.Errorf("ask Temporal about workflow %s: %w", run.WorkflowID, err)
	}
	switch described.GetWorkflowExecutionInfo().GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "", nil
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return directory.RunCanceled, nil
	default:
		return directory.RunFailed, nil
	}
}

// HoldRunInput says why a run waits and which workflow takes the decision.
type HoldRunInput struct {
	RunID          string `json:"run_id"`
	Reason         string `json:"reason"`
	HoldWorkflowID string `json:"hold_workflow_id"`
}

// HoldRunResult is a held run's report so far, with what a person needs to decide.
type HoldRunResult struct {
	RunReport
	// ExpiresAt is when the run counts as rejected if nobody has decided.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// ExpiresIn is how long that is from now on, by the clock that ExpiresAt is of.
	ExpiresIn time.Duration       `json:"expires_in,omitempty"`
	Removals  *directory.Removals `json:"removals,omitempty"`
}

// HoldRun marks the run as held and returns what is held. Repeated, it changes nothing.
func (a *Runs) HoldRun(ctx context.Context, in HoldRunInput) (HoldRunResult, error) {
	defer heartbeat(ctx)()
	run, err := a.Store.Report.GetRun(ctx, in.RunID)
	if err != nil {
		return HoldRunResult{}, classify(err)
	}
	held := run.Status != directory.RunHeld
	if held {
		counts, err := a.Store.Counts(ctx, in.RunID)
		if err != nil {
			return HoldRunResult{}, classify(err)
		}
		if err := a.Store.RunHold(ctx, in.RunID, in.Reason, in.HoldWorkflowID, counts); err != nil {
			return HoldRunResult{}, classify(err)
		}
		if run, err = a.Store.Report.GetRun(ctx, in.RunID); err != nil {
			return HoldRunResult{}, classify(err)
		}
	}
	left, err := a.Store.HoldLeft(ctx, in.RunID)
	if err != nil {
		return HoldRunResult{}, classify(err)
	}
	removals, err := a.Store.HeldRemovals(ctx, in.RunID)
	if err != nil {
		return HoldRunResult{}, classify(err)
	}
	report, err := a.report(ctx, in.RunID)
	if err == nil && held {
		a.tell(ctx, in.RunID, report, nil)
	}
	return HoldRunResult{RunReport: report, ExpiresAt: run.HoldExpiresAt, ExpiresIn: left, Removals: &removals}, err
}

// ResumeRunInput says which held run is to go on.
type ResumeRunInput struct {
	RunID string `json:"run_id"`
	// DecidedBy is who let it.
	DecidedBy string `json:"decided_by,omitempty"`
	// Request is the row of run_requests that says who it was, from where; it goes before DecidedBy.
	Request string `json:"request,omitempty"`
}

// ResumeRun lets a held run go on, whose removals were approved: from here on no other
// run of the provider can begin until it has ended. While one is at work it is tried
// again; who decided is on record meanwhile. Repeated, it changes nothing.
func (a *Runs) ResumeRun(ctx context.Context, in ResumeRunInput) error {
	defer heartbeat(ctx)()
	if err := a.recordDecision(ctx, in.RunID, in.DecidedBy, in.Request, true); err != nil {
		return classify(err)
	}
	err := a.Store.RunResume(ctx, in.RunID, a.endedStatus)
	var busy *db.RunBusyError
	if errors.As(err, &busy) {
		return temporal.NewApplicationErrorWithOptions(fmt.Sprintf(
			"the removals are approved; they are carried out when run %s in workflow %s has ended", busy.Run.ID,
			busy.Run.WorkflowID),
			TypeBusy, temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return classify(err)
}

// FinishRunInput says how a run ended.
type FinishRunInput struct {
	RunID string `json:"run_id"`
	// Status forces the final status; empty: succeeded, or partial if anything failed.
	Status string `json:"status,omitempty"`
	// Problem is what ended the run early, in words.
	Problem string `json:"problem,omitempty"`
	// Incomplete is true if not everything was read and applied, on purpose or not.
	Incomplete bool `json:"incomplete,omitempty"`
	// Counts, if set, are what a dry run found; a run that applies is counted
	// from its change log.
	Counts *directory.Counts `json:"counts,omitempty"`
	// DecidedBy is who decided the run, if it was held and that was decided.
	DecidedBy string `json:"decided_by,omitempty"`
	// Request is the row of run_requests that says who it was, from where; it goes before DecidedBy.
	Request string `json:"request,omitempty"`
}

// RunReport is a run's outcome.
type RunReport struct {
	Provider string `json:"provider"`
	Mode     string `json:"mode"`
	Status   string `json:"status"`
	directory.Counts
	Calls      int64    `json:"calls"`
	DurationMS int64    `json:"duration_ms"`
	Errors     []string `json:"errors"`
	// Reasons are why something went wrong, each once.
	Reasons []directory.Reason `json:"reasons,omitempty"`
	// Notify are the webhooks that a workflow may tell of the run: set only where it
	// is held, failed or rejected, or one partial run too many.
	Notify []string `json:"notify,omitempty"`
}

// maxErrors is how many errors a report carries; the rest stand in the ledger.
const maxErrors = 20

// FinishRun gives the run its final status, stores what it did and drops its
// staging. The first end stands; repeated, it reports that.
func (a *Runs) FinishRun(ctx context.Context, in FinishRunInput) (RunReport, error) {
	defer heartbeat(ctx)()
	run, err := a.Store.Report.GetRun(ctx, in.RunID)
	if err != nil {
		return RunReport{}, classify(err)
	}
	open := run.Status == directory.RunRunning || run.Status == directory.RunHeld
	if open {
		if err := a.finish(ctx, in, run); err != nil {
			return RunReport{}, classify(err)
		}
	}
	report, err := a.report(ctx, in.RunID)
	if err == nil && open {
		a.tell(ctx, in.RunID, report, heldWith(run))
		a.countEvents(ctx, in.RunID, report.Provider)
	}
	return report, err
}

// countEvents counts the events that a run followed. Figures are lost where that fails.
func (a *Runs) countEvents(ctx context.Context, runID, provider string) {
	ages, err := a.Store.ListEventAges(ctx, runID)
	if err != nil {
		activity.GetLogger(ctx).Warn("events not counted", "run_id", runID, "error", err)
	}
	for _, age := range ages {
		a.Metrics.EventDone(provider, age)
	}
}

// countPublication counts what a run that ended or was held has published.
func (a *Runs) countPublication(ctx context.Context, runID, provider string) {
	delay, published, err := a.Store.Feed.FindDelay(ctx, runID)
	if err != nil {
		activity.GetLogger(ctx).Warn("publication not counted", "run_id", runID, "error", err)
	}
	if published {
		a.Metrics.Published(provider, delay)
	}
}

func (a *Runs) finish(ctx context.Context, in FinishRunInput, run report.Run) error {
	approved := in.Status != directory.RunRejected
	if err := a.recordDecision(ctx, in.RunID, in.DecidedBy, in.Request, approved); err != nil {
		return err
	}
	counts, err := a.Store.Counts(ctx, in.RunID)
	if err != nil {
		return err
	}
	switch {
	case in.Counts != nil:
		counts = *in.Counts
	case run.HoldWorkflowID != "":
		counts = sumUp(run.Counts, counts)
	}
	status := in.Status
	if status == "" {
		status = directory.RunSucceeded
		if counts.Departments.Failed > 0 || counts.Members.Failed > 0 {
			status = directory.RunPartial
		}
	}
	complete := status == directory.RunSucceeded && run.Mode == "apply" && !in.Incomplete
	return a.Store.FinishRun(ctx, in.RunID, status, in.Problem, counts, complete)
}

// recordDecision puts on record who decided a held run, if anybody did.
func (a *Runs) recordDecision(ctx context.Context, runID, by, request string, approved bool) error {
	if by == "" {
		return nil
	}
	return a.Store.RunDecided(ctx, runID, by, request, approved)
}

// heldWith is what was counted of a run when it was held, or nil.
func heldWith(run report.Run) *directory.Counts {
	if run.HoldWorkflowID == "" {
		return nil
	}
	return &run.Counts
}

// sumUp joins what was read before a hold, whose staging may be gone, with what the
// change log says now: who was unchanged then may have moved since, when settling
// followed the removals, and who could not be looked up again has failed.
func sumUp(before, now directory.Counts) directory.Counts {
	for _, kind := range directory.Kinds() {
		k := kind.Kind
		now.Set(k, "read", before.Get(k, "read"))
		now.Set(k, "failed", max(now.Get(k, "failed"), before.Get(k, "failed")))
		now.Set(k, "unchanged", before.Get(k, "unchanged")+changed(before, k)-changed(now, k))
	}
	return now
}

// changed counts the objects of a kind that were read and have changed.
func changed(c directory.Counts, kind directory.Kind) (n int) {
	for _, how := range []string{"created", "updated", "moved", "restored", "deactivated"} {
		n += c.Get(kind, how)
	}
	return n
}

func (a *Runs) report(ctx context.Context, runID string) (RunReport, error) {
	run, err := a.Store.Report.GetRun(ctx, runID)
	if err != nil {
		return RunReport{}, classify(err)
	}
	problems, err := a.Store.Problems(ctx, runID, maxErrors)
	if err != nil {
		return RunReport{}, classify(err)
	}
	if run.Error != "" {
		problems = append([]string{run.Error}, problems[:min(len(problems), maxErrors-1)]...)
	}
	end := time.Now() // this machine's clock may be behind that of Postgres
	if run.FinishedAt != nil {
		end = *run.FinishedAt
	}
	reasons, err := a.Store.Reasons(ctx, run)
	if err != nil {
		return RunReport{}, classify(err)
	}
	hooks, err := a.toTell(ctx, run)
	if err != nil {
		return RunReport{}, classify(err)
	}
	return RunReport{
		Provider: run.Provider, Mode: run.Mode, Status: run.Status, Counts: run.Counts, Calls: run.Calls,
		DurationMS: max(0, end.Sub(run.StartedAt)).Milliseconds(), Errors: problems, Reasons: reasons, Notify: hooks,
	}, nil
}
