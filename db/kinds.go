package db

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// kind is what the engine's steps ask Postgres of one kind of objects.
type kind struct {
	directory.Descriptor
	// planRemovals plans what the run's listings of the kind do not show any more. Nil for
	// memberships: they are planned first, since what else was read depends on them.
	planRemovals func(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope) error
	// remove carries out up to so many planned removals of a run and returns how many.
	remove func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error)
	// active counts a provider's objects that are there.
	active func(ctx context.Context, tx dbsqlc.DBTX, providerID string) (int64, error)
	// removalIDs names the first objects that a run is to remove.
	removalIDs func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error)
	// restore gives objects back what an undone run changed of them, and takes back places
	// that it created.
	restore func(u *undo, ctx context.Context) error
	// deleteCreated deletes other objects that it created. Nil: restore does.
	deleteCreated func(u *undo, ctx context.Context) error
}

// kinds returns all kinds in the order of directory.Kinds.
func (s *Store) kinds() []kind {
	kinds := []kind{
		{
			planRemovals:  s.planDepartments,
			remove:        upTo[dbsqlc.RemoveDepartmentsParams](s.q.RemoveDepartments),
			active:        owned(s.q.CountDepartments),
			removalIDs:    upTo[dbsqlc.ListRemovedDepartmentsParams](s.q.ListRemovedDepartments),
			restore:       (*undo).restoreDepartments,
			deleteCreated: (*undo).deleteDepartments,
		},
		{
			planRemovals: s.planMembers,
			remove:       upTo[dbsqlc.RemoveMembersParams](s.q.RemoveMembers),
			active:       owned(s.q.CountMembers),
			removalIDs:   upTo[dbsqlc.ListRemovedMembersParams](s.q.ListRemovedMembers),
			restore:      (*undo).restoreMembers,
		},
		{
			remove:     upTo[dbsqlc.RemoveMembershipsParams](s.q.RemoveMemberships),
			active:     owned(s.q.CountMemberships),
			removalIDs: s.membershipIDs,
			restore:    inTurn(s.q.DropCreatedMemberships, s.q.RestoreMemberships, s.q.InsertDeletedMemberships),
		},
		{
			planRemovals:  s.planGroups,
			remove:        upTo[dbsqlc.RemoveGroupsParams](s.q.RemoveGroups),
			active:        owned(s.q.CountGroups),
			removalIDs:    upTo[dbsqlc.ListRemovedGroupsParams](s.q.ListRemovedGroups),
			restore:       inTurn(s.q.RestoreGroups),
			deleteCreated: inTurn(s.q.DeleteCreatedGroups),
		},
		{
			planRemovals: s.planGroupMemberships,
			remove:       upTo[dbsqlc.RemoveGroupMembershipsParams](s.q.RemoveGroupMemberships),
			active:       owned(s.q.CountGroupMemberships),
			removalIDs:   upTo[dbsqlc.ListRemovedGroupMembershipsParams](s.q.ListRemovedGroupMemberships),
			restore: inTurn(s.q.DropCreatedGroupMembers, s.q.RestoreGroupMembers, s.q.InsertDeletedGroupMembers,
				s.q.DropCreatedGroupDepartments, s.q.InsertDeletedGroupDepartments),
		},
		{
			planRemovals: s.planAdministrators,
			remove:       upTo[dbsqlc.RemoveAdministratorsParams](s.q.RemoveAdministrators),
			active:       s.q.CountAdministrators,
			removalIDs:   upTo[dbsqlc.ListRemovedAdministratorsParams](s.q.ListRemovedAdministrators),
			restore: inTurn(s.q.DropCreatedAdministrators, s.q.RestoreAdministrators,
				s.q.InsertDeletedAdministrators),
		},
	}
	for i, descriptor := range directory.Kinds() {
		kinds[i].Descriptor = descriptor
	}
	return kinds
}

// upTo makes a query of a run and a limit one that takes them as they are.
func upTo[P ~struct {
	RunID   string
	MaxRows int32
}, R any](query func(context.Context, dbsqlc.DBTX, P) (R, error)) func(context.Context, dbsqlc.DBTX, string, int32) (R,
	error) {
	return func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (R, error) {
		return query(ctx, tx, P{RunID: runID, MaxRows: most})
	}
}

// owned makes a query of rows that a provider may own one of a provider.
func owned(query func(context.Context, dbsqlc.DBTX, *string) (int64, error)) func(context.Context, dbsqlc.DBTX,
	string) (int64, error) {
	return func(ctx context.Context, tx dbsqlc.DBTX, providerID string) (int64, error) {
		return query(ctx, tx, &providerID)
	}
}

// inTurn makes statements about an undo run one step of it.
func inTurn(statements ...func(context.Context, dbsqlc.DBTX, string) error) func(*undo, context.Context) error {
	return func(u *undo, ctx context.Context) error {
		for _, do := range statements {
			if err := do(ctx, u.tx, u.runID); err != nil {
				return err
			}
		}
		return nil
	}
}

// removalOrder returns all kinds, each before those that it hangs on.
func (s *Store) removalOrder() []kind {
	kinds := s.kinds()
	slices.Reverse(kinds)
	return kinds
}

// objectKinds names the kinds that are no places in others, lookedUpKinds those of whose
// objects the provider can be asked.
func objectKinds() []string {
	return kindsThat(func(d directory.Descriptor) bool { return !d.Place })
}

func lookedUpKinds() []string {
	return kindsThat(func(d directory.Descriptor) bool { return d.LookedUp })
}

func kindsThat(are func(directory.Descriptor) bool) []string {
	var names []string
	for _, d := range directory.Kinds() {
		if are(d) {
			names = append(names, string(d.Kind))
		}
	}
	return names
}

func (s *Store) membershipIDs(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error) {
	rows, err := s.q.ListRemovedMemberships(ctx, tx, dbsqlc.ListRemovedMembershipsParams{RunID: runID, MaxRows: most})
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.Member + " in " + row.Department
	}
	return ids, err
}
