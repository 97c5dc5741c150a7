// Package provider is the port between the sync engine and the providers'
// APIs: what a client must be able to do, what it may be asked for beside that,
// how it fails, and the plumbing every client shares. It knows neither the
// vendors nor Postgres nor Temporal.
package provider

import (
	"context"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// Listing says how one department's children or members are to be read. The
// values are the client's own; the engine stores them beside the department and
// hands them back, possibly in another process. The empty Listing means "not
// asked for separately": the listing that brought the department covers it.
type Listing string

// FoundDepartment is a department together with how to go on from it.
type FoundDepartment struct {
	directory.Department
	// Children says how its child departments are read. Empty: the listing that
	// it came from lists everything below it.
	Children Listing
	// Members says how the people directly in it are read. Empty: the members
	// listing of the first root covers it.
	Members Listing
}

// MaxEmptyPages is how many pages of a listing may come empty one after the other while
// each names a new next one. Where a provider leaves out what is out of sight only after
// it has cut the pages, some do: this many are thousands of hidden records, even at the
// smallest page size (50). A listing that never ends costs no more calls than this.
const MaxEmptyPages = 100

// Query asks for one page of a listing of one department.
type Query struct {
	Department string
	Listing    Listing
	// Cursor is empty for the first page and the previous page's Next after that.
	Cursor string
}

// DepartmentPage is one page of child departments.
type DepartmentPage struct {
	Departments []FoundDepartment
	// Next is the cursor of the next page; empty means that this was the last.
	Next string
	// Bad describes records that could not be used (no usable id), without personal data: where in the page each stands
	// and what ids it has.
	Bad []string
	// Request is the provider's id of the answer that brought the page, empty where it
	// gives none or several answers made the page.
	Request string
}

// MemberPage is one page of members.
type MemberPage struct {
	Members []directory.Member
	// Next is the cursor of the next page; empty means that this was the last.
	Next string
	// Bad describes records that could not be used (no usable id), without personal data: where in the page each stands
	// and what ids it has.
	Bad []string
	// Request is the provider's id of the answer that brought the page, empty where it
	// gives none or several answers made the page.
	Request string
}

// Client reads one company's directory. Its methods return *Error for whatever
// the provider answered and are safe for concurrent use. A Client keeps nothing
// between calls that another process could not rebuild.
type Client interface {
	// Check reads one thing of each kind that a sync needs and reports what is
	// missing in words. It fails only where it cannot tell (provider unreachable)
	// or where nothing could be read at all: bad credentials, address refused.
	Check(ctx context.Context) (*Report, error)
	// Roots returns the departments a walk starts from: the root, or, in a
	// limited visible range, the tops of the range below a root of our own. bad
	// describes records that could not be used, as a page's Bad does.
	Roots(ctx context.Context) (found []FoundDepartment, bad []string, err error)
	// Departments returns one page below q.Department. A TooLarge error asks the
	// engine to call again with the Listing that the error names.
	Departments(ctx context.Context, q Query) (DepartmentPage, error)
	// Members returns one page of the people directly in q.Department (or of
	// whatever its Listing stands for).
	Members(ctx context.Context, q Query) (MemberPage, error)
}

// MemberCounter is an optional second opinion on a department's size, asked only
// where a listing ended with fewer people than the directory holds.
type MemberCounter interface {
	// CountMembers returns how many people are directly in the department by
	// another call than the listing's own.
	CountMembers(ctx context.Context, department string) (int, error)
}

// ChildCounter is the same for child departments.
type ChildCounter interface {
	// CountChildren returns how many departments are directly below by another
	// call than the listing's own.
	CountChildren(ctx context.Context, department string) (int, error)
}

// MemberRef names one person to look up.
type MemberRef struct {
	ExternalID string
	OpenID     string
	UnionID    string
}

// Fate is what a look-up says of one object.
type Fate string

// Fates. Gone: the provider itself no longer knows the object or says that it left.
// There: it shows the object. Unseen: the object may be out of sight, so that nothing
// is said of it. Taken: its id is somebody else's by now.
const (
	Gone   Fate = "gone"
	There  Fate = "there"
	Unseen Fate = "unseen"
	Taken  Fate = "taken"
)

// FateOf is the fate of an object that was read: gone, or else there. Failures of the
// kinds unseen say nothing of it.
func FateOf(gone bool, err error, unseen ...Kind) (Fate, error) {
	switch {
	case err != nil && slices.Contains(unseen, KindOf(err)):
		return Unseen, nil
	case err != nil:
		return "", err
	case gone:
		return Gone, nil
	default:
		return There, nil
	}
}

// Confirmer can look up single objects. It is asked before anything is removed that no
// listing shows any more: the object may be where nothing could be read, or have moved,
// while the company was being read, from what was still to be read to what had been.
type Confirmer interface {
	// FindMember says what became of a person.
	FindMember(ctx context.Context, m MemberRef) (Fate, error)
	// FindDepartment says what became of a department.
	FindDepartment(ctx context.Context, department string) (Fate, error)
}

// Roster names everybody there is, and all departments come in one answer. Where a client
// offers it, missing people are looked for in it and not one by one.
type Roster interface {
	// Everybody returns one page of all people by their external ids.
	Everybody(ctx context.Context, cursor string) (MemberPage, error)
}

// MemberReader can read single people, for runs that are limited to a few.
type MemberReader interface {
	// ReadMember reads one person with all their departments, exactly as the listings of
	// those would describe them together; Memberships is nil if the provider does not say
	// where the person is. gone is true if the provider itself no longer knows the person
	// or says that they left; somebody who may only be out of sight is an error.
	ReadMember(ctx context.Context, m MemberRef) (person directory.Member, gone bool, err error)
	// SeesDepartment reports whether a person's record would name the department if they
	// were in it: it is in the visible range, or no longer exists at all.
	SeesDepartment(ctx context.Context, department string) (bool, error)
}

// DepartmentReader can read single departments, for those that no listing shows and that
// are there all the same.
type DepartmentReader interface {
	// ReadDepartment reads one department and says how to go on from it, as the listing
	// that should have shown it would. Whatever keeps it from being read is an error.
	ReadDepartment(ctx context.Context, department string) (FoundDepartment, error)
}

// Report is the outcome of Check.
type Report struct {
	// Company is the tenant's name where it can be read, else empty.
	Company string
	// Range is what the credentials can see.
	Range Range
	// Findings are the single checks, in the order they were made.
	Findings []Finding
}

// OK reports whether a sync can run: no finding is a failure.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Level == Fail {
			return false
		}
	}
	return true
}

// Level grades a Finding.
type Level string

// Levels: Pass is in order, Warn costs some data (a field permission), Fail
// makes a sync impossible.
const (
	Pass Level = "pass"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one checked thing in words: what was tried, what came of it, and,
// unless it passed, where a person grants what is missing.
type Finding struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"`
	Detail string `json:"detail,omitempty"`
	Action string `json:"action,omitempty"`
}

// Range is the visible range of the credentials. A range that no longer contains
// what an earlier one did has shrunk, and people beyond it look like leavers.
type Range struct {
	// Full is true when the whole company is visible; the lists are then empty.
	Full bool `json:"full"`
	// Departments and Members are the granted external ids, sorted.
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// MembersUnknown: the provider does not say who is granted one by one. Members is
	// then empty, which is not "nobody".
	MembersUnknown bool `json:"members_unknown,omitempty"`
}

// Lost returns what earlier contained and r does not, empty if nothing shrank.
// A full earlier range that became limited is reported as "the whole company".
func (r Range) Lost(earlier Range) []string {
	if r.Full {
		return nil
	}
	if earlier.Full {
		return []string{"the whole company"}
	}
	lost := missing("department ", earlier.Departments, r.Departments)
	if r.MembersUnknown {
		return lost
	}
	return append(lost, missing("member ", earlier.Members, r.Members)...)
}

func missing(kind string, earlier, now []string) []string {
	have := make(map[string]bool, len(now))
	for _, id := range now {
		have[id] = true
	}
	var lost []string
	for _, id := range earlier {
		if !have[id] {
			lost = append(lost, kind+id)
		}
	}
	return lost
}
