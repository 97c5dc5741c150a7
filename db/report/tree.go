package report

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// TreeDepartment is one department as the tree shows it.
type TreeDepartment struct {
	ID            string
	ExternalID    string
	ParentID      string
	Name          string
	Path          string
	Depth         int
	MemberCount   int
	DirectMembers int
}

// ReadTree returns a provider's active departments from the tops down, siblings in the
// provider's order; levels 0 means all of them.
func (s *Store) ReadTree(ctx context.Context, providerID string, levels int) ([]TreeDepartment, error) {
	var limit *int32
	if levels > 0 {
		n := int32(levels)
		limit = &n
	}
	rows, err := s.q.ListTree(ctx, s.pool, dbsqlc.ListTreeParams{ProviderID: &providerID, MaxDepth: limit})
	if err != nil {
		return nil, pg.Interpret("read tree", err)
	}
	out := make([]TreeDepartment, len(rows))
	for i, r := range rows {
		out[i] = TreeDepartment{
			ID: r.ID, ExternalID: r.ExternalID, ParentID: pg.OrZero(r.ParentID), Name: r.Name, Path: r.Path,
			Depth:       int(r.Depth),
			MemberCount: int(r.MemberCount), DirectMembers: int(r.DirectMemberCount),
		}
	}
	return out, nil
}

// FoundDepartment is one hit of SearchDepartments.
type FoundDepartment struct {
	ID          string
	ExternalID  string
	Name        string
	Path        string
	MemberCount int
}

// SearchDepartments returns a provider's active departments by part of their name, or by
// external id. Blanks around the text are as for Search.
func (s *Store) SearchDepartments(ctx context.Context, providerID, text string, limit int) ([]FoundDepartment, error) {
	out, err := s.searchDepartments(ctx, providerID, text, limit)
	if trimmed := strings.TrimSpace(text); err == nil && len(out) == 0 && trimmed != text {
		return s.searchDepartments(ctx, providerID, trimmed, limit)
	}
	return out, err
}

func (s *Store) searchDepartments(ctx context.Context, providerID, text string, limit int) ([]FoundDepartment, error) {
	rows, err := s.q.SearchDepartments(ctx, s.pool, dbsqlc.SearchDepartmentsParams{
		ProviderID: &providerID, Plain: text, Pattern: pg.EscapeLike(text), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, pg.Interpret("search departments", err)
	}
	out := make([]FoundDepartment, len(rows))
	for i, r := range rows {
		out[i] = FoundDepartment{ID: r.ID, ExternalID: r.ExternalID, Name: r.Name, Path: r.Path,
			MemberCount: int(r.MemberCount)}
	}
	return out, nil
}
