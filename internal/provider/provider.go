// Package provider is the port between the sync engine and the providers' APIs. It says what
// a client must be able to do, what it may offer beside that, and how it fails, and has the
// plumbing that all clients share. It knows neither the single providers nor Postgres nor
// Temporal.
package provider

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// ListMethod names the way in which one department's children or members are listed, where a
// client has several. The values are the client's own: the engine stores them beside the
// department and hands them back, possibly in another process. The empty ListMethod means
// that nothing is asked for: the listing that brought the department covers it.
type ListMethod string

// FoundDepartment is a department together with how to go on from it.
type FoundDepartment struct {
	directory.Department
	// ChildrenMethod is how its child departments are listed. Empty: the listing that it
	// came from lists everything below it.
	ChildrenMethod ListMethod
	// MembersMethod is how the members directly in it are listed. Empty: the members
	// listing of the first root covers it.
	MembersMethod ListMethod
}

// MaxEmptyPages is how many pages of a listing may come empty one after the other while each
// names a next one. A provider that cuts the pages first and then leaves out what is not
// visible sends such pages: this many are thousands of hidden records even at the smallest
// page size (50). A listing that never ends costs no more calls than this.
const MaxEmptyPages = 100

// Query asks for one page of a listing of one department.
type Query struct {
	Department string
	Method     ListMethod
	// Cursor is empty for the first page, and the previous page's Next after that.
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

// Client reads one company's directory. Its methods return *Error for whatever the provider
// answered, and are safe for concurrent use. A Client keeps nothing between calls that
// another process could not find out again.
type Client interface {
	// Check reads one object of each kind that a sync needs and reports what is missing in
	// words. It fails only where it cannot tell (provider unreachable) or where nothing can
	// be read at all (bad credentials, address refused).
	Check(ctx context.Context) (*Report, error)
	// ListRoots returns the departments that reading the tree starts from: the root, or, in a
	// limited visible range, the tops of the range below a root of our own. bad describes
	// records that could not be used, as a page's Bad does.
	ListRoots(ctx context.Context) (found []FoundDepartment, bad []string, err error)
	// ListDepartments returns one page of the departments below q.Department. A TooLarge
	// error names another method, by which the engine calls again.
	ListDepartments(ctx context.Context, q Query) (DepartmentPage, error)
	// ListDepartmentMembers returns one page of the members directly in q.Department, or of
	// all that its method covers.
	ListDepartmentMembers(ctx context.Context, q Query) (MemberPage, error)
}

// MemberCounter counts a department's members by another call than the listing's own. It is
// asked where a listing ended with fewer members than the directory holds.
type MemberCounter interface {
	CountMembers(ctx context.Context, department string) (int, error)
}

// ChildCounter counts the departments directly below one by another call than the listing's
// own. It is asked where a listing ended with fewer than the directory holds.
type ChildCounter interface {
	CountChildren(ctx context.Context, department string) (int, error)
}

// MemberRef names one member to look up.
type MemberRef struct {
	ExternalID string
	OpenID     string
	UnionID    string
}

// LookupResult is what a lookup says of one object.
type LookupResult string

// The results of a lookup.
const (
	// LookupNotFound: the provider itself does not know the object, or says that it left.
	LookupNotFound LookupResult = "not_found"
	// LookupExists: the provider shows the object.
	LookupExists LookupResult = "exists"
	// LookupNotVisible: the object may be outside the visible range; nothing is known of it.
	LookupNotVisible LookupResult = "not_visible"
	// LookupIDReused: the id belongs to another member by now.
	LookupIDReused LookupResult = "id_reused"
)

// LookupResultOf is the result of reading an object that is gone or exists. An error of one
// of the kinds notVisible says nothing of the object.
func LookupResultOf(gone bool, err error, notVisible ...Kind) (LookupResult, error) {
	switch {
	case err != nil && slices.Contains(notVisible, KindOf(err)):
		return LookupNotVisible, nil
	case err != nil:
		return "", err
	case gone:
		return LookupNotFound, nil
	default:
		return LookupExists, nil
	}
}

// ObjectLookup looks up single objects. It is asked before an object is removed that no
// listing shows any more: the object may be where nothing could be read, or it moved, while
// the company was being read, from what was still to be read to what had been read.
type ObjectLookup interface {
	LookupMember(ctx context.Context, m MemberRef) (LookupResult, error)
	LookupDepartment(ctx context.Context, department string) (LookupResult, error)
}

// MemberLister lists the ids of all members of the company. A client that offers it also
// returns all departments in one answer. Missing members are then looked for in this list
// and not one by one.
type MemberLister interface {
	// ListMembers returns one page of all members, of which only the external ids are set.
	ListMembers(ctx context.Context, cursor string) (MemberPage, error)
}

// MemberReader reads single members by their ids.
type MemberReader interface {
	// ReadMember reads one member with all their departments, exactly as the listings of
	// those would describe them together. Memberships is nil if the provider does not say
	// where the member is. gone is true if the provider itself does not know the member or
	// says that they left; a member who may only be outside the visible range is an error.
	ReadMember(ctx context.Context, m MemberRef) (member directory.Member, gone bool, err error)
	// SeesDepartment reports whether a member's record would name the department if they
	// were in it: it is in the visible range, or does not exist at all.
	SeesDepartment(ctx context.Context, department string) (bool, error)
}

// MembershipReader tells in which departments a member is by the record alone, whatever
// listing brought it.
type MembershipReader interface {
	// MembershipsOf returns all departments that a member's Raw record names, nil if it does
	// not say. Leaders may be missing where listings send them for the asked department only.
	MembershipsOf(record json.RawMessage) []directory.Membership
}

// DepartmentReader reads single departments by their ids.
type DepartmentReader interface {
	// ReadDepartment reads one department and says how to go on from it, as the listing
	// that should have shown it would.
	ReadDepartment(ctx context.Context, department string) (FoundDepartment, error)
}

// SingleDepartmentReader reads a single department as it is now, without what is below it.
type SingleDepartmentReader interface {
	// ReadSingleDepartment reads one department. gone is true if the provider itself says
	// that there is none; one that may only be outside the visible range is an error.
	ReadSingleDepartment(ctx context.Context, department string) (d directory.Department, gone bool, err error)
}
