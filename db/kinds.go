package db

import (
	"context"
	"slices"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// kind is what the engine's steps ask Postgres of one kind of objects.
type kind struct {
	directory.Descriptor
	// remove carries out up to so many planned removals of a run and returns how many.
	remove func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error)
	// active counts a provider's objects that are there.
	active func(ctx context.Context, tx dbsqlc.DBTX, providerID *string) (int64, error)
	// removalIDs names the first objects that a run is to remove.
	removalIDs func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error)
}

// kinds returns all kinds in the order of directory.Kinds.
func (s *Store) kinds() []kind {
	kinds := []kind{
		{
			remove: func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error) {
				return s.q.RemoveDepartments(ctx, tx, dbsqlc.RemoveDepartmentsParams{RunID: runID, MaxRows: most})
			},
			active: s.q.CountDepartments,
			removalIDs: func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error) {
				return s.q.RemovalIDsOfDepartments(ctx, tx, dbsqlc.RemovalIDsOfDepartmentsParams{RunID: runID, MaxRows: most})
			},
		},
		{
			remove: func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error) {
				return s.q.RemoveMembers(ctx, tx, dbsqlc.RemoveMembersParams{RunID: runID, MaxRows: most})
			},
			active: s.q.CountMembers,
			removalIDs: func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error) {
				return s.q.RemovalIDsOfMembers(ctx, tx, dbsqlc.RemovalIDsOfMembersParams{RunID: runID, MaxRows: most})
			},
		},
		{
			remove: func(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) (int32, error) {
				return s.q.RemoveMemberships(ctx, tx, dbsqlc.RemoveMembershipsParams{RunID: runID, MaxRows: most})
			},
			active:     s.q.CountMemberships,
			removalIDs: s.membershipIDs,
		},
	}
	for i, descriptor := range directory.Kinds() {
		kinds[i].Descriptor = descriptor
	}
	return kinds
}

// removalOrder returns all kinds, each before those that it hangs on.
func (s *Store) removalOrder() []kind {
	kinds := s.kinds()
	slices.Reverse(kinds)
	return kinds
}

func (s *Store) membershipIDs(ctx context.Context, tx dbsqlc.DBTX, runID string, most int32) ([]string, error) {
	rows, err := s.q.RemovalIDsOfMemberships(ctx, tx, dbsqlc.RemovalIDsOfMembershipsParams{RunID: runID, MaxRows: most})
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.Member + " in " + row.Department
	}
	return ids, err
}
