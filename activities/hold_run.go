package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

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
	isNew := run.Status != directory.RunHeld
	if isNew {
		counts, err := a.Store.CountRun(ctx, in.RunID)
		if err != nil {
			return HoldRunResult{}, classify(err)
		}
		if err := a.Store.HoldRun(ctx, in.RunID, in.Reason, in.HoldWorkflowID, counts); err != nil {
			return HoldRunResult{}, classify(err)
		}
		if run, err = a.Store.Report.GetRun(ctx, in.RunID); err != nil {
			return HoldRunResult{}, classify(err)
		}
	}
	left, err := a.Store.GetTimeLeft(ctx, in.RunID)
	if err != nil {
		return HoldRunResult{}, classify(err)
	}
	removals, err := a.Store.ListHeldRemovals(ctx, in.RunID)
	if err != nil {
		return HoldRunResult{}, classify(err)
	}
	report, err := a.report(ctx, in.RunID)
	if err == nil && isNew {
		a.recordOutcome(ctx, in.RunID, report, nil)
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
	err := a.Store.ResumeRun(ctx, in.RunID, a.endedStatus)
	var busy *db.RunBusyError
	if errors.As(err, &busy) {
		return temporal.NewApplicationErrorWithOptions(fmt.Sprintf(
			"the removals are approved; they are carried out when run %s in workflow %s has ended", busy.Run.ID,
			busy.Run.WorkflowID),
			TypeBusy, temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return classify(err)
}

// recordDecision puts on record who decided a held run, if a person did.
func (a *Runs) recordDecision(ctx context.Context, runID, by, request string, approved bool) error {
	if by == "" {
		return nil
	}
	return a.Store.RecordDecision(ctx, runID, by, request, approved)
}

// heldWith is what was counted of a run when it was held, or nil.
func heldWith(run report.Run) *directory.Counts {
	if run.HoldWorkflowID == "" {
		return nil
	}
	return &run.Counts
}
