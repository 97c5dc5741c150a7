package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

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

// maxErrors is how many errors a report carries; the rest stand in the completeness record.
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
		a.recordOutcome(ctx, in.RunID, report, heldWith(run))
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

func (a *Runs) finish(ctx context.Context, in FinishRunInput, run report.Run) error {
	approved := in.Status != directory.RunRejected
	if err := a.recordDecision(ctx, in.RunID, in.DecidedBy, in.Request, approved); err != nil {
		return err
	}
	counts, err := a.Store.CountRun(ctx, in.RunID)
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
	problems, err := a.Store.ListProblems(ctx, runID, maxErrors)
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
	reasons, err := a.Store.ListReasons(ctx, run)
	if err != nil {
		return RunReport{}, classify(err)
	}
	hooks, err := a.hooksToTell(ctx, run)
	if err != nil {
		return RunReport{}, classify(err)
	}
	return RunReport{
		Provider: run.Provider, Mode: run.Mode, Status: run.Status, Counts: run.Counts, Calls: run.Calls,
		DurationMS: max(0, end.Sub(run.StartedAt)).Milliseconds(), Errors: problems, Reasons: reasons, Notify: hooks,
	}, nil
}
