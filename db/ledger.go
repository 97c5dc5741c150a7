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
	Listing    string
	// Cursor is where to go on, empty at the start.
	Cursor string
	// Pages is how many pages were written so far.
	Pages int
}

// Ended reports that the last page was written and only the verdict is missing: a
// listing that goes on has a cursor behind every page.
func (p Pending) Ended() bool { return p.Pages > 0 && p.Cursor == "" }

// WalkNext returns up to limit departments whose children are still to be read.
func (s *Store) WalkNext(ctx context.Context, runID string, limit int) ([]Pending, error) {
	rows, err := s.q.LedgerWalkNext(ctx, s.pool, dbsqlc.LedgerWalkNextParams{RunID: runID, MaxRows: int32(limit)})
	if err != nil {
		return nil, interpret("find departments to walk", err)
	}
	out := make([]Pending, len(rows))
	for i, r := range rows {
		out[i] = Pending{Department: r.ExternalID, Listing: r.ChildrenListing, Cursor: r.ChildrenCursor, Pages: int(r.ChildrenPages)}
	}
	return out, nil
}

// WalkEnd marks a department's children as read to the end, unless records had to
// be left out.
func (s *Store) WalkEnd(ctx context.Context, runID, department string) error {
	return interpret("end walk", s.q.LedgerWalkEnd(ctx, s.pool, dbsqlc.LedgerWalkEndParams{
		RunID: runID, ExternalID: department,
	}))
}

// WalkRestart starts the listing of a department's children anew, by the listing given.
func (s *Store) WalkRestart(ctx context.Context, runID, department, listing string) error {
	return interpret("restart walk", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.FenceHoldRow) error {
		return s.q.LedgerWalkRestart(ctx, tx, dbsqlc.LedgerWalkRestartParams{
			ChildrenListing: listing, RunID: runID, ExternalID: department,
		})
	}))
}

// WalkFail records why a department's children cannot be read.
func (s *Store) WalkFail(ctx context.Context, runID, department, problem string) error {
	return interpret("note walk failure", s.q.LedgerWalkFail(ctx, s.pool, dbsqlc.LedgerWalkFailParams{
		Error: &problem, RunID: runID, ExternalID: department,
	}))
}

// SealedWalk tells what reading departments brought.
type SealedWalk struct {
	Departments int
	Failed      int
	// Skipped are those whose people the run leaves out on purpose.
	Skipped int
}

// WalkSeal ends the reading of departments: listings still open failed for the
// reason given, and every department gets its ordinal (from 1), those that a
// targeted run leaves out behind the others. Departments that the run was asked for
// and that do not exist are noted.
func (s *Store) WalkSeal(ctx context.Context, runID, problem string) (SealedWalk, error) {
	var sealed SealedWalk
	err := s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.FenceHoldRow) error {
		if _, err := s.q.LedgerWalkFailPending(ctx, tx, dbsqlc.LedgerWalkFailPendingParams{
			Error: &problem, RunID: runID,
		}); err != nil {
			return err
		}
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		row, err := s.q.LedgerSeal(ctx, tx, runID)
		if err != nil {
			return err
		}
		sealed = SealedWalk{Departments: int(row.Departments), Failed: int(row.Failed), Skipped: int(row.Skipped)}
		unknown, err := s.q.LedgerUnknown(ctx, tx, runID)
		if err != nil {
			return err
		}
		for _, id := range unknown {
			if err := s.q.AddRunError(ctx, tx, dbsqlc.AddRunErrorParams{
				RunID: runID, ObjectType: "department", ExternalID: id, Message: "the run was asked for it, but the provider lists no such department",
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return sealed, interpret("seal departments", err)
}

// MembersPending returns the departments with ordinals first to last whose people
// are still to be read, in order.
func (s *Store) MembersPending(ctx context.Context, runID string, first, last int) ([]Pending, error) {
	rows, err := s.q.LedgerBatch(ctx, s.pool, dbsqlc.LedgerBatchParams{
		RunID: runID, First: int32(first), Last: int32(last),
	})
	if err != nil {
		return nil, interpret("find departments to read", err)
	}
	out := make([]Pending, len(rows))
	for i, r := range rows {
		out[i] = Pending{Department: r.ExternalID, Listing: r.MembersListing, Cursor: r.MembersCursor, Pages: int(r.Pages)}
	}
	return out, nil
}

// Ordinal returns a department's place in the run's order.
func (s *Store) Ordinal(ctx context.Context, runID, department string) (int, error) {
	n, err := s.q.LedgerOrdinal(ctx, s.pool, dbsqlc.LedgerOrdinalParams{RunID: runID, ExternalID: department})
	return int(pg.OrZero(n)), interpret("find ordinal", err)
}

// MembersReopen lets a department that failed be read once more, from where it stopped.
func (s *Store) MembersReopen(ctx context.Context, runID string, ordinal int) error {
	return interpret("reopen department", s.q.LedgerMembersReopen(ctx, s.pool, dbsqlc.LedgerMembersReopenParams{
		RunID: runID, Ordinal: int32(ordinal),
	}))
}

// MembersRestart forgets what was read of a department's people.
func (s *Store) MembersRestart(ctx context.Context, runID, department string) error {
	return interpret("restart department", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.FenceHoldRow) error {
		if err := s.q.StagedMembersDropListing(ctx, tx, dbsqlc.StagedMembersDropListingParams{
			RunID: runID, Listing: department,
		}); err != nil {
			return err
		}
		return s.q.LedgerMembersRestart(ctx, tx, dbsqlc.LedgerMembersRestartParams{
			RunID: runID, ExternalID: department,
		})
	}))
}

// EndedListing is a department whose people were listed to the end.
type EndedListing struct {
	Department string
	// Declared is what the provider itself counts there, as it was asked to; nil leaves
	// what the tree said of it.
	Declared *int
}

// MembersEnd marks departments' people as read to the end, unless records had to be
// left out.
func (s *Store) MembersEnd(ctx context.Context, runID string, ended ...EndedListing) error {
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
		return s.q.LedgerMembersEnd(ctx, tx, dbsqlc.LedgerMembersEndParams{
			RunID: runID, Departments: departments, Declared: declared,
		})
	}))
}

// MembersFail records why a department's people could not be read to the end.
func (s *Store) MembersFail(ctx context.Context, runID, department, problem string, declared *int) error {
	return interpret("note failed department", s.q.LedgerMembersFail(ctx, s.pool, dbsqlc.LedgerMembersFailParams{
		RunID: runID, ExternalID: department, Error: &problem, MembersDeclared: pg.Int32(declared),
	}))
}

// MembersFailRange records the same for whatever is still open in a range.
func (s *Store) MembersFailRange(ctx context.Context, runID string, first, last int, problem string) (int, error) {
	n, err := s.q.LedgerMembersFailRange(ctx, s.pool, dbsqlc.LedgerMembersFailRangeParams{
		RunID: runID, First: int32(first), Last: int32(last), Error: &problem,
	})
	return int(n), interpret("note failed departments", err)
}

// Figures are what is known of one department's size.
type Figures struct {
	// Read is how many this run read, 0 where nobody is stored; Stored is how many the
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

// MemberFigures returns them for the people directly in departments, by department.
func (s *Store) MemberFigures(ctx context.Context, runID, providerID string, departments []string) (map[string]Figures, error) {
	if len(departments) == 0 {
		return nil, nil
	}
	var rows []dbsqlc.ScopeFiguresRow
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
			return err
		}
		rows, err = s.q.ScopeFigures(ctx, tx, dbsqlc.ScopeFiguresParams{
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

// ChildFigures returns how many departments directly below one were read and are stored.
func (s *Store) ChildFigures(ctx context.Context, runID, providerID, department string) (Figures, error) {
	row, err := s.q.ChildFigures(ctx, s.pool, dbsqlc.ChildFiguresParams{
		RunID: runID, ExternalID: &department, ProviderID: &providerID,
	})
	return Figures{Read: int(row.Read), Stored: int(row.Stored), Bad: int(row.Bad)}, interpret("compare figures", err)
}

// LedgerEntry is one department's line in a run's completeness ledger.
type LedgerEntry struct {
	ExternalID       string
	ChildrenComplete bool
	MembersComplete  bool
	Pages            int
	MembersRead      int
	MembersDeclared  *int32
	Error            string
	Skipped          bool
}

// Ledger returns a run's ledger, failed departments first.
func (s *Store) Ledger(ctx context.Context, runID string, failedOnly bool, limit int) ([]LedgerEntry, error) {
	entries, err := s.ledger(ctx, s.pool, runID, failedOnly, limit)
	return entries, interpret("read ledger", err)
}

func (s *Store) ledger(ctx context.Context, tx dbsqlc.DBTX, runID string, failedOnly bool, limit int) ([]LedgerEntry, error) {
	rows, err := s.q.LedgerList(ctx, tx, dbsqlc.LedgerListParams{
		RunID: runID, FailedOnly: failedOnly, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	out := make([]LedgerEntry, len(rows))
	for i, r := range rows {
		out[i] = LedgerEntry{
			ExternalID: r.ExternalID, ChildrenComplete: r.ChildrenComplete, MembersComplete: r.MembersComplete, Pages: int(r.Pages),
			MembersRead: int(r.MembersRead), MembersDeclared: r.MembersDeclared, Error: pg.OrZero(r.Error), Skipped: r.MembersExcluded,
		}
	}
	return out, nil
}
