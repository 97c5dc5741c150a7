package activities

import (
	"context"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Reconcile finds and removes what is gone.
type Reconcile struct {
	Store  *db.Store
	Reader *Reader
	// Language is that of the reasons for which runs are held.
	Language message.Language
}

// PlanRemovalsInput asks for a plan.
type PlanRemovalsInput struct {
	RunID string `json:"run_id"`
	// Lost is what the visible range no longer contains.
	Lost []string `json:"lost,omitempty"`
	// LimitedRange is true if only part of the company is visible.
	LimitedRange bool `json:"limited_range,omitempty"`
}

// PlanRemovalsResult is the plan and the guard's verdict.
type PlanRemovalsResult struct {
	directory.PerKind
	// Incomplete is true if not every scope was read to the end.
	Incomplete bool `json:"incomplete"`
	// HoldReason says why a person must decide, or is empty.
	HoldReason string `json:"hold_reason,omitempty"`
	// Changed is what the run has changed so far.
	Changed *directory.Counts `json:"changed,omitempty"`
}

// Any reports whether anything would be removed.
func (p PlanRemovalsResult) Any() bool { return directory.Sum(p.PerKind) > 0 }

// PlanRemovals compares the directory with what was read, inside the scopes read to
// the end, looks up one by one what seems to be gone, and lets the guard judge. It
// removes nothing.
func (a *Reconcile) PlanRemovals(ctx context.Context, in PlanRemovalsInput) (PlanRemovalsResult, error) {
	out, err := a.planRemovals(ctx, in)
	return out, limitAttempts(ctx, err, triesOfRun)
}

func (a *Reconcile) planRemovals(ctx context.Context, in PlanRemovalsInput) (PlanRemovalsResult, error) {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "removals"); err != nil {
		return PlanRemovalsResult{}, err
	}
	visibility, err := a.visibility(ctx, in.RunID, in.LimitedRange)
	if err != nil {
		return PlanRemovalsResult{}, err
	}
	plan, err := a.Store.PlanRemovals(ctx, in.RunID, visibility)
	if err != nil {
		return PlanRemovalsResult{}, err
	}
	incomplete := plan.Incomplete
	if plan.ToLookUp > 0 {
		if err := a.confirm(ctx, in.RunID); err != nil {
			return PlanRemovalsResult{}, err
		}
		if plan, err = a.Store.ConfirmRemovals(ctx, in.RunID, visibility); err != nil {
			return PlanRemovalsResult{}, err
		}
	}
	changed, err := a.Store.CountChanges(ctx, in.RunID)
	out := PlanRemovalsResult{
		PerKind: plan.Planned, Incomplete: incomplete, HoldReason: holdReason(a.Language, plan, in.Lost),
		Changed: &changed,
	}
	if err == nil && plan.ByEvents && out.HoldReason != "" {
		// A run by events waits for no decision: what it may not remove is left to the next full run.
		err = a.withhold(ctx, in.RunID, out.HoldReason)
		out.PerKind, out.HoldReason = directory.PerKind{}, ""
	}
	return out, err
}

// withhold leaves a run by events without removals and says why.
func (a *Reconcile) withhold(ctx context.Context, runID, reason string) error {
	if err := a.Store.WithholdRemovals(ctx, runID); err != nil {
		return err
	}
	return a.Store.AddRunError(ctx, runID, "warning", "", message.English.Text(message.RemovalsWithheld,
		message.Args{"Reason": reason}))
}

// visibility is what the run can see, once it has read by themselves whom earlier runs of the
// whole company missed.
func (a *Reconcile) visibility(ctx context.Context, runID string, limited bool) (db.Visibility, error) {
	earlier, err := comparableRuns(ctx, a.Store, runID)
	if err != nil {
		return db.Visibility{}, err
	}
	return db.Visibility{Limited: limited, EarlierRuns: earlier}, a.rereadMembers(ctx, runID, earlier)
}

// DryRunInput asks what applying would do.
type DryRunInput struct {
	RunID        string   `json:"run_id"`
	LimitedRange bool     `json:"limited_range"`
	Lost         []string `json:"lost,omitempty"`
	// Remove is false where the run would remove nothing.
	Remove bool `json:"remove"`
}

// DryRunResult is what applying would do.
type DryRunResult struct {
	Counts directory.Counts `json:"counts"`
	// HoldReason says why the run would wait for a person, or is empty.
	HoldReason string `json:"hold_reason,omitempty"`
}

// DryRun reports exactly what applying the run's snapshot would do and changes
// nothing of the directory. It looks up what applying would look up, between two
// dry runs.
func (a *Reconcile) DryRun(ctx context.Context, in DryRunInput) (DryRunResult, error) {
	out, err := a.dryRun(ctx, in)
	return out, limitAttempts(ctx, err, triesOfRun)
}

func (a *Reconcile) dryRun(ctx context.Context, in DryRunInput) (DryRunResult, error) {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "plan"); err != nil {
		return DryRunResult{}, err
	}
	visibility, err := a.visibility(ctx, in.RunID, in.LimitedRange)
	if err != nil {
		return DryRunResult{}, err
	}
	out, err := a.Store.DryRun(ctx, in.RunID, visibility, in.Remove)
	for err == nil && out.ToLookUp > 0 {
		if err = a.confirm(ctx, in.RunID); err == nil {
			out, err = a.Store.DryRun(ctx, in.RunID, visibility, in.Remove)
		}
	}
	if err != nil {
		return DryRunResult{}, err
	}
	reason := ""
	if in.Remove {
		reason = holdReason(a.Language, out.Plan, in.Lost)
	}
	if reason != "" {
		if err := a.Store.AddRunError(ctx, in.RunID, "warning", "",
			"applying this would be held: "+reason); err != nil {
			return DryRunResult{}, err
		}
	}
	return DryRunResult{Counts: out.Counts, HoldReason: reason}, nil
}

// holdReason is the removal guard: it says why a person must decide, or "".
func holdReason(l message.Language, p db.RemovalPlan, lost []string) string {
	var reasons []string
	if p.Total() > 0 && len(lost) > 0 {
		reasons = append(reasons, l.Text(message.HoldRangeShrunk, message.Args{"Lost": strings.Join(lost, ", ")}))
	}
	kinds := directory.Kinds()
	slices.Reverse(kinds)
	if p.Withheld && p.Total() > 0 {
		reasons = append(reasons, l.Text(message.HoldAfterEvents, nil))
	}
	for _, kind := range kinds {
		today := *p.RemovedToday.Of(kind.Kind)
		planned := *p.Independent.Of(kind.Kind) + today
		if kind.Limited && planned > today && planned > p.Limit(kind.Kind) {
			reasons = append(reasons, l.Text(message.HoldBeyondLimit, message.Args{
				"Planned": planned, "Active": *p.Active.Of(kind.Kind), "Kind": l.Kind(kind.Plural),
				"Limit": p.Limit(kind.Kind),
			}))
		}
	}
	return strings.Join(append(reasons, ruleReasons(l, p.Rules)...), l.Text(message.SentenceSeparator, nil))
}

// ruleReasons are the reasons to hold a run that its rules give: people are to go because
// a person changed them, or they look wrongly configured.
func ruleReasons(l message.Language, r db.RuleFigures) (reasons []string) {
	if r.Changed && r.Members+r.Departments > 0 {
		reasons = append(reasons, l.Text(message.HoldRulesChanged, message.Args{
			"Version": r.Version, "Members": r.Members, "Departments": r.Departments,
		}))
	}
	people := max(r.Stored, r.Failed)
	if r.Failed*100 > people*maxFailedPercent {
		reasons = append(reasons, l.Text(message.HoldRulesFailing, message.Args{
			"Failed": r.Failed, "Members": people, "Percent": maxFailedPercent,
		}))
	}
	return reasons
}

// maxFailedPercent is on how many members of a hundred rules may fail before they look
// wrongly configured.
const maxFailedPercent = 1

// RemoveResult tells how many objects went.
type RemoveResult struct {
	Removed int `json:"removed"`
}

// Remove carries out the plan in bounded batches, each of which checks that the run
// still is the newest. Repeated, it goes on with what is left.
func (a *Reconcile) Remove(ctx context.Context, in RunInput) (RemoveResult, error) {
	defer heartbeat(ctx)()
	var out RemoveResult
	for {
		n, err := a.Store.RemoveNext(ctx, in.RunID)
		if err != nil {
			return out, classify(err)
		}
		if n == 0 {
			return out, nil
		}
		out.Removed += n
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
}
