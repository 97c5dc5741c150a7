package db

import (
	"context"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// ListDepartmentIDs returns the external ids of the departments with these positions, in
// the run's order.
func (s *Store) ListDepartmentIDs(ctx context.Context, runID string, positions []int) ([]string, error) {
	wanted := make([]int32, len(positions))
	for i, position := range positions {
		wanted[i] = int32(position)
	}
	ids, err := s.q.ListDepartmentIDs(ctx, s.pool, dbsqlc.ListDepartmentIDsParams{Positions: wanted, RunID: runID})
	return ids, interpret("find department ids", err)
}

// ListDepartmentIDsBetween returns the external ids of the departments with positions first
// to last, in the run's order.
func (s *Store) ListDepartmentIDsBetween(ctx context.Context, runID string, first, last int) ([]string, error) {
	ids, err := s.q.ListDepartmentIDsBetween(ctx, s.pool, dbsqlc.ListDepartmentIDsBetweenParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	return ids, interpret("find department ids", err)
}

// CountMembersRead returns how many people the departments with positions first to last list
// that were read to the end, and whether all their listings were unchanged as what was
// applied last. A member of several counts in each.
func (s *Store) CountMembersRead(ctx context.Context, runID string, first,
	last int) (people int, unchanged bool, err error) {
	row, err := s.q.CountMembersRead(ctx, s.pool, dbsqlc.CountMembersReadParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	return int(row.People), row.Unchanged, interpret("count people read", err)
}
