package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// errRollBack ends a transaction that was only meant to be looked at.
var errRollBack = errors.New("roll back")

// maxDryRunNotes bounds how many errors and warnings a dry run keeps.
const maxDryRunNotes = 1000

// DryRunResult is what applying a snapshot would do.
type DryRunResult struct {
	Counts directory.Counts
	Plan   RemovalPlan
	// ToLookUp is how many planned removals are to be looked up before it can be told: then
	// nothing else is set.
	ToLookUp int
}

// DryRun finds out what applying the run's snapshot would do by doing it, with the
// very statements of an applied run, in one transaction that is then rolled back:
// nothing of the directory is written, and the answer cannot differ from what apply
// does. Only the change log, the notes and the counts are kept. Where something is to be
// looked up first, only that is written down, and ToLookUp says so: the provider is asked nothing
// while rows that would change are locked against other writers, as they are meanwhile.
// Repeating it starts over.
func (s *Store) DryRun(ctx context.Context, runID string, visibility Visibility, remove bool) (DryRunResult, error) {
	var out DryRunResult
	var notes []dbsqlc.ListRunErrorsRow
	var known, failed []CompletenessRecord
	var ask pendingLookups
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		// An earlier dry run's log would count as done by this one.
		if err = s.q.DropChanges(ctx, tx, runID); err != nil {
			return err
		}
		if known, err = s.listCompleteness(ctx, tx, runID, true, maxDryRunNotes); err != nil {
			return err
		}
		if out.Plan, ask, err = s.dryRun(ctx, tx, run, runID, visibility, remove); err != nil {
			return err
		}
		if ask.any() {
			return errRollBack
		}
		if out.Counts, err = s.counts(ctx, tx, runID); err != nil {
			return err
		}
		if notes, err = s.q.ListRunErrors(ctx, tx, dbsqlc.ListRunErrorsParams{
			RunID: runID, MaxRows: maxDryRunNotes,
		}); err != nil {
			return err
		}
		if failed, err = s.listCompleteness(ctx, tx, runID, true, maxDryRunNotes); err != nil {
			return err
		}
		if err := s.saveDryRun(ctx, tx, runID); err != nil {
			return fmt.Errorf("keep change log: %w", err)
		}
		return errRollBack
	})
	if !errors.Is(err, errRollBack) {
		return out, interpret("try the run", err)
	}
	if ask.any() {
		out = DryRunResult{}
		err = s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) (err error) {
			out.ToLookUp, err = s.recordPendingLookups(ctx, tx, runID, ask)
			return err
		})
		return out, interpret("note lookups", err)
	}
	// Only what the dry run found out is to be noted.
	failed = slices.DeleteFunc(failed, func(f CompletenessRecord) bool {
		return slices.ContainsFunc(known, func(k CompletenessRecord) bool { return k.ExternalID == f.ExternalID })
	})
	return out, interpret("keep dry run", s.keepDryRun(ctx, runID, notes, failed))
}

// dryRun returns the plan of removals, or what is to be looked up before it stands.
func (s *Store) dryRun(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, visibility Visibility,
	remove bool) (plan RemovalPlan, ask pendingLookups, err error) {
	if err := s.rehearseListings(ctx, tx, run, runID, visibility.Limited); err != nil {
		return plan, ask, err
	}
	if err := s.applyReread(ctx, tx, run, runID); err != nil {
		return plan, ask, err
	}
	if plan, err = s.planRemovals(ctx, tx, run, runID); err != nil {
		return plan, ask, err
	}
	if ask, err = s.findPendingLookups(ctx, tx, runID, plan); err != nil || ask.any() {
		return plan, ask, err
	}
	if plan, err = s.finishPlan(ctx, tx, run, runID, visibility, plan); err != nil {
		return plan, ask, err
	}
	for removed := 1; remove && removed > 0; {
		if removed, err = s.removeNext(ctx, tx, runID); err != nil {
			return plan, ask, err
		}
	}
	if err := s.recomputeDerived(ctx, tx, run, runID); err != nil {
		return plan, ask, err
	}
	if err := s.leaveAccounts(ctx, tx, run, runID); err != nil {
		return plan, ask, err
	}
	_, err = s.linkAccounts(ctx, tx, run, runID)
	return plan, ask, err
}

// saveDryRun streams the change log out of the transaction that will be rolled
// back, in bounded memory.
func (s *Store) saveDryRun(ctx context.Context, from pgx.Tx, runID string) error {
	return s.pool.InTxApart(ctx, func(to pgx.Tx) error {
		if err := s.q.DropDryRunChanges(ctx, to, runID); err != nil {
			return err
		}
		r, w := io.Pipe()
		var copying errgroup.Group
		copying.Go(func() error {
			// The run id is ours, made by uuid.New; COPY takes no parameters.
			_, err := from.Conn().PgConn().CopyTo(ctx, w,
				fmt.Sprintf(
					"COPY (SELECT run_id, object_type, object_id, department_id, external_id, kind, before, after, "+
						"changed_at FROM org_changes WHERE run_id = '%s' ORDER BY id) TO STDOUT", runID))
			return errors.Join(err, w.CloseWithError(err))
		})
		_, err := to.Conn().PgConn().CopyFrom(ctx, r,
			"COPY dry_run_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after, "+
				"changed_at) FROM STDIN")
		return errors.Join(err, r.CloseWithError(err), copying.Wait())
	})
}

func (s *Store) keepDryRun(ctx context.Context, runID string, notes []dbsqlc.ListRunErrorsRow,
	failed []CompletenessRecord) error {
	return s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.q.DropChanges(ctx, tx, runID); err != nil {
			return err
		}
		if err := s.q.KeepDryRunChanges(ctx, tx, runID); err != nil {
			return err
		}
		if err := s.q.DropDryRunChanges(ctx, tx, runID); err != nil {
			return err
		}
		for _, n := range notes {
			if err := s.addRunError(ctx, tx, runID, n.ObjectType, n.ExternalID, n.Message); err != nil {
				return err
			}
		}
		for _, f := range failed {
			if err := s.q.FailMembers(ctx, tx, dbsqlc.FailMembersParams{
				RunID: runID, ExternalID: f.ExternalID, Error: &f.Error, MembersDeclared: f.MembersDeclared,
			}); err != nil {
				return err
			}
		}
		return nil
	})
}
