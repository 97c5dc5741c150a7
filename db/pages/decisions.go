package pages

import (
	"context"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Rows of what a person decides about, as the queries say.
type (
	RemovalLine  = dbsqlc.ListRemovalLinesRow
	RemovalCount = dbsqlc.CountRemovalsRow
	RemovalGroup = dbsqlc.GroupRemovalsRow
	Decision     = dbsqlc.GetDecisionRow
)

// ListRemovalLines returns what a run planned to remove, by kind, place and name: of one kind, or
// with a text in its name, id or place, where these are given.
func (s *Store) ListRemovalLines(ctx context.Context, runID, kind, text string, after RemovalLine, limit int) (
	[]RemovalLine, error) {
	rows, err := s.q.ListRemovalLines(ctx, s.pool, dbsqlc.ListRemovalLinesParams{
		RunID: runID, ObjectType: kind, Text: text,
		AfterType: after.ObjectType, AfterPath: after.Path, AfterName: after.Name,
		AfterObject: orElse(after.ObjectID, first), AfterDepartment: orElse(after.DepartmentID, first),
		MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list removals", err)
}

// CountRemovals returns how much a run planned to remove of each kind, and how much of it is removed.
func (s *Store) CountRemovals(ctx context.Context, runID string) ([]RemovalCount, error) {
	rows, err := s.q.CountRemovals(ctx, s.pool, runID)
	return rows, pg.Interpret("count removals", err)
}

// GroupRemovals returns how much a run planned to remove of a kind for each reason in each place,
// the most first.
func (s *Store) GroupRemovals(ctx context.Context, runID, kind string, limit int) ([]RemovalGroup, error) {
	rows, err := s.q.GroupRemovals(ctx, s.pool, dbsqlc.GroupRemovalsParams{
		RunID: runID, ObjectType: kind, MaxRows: int32(limit),
	})
	return rows, pg.Interpret("group removals", err)
}

// GetDecision returns the decision about a held run that is on record. It returns ErrNotFound.
func (s *Store) GetDecision(ctx context.Context, providerID, runID string) (Decision, error) {
	row, err := s.q.GetDecision(ctx, s.pool, dbsqlc.GetDecisionParams{ProviderID: &providerID, RunID: runID})
	return row, pg.Interpret("find decision", err)
}
