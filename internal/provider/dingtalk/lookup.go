package dingtalk

import (
	"context"
	"errors"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// CountMembers implements provider.MemberCounter by user/listid, which ignores
// the visible range (dingtalk.md §3). In a limited range department 1 stands for
// the people granted by name, and they are counted instead.
func (c *client) CountMembers(ctx context.Context, department string) (int, error) {
	if department == rootID {
		s, err := c.scopes(ctx)
		if err != nil {
			return 0, err
		}
		if !s.full() {
			return len(s.people), nil
		}
	}
	number, err := departmentNumber(userIDs, department)
	if err != nil {
		return 0, err
	}
	a, err := c.call(ctx, userIDs, departmentRequest{DeptID: number})
	if err != nil {
		return 0, err
	}
	r, err := a.result()
	if err != nil {
		return 0, err
	}
	if _, ok := r.ListOrNone("userid_list"); !ok {
		return 0, a.malformed("userid_list is not a list")
	}
	return len(r.UsableIDs("userid_list")), nil
}

// CountChildren implements provider.ChildCounter by department/listsubid, which
// ignores the visible range (dingtalk.md §2).
func (c *client) CountChildren(ctx context.Context, department string) (int, error) {
	number, err := departmentNumber(departmentSubIDs, department)
	if err != nil {
		return 0, err
	}
	a, err := c.call(ctx, departmentSubIDs, departmentRequest{DeptID: number})
	if err != nil {
		return 0, err
	}
	r, err := a.result()
	if err != nil {
		return 0, err
	}
	ids, ok := r.ListOrNone("dept_id_list")
	if !ok {
		return 0, a.malformed("dept_id_list is not a list")
	}
	var n int
	for _, v := range ids {
		id := wire.Number(v)
		if id == nil {
			return 0, a.malformed("dept_id_list holds something that is not an id")
		}
		if *id >= 1 { // home-school departments are left out as in the listing
			n++
		}
	}
	return n, nil
}

// LookupMember implements provider.ObjectLookup. Of a member outside the visible range
// (50002) nothing is said.
//
// Of a member who left: they vanish from the lists (dingtalk.md §4, §11.8), and user/get
// answers 60121 or 33012, as it does for an id of no member (dingtalk.md §3); the
// former was seen on the wire for an external contact, so that for leavers it is a
// reading. Whether they may count as out of the authorised range instead (50002) is not
// documented.
func (c *client) LookupMember(ctx context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	person, left, err := c.ReadMember(ctx, m)
	if m.UnionID != "" && person.UnionID != "" && person.UnionID != m.UnionID {
		return provider.LookupIDReused, nil
	}
	return provider.LookupResultOf(left, err, provider.OutOfRange)
}

// ReadMember implements provider.MemberReader. External contacts, who have userids
// too, count as gone (dingtalk.md §11.14).
func (c *client) ReadMember(ctx context.Context, m provider.MemberRef) (directory.Member, bool, error) {
	if m.ExternalID == "" {
		return directory.Member{}, false, newError(userGet, provider.Invalid, "fault.userid_missing", reportIt)
	}
	r, err := c.user(ctx, m.ExternalID)
	if isGone(err, "60121", "33012") {
		return directory.Member{}, true, nil
	}
	if err != nil {
		return directory.Member{}, false, err
	}
	person, problem := toMemberAlone(r, c.zone)
	if problem != "" {
		return directory.Member{}, false, answer{endpoint: userGet}.malformed(problem)
	}
	if person.Memberships == nil && r["dept_id_list"] != nil {
		person.Memberships = []directory.Membership{}
	}
	return person, false, nil
}

// SeesDepartment implements provider.MemberReader.
func (c *client) SeesDepartment(ctx context.Context, department string) (bool, error) {
	_, err := c.department(ctx, department)
	switch {
	case err == nil, isGone(err, "60003"):
		return true, nil
	case provider.KindOf(err) == provider.OutOfRange:
		return false, nil
	default:
		return false, err
	}
}

// LookupDepartment implements provider.ObjectLookup. Of a department outside the visible
// range (50004) nothing is said.
func (c *client) LookupDepartment(ctx context.Context, department string) (provider.LookupResult, error) {
	_, err := c.department(ctx, department)
	if isGone(err, "60003") {
		return provider.LookupNotFound, nil
	}
	return provider.LookupResultOf(false, err, provider.OutOfRange)
}

// ReadDepartment implements provider.DepartmentReader.
func (c *client) ReadDepartment(ctx context.Context, department string) (provider.FoundDepartment, error) {
	d, err := c.department(ctx, department)
	return walked(d), err
}

// isGone reports whether a look-up failed with one of the codes that say so.
func isGone(err error, codes ...string) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Kind == provider.NotFound && slices.Contains(codes, e.Code)
}

// ReadSingleDepartment implements provider.SingleDepartmentReader.
func (c *client) ReadSingleDepartment(ctx context.Context, id string) (directory.Department, bool, error) {
	d, err := c.department(ctx, id)
	if isGone(err, "60003") {
		return directory.Department{}, true, nil
	}
	return d, false, err
}
