package db

import (
	"context"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// ListDepartmentIDs returns the external ids of the departments with these ordinals, in
// the run's order.
func (s *Store) ListDepartmentIDs(ctx context.Context, runID string, ordinals []int) ([]string, error) {
	wanted := make([]int32, len(ordinals))
	for i, ordinal := range ordinals {
		wanted[i] = int32(ordinal)
	}
	ids, err := s.q.ListDepartmentIDs(ctx, s.pool, dbsqlc.ListDepartmentIDsParams{Ordinals: wanted, RunID: runID})
	return ids, interpret("find department ids", err)
}

// ListDepartmentIDsBetween returns the external ids of the departments with ordinals first
// to last, in the run's order.
func (s *Store) ListDepartmentIDsBetween(ctx context.Context, runID string, first, last int) ([]string, error) {
	ids, err := s.q.ListDepartmentIDsBetween(ctx, s.pool, dbsqlc.ListDepartmentIDsBetweenParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	return ids, interpret("find department ids", err)
}

// CountMembersRead returns how many people the departments with ordinals first to last list
// that were read to the end, and whether all their listings were recognised as what was
// applied last. Somebody in several of them counts in each.
func (s *Store) CountMembersRead(ctx context.Context, runID string, first,
	last int) (people int, recognised bool, err error) {
	row, err := s.q.CountMembersRead(ctx, s.pool, dbsqlc.CountMembersReadParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	return int(row.People), row.Recognised, interpret("count people read", err)
}
