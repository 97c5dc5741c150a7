package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Pending is a listing that has not been read to its end.
type Pending struct {
	Department string
	// Listing is the method by which it is read.
	Listing string
	// MembersMethod is the method by which the department's members are read, where this
	// is the listing of its children.
	MembersMethod string
	// Cursor is where to go on, empty at the start.
	Cursor string
	// Pages is how many pages were written so far.
	Pages int
}

// Ended reports that the last page was written and only the verdict is missing: a
// listing that goes on has a cursor behind every page.
func (p Pending) Ended() bool { return p.Pages > 0 && p.Cursor == "" }

// ListPendingChildren returns up to limit departments whose children are still to be read.
func (s *Store) ListPendingChildren(ctx context.Context, runID string, limit int) ([]Pending, error) {
	rows, err := s.q.ListPendingChildren(ctx, s.pool,
		dbsqlc.ListPendingChildrenParams{RunID: runID, MaxRows: int32(limit)})
	if err != nil {
		return nil, interpret("find departments to walk", err)
	}
	out := make([]Pending, len(rows))
	for i, r := range rows {
		out[i] = Pending{Department: r.ExternalID, Listing: r.ChildrenMethod, Cursor: r.ChildrenCursor,
			Pages: int(r.ChildrenPages), MembersMethod: r.MembersMethod}
	}
	return out, nil
}

// FinishChildren marks a department's children as read to the end, unless records had to
// be left out.
func (s *Store) FinishChildren(ctx context.Context, runID, department string) error {
	return interpret("end walk", s.q.FinishChildren(ctx, s.pool, dbsqlc.FinishChildrenParams{
		RunID: runID, ExternalID: department,
	}))
}

// RestartChildren starts the listing of a department's children anew, by the listing given.
func (s *Store) RestartChildren(ctx context.Context, runID, department, listing string) error {
	return interpret("restart walk", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		return s.q.RestartChildren(ctx, tx, dbsqlc.RestartChildrenParams{
			ChildrenMethod: listing, RunID: runID, ExternalID: department,
		})
	}))
}

// FailChildren records why a department's children cannot be read.
func (s *Store) FailChildren(ctx context.Context, runID, department, problem string) error {
	return interpret("note walk failure", s.q.FailChildren(ctx, s.pool, dbsqlc.FailChildrenParams{
		Error: &problem, RunID: runID, ExternalID: department,
	}))
}

// FinishedDepartments tells what reading departments brought.
type FinishedDepartments struct {
	Departments int
	Failed      int
	// Excluded are those that the run leaves out on purpose.
	Excluded int
	// Unchanged are those of which nothing is left to be read or applied, and
	// UnchangedMembers how many members they list. They have no position.
	Unchanged        int
	UnchangedMembers int
}

// FinishDepartments ends the reading of departments: listings still open failed for the
// reason given, what the run leaves out is excluded, and every department of which anything
// is left to be read or applied gets its position, from 1. Departments that the run was
// asked for and that do not exist are on record as errors.
func (s *Store) FinishDepartments(ctx context.Context, runID, problem string) (FinishedDepartments, error) {
	var finished FinishedDepartments
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if _, err := s.q.FailPendingChildren(ctx, tx,
			dbsqlc.FailPendingChildrenParams{Error: &problem, RunID: runID}); err != nil {
			return err
		}
		if err := s.exclude(ctx, tx, run, runID); err != nil {
			return err
		}
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		if err := s.q.FinishTree(ctx, tx, runID); err != nil {
			return err
		}
		if err := s.q.RecallListings(ctx, tx, dbsqlc.RecallListingsParams{
			RunID: runID, ProviderID: &run.ProviderID, TenantID: run.TenantID,
		}); err != nil {
			return err
		}
		if err := s.q.OrderDepartments(ctx, tx,
			dbsqlc.OrderDepartmentsParams{RunID: runID, ProviderID: &run.ProviderID}); err != nil {
			return err
		}
		row, err := s.q.CountDepartmentStates(ctx, tx, runID)
		if err != nil {
			return err
		}
		finished = FinishedDepartments{
			Departments: int(row.Departments), Failed: int(row.Failed), Excluded: int(row.Excluded),
			Unchanged: int(row.Unchanged), UnchangedMembers: int(row.UnchangedMembers),
		}
		return s.addUnknownTargets(ctx, tx, runID)
	})
	return finished, interpret("finish departments", err)
}

// IsTargeted reports whether the run knows what it reads only when it knows the tree: it is a
// targeted one, or its rules include some departments only.
func (s *Store) IsTargeted(ctx context.Context, runID string) (bool, error) {
	targeted, err := s.q.RunIsTargeted(ctx, s.pool, runID)
	return targeted, interpret("read run", err)
}

// exclude takes out what rules exclude, with what is below, and what a targeted run leaves
// out.
func (s *Store) exclude(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if err := s.setPlannerHints(ctx, tx, batch); err != nil { // the walk down goes by index
		return err
	}
	if err := s.q.ExcludeBelowExcluded(ctx, tx, runID); err != nil {
		return err
	}
	included, err := s.q.RunIncludesDepartments(ctx, tx, runID)
	if err == nil && included {
		err = s.q.ExcludeNotIncluded(ctx, tx, runID)
	}
	if err != nil {
		return err
	}
	if err := s.q.ExcludeStoredBelowExcluded(ctx, tx, dbsqlc.ExcludeStoredBelowExcludedParams{
		RunID: runID, ProviderID: &run.ProviderID,
	}); err != nil || run.Whole {
		return err
	}
	return s.q.ExcludeUntargeted(ctx, tx, runID)
}

// RecallListings finds what the listings of departments were when last applied, so that
// those about to be read can be told as unchanged.
func (s *Store) RecallListings(ctx context.Context, runID string, departments []string) error {
	return interpret("recall listings", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
			return err
		}
		return s.q.RecallListingsOf(ctx, tx, dbsqlc.RecallListingsOfParams{
			RunID: runID, ProviderID: run.ProviderID, TenantID: run.TenantID, Departments: departments,
		})
	}))
}

func (s *Store) addUnknownTargets(ctx context.Context, tx pgx.Tx, runID string) error {
	unknown, err := s.q.ListUnknownTargets(ctx, tx, runID)
	if err != nil {
		return err
	}
	for _, id := range unknown {
		if err := s.addRunError(ctx, tx, runID, "department", id,
			"the run was asked for it, but the provider lists no such department"); err != nil {
			return err
		}
	}
	return nil
}

// ListPendingMembers returns the departments with positions first to last whose people
// are still to be read, in order.
func (s *Store) ListPendingMembers(ctx context.Context, runID string, first, last int) ([]Pending, error) {
	rows, err := s.q.ListPendingMembers(ctx, s.pool, dbsqlc.ListPendingMembersParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	if err != nil {
		return nil, interpret("find departments to read", err)
	}
	out := make([]Pending, len(rows))
	for i, r := range rows {
		out[i] = Pending{Department: r.ExternalID, Listing: r.MembersMethod, Cursor: r.MembersCursor,
			Pages: int(r.Pages)}
	}
	return out, nil
}

// GetPosition returns a department's place in the run's order.
func (s *Store) GetPosition(ctx context.Context, runID, department string) (int, error) {
	n, err := s.q.GetPosition(ctx, s.pool, dbsqlc.GetPositionParams{RunID: runID, ExternalID: department})
	return int(pg.OrZero(n)), interpret("find position", err)
}

// ReopenMembers lets a department that failed be read once more, from where it stopped.
func (s *Store) ReopenMembers(ctx context.Context, runID string, position int) error {
	return interpret("reopen department", s.q.ReopenMembers(ctx, s.pool, dbsqlc.ReopenMembersParams{
		RunID: runID, Position: int32(position),
	}))
}

// RestartMembers forgets what was read of a department's people.
func (s *Store) RestartMembers(ctx context.Context, runID, department string) error {
	return interpret("restart department", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.q.DeleteStagedListing(ctx, tx, dbsqlc.DeleteStagedListingParams{
			RunID: runID, Listing: department,
		}); err != nil {
			return err
		}
		return s.q.RestartMembers(ctx, tx, dbsqlc.RestartMembersParams{
			RunID: runID, ExternalID: department,
		})
	}))
}

// FinishedListing is a department whose people were listed to the end.
type FinishedListing struct {
	Department string
	// Declared is what the provider itself counts there, as it was asked to; nil leaves
	// what the tree said of it.
	Declared *int
}

// FinishMembers marks departments' people as read to the end, unless records had to be
// left out.
func (s *Store) FinishMembers(ctx context.Context, runID string, ended ...FinishedListing) error {
	if len(ended) == 0 {
		return nil
	}
	departments, declared := make([]string, len(ended)), make([]int32, len(ended))
	for i, e := range ended {
		departments[i], declared[i] = e.Department, unknown
		if e.Declared != nil {
			declared[i] = int32(*e.Declared)
		}
	}
	return interpret("end departments", s.inTx(ctx, func(tx pgx.Tx) error {
		if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
			return err
		}
		return s.q.FinishMembers(ctx, tx, dbsqlc.FinishMembersParams{
			RunID: runID, Departments: departments, Declared: declared,
		})
	}))
}

// FailMembers records why a department's people could not be read to the end.
func (s *Store) FailMembers(ctx context.Context, runID, department, problem string, declared *int) error {
	return interpret("note failed department", s.q.FailMembers(ctx, s.pool, dbsqlc.FailMembersParams{
		RunID: runID, ExternalID: department, Error: &problem, MembersDeclared: pg.Int32(declared),
	}))
}

// FailMembersBetween records the same for whatever is still open in a range.
func (s *Store) FailMembersBetween(ctx context.Context, runID string, first, last int, problem string) (int, error) {
	n, err := s.q.FailMembersBetween(ctx, s.pool, dbsqlc.FailMembersBetweenParams{
		RunID: runID, First: int32(first), Last: int32(last), Error: &problem,
	})
	return int(n), interpret("note failed departments", err)
}

// Figures are what is known of one department's size.
type Figures struct {
	// Read is how many this run read, 0 where none is stored; Stored is how many the
	// directory holds.
	Read   int
	Stored int
	// Bad is how many records could not be used.
	Bad int
	// Declared is the provider's own count with everything below, nil if unknown.
	Declared *int
	// Leaf is true where this run found no department below.
	Leaf bool
}

// GetMemberFigures returns them for the people directly in departments, by department.
func (s *Store) GetMemberFigures(ctx context.Context, runID, providerID string,
	departments []string) (map[string]Figures, error) {
	if len(departments) == 0 {
		return nil, nil
	}
	var rows []dbsqlc.GetMemberFiguresRow
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
			return err
		}
		rows, err = s.q.GetMemberFigures(ctx, tx, dbsqlc.GetMemberFiguresParams{
			RunID: runID, Departments: departments, ProviderID: &providerID,
		})
		return err
	})
	out := make(map[string]Figures, len(rows))
	for _, row := range rows {
		f := Figures{Read: int(row.Read), Stored: int(row.Stored), Bad: int(row.Bad), Leaf: !row.HasChildren}
		if row.Declared != nil {
			n := int(*row.Declared)
			f.Declared = &n
		}
		out[row.ExternalID] = f
	}
	return out, interpret("compare figures", err)
}

// GetChildFigures returns how many departments directly below one were read and are stored.
func (s *Store) GetChildFigures(ctx context.Context, runID, providerID, department string) (Figures, error) {
	row, err := s.q.GetChildFigures(ctx, s.pool, dbsqlc.GetChildFiguresParams{
		RunID: runID, ExternalID: &department, ProviderID: &providerID,
	})
	return Figures{Read: int(row.Read), Stored: int(row.Stored), Bad: int(row.Bad)}, interpret("compare figures", err)
}

// CompletenessRecord is one department's line in a run's completeness records.
type CompletenessRecord struct {
	ExternalID       string
	ChildrenComplete bool
	MembersComplete  bool
	Pages            int
	MembersRead      int
	MembersDeclared  *int32
	Error            string
	// State is wanted, excluded or unread.
	State string
}

// ListCompleteness returns a run's completeness records, failed departments first.
func (s *Store) ListCompleteness(
	ctx context.Context,
	runID string,
	failedOnly bool,
	limit int,
) ([]CompletenessRecord, error) {
	entries, err := s.listCompleteness(ctx, s.pool, runID, failedOnly, limit)
	return entries, interpret("read what was read to the end", err)
}

func (s *Store) listCompleteness(ctx context.Context, tx dbsqlc.DBTX, runID string, failedOnly bool,
	limit int) ([]CompletenessRecord, error) {
	rows, err := s.q.ListCompleteness(ctx, tx, dbsqlc.ListCompletenessParams{
		RunID: runID, FailedOnly: failedOnly, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	out := make([]CompletenessRecord, len(rows))
	for i, r := range rows {
		out[i] = CompletenessRecord{
			ExternalID: r.ExternalID, ChildrenComplete: r.ChildrenComplete, MembersComplete: r.MembersComplete,
			Pages:       int(r.Pages),
			MembersRead: int(r.MembersRead), MembersDeclared: r.MembersDeclared, Error: pg.OrZero(r.Error),
			State: r.State,
		}
	}
	return out, nil
}
