package feishu

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// user reads one person's record, by an id of the given type.
func (c *client) user(ctx context.Context, id, idType string) (record, error) {
	ep, err := at(getUser, id)
	if err != nil {
		return nil, err
	}
	a, err := c.call(ctx, ep, url.Values{
		"user_id_type":       {idType},
		"department_id_type": {"open_department_id"},
	})
	if err != nil {
		return nil, err
	}
	return objectOf(a, "user")
}

// userOf reads one person's record and makes sure that it is the right one.
func (c *client) userOf(ctx context.Context, id, idType string) (record, error) {
	r, err := c.user(ctx, id, idType)
	if err != nil {
		return nil, err
	}
	if sent, _ := r.ID(idType); sent != id {
		return nil, answer{endpoint: getUser.Name}.malformed("the answer is about another person than was asked for")
	}
	return r, nil
}

// LookupMember implements provider.ObjectLookup. An unknown id says that the person is gone,
// one out of range (41050) says nothing.
//
// Of a member who left it is documented that they can still be read, with is_resigned
// (feishu.md §3.4), and it is not verified that they do not count as out of range, which
// is no sign of having left (feishu-more.md, on events). Departments list no resigned
// people in any page that was read (feishu.md §3.4, unverified). So "out of range" is not
// taken for "gone", but a member missed twice by complete runs is not kept for its sake.
func (c *client) LookupMember(ctx context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	id, idType := lookupID(m)
	if id == "" {
		return provider.LookupNotVisible, nil
	}
	r, err := c.userOf(ctx, id, idType)
	return lookupResultOf(err == nil && hasLeft(r), err)
}

// ReadMember implements provider.MemberReader. A resigned person can still be read
// (feishu.md §3.4). Other people stand in a record by the kind of id that was asked by
// (feishu.md §3.2), and listings ask by open_id. Who leads a department stands on the
// department, hence one more call.
func (c *client) ReadMember(ctx context.Context, m provider.MemberRef) (directory.Member, bool, error) {
	var none directory.Member
	id, idType := lookupID(m)
	r, err := c.userOf(ctx, id, idType)
	if provider.KindOf(err) == provider.NotFound {
		return none, true, nil
	}
	if err != nil {
		return none, false, err
	}
	if hasLeft(r) {
		return none, true, nil
	}
	person, problem := toMember(r, c.zone)
	if problem != noProblem {
		return none, false, answer{endpoint: getUser.Name}.malformed(problem)
	}
	if idType != "open_id" && person.OpenID != "" {
		return c.ReadMember(ctx, provider.MemberRef{OpenID: person.OpenID})
	}
	person.Memberships = allMemberships(r)
	if _, sent := r.List("department_ids"); sent && person.Memberships == nil {
		person.Memberships = []directory.Membership{}
	}
	return person, false, c.addLeads(ctx, &person)
}

// addLeads says of each of the person's departments whether they lead it, as far as
// the departments say who does.
func (c *client) addLeads(ctx context.Context, person *directory.Member) error {
	if len(person.Memberships) == 0 {
		return nil
	}
	query := idTypes()
	for _, place := range person.Memberships {
		query.Add("department_ids", place.DepartmentID)
	}
	a, err := c.call(ctx, batchDepartments, query)
	if err != nil {
		return err
	}
	items, err := itemsOf(a, "items")
	if err != nil {
		return err
	}
	for _, r := range items {
		d, problem := toDepartment(r)
		if problem != noProblem || d.Leaders == nil {
			continue
		}
		leads := slices.Contains(d.Leaders, person.OpenID) || slices.Contains(d.Leaders, person.ExternalID)
		for i := range person.Memberships {
			if person.Memberships[i].DepartmentID == d.ExternalID {
				person.Memberships[i].Leader = &leads
			}
		}
	}
	return nil
}

// SeesDepartment implements provider.MemberReader.
func (c *client) SeesDepartment(ctx context.Context, department string) (bool, error) {
	_, err := c.department(ctx, department)
	switch provider.KindOf(err) {
	case provider.NotFound:
		return true, nil
	case provider.OutOfRange:
		return false, nil
	default:
		return err == nil, err
	}
}

// lookupID prefers the open_id: of another app's it is said that it is another
// app's (99992361), while an unknown union_id may also be another developer's.
// A user_id may since have been given to another member (feishu.md §2.1, §5.2).
func lookupID(m provider.MemberRef) (id, idType string) {
	switch {
	case m.OpenID != "":
		return m.OpenID, "open_id"
	case m.UnionID != "":
		return m.UnionID, "union_id"
	case strings.HasPrefix(m.ExternalID, "ou_"): // an open_id standing in for the user_id
		return m.ExternalID, "open_id"
	default:
		return m.ExternalID, "user_id"
	}
}

// LookupDepartment implements provider.ObjectLookup.
func (c *client) LookupDepartment(ctx context.Context, department string) (provider.LookupResult, error) {
	switch department {
	case "":
		return provider.LookupNotVisible, nil
	case rootID:
		return provider.LookupExists, nil // it is virtual and cannot go
	}
	r, err := c.department(ctx, department)
	return lookupResultOf(err == nil && deletedDepartment(r), err)
}

// ReadDepartment implements provider.DepartmentReader: as a granted department of a
// limited range, it is read with everything below it.
func (c *client) ReadDepartment(ctx context.Context, department string) (provider.FoundDepartment, error) {
	r, err := c.department(ctx, department)
	if err != nil {
		return provider.FoundDepartment{}, err
	}
	d, problem := toDepartment(r)
	if problem == noProblem && (d.ExternalID != department || deletedDepartment(r)) {
		problem = "the answer is about another department, or a deleted one"
	}
	if problem != noProblem {
		return provider.FoundDepartment{}, answer{endpoint: getDepartment.Name}.malformed(problem)
	}
	return provider.FoundDepartment{Department: d, ChildrenMethod: methodTree, MembersMethod: methodDepartment}, nil
}

// lookupResultOf takes "does not exist" for an answer in itself.
func lookupResultOf(gone bool, err error) (provider.LookupResult, error) {
	if provider.KindOf(err) == provider.NotFound {
		return provider.LookupNotFound, nil
	}
	return provider.LookupResultOf(gone, err, provider.OutOfRange)
}

// ReadSingleDepartment implements provider.SingleDepartmentReader.
func (c *client) ReadSingleDepartment(ctx context.Context, id string) (directory.Department, bool, error) {
	var none directory.Department
	if id == rootID { // virtual: it can neither change nor go (feishu.md §2.1)
		return directory.Department{ExternalID: rootID}, false, nil
	}
	r, err := c.department(ctx, id)
	switch {
	case provider.KindOf(err) == provider.NotFound || err == nil && deletedDepartment(r):
		return none, true, nil
	case err != nil:
		return none, false, err
	}
	d, problem := toDepartment(r)
	if problem == noProblem && d.ExternalID != id {
		problem = "the answer is about another department than was asked for"
	}
	if problem != noProblem {
		return none, false, answer{endpoint: getDepartment.Name}.malformed(problem)
	}
	return d, false, nil
}
