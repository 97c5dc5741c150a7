package db

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

// NotUndoableError says in words why a run cannot be undone and what to do instead.
type NotUndoableError struct {
	Reason  string
	Refusal Refusal
}

// Error implements error.
func (e *NotUndoableError) Error() string { return e.Reason }

// FindUndoTarget returns the run that is to be undone. It returns ErrNotFound, or
// *NotUndoableError if there is nothing that could be taken back.
func (s *Store) FindUndoTarget(ctx context.Context, runID string) (report.Run, error) {
	if _, err := s.undoTarget(ctx, s.pool, runID); err != nil {
		return report.Run{}, interpret("find run to undo", err)
	}
	return s.Report.GetRun(ctx, runID)
}

func (s *Store) undoTarget(ctx context.Context, tx dbsqlc.DBTX, runID string) (dbsqlc.GetRunRow, error) {
	row, err := s.q.GetRun(ctx, tx, runID)
	if err != nil {
		return row, err
	}
	var reason string
	refusal := RefusedForGood
	switch {
	case row.Mode == "plan":
		refusal, reason = RefusedEmpty, fmt.Sprintf("run %s was a plan: it changed nothing that could be taken back",
			row.ID)
	case row.Status == directory.RunRunning && row.HoldWorkflowID != nil:
		refusal, reason = RefusedAtWork, fmt.Sprintf(
			"run %s is carrying out the removals that were approved, in workflow %s; wait until it has ended", row.ID,
			*row.HoldWorkflowID)
	case row.Status == directory.RunRunning:
		refusal, reason = RefusedAtWork, fmt.Sprintf(
			"run %s is still at work in workflow %s; wait until it has ended, or cancel it with: temporal workflow "+
				"cancel -w %s", row.ID, row.WorkflowID, row.WorkflowID)
	case row.Status == directory.RunHeld:
		refusal, reason = RefusedUndecided, fmt.Sprintf(
			"run %s waits for a decision on its removals; approve or reject them first", row.ID)
	case row.DetailsDroppedAt != nil:
		reason = fmt.Sprintf("the change log of run %s was deleted at %s, so the earlier values are no longer known",
			row.ID, row.DetailsDroppedAt.UTC().Format("2006-01-02 15:04 MST"))
	default:
		return row, nil
	}
	return row, &NotUndoableError{Reason: reason, Refusal: refusal}
}
