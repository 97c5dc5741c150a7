package db

import (
	"context"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// Groups are restored before what belongs to them, and go after it. Each place in a group is
// taken back by itself: a group changes too often to be left alone as a whole.

func (u *undo) groups(ctx context.Context) error {
	return discardCount(u.s.q.UndoGroups(ctx, u.tx, u.runID))
}

func (u *undo) groupPlaces(ctx context.Context) error {
	for _, step := range []func() (int64, error){
		func() (int64, error) { return u.s.q.UndoGroupMembersDrop(ctx, u.tx, u.runID) },
		func() (int64, error) {
			return u.s.q.UndoGroupMembersUpdate(ctx, u.tx,
				dbsqlc.UndoGroupMembersUpdateParams{Undoes: u.target, RunID: u.runID})
		},
		func() (int64, error) {
			return u.s.q.UndoGroupMembersInsert(ctx, u.tx,
				dbsqlc.UndoGroupMembersInsertParams{Undoes: u.target, RunID: u.runID})
		},
		func() (int64, error) { return u.s.q.UndoGroupDepartmentsDrop(ctx, u.tx, u.runID) },
		func() (int64, error) {
			return u.s.q.UndoGroupDepartmentsInsert(ctx, u.tx,
				dbsqlc.UndoGroupDepartmentsInsertParams{Undoes: u.target, RunID: u.runID})
		},
	} {
		if err := discardCount(step()); err != nil {
			return err
		}
	}
	return nil
}

func (u *undo) groupsLeave(ctx context.Context) error {
	if err := discardCount(u.s.q.UndoGroupsLeave(ctx, u.tx, u.runID)); err != nil {
		return err
	}
	return u.s.q.UndoLeaveGroups(ctx, u.tx, u.runID)
}

func (u *undo) administrators(ctx context.Context) error {
	for _, step := range []func() (int64, error){
		func() (int64, error) {
			return u.s.q.UndoAdministratorsDrop(ctx, u.tx,
				dbsqlc.UndoAdministratorsDropParams{Undoes: u.target, RunID: u.runID})
		},
		func() (int64, error) {
			return u.s.q.UndoAdministratorsUpdate(ctx, u.tx,
				dbsqlc.UndoAdministratorsUpdateParams{Undoes: u.target, RunID: u.runID})
		},
		func() (int64, error) {
			return u.s.q.UndoAdministratorsInsert(ctx, u.tx, dbsqlc.UndoAdministratorsInsertParams{
				Undoes: u.target, RunID: u.runID, ProviderID: u.run.ProviderID,
			})
		},
	} {
		if err := discardCount(step()); err != nil {
			return err
		}
	}
	return nil
}
