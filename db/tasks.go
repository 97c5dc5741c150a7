package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// TaskDone is what a run that reads nothing did or, in plan mode, would do.
type TaskDone struct {
	Counts directory.Counts
	// Linked is set of a run that links accounts.
	Linked Linked
}

// CarryOut does what a run that reads nothing is for, in one transaction: it links members
// to accounts and creates some, or marks members. In plan mode all of it is rolled back, and
// only the change log and the notes are kept. More accounts than may be created unasked are
// created only once the run was held for that and approved. Repeated, it changes nothing more.
func (s *Store) CarryOut(ctx context.Context, runID string) (TaskDone, error) {
	var done TaskDone
	var notes []dbsqlc.ListRunErrorsRow
	err := s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		planned := run.Mode == "plan"
		if planned { // an earlier dry run's log would count as done by this one
			if err := s.q.DropChanges(ctx, tx, runID); err != nil {
				return err
			}
		}
		if done.Linked, err = s.doTask(ctx, tx, run, runID); err != nil || !planned {
			return err
		}
		if done.Counts, err = s.counts(ctx, tx, runID); err != nil {
			return err
		}
		if notes, err = s.q.ListRunErrors(ctx, tx,
			dbsqlc.ListRunErrorsParams{RunID: runID, MaxRows: maxDryRunNotes}); err != nil {
			return err
		}
		if err := s.saveDryRun(ctx, tx, runID); err != nil {
			return fmt.Errorf("keep change log: %w", err)
		}
		return errRollBack
	})
	if errors.Is(err, errRollBack) {
		return done, pg.Interpret("keep dry run", s.keepDryRun(ctx, runID, notes, nil))
	}
	return done, pg.Interpret("carry out", err)
}

func (s *Store) doTask(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) (Linked, error) {
	unknown, err := s.q.SetTargetMembers(ctx, tx, dbsqlc.SetTargetMembersParams{
		RunID: runID, IgnoreCase: run.IdsIgnoreCase,
	})
	if err != nil {
		return Linked{}, fmt.Errorf("find members: %w", err)
	}
	for _, id := range unknown {
		if err := s.addRunError(ctx, tx, runID, "member", id,
			"the directory has no such member, or several, who are still there"); err != nil {
			return Linked{}, err
		}
	}
	switch run.Task {
	case TaskAccounts:
		return s.linkAccounts(ctx, tx, run, runID)
	case TaskOffline:
		_, err = s.q.MarkOffline(ctx, tx, runID)
	case TaskOnline:
		_, err = s.q.MarkOnline(ctx, tx, runID)
	default:
		return Linked{}, fmt.Errorf("task %q is not known", run.Task)
	}
	if err != nil {
		return Linked{}, fmt.Errorf("mark members: %w", err)
	}
	return Linked{}, s.recomputeHeadcounts(ctx, tx, run, runID)
}
