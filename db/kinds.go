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
	// remove removes objects: places from the containers given beside them.
	remove func(ctx context.Context, tx dbsqlc.DBTX, objects, containers []string) error
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
			remove:        objects(s.q.RemoveDepartments),
			restore:       (*undo).restoreDepartments,
			deleteCreated: (*undo).deleteDepartments,
		},
		{
			planRemovals: s.planMembers,
			remove:       objects(s.q.RemoveMembers),
			restore:      (*undo).restoreMembers,
		},
		{
			remove:  places[dbsqlc.RemoveMembershipsParams](s.q.RemoveMemberships),
			restore: inTurn(s.q.DropCreatedMemberships, s.q.RestoreMemberships, s.q.InsertDeletedMemberships),
		},
		{
			planRemovals:  s.planGroups,
			remove:        objects(s.q.RemoveGroups),
			restore:       inTurn(s.q.RestoreGroups),
			deleteCreated: inTurn(s.q.DeleteCreatedGroups),
		},
		{
			planRemovals: s.planGroupMemberships,
			remove:       places[dbsqlc.RemoveGroupMembershipsParams](s.q.RemoveGroupMemberships),
			restore: inTurn(s.q.DropCreatedGroupMembers, s.q.RestoreGroupMembers, s.q.InsertDeletedGroupMembers,
				s.q.DropCreatedGroupDepartments, s.q.InsertDeletedGroupDepartments),
		},
		{
			planRemovals: s.planAdministrators,
			remove:       objects(s.q.RemoveAdministrators),
			restore: inTurn(s.q.DropCreatedAdministrators, s.q.RestoreAdministrators,
				s.q.InsertDeletedAdministrators),
		},
	}
	for i, descriptor := range directory.Kinds() {
		kinds[i].Descriptor = descriptor
	}
	return kinds
}

// objects makes a query of objects one that takes their containers, too.
func objects(query func(context.Context, dbsqlc.DBTX, []string) error) func(context.Context, dbsqlc.DBTX, []string,
	[]string) error {
	return func(ctx context.Context, tx dbsqlc.DBTX, ids, _ []string) error { return query(ctx, tx, ids) }
}

// places makes a query of places one that takes both their ends.
func places[P ~struct {
	Objects    []string
	Containers []string
}](query func(context.Context, dbsqlc.DBTX, P) error) func(context.Context, dbsqlc.DBTX, []string, []string) error {
	return func(ctx context.Context, tx dbsqlc.DBTX, ids, containers []string) error {
		return query(ctx, tx, P{Objects: ids, Containers: containers})
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
