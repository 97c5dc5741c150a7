package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// BeginUndoInput says which run is to be taken back.
type BeginUndoInput struct {
	// Run is its id, or as much of the beginning as is unique.
	Run         string   `json:"run"`
	Mode        string   `json:"mode"`
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// Apply is true if the removal guard's limits are not to count.
	Apply bool `json:"apply,omitempty"`
	// StartedBy is who started it.
	StartedBy string `json:"started_by,omitempty"`
	// Request is the row of run_requests that says who started it, from where; it goes before
	// StartedBy.
	Request string `json:"request,omitempty"`
}

// BeginUndoResult is an undoing run that has begun.
type BeginUndoResult struct {
	BeginRunResult
	Provider string `json:"provider"`
	// Undoes is the whole id of the run that is taken back.
	Undoes string `json:"undoes"`
}

// BeginUndo opens a run that takes back another one, and takes the provider's fence.
// Repeated for the same workflow execution it returns the same run.
func (a *Runs) BeginUndo(ctx context.Context, in BeginUndoInput) (BeginUndoResult, error) {
	defer heartbeat(ctx)()
	target, err := a.Store.Report.FindRunByPrefix(ctx, in.Run)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return BeginUndoResult{}, refuse(TypeNotFound, message.RunNotStored, message.Args{"Run": in.Run})
	case errors.Is(err, report.ErrAmbiguous):
		return BeginUndoResult{}, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("more than one run's id begins with %q; give more of it", in.Run), TypeInvalid, nil)
	case err != nil:
		return BeginUndoResult{}, classify(err)
	}
	var refused *db.NotUndoableError
	if _, err := a.Store.FindUndoTarget(ctx, target.ID); err != nil &&
		(!errors.As(err, &refused) || refused.Refusal != db.RefusedAtWork) {
		return BeginUndoResult{}, classify(err)
	}
	onRemovals := "hold"
	if in.Apply {
		onRemovals = "apply"
	}
	execution := activity.GetInfo(ctx).WorkflowExecution
	begun, err := a.Store.BeginRun(ctx, db.NewRun{
		Provider: target.Provider, WorkflowID: execution.ID, TemporalRunID: execution.RunID,
		Mode: in.Mode, OnRemovals: onRemovals, Departments: in.Departments, Members: in.Members, Undoes: target.ID,
		StartedBy: in.StartedBy, Request: in.Request,
	}, a.endedStatus)
	if err != nil {
		return BeginUndoResult{}, classify(err)
	}
	if _, err := a.setAccountPolicy(ctx, begun.RunID); err != nil {
		return BeginUndoResult{}, err
	}
	out := BeginUndoResult{BeginRunResult: BeginRunResult{RunID: begun.RunID, Language: a.Language},
		Provider: target.Provider, Undoes: target.ID}
	if begun.Provider.TenantID != nil {
		out.TenantID = *begun.Provider.TenantID
	}
	logStart(ctx, target.Provider, out.RunID, in.Mode)
	return out, nil
}

// UndoInput says what an undoing run is to take back.
type UndoInput struct {
	RunID string `json:"run_id"`
	// Departments and Members limit it, by external ids.
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// Apply is true if the removal guard's limits are not to count.
	Apply bool `json:"apply,omitempty"`
}

// UndoResult is what undoing did or, in plan mode, would do.
type UndoResult struct {
	Counts    directory.Counts `json:"counts"`
	LeftAlone int              `json:"left_alone"`
}

// Undo takes back what another run changed, in one transaction. Taking back a run that
// brought many people removes them: beyond the removal guard's limits it is refused as
// a whole, unless it was said to apply all the same.
func (a *Reconcile) Undo(ctx context.Context, in UndoInput) (UndoResult, error) {
	defer heartbeat(ctx)()
	if err := a.Store.SetPhase(ctx, in.RunID, "undo"); err != nil {
		return UndoResult{}, classify(err)
	}
	run, err := a.Store.Report.GetRun(ctx, in.RunID)
	if err != nil {
		return UndoResult{}, classify(err)
	}
	refusal := func(u db.Undone) string {
		if in.Apply {
			return ""
		}
		return holdReason(a.Language, u.Plan, nil)
	}
	out, err := a.Store.Undo(ctx, in.RunID, db.UndoScope{Departments: in.Departments, Members: in.Members},
		func(u db.Undone) error {
			reason := refusal(u)
			if reason == "" {
				return nil
			}
			return refuse(TypeInvalid, message.UndoRefused, message.Args{"Reason": reason, "Run": run.Undoes})
		})
	if err != nil {
		return UndoResult{}, classify(err)
	}
	if reason := refusal(out); reason != "" {
		if err := a.Store.AddRunError(ctx, in.RunID, "warning", "",
			"applying this would be refused without --on-removals apply: "+reason); err != nil {
			return UndoResult{}, classify(err)
		}
	}
	return UndoResult{Counts: out.Counts, LeftAlone: out.LeftAlone}, nil
}
