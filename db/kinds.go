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
	// planRemovals plans what the run's listings of the kind do not show any more. Nil: the
	// kind belongs to the tree, which planRemovals plans together.
	planRemovals func(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, membersRead bool) error
	// remove carries out up to so many planned removals of a run and returns how many.
	remove func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error)
	// active counts a provider's objects that are there.
	active func(ctx context.Context, tx dbsqlc.DBTX, providerID string) (int64, error)
	// removalIDs names the first objects that a run is to remove.
	removalIDs func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error)
}

// kinds returns all kinds in the order of directory.Kinds.
func (s *Store) kinds() []kind {
	kinds := []kind{
		{
			remove:     upTo[dbsqlc.RemoveDepartmentsParams](s.q.RemoveDepartments),
			active:     owned(s.q.CountDepartments),
			removalIDs: upTo[dbsqlc.ListRemovedDepartmentsParams](s.q.ListRemovedDepartments),
		},
		{
			remove:     upTo[dbsqlc.RemoveMembersParams](s.q.RemoveMembers),
			active:     owned(s.q.CountMembers),
			removalIDs: upTo[dbsqlc.ListRemovedMembersParams](s.q.ListRemovedMembers),
		},
		{
			remove:     upTo[dbsqlc.RemoveMembershipsParams](s.q.RemoveMemberships),
			active:     owned(s.q.CountMemberships),
			removalIDs: s.membershipIDs,
		},
		s.groupKind(),
		s.groupMembershipKind(),
		s.administratorKind(),
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
