package db

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrNoRules: a run was to go by a version of the rules that does not exist.
var ErrNoRules = errors.New("the provider has no rules of that version")

// checkRules returns ErrNoRules if a run cannot go by the version; 0 stands for the rules in force.
func (s *Store) checkRules(ctx context.Context, tx pgx.Tx, providerID string, version int) error {
	if version == 0 {
		return nil
	}
	_, err := s.q.GetRulesVersion(ctx, tx, dbsqlc.GetRulesVersionParams{
		ProviderID: providerID, Version: int32(version),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoRules
	}
	return err
}

// version is the version of rules that a run is to go by, nil for those in force.
func version(n int) *int32 {
	if n == 0 {
		return nil
	}
	out := int32(n)
	return &out
}

// DepartmentPlace is where a department stands in the tree.
type DepartmentPlace struct {
	Name string
	// Path is the names from the top, joined by "/".
	Path string
	// Depth counts the departments above.
	Depth int
}

// NameDepartments returns where departments stand, by external id: in the tree that the run
// has read, or else in the directory. An empty runID goes by the directory alone. What
// neither knows is empty.
func (s *Store) NameDepartments(
	ctx context.Context, providerID, runID string, ids []string,
) (map[string]DepartmentPlace, error) {
	rows, err := s.q.NameDepartments(ctx, s.pool, dbsqlc.NameDepartmentsParams{
		ProviderID: &providerID, RunID: pg.NullIfEmpty(runID), ExternalIds: pg.NonNil(ids),
	})
	out := make(map[string]DepartmentPlace, len(rows))
	for _, row := range rows {
		out[row.ExternalID] = DepartmentPlace{Name: row.Name, Path: row.Path, Depth: int(row.Depth)}
	}
	return out, pg.Interpret("name departments", err)
}

// MemberRecord returns the provider's record of a member as it is stored.
func (s *Store) MemberRecord(ctx context.Context, id string) (json.RawMessage, error) {
	raw, err := s.q.GetMemberRecord(ctx, s.pool, id)
	return raw, pg.Interpret("read member's record", err)
}
