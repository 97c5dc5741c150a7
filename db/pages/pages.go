// Package pages reads lists a page at a time, for the server. A page goes on behind a key that
// is unique, and so neither repeats nor skips what was there all the time. It writes nothing.
package pages

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrNotFound: no such row, or one of no provider any more.
var ErrNotFound = pg.ErrNotFound

// Rows of the lists, as the queries say.
type (
	Run           = dbsqlc.ListRunPageRow
	RunError      = dbsqlc.ListRunErrorPageRow
	RunDepartment = dbsqlc.ListRunDepartmentPageRow
	Removal       = dbsqlc.ListRemovalPageRow
	Change        = dbsqlc.ListChangePageRow
	Department    = dbsqlc.ListChildDepartmentPageRow
	MemberChange  = dbsqlc.ListMemberChangePageRow
)

// Bounds limit a list to a tenant or provider; empty limits nothing.
type Bounds struct{ TenantID, ProviderID string }

// Store reads pages. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// first is before every id, last behind every one.
var (
	first = uuid.Nil.String()
	last  = uuid.Max.String()
)

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// ListRuns returns the runs before one (zero: the newest), the newest first, of a status or of any.
func (s *Store) ListRuns(ctx context.Context, of Bounds, status string, before Run, limit int) ([]Run, error) {
	rows, err := s.q.ListRunPage(ctx, s.pool, dbsqlc.ListRunPageParams{
		TenantID: pg.NullIfEmpty(of.TenantID), ProviderID: pg.NullIfEmpty(of.ProviderID),
		Status:        pg.NullIfEmpty(status),
		BeforeStarted: orElse(before.StartedAt, farAway), BeforeID: orElse(before.ID, last), MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list runs", err)
}

// farAway is later than any run began.
var farAway = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// GetRun returns one run. It returns ErrNotFound.
func (s *Store) GetRun(ctx context.Context, id string) (Run, error) {
	rows, err := s.q.ListRunPage(ctx, s.pool, dbsqlc.ListRunPageParams{
		RunID: &id, BeforeStarted: farAway, BeforeID: last, MaxRows: 1,
	})
	return only(rows, "find run", err)
}

// ListRunErrors returns what went wrong in a run with single objects.
func (s *Store) ListRunErrors(ctx context.Context, runID string, after int64, limit int) ([]RunError, error) {
	rows, err := s.q.ListRunErrorPage(ctx, s.pool, dbsqlc.ListRunErrorPageParams{RunID: runID, AfterID: after,
		MaxRows: int32(limit)})
	return rows, pg.Interpret("list errors", err)
}

// ListRunDepartments returns how completely a run read departments, by their external ids.
func (s *Store) ListRunDepartments(ctx context.Context, runID, after string, limit int) ([]RunDepartment, error) {
	rows, err := s.q.ListRunDepartmentPage(ctx, s.pool, dbsqlc.ListRunDepartmentPageParams{
		RunID: runID, AfterID: after, MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list departments of run", err)
}

// ListRemovals returns what a run planned to remove.
func (s *Store) ListRemovals(ctx context.Context, runID string, after Removal, limit int) ([]Removal, error) {
	rows, err := s.q.ListRemovalPage(ctx, s.pool, dbsqlc.ListRemovalPageParams{
		RunID: runID, AfterType: after.ObjectType, AfterObject: orElse(after.ObjectID,
			first), AfterDepartment: orElse(after.DepartmentID, first),
		MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list removals", err)
}

// HashRemovals returns how much a run planned to remove, and a hash of the whole list.
func (s *Store) HashRemovals(ctx context.Context, runID string) (n int64, hash string, err error) {
	row, err := s.q.HashRemovals(ctx, s.pool, runID)
	return row.Removals, row.Hash, pg.Interpret("list removals", err)
}

// raw is the provider's record among a row's columns.
const raw = "raw_data"

func hidden(withRaw bool) []string {
	if withRaw {
		return []string{}
	}
	return []string{raw}
}

// ChangesOf says which changes of a run are wanted; empty lists limit nothing.
type ChangesOf struct {
	RunID        string
	Kinds, Types []string
	// Raw are the providers' records beside the columns.
	Raw bool
}

// ListChanges returns a run's change log.
func (s *Store) ListChanges(ctx context.Context, of ChangesOf, after int64, limit int) ([]Change, error) {
	rows, err := s.q.ListChangePage(ctx, s.pool, dbsqlc.ListChangePageParams{
		RunID: of.RunID, Kinds: pg.NonNil(of.Kinds), Types: pg.NonNil(of.Types), Hidden: hidden(of.Raw),
		AfterID: after,
		MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list changes", err)
}

// ListDepartments returns the active departments of a provider below one, or (empty) its tops, in
// the provider's order.
func (s *Store) ListDepartments(ctx context.Context, providerID, parentID string, after Department,
	limit int) ([]Department, error) {
	order := int64(math.MinInt64)
	if after.ID != "" {
		order = int64(math.MaxInt64)
		if after.SortOrder != nil {
			order = *after.SortOrder
		}
	}
	rows, err := s.q.ListChildDepartmentPage(ctx, s.pool, dbsqlc.ListChildDepartmentPageParams{
		ProviderID: &providerID, ParentID: pg.NullIfEmpty(parentID), AfterOrder: order, AfterName: after.Name,
		AfterID: orElse(after.ID, first),
		MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list departments", err)
}

// GetDepartment returns one department and the provider's record of it. It returns ErrNotFound.
func (s *Store) GetDepartment(ctx context.Context, id string) (Department, []byte, error) {
	r, err := s.q.GetDepartment(ctx, s.pool, id)
	return Department{
		ID: r.ID, ProviderID: r.ProviderID, TenantID: r.TenantID, ExternalID: r.ExternalID, ParentID: r.ParentID,
		Name: r.Name, Path: r.Path,
		MemberCount: r.MemberCount, DirectMemberCount: r.DirectMemberCount, Status: r.Status, SortOrder: r.SortOrder,
		SyncedAt:    r.SyncedAt,
		HasChildren: r.HasChildren,
	}, r.RawData, pg.Interpret("find department", err)
}

// Member is one member.
type Member struct {
	dbsqlc.GetMembersRow
	// Primary and Leader say how they are placed where a department's members are listed.
	Primary, Leader bool
	// Direct and Scope say how they belong where a group's members are listed.
	Direct bool
	Scope  []string
	// Grade is the way in which a text found them, Key what it found there.
	Grade int
	Key   string
}

// ListDepartmentMembers returns the members directly in a department, by name.
func (s *Store) ListDepartmentMembers(ctx context.Context, departmentID string, after Member, limit int) ([]Member,
	error) {
	found, err := s.q.ListDepartmentMemberPage(ctx, s.pool, dbsqlc.ListDepartmentMemberPageParams{
		DepartmentID: departmentID, AfterName: after.Name, AfterID: orElse(after.ID, first), MaxRows: int32(limit),
	})
	if err != nil {
		return nil, pg.Interpret("list members", err)
	}
	out := make([]Member, len(found))
	for i, f := range found {
		out[i].ID, out[i].Primary, out[i].Leader = f.ID, f.IsPrimary, f.IsLeader
	}
	return s.fill(ctx, out)
}

// fill reads the rows of members of whom the ids are known. One that is gone meanwhile is left
// out.
func (s *Store) fill(ctx context.Context, members []Member) ([]Member, error) {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	rows, err := s.q.GetMembers(ctx, s.pool, ids)
	byID := make(map[string]dbsqlc.GetMembersRow, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	out := make([]Member, 0, len(members))
	for _, m := range members {
		if row, there := byID[m.ID]; there {
			m.GetMembersRow = row
			out = append(out, m)
		}
	}
	return out, pg.Interpret("read members", err)
}

// GetMember returns one member. It returns ErrNotFound.
func (s *Store) GetMember(ctx context.Context, id string) (Member, error) {
	one := Member{}
	one.ID = id
	found, err := s.fill(ctx, []Member{one})
	if err == nil && len(found) == 0 {
		return Member{}, ErrNotFound
	}
	if err != nil {
		return Member{}, err
	}
	return found[0], nil
}

// ListMemberChanges returns what runs changed of a member and their places before one (zero: up to
// now), the latest first.
func (s *Store) ListMemberChanges(ctx context.Context, memberID string, withRaw bool, before MemberChange,
	limit int) ([]MemberChange, error) {
	rows, err := s.q.ListMemberChangePage(ctx, s.pool, dbsqlc.ListMemberChangePageParams{
		MemberID: memberID, Hidden: hidden(withRaw), BeforeGeneration: orElse(before.Generation, math.MaxInt64),
		BeforeID: orElse(before.ID, math.MaxInt64), MaxRows: int32(limit),
	})
	return rows, pg.Interpret("list changes", err)
}
