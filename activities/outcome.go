package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/metrics"
)

// logStart logs that a run has begun.
func logStart(ctx context.Context, provider, runID, mode string) {
	activity.GetLogger(ctx).Info("run begun", "provider", provider, "run_id", runID, "mode", mode)
}

// recordOutcome logs and counts a run that ended or was held: report is how it stands now,
// heldWith what was counted when it was held, nil if it was not.
func (a *Runs) recordOutcome(ctx context.Context, runID string, report RunReport, heldWith *directory.Counts) {
	run := metrics.Run{
		Provider: report.Provider, Mode: report.Mode, Status: report.Status,
		Took: time.Duration(report.DurationMS) * time.Millisecond, Counts: report.Counts,
	}
	if heldWith != nil {
		run.Took, run.Counted = 0, *heldWith
	}
	a.Metrics.Run(run)
	a.countPublication(ctx, runID, report.Provider)
	what := "run ended"
	if report.Status == directory.RunHeld {
		what = "run held: removals wait for a decision"
	}
	d, m := report.Departments, report.Members
	activity.GetLogger(ctx).Info(what, "provider", report.Provider, "run_id", runID, "mode", report.Mode, "status",
		report.Status,
		"duration", (time.Duration(report.DurationMS) * time.Millisecond).String(), "calls", report.Calls,
		"departments_read", d.Read, "departments_changed", changed(report.Counts, directory.KindDepartment)+d.Deleted,
		"departments_failed", d.Failed,
		"members_read", m.Read, "members_changed", changed(report.Counts, directory.KindMember)+m.Deleted,
		"members_removed", m.Deleted, "members_failed", m.Failed)
}
