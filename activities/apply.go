package activities

import (
	"context"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Apply makes the directory equal to what was staged. Its activities only need
// Postgres, are bounded by the size of their range, and may be repeated.
type Apply struct {
	Store *db.Store
	// Language is that of the reasons for which runs are held.
	Language message.Language
}

// RunInput names a run.
type RunInput struct {
	RunID string `json:"run_id"`
}

// BatchInput names the departments of a run with positions First to Last.
type BatchInput struct {
	RunID string `json:"run_id"`
	First int    `json:"first"`
	Last  int    `json:"last"`
}

// ApplyDepartmentsInput names a run and whether only part of the tree is visible.
type ApplyDepartmentsInput struct {
	RunID        string `json:"run_id"`
	LimitedRange bool   `json:"limited_range"`
}

// ApplyDepartments inserts and updates departments. It removes nothing.
func (a *Apply) ApplyDepartments(ctx context.Context, in ApplyDepartmentsInput) error {
	defer heartbeat(ctx)()
	return classify(a.Store.ApplyDepartments(ctx, in.RunID, in.LimitedRange))
}

// ApplyMembers inserts and updates the people that a range's listings brought and
// places them in departments. It removes nothing.
func (a *Apply) ApplyMembers(ctx context.Context, in BatchInput) error {
	defer heartbeat(ctx)()
	return classify(a.Store.ApplyMembers(ctx, in.RunID, in.First, in.Last))
}

// Recompute computes paths, primary departments and head counts, and lets go of the
// accounts of members who left.
func (a *Apply) Recompute(ctx context.Context, in RunInput) error {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "recompute"); err != nil {
		return classify(err)
	}
	if err := a.Store.RecomputeDerived(ctx, in.RunID); err != nil {
		return classify(err)
	}
	return classify(a.Store.LeaveAccounts(ctx, in.RunID))
}

// LinkAccounts ties members to the platform's accounts.
func (a *Apply) LinkAccounts(ctx context.Context, in RunInput) error {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "link"); err != nil {
		return classify(err)
	}
	_, err := a.Store.LinkAccounts(ctx, in.RunID)
	return classify(err)
}

// CarryOutResult is what a run that reads nothing did or, in plan mode, would do.
type CarryOutResult struct {
	// Counts is set in plan mode.
	Counts directory.Counts `json:"counts"`
	// HoldReason says why a person must decide, or is empty.
	HoldReason string `json:"hold_reason,omitempty"`
}

// CarryOut links members to accounts and creates some, or marks members, as the run says.
func (a *Apply) CarryOut(ctx context.Context, in RunInput) (CarryOutResult, error) {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "recompute"); err != nil {
		return CarryOutResult{}, classify(err)
	}
	done, err := a.Store.CarryOut(ctx, in.RunID)
	if err != nil {
		return CarryOutResult{}, classify(err)
	}
	out := CarryOutResult{Counts: done.Counts}
	if done.Linked.Beyond {
		out.HoldReason = a.Language.Text(message.HoldAccounts, message.Args{
			"Creations": done.Linked.Creations, "Active": done.Linked.Active, "Limit": done.Linked.Limit,
		})
	}
	return out, nil
}
