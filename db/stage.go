package db

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// StagedDepartment is a department of a run's snapshot with how to read on from it.
type StagedDepartment struct {
	directory.Department
	// Top is true for the root and for tops of a limited range: an empty parent
	// then means that there is none, elsewhere that it was not sent.
	Top            bool
	ChildrenMethod string
	ChildrenVia    string
	MembersMethod  string
	MembersVia     string
}

// StagedMember is a member of a run's snapshot, normalised and transliterated.
type StagedMember struct {
	directory.Member
	// Key is the person within the run: the external id as the provider compares ids.
	Key             string
	TranslitFull    string
	TranslitInitial string
	// OutOfScope says that the member does not belong in the directory by the rules.
	OutOfScope bool `json:"-"`
	// Hash stands for the record, if it is of a listing that is hashed.
	Hash RecordHash `json:"-"`
}

// fields are what the record says, by columns of org_members.
func (m StagedMember) fields() map[string]any {
	sent := m.Sent()
	sent["name_translit_full"], sent["name_translit_initial"] = m.TranslitFull, m.TranslitInitial
	if m.OutOfScope {
		sent["status"] = directory.Deleted
	}
	return sent
}

// Page says where in a listing a page belongs and how the listing goes on.
type Page struct {
	RunID string
	// Listing is the department that was asked.
	Listing string
	// Number counts from 0.
	Number int
	// Next is the cursor behind this page, empty at the end.
	Next string
	// Request is the provider's id of the answer, empty if it gave none.
	Request string
	// Bad is how many records of the page could not be used. A listing with such
	// records never counts as read to its end.
	Bad int
}

// StageRoots writes the departments a walk starts from. Writing them twice is harmless.
// bad is how many records of a tree that came in one answer could not be used: the
// first root's listing, which covers the tree, then never counts as read to its end.
func (s *Store) StageRoots(ctx context.Context, runID string, found []StagedDepartment, bad int) error {
	return interpret("stage roots", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.putDepartments(ctx, tx, runID, found); err != nil || bad == 0 {
			return err
		}
		if err := s.q.SetRootsBad(ctx, tx, dbsqlc.SetRootsBadParams{
			Bad: int32(bad), RunID: runID, ExternalID: found[0].ExternalID,
		}); err != nil {
			return err
		}
		return s.q.FinishChildren(ctx, tx, dbsqlc.FinishChildrenParams{RunID: runID, ExternalID: found[0].ExternalID})
	}))
}

// StageDepartments writes one page of a listing of departments together with the
// cursor behind it: after a crash reading goes on there.
func (s *Store) StageDepartments(ctx context.Context, p Page, found []StagedDepartment) error {
	return interpret("stage departments", s.inFence(ctx, p.RunID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.putDepartments(ctx, tx, p.RunID, found); err != nil {
			return err
		}
		return s.q.AdvanceChildren(ctx, tx, dbsqlc.AdvanceChildrenParams{
			RunID: p.RunID, ExternalID: p.Listing, Cursor: p.Next, Request: p.Request, Bad: int32(p.Bad),
		})
	}))
}

// foundDepartment is a department as InsertStagedDepartments reads it.
type foundDepartment struct {
	ExternalID       string          `json:"external_id"`
	Parent           *string         `json:"parent"`
	Name             *string         `json:"name"`
	SortOrder        *int64          `json:"sort_order"`
	DeclaredMembers  *int            `json:"declared_members"`
	Leaders          []string        `json:"leaders"`
	Raw              json.RawMessage `json:"raw"`
	ChildrenMethod   string          `json:"children_method"`
	ChildrenVia      string          `json:"children_via"`
	ChildrenComplete bool            `json:"children_complete"`
	MembersMethod    string          `json:"members_method"`
	MembersVia       string          `json:"members_via"`
}

func (s *Store) putDepartments(ctx context.Context, tx pgx.Tx, runID string, found []StagedDepartment) error {
	if len(found) == 0 {
		return nil
	}
	rows := make([]foundDepartment, len(found))
	for i, d := range found {
		rows[i] = foundDepartment{
			ExternalID: d.ExternalID, Name: d.Name, SortOrder: d.SortOrder, DeclaredMembers: d.DeclaredMembers,
			Leaders: d.Leaders, Raw: d.Raw,
			ChildrenMethod: d.ChildrenMethod, ChildrenVia: d.ChildrenVia, MembersMethod: d.MembersMethod,
			MembersVia: d.MembersVia,
			// What Roots brought without a listing to follow is all there is.
			ChildrenComplete: d.ChildrenMethod == "" && d.ChildrenVia == d.ExternalID,
		}
		if d.ParentID != "" || !d.Top {
			rows[i].Parent = &d.ParentID
		}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return errors.New("a department's record is no JSON")
	}
	return s.q.InsertStagedDepartments(ctx, tx, dbsqlc.InsertStagedDepartmentsParams{RunID: runID, Found: body})
}

var stagedMemberColumns = []string{
	"run_id", "listing", "page", "n", "department_external_id", "member_key", "external_id", "external_is_fallback",
	"unionid", "open_id",
	"fields", "out_of_scope", "primary_rank", "is_leader", "sort_order", "raw", "raw_keeps",
}

// MemberPage is one page of people.
type MemberPage struct {
	Page
	People []StagedMember
	// Hashed is true if it is a page of a department's own members, each with a hash.
	Hashed bool
}

// Staged is what became of pages of people.
type Staged struct {
	// Unchanged are the listings that are what they were when last applied.
	Unchanged []string
	// Full are others that are read to their end with that, too: they are of one page,
	// which shows as many people as the directory holds there, or more, so that no figure
	// can speak against them.
	Full []string
	// Figures are what is known of listings of one page that shows fewer.
	Figures map[string]Figures
}

// StageMembers writes pages of people, all of one run and no two of one listing, by
// COPY, together with the cursors behind them: all of it or nothing. A page written
// again replaces itself. A listing that ends with its page here, and is what it was when
// last applied, needs no rows: it is unchanged, and with that read to its end.
func (s *Store) StageMembers(ctx context.Context, pages ...MemberPage) (staged Staged, err error) {
	if len(pages) == 0 {
		return Staged{}, nil
	}
	runID := pages[0].RunID
	advance := dbsqlc.AdvanceMembersParams{RunID: runID}
	for _, p := range pages {
		advance.Listings = append(advance.Listings, p.Listing)
		advance.Nexts = append(advance.Nexts, p.Next)
		advance.People = append(advance.People, int32(len(p.People)))
		advance.Bad = append(advance.Bad, int32(p.Bad))
		advance.Requests = append(advance.Requests, p.Request)
		advance.Hashes = append(advance.Hashes, p.hash())
		advance.Whole = append(advance.Whole, p.whole())
	}
	err = s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
			return err
		}
		advanced, err := s.q.AdvanceMembers(ctx, tx, advance)
		if err != nil {
			return err
		}
		lines := make(map[string]dbsqlc.AdvanceMembersRow, len(advanced))
		for _, line := range advanced {
			lines[line.ExternalID] = line
		}
		staged = Staged{}
		figures := map[string]Figures{}
		var written []MemberPage
		for _, p := range pages {
			line, ok := lines[p.Listing]
			switch whole := p.whole(); {
			case line.MembersUnchanged:
				staged.Unchanged = append(staged.Unchanged, p.Listing)
			case line.MembersComplete:
				staged.Full = append(staged.Full, p.Listing)
			case ok && whole != unknown:
				figures[p.Listing] = figuresOf(whole, line.MembersStored, line.Declared)
			}
			if !ok || int(line.Pages) > p.Number+1 { // single people have no line
				written = append(written, p)
			}
		}
		for _, p := range written {
			if err := s.q.DeleteStagedPage(ctx, tx, dbsqlc.DeleteStagedPageParams{
				RunID: runID, Listing: p.Listing, Page: int32(p.Number),
			}); err != nil {
				return err
			}
		}
		if len(figures) > 0 {
			staged.Figures = figures
		}
		return s.stageMembers(ctx, tx, pages, staged.Unchanged)
	})
	return staged, interpret("stage members", err)
}

// unknown stands for a number that is not known.
const unknown = -1

// figuresOf are the figures of a department that may have nothing below: only then is
// it known here what the provider declares.
func figuresOf(read, stored, declared int32) Figures {
	f := Figures{Read: int(read), Stored: int(stored)}
	if declared != unknown {
		f.Declared, f.Leaf = new(int(declared)), true
	}
	return f
}

// whole is how many people the page lists in the department that was asked, those included
// of whom it says that they have left, if it is the only one of its listing and all of its
// records can be used.
func (p MemberPage) whole() int32 {
	if p.Number > 0 || p.Next != "" || p.Bad > 0 {
		return unknown
	}
	keys := make(map[string]struct{}, len(p.People))
	for _, m := range p.People {
		if slices.ContainsFunc(m.Memberships,
			func(place directory.Membership) bool { return place.DepartmentID == p.Listing }) {
			keys[m.Key] = struct{}{}
		}
	}
	return int32(len(keys))
}

// stageMembers copies the pages. Of unchanged listings nothing is kept: their earlier
// pages go, too.
func (s *Store) stageMembers(ctx context.Context, tx pgx.Tx, pages []MemberPage, unchanged []string) error {
	var records [][]any
	for _, p := range pages {
		switch {
		case !slices.Contains(unchanged, p.Listing):
			records = append(records, memberRows(p)...)
		case p.Number > 0:
			if err := s.q.DeleteStagedListing(ctx, tx, dbsqlc.DeleteStagedListingParams{
				RunID: p.RunID, Listing: p.Listing,
			}); err != nil {
				return err
			}
		}
	}
	return copyRows(ctx, tx, "staged_members", stagedMemberColumns, records)
}

func copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	return copyProblem(err)
}

// copyProblem keeps values out of errors: pgx quotes what it cannot encode.
func copyProblem(err error) error {
	if err != nil && strings.Contains(err.Error(), "encode") {
		return errors.New("a row could not be encoded")
	}
	return err
}

func memberRows(p MemberPage) [][]any {
	rows := make([][]any, 0, len(p.People))
	add := func(m StagedMember, department *string, place directory.Membership) {
		var raw, keeps any
		if m.Raw != nil {
			raw = m.Raw
		}
		if m.RawKeeps != nil {
			keeps = m.RawKeeps
		}
		rows = append(rows, []any{
			p.RunID, p.Listing, int32(p.Number), int32(len(rows)), department, m.Key, m.ExternalID,
			m.ExternalIDIsFallback,
			orNull(m.UnionID), orNull(m.OpenID), m.fields(), m.OutOfScope, place.PrimaryRank, place.Leader,
			place.SortOrder, raw, keeps,
		})
	}
	for _, m := range p.People {
		if len(m.Memberships) == 0 {
			add(m, nil, directory.Membership{})
		}
		for i := range m.Memberships {
			add(m, &m.Memberships[i].DepartmentID, m.Memberships[i])
		}
	}
	return rows
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
