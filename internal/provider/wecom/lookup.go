package wecom

import (
	"context"
	"net/url"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// lookupClient is a client that has an app's secret and can therefore look up
// single objects. The contact sync secret alone cannot (wecom.md §1.4), so a
// client without an app's secret does not offer these methods.
type lookupClient struct{ *client }

// memberLister is what the contact sync secret adds: it names all members, ten thousand a call
// (wecom.md §3.2), whatever an app sees.
type memberLister struct{ c *client }

// ListMembers implements provider.MemberLister.
func (m memberLister) ListMembers(ctx context.Context, cursor string) (provider.MemberPage, error) {
	return m.c.companyIDs(ctx, cursor)
}

// syncClient has the contact sync secret alone, completeClient an app's besides.
type (
	syncClient struct {
		*client
		memberLister
	}
	completeClient struct {
		appClient
		memberLister
	}
	// appClient has the secret of an app, which also signs people in.
	appClient struct {
		lookupClient
		loginResolver
	}
	// suiteClient has a company's authorisation of a third-party suite.
	suiteClient struct {
		lookupClient
		suiteLogins
	}
)

var (
	_ provider.MemberCounter = lookupClient{}
	_ provider.ObjectLookup  = lookupClient{}
	_ provider.MemberReader  = lookupClient{}
	_ provider.MemberLister  = syncClient{}
	_ provider.MemberLister  = completeClient{}
	_ provider.ObjectLookup  = completeClient{}
	_ provider.MemberCounter = completeClient{}
	_ provider.MemberReader  = completeClient{}

	_ provider.GroupReader         = (*client)(nil)
	_ provider.AdministratorReader = lookupClient{}
	_ provider.AdministratorReader = completeClient{}
)

// CountMembers implements provider.MemberCounter by the short listing. Whoever it names twice
// counts once, as in the full one.
func (c lookupClient) CountMembers(ctx context.Context, department string) (int, error) {
	records, err := c.simpleMembers(ctx, department)
	users := make([]string, len(records))
	for i, raw := range records {
		users[i] = decodeUserID(raw)
	}
	slices.Sort(users)
	return len(slices.Compact(users)), err
}

// LookupMember implements provider.ObjectLookup.
//
// Of a member who left: they disappear from the lists, and user/get answers 60111, as it
// does for whom the app does not see (wecom.md §3.3, §4), or shows status 5 (wecom.md
// §3.3). There is no list of leavers, so that beyond an app that sees the whole company
// only being missed twice tells that a member is gone.
func (c lookupClient) LookupMember(ctx context.Context, ref provider.MemberRef) (provider.LookupResult, error) {
	_, gone, err := c.ReadMember(ctx, ref)
	return provider.LookupResultOf(gone, err, provider.NotFound, provider.OutOfRange)
}

// ReadMember implements provider.MemberReader. "Not found" also means "not visible"
// (wecom.md §3.3), so it counts as gone only while the app sees the whole company. The
// record names the visible departments alone: a member in none of them stands below
// the root, as in the listing of people granted one by one.
func (c lookupClient) ReadMember(ctx context.Context, ref provider.MemberRef) (directory.Member, bool, error) {
	m, err := c.user(ctx, ref.ExternalID)
	if codeOf(err) == "60111" {
		wholeCompany, failed := c.seesDepartment(ctx, rootID)
		switch {
		case wholeCompany:
			return directory.Member{}, true, nil
		case unlessMissing(failed) != nil:
			err = failed
		}
	}
	if err != nil {
		return directory.Member{}, false, err
	}
	if !c.sameMember(m.userID, ref.ExternalID) {
		return directory.Member{}, false, malformed(userGet, "the answer is about another member than was asked for")
	}
	var departments []string
	for _, d := range m.departments {
		if d != "" {
			departments = append(departments, d)
		}
	}
	if len(departments) == 0 && m.departments != nil {
		departments = []string{rootID}
	}
	person := c.shownMember(m.in(departments...))
	return person, person.Status != nil && *person.Status == directory.Deleted, nil
}

// SeesDepartment implements provider.MemberReader.
func (c lookupClient) SeesDepartment(ctx context.Context, department string) (bool, error) {
	sees, err := c.seesDepartment(ctx, department)
	if isGoneDepartment(err) {
		return true, nil
	}
	return sees, unlessMissing(err)
}

// LookupDepartment implements provider.ObjectLookup.
func (c lookupClient) LookupDepartment(ctx context.Context, department string) (provider.LookupResult, error) {
	_, err := c.seesDepartment(ctx, department)
	if isGoneDepartment(err) {
		return provider.LookupNotFound, nil
	}
	return provider.LookupResultOf(false, err, provider.NotFound, provider.OutOfRange)
}

// isGoneDepartment reports whether an error says that the department does not exist.
func isGoneDepartment(err error) bool {
	code := codeOf(err)
	return code == "60003" || code == "60123"
}

// seesDepartment reports whether the app can read a department.
func (c lookupClient) seesDepartment(ctx context.Context, department string) (bool, error) {
	body, err := c.call(ctx, c.app, departmentGet, url.Values{"id": {department}}, nil)
	if err != nil {
		return false, err
	}
	return decodeDepartment(body, department)
}

// decodeDepartment reports whether the answer carries the department asked for.
func decodeDepartment(body []byte, department string) (bool, error) {
	answer, _ := wire.Parse(body)
	if numberOf(answer.Object("department")["id"]) != department {
		return false, malformed(departmentGet, "the answer is not about department "+department)
	}
	return true, nil
}

// unlessMissing returns nil for errors that say only that the object is not to
// be seen, so it may still exist.
func unlessMissing(err error) error {
	switch provider.KindOf(err) {
	case provider.NotFound, provider.OutOfRange:
		return nil
	default:
		return err
	}
}

// ReadSingleDepartment implements provider.SingleDepartmentReader.
func (c lookupClient) ReadSingleDepartment(ctx context.Context, id string) (directory.Department, bool, error) {
	var none directory.Department
	body, err := c.call(ctx, c.app, departmentGet, url.Values{"id": {id}}, nil)
	if isGoneDepartment(err) {
		return none, true, nil
	}
	if err != nil {
		return none, false, err
	}
	answer, _ := wire.Parse(body)
	d, problem := toDepartment(answer.Object("department"))
	if problem == "" && d.ExternalID != id {
		problem = "it is not about department " + id
	}
	if problem != "" {
		return none, false, malformed(departmentGet, "the answer cannot be used: "+problem)
	}
	return c.shownDepartment(d), false, nil
}
