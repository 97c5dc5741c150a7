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

// UndoScope limits what of a run is undone; if both are empty it is all of it.
type UndoScope struct {
	// Departments are external ids; what is below them, and members who have or had
	// a place there, belong to it.
	Departments []string
	// Members are external ids.
	Members []string
}

// Undone is what undoing did or, for a run in plan mode, would do.
type Undone struct {
	Counts directory.Counts
	// LeftAlone are how many departments and members stay as they are, since a later
	// run changed them or something depends on them.
	LeftAlone int
	// Plan holds what is taken away, for the removal guard.
	Plan RemovalPlan
}

// Undo takes back what another run changed, in one transaction: objects are given the
// columns that the change log has of them from before, what was created becomes
// deleted, and the derived columns are computed anew. A department, or a person with
// their places and their link, that a later run changed is left alone as a whole, and
// so is a department in which something is left. For a run in plan mode all of it is
// rolled back and only the change log and the notes are kept. refuse, if not nil, may
// look at the outcome and end it with an error before anything is written. Repeated
// after it was committed it changes nothing more.
func (s *Store) Undo(ctx context.Context, runID string, scope UndoScope, refuse func(Undone) error) (Undone, error) {
	var out Undone
	var notes []dbsqlc.ListRunErrorsRow
	var refused error
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Mode == "plan" {
			// An earlier dry run's log would count as done by this one.
			if err := s.q.DropChanges(ctx, tx, runID); err != nil {
				return err
			}
		} else if done, err := s.q.IsUndone(ctx, tx, runID); err != nil || done {
			return err
		}
		u := &undo{s: s, tx: tx, run: run, runID: runID, scope: scope}
		err := u.do(ctx, &out)
		if err != nil {
			return err
		}
		if run.Mode == "plan" {
			if notes, err = s.q.ListRunErrors(ctx, tx, dbsqlc.ListRunErrorsParams{
				RunID: runID, MaxRows: maxDryRunNotes,
			}); err != nil {
				return err
			}
			if err := s.saveDryRun(ctx, tx, runID); err != nil {
				return fmt.Errorf("keep change log: %w", err)
			}
			return errRollBack
		}
		if refuse != nil {
			if refused = refuse(out); refused != nil {
				return refused
			}
		}
		return nil
	})
	if errors.Is(err, errRollBack) {
		return out, interpret("keep dry run", s.keepDryRun(ctx, runID, notes, nil))
	}
	if refused != nil {
		return out, refused
	}
	return out, interpret("undo", err)
}

// undo is one undoing transaction.
type undo struct {
	s     *Store
	tx    pgx.Tx
	run   dbsqlc.HoldFenceRow
	runID string
	scope UndoScope
}

func (u *undo) do(ctx context.Context, out *Undone) (err error) {
	if out.Plan, err = u.s.removalFigures(ctx, u.tx, u.run.ProviderID, u.runID); err != nil {
		return err
	}
	if err := u.find(ctx); err != nil {
		return err
	}
	for _, kind := range u.s.kinds() {
		if err := kind.restore(u, ctx); err != nil {
			return fmt.Errorf("restore %s: %w", kind.Plural, err)
		}
	}
	for _, kind := range u.s.removalOrder() {
		if kind.deleteCreated == nil {
			continue
		}
		if err := kind.deleteCreated(u, ctx); err != nil {
			return fmt.Errorf("delete created %s: %w", kind.Plural, err)
		}
	}
	if err := u.s.q.LeaveInhabited(ctx, u.tx, u.runID); err != nil {
		return fmt.Errorf("leave what is inhabited: %w", err)
	}
	if err := u.s.recomputeDerived(ctx, u.tx, u.run, u.runID); err != nil {
		return fmt.Errorf("recompute: %w", err)
	}
	if err := u.s.updateAccounts(ctx, u.tx, u.run, u.runID); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	if out.LeftAlone, err = u.recordLeftAlone(ctx); err != nil {
		return fmt.Errorf("record what is left alone: %w", err)
	}
	if out.Counts, err = u.s.counts(ctx, u.tx, u.runID); err != nil {
		return err
	}
	for _, kind := range directory.Kinds() {
		*out.Plan.Planned.Of(kind.Kind) = out.Counts.Get(kind.Kind, "deleted")
	}
	independent, err := u.s.q.CountIndependentDeletions(ctx, u.tx, dbsqlc.CountIndependentDeletionsParams{
		RunID: u.runID, Objects: objectKinds(),
	})
	if err != nil {
		return err
	}
	for _, row := range independent {
		*out.Plan.Independent.Of(directory.Kind(row.ObjectType)) = int(row.Objects)
	}
	return u.s.q.ClearUndoObjects(ctx, u.tx, u.runID)
}

// find writes down what is to be taken back and what of it was changed since.
func (u *undo) find(ctx context.Context) error {
	undoes, err := u.s.q.GetRun(ctx, u.tx, u.runID)
	if err != nil {
		return err
	}
	target := pg.OrZero(undoes.Undoes)
	if _, err := u.s.undoTarget(ctx, u.tx, target); err != nil {
		return err
	}
	ignoreCase := u.run.IdsIgnoreCase
	members := make([]string, len(u.scope.Members))
	for i, id := range u.scope.Members {
		members[i] = directory.MemberKey(id, ignoreCase)
	}
	departments := append([]string{}, u.scope.Departments...)
	if err := u.s.q.ClearUndoObjects(ctx, u.tx, u.runID); err != nil {
		return err
	}
	if err := u.s.q.SelectUndoObjects(ctx, u.tx, dbsqlc.SelectUndoObjectsParams{
		RunID: u.runID, Undoes: target, ProviderID: u.run.ProviderID,
		Departments: departments, Members: members, IgnoreCase: ignoreCase,
	}); err != nil {
		return err
	}
	unknown, err := u.s.q.ListUnknownUndoTargets(ctx, u.tx, dbsqlc.ListUnknownUndoTargetsParams{
		RunID: u.runID, ProviderID: u.run.ProviderID, Departments: departments, Members: members,
		IgnoreCase: ignoreCase,
	})
	if err != nil {
		return err
	}
	for _, x := range unknown {
		text := "the directory has no such department"
		if x.ObjectType == "member" {
			text = "the run changed no such member"
		}
		if err := u.s.addRunError(ctx, u.tx, u.runID, x.ObjectType, x.ExternalID, text); err != nil {
			return err
		}
	}
	return u.s.q.LeaveTakenIDs(ctx, u.tx, u.runID)
}

// restoreDepartments restores those that are to exist; each goes back below its parent unless
// that would form a circle with what later runs moved.
func (u *undo) restoreDepartments(ctx context.Context) error {
	if err := u.s.q.RestoreDepartments(ctx, u.tx, u.runID); err != nil {
		return err
	}
	return repeat(func() (int64, error) {
		stay, err := u.s.q.BreakRestoredCircles(ctx, u.tx, u.runID)
		if err != nil || len(stay) == 0 {
			return 0, err
		}
		return int64(len(stay)), u.s.q.ForgetMoves(ctx, u.tx, dbsqlc.ForgetMovesParams{
			RunID: u.runID, Departments: stay,
		})
	})
}

// restoreMembers restores links, accounts and members, accounts before members: what an
// account followed is what its member has now.
func (u *undo) restoreMembers(ctx context.Context) error {
	if err := u.s.q.RestoreLinks(ctx, u.tx, u.runID); err != nil {
		return err
	}
	if err := u.s.restoreAccounts(ctx, u.tx, u.runID); err != nil {
		return err
	}
	if err := u.removeAccounts(ctx); err != nil {
		return err
	}
	return u.s.restoreMembers(ctx, u.tx, u.runID)
}

// removeAccounts has the platform take back accounts that the run created. One that was
// used since stays, and is named.
func (u *undo) removeAccounts(ctx context.Context) error {
	rows, err := u.s.q.RemoveCreatedAccounts(ctx, u.tx, u.runID)
	if err != nil {
		return fmt.Errorf("remove accounts: %w", err)
	}
	kept := make([]leftAlone, len(rows))
	for i, row := range rows {
		kept[i] = leftAlone{ExternalID: row.ExternalID, Refusal: row.Refusal, Total: int64(len(rows))}
	}
	return u.s.warnMembers(ctx, u.tx, u.runID, kept, func(a leftAlone) string {
		if a.Refusal == usedAccount {
			return "its account stays, since it was used after it was created; it is not linked any more"
		}
		return fmt.Sprintf(
			"its account stays, since function orgsync_account_remove failed (SQLSTATE %s); it is not linked any more",
			a.Refusal)
	}, "whose account stays")
}

// usedAccount is what remove_account says of an account that the platform keeps.
const usedAccount = "used"

// deleteDepartments deletes departments that the run created, from the bottom up.
func (u *undo) deleteDepartments(ctx context.Context) error {
	return repeat(func() (int64, error) { return u.s.q.DeleteCreatedDepartments(ctx, u.tx, u.runID) })
}

func repeat(step func() (int64, error)) error {
	for {
		if n, err := step(); err != nil || n == 0 {
			return err
		}
	}
}
