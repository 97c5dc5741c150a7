package pages

import (
	"context"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Rows of the lists about groups, administrators and accounts, as the queries say.
type (
	Group         = dbsqlc.ListGroupPageRow
	Administrator = dbsqlc.ListAdministratorPageRow
	Conflict      = dbsqlc.ListConflictPageRow
)

// ListGroups returns active groups behind one (zero: from the first on), by name.
func (s *Store) ListGroups(ctx context.Context, of Bounds, after Group, limit int) ([]Group, error) {
	rows, err := s.q.ListGroupPage(ctx, s.pool, dbsqlc.ListGroupPageParams{
		TenantID: pg.NullIfEmpty(of.TenantID), ProviderID: pg.NullIfEmpty(of.ProviderID), AfterName: after.Name,
		AfterID: orElse(after.ID, first), MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list groups", err)
}

// GetGroup returns one group, deleted or not. It returns ErrNotFound.
func (s *Store) GetGroup(ctx context.Context, id string) (Group, error) {
	rows, err := s.q.ListGroupPage(ctx, s.pool, dbsqlc.ListGroupPageParams{ID: &id, AfterID: first, MaxRows: 1})
	return only(rows, "find group", err)
}

// only is the one row that was looked for. It returns ErrNotFound where there is none.
func only[T any](rows []T, doing string, err error) (T, error) {
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, pg.Interpret(doing, err)
	}
	return rows[0], nil
}

// ListGroupMembers returns who belongs to a group, directly or through a department, by name.
func (s *Store) ListGroupMembers(ctx context.Context, groupID string, after Member, limit int) ([]Member, error) {
	found, err := s.q.ListGroupPersonPage(ctx, s.pool, dbsqlc.ListGroupPersonPageParams{
		GroupID: groupID, AfterName: after.Name, AfterID: orElse(after.ID, first), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, pg.Interpret("list people of group", err)
	}
	out := make([]Member, len(found))
	for i, f := range found {
		out[i].ID, out[i].Direct, out[i].Scope = f.ID, f.Direct, pg.NonNil(f.Scope)
	}
	return s.fill(ctx, out)
}

// ListAdministrators returns administrators behind one, by the member's name.
func (s *Store) ListAdministrators(ctx context.Context, of Bounds, after Administrator,
	limit int) ([]Administrator, error) {
	rows, err := s.q.ListAdministratorPage(ctx, s.pool, dbsqlc.ListAdministratorPageParams{
		TenantID: pg.NullIfEmpty(of.TenantID), ProviderID: pg.NullIfEmpty(of.ProviderID), AfterName: after.Name,
		AfterID: orElse(after.MemberID, first), AfterSource: after.Source, MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list administrators", err)
}

// ListConflicts returns members about whose accounts a person must decide, or (decided) has
// decided; nil: both.
func (s *Store) ListConflicts(ctx context.Context, of Bounds, decided *bool, after Conflict,
	limit int) ([]Conflict, error) {
	rows, err := s.q.ListConflictPage(ctx, s.pool, dbsqlc.ListConflictPageParams{
		TenantID: pg.NullIfEmpty(of.TenantID), ProviderID: pg.NullIfEmpty(of.ProviderID), Decided: decided,
		AfterID: orElse(after.MemberID, first), MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list account conflicts", err)
}

// GetConflict returns what is on record of one member's account. It returns ErrNotFound.
func (s *Store) GetConflict(ctx context.Context, memberID string) (Conflict, error) {
	rows, err := s.q.ListConflictPage(ctx, s.pool, dbsqlc.ListConflictPageParams{
		MemberID: &memberID, AfterID: first, MaxRows: 1,
	})
	return only(rows, "find account conflict", err)
}
