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
	// Departments are external ids; what is below them, and everybody who has or had
	// a place there, belongs to it.
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
		} else if done, err := s.q.UndoDone(ctx, tx, runID); err != nil || done {
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
	s      *Store
	tx     pgx.Tx
	run    dbsqlc.HoldFenceRow
	runID  string
	scope  UndoScope
	target string
}

func (u *undo) do(ctx context.Context, out *Undone) (err error) {
	if out.Plan, err = u.s.removalFigures(ctx, u.tx, u.run.ProviderID, u.runID); err != nil {
		return err
	}
	if err := u.find(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"departments", u.departments},
		{"groups", u.groups},
		{"people", u.people},
		{"places in groups", u.groupPlaces},
		{"administrators", u.administrators},
		{"departments that go", u.leaves},
		{"groups that go", u.groupsLeave},
		{"recompute", func(ctx context.Context) error { return u.s.recomputeDerived(ctx, u.tx, u.run, u.runID) }},
		{"accounts", func(ctx context.Context) error { return u.s.updateAccounts(ctx, u.tx, u.run, u.runID) }},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if out.LeftAlone, err = u.note(ctx); err != nil {
		return fmt.Errorf("note what is left alone: %w", err)
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
	return u.s.q.UndoClear(ctx, u.tx, u.runID)
}

// find writes down what is to be taken back and what of it was changed since.
func (u *undo) find(ctx context.Context) error {
	undoes, err := u.s.q.GetRun(ctx, u.tx, u.runID)
	if err != nil {
		return err
	}
	u.target = pg.OrZero(undoes.Undoes)
	if _, err := u.s.undoTarget(ctx, u.tx, u.target); err != nil {
		return err
	}
	ignoreCase := u.run.IdsIgnoreCase
	members := make([]string, len(u.scope.Members))
	for i, id := range u.scope.Members {
		members[i] = directory.MemberKey(id, ignoreCase)
	}
	departments := append([]string{}, u.scope.Departments...)
	if err := u.s.q.UndoClear(ctx, u.tx, u.runID); err != nil {
		return err
	}
	if err := u.s.q.UndoSelect(ctx, u.tx, dbsqlc.UndoSelectParams{
		RunID: u.runID, Undoes: u.target, ProviderID: u.run.ProviderID,
		Departments: departments, Members: members, IgnoreCase: ignoreCase,
	}); err != nil {
		return err
	}
	unknown, err := u.s.q.UndoUnknown(ctx, u.tx, dbsqlc.UndoUnknownParams{
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
		if err := u.s.q.AddRunError(ctx, u.tx,
			dbsqlc.AddRunErrorParams{RunID: u.runID, ObjectType: x.ObjectType, ExternalID: x.ExternalID,
				Message: text}); err != nil {
			return err
		}
	}
	return u.s.q.UndoLeaveTaken(ctx, u.tx, u.runID)
}

// departments restores those that are to be there; each goes back below its parent
// unless that would form a circle with what later runs moved.
func (u *undo) departments(ctx context.Context) error {
	if err := discardCount(u.s.q.UndoDepartments(ctx, u.tx, u.runID)); err != nil {
		return err
	}
	return repeat(func() (int64, error) {
		stay, err := u.s.q.UndoBreakCircles(ctx, u.tx, u.runID)
		if err != nil || len(stay) == 0 {
			return 0, err
		}
		return int64(len(stay)), u.s.q.UndoForgetMoves(ctx, u.tx, dbsqlc.UndoForgetMovesParams{
			RunID: u.runID, Departments: stay,
		})
	})
}

func (u *undo) people(ctx context.Context) error {
	if err := discardCount(u.s.q.UndoLinks(ctx, u.tx,
		dbsqlc.UndoLinksParams{RunID: u.runID, Undoes: u.target})); err != nil {
		return err
	}
	// Before members: see the query.
	if err := u.s.restoreAccounts(ctx, u.tx, u.runID, u.target); err != nil {
		return err
	}
	if err := u.removeAccounts(ctx); err != nil {
		return err
	}
	if err := u.s.restoreMembers(ctx, u.tx, u.runID); err != nil {
		return err
	}
	for _, step := range []func() (int64, error){
		func() (int64, error) {
			return u.s.q.UndoDropMemberships(ctx, u.tx, dbsqlc.UndoDropMembershipsParams{
				RunID: u.runID, Undoes: u.target,
			})
		},
		func() (int64, error) {
			return u.s.q.UndoUpdateMemberships(ctx, u.tx, dbsqlc.UndoUpdateMembershipsParams{
				Undoes: u.target, RunID: u.runID,
			})
		},
		func() (int64, error) {
			return u.s.q.UndoInsertMemberships(ctx, u.tx, dbsqlc.UndoInsertMembershipsParams{
				Undoes: u.target, RunID: u.runID,
			})
		},
	} {
		if err := discardCount(step()); err != nil {
			return err
		}
	}
	return nil
}

// removeAccounts has the platform take back accounts that the run created. One that was
// used since stays, and is named.
func (u *undo) removeAccounts(ctx context.Context) error {
	rows, err := u.s.q.UndoCreations(ctx, u.tx, dbsqlc.UndoCreationsParams{RunID: u.runID, Undoes: u.target})
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

// leaves takes departments back from the bottom up.
func (u *undo) leaves(ctx context.Context) error {
	if err := repeat(func() (int64, error) { return u.s.q.UndoDepartmentsLeaves(ctx, u.tx, u.runID) }); err != nil {
		return err
	}
	return u.s.q.UndoLeaveInhabited(ctx, u.tx, u.runID)
}

func repeat(step func() (int64, error)) error {
	for {
		if n, err := step(); err != nil || n == 0 {
			return err
		}
	}
}
