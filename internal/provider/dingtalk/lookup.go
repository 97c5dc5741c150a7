package dingtalk

import (
	"context"
	"errors"
	"slices"

	"github.com/orgsync/orgsync/internal/provider"
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
	ids, ok := decodeArray(r["userid_list"])
	if !ok {
		return 0, a.malformed("userid_list is not a list")
	}
	return len(ids), nil
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
	ids, ok := decodeArray(r["dept_id_list"])
	if !ok {
		return 0, a.malformed("dept_id_list is not a list")
	}
	var n int
	for _, raw := range ids {
		id, ok := decodeInteger(raw)
		if !ok {
			return 0, a.malformed("dept_id_list holds something that is not an id")
		}
		if id >= 1 { // home-school departments are left out as in the listing
			n++
		}
	}
	return n, nil
}

// MemberGone implements provider.Confirmer. Somebody outside the visible range
// (50002) is not gone. External contacts, who have userids too, are
// (dingtalk.md §11.14).
func (c *client) MemberGone(ctx context.Context, m provider.MemberRef) (bool, error) {
	if m.ExternalID == "" {
		return false, newError(userGet, provider.Invalid, "the userid is missing", reportIt)
	}
	_, err := c.user(ctx, m.ExternalID)
	return gone(err, "60121", "33012")
}

// DepartmentGone implements provider.Confirmer. A department outside the visible
// range (50004) is not gone.
func (c *client) DepartmentGone(ctx context.Context, department string) (bool, error) {
	_, err := c.department(ctx, department)
	return gone(err, "60003")
}

// gone reports whether a lookup failed with one of the codes that say so.
func gone(err error, codes ...string) (bool, error) {
	var e *provider.Error
	switch {
	case !errors.As(err, &e):
		return false, err
	case e.Kind == provider.NotFound && slices.Contains(codes, e.Code):
		return true, nil
	case e.Kind == provider.OutOfRange:
		return false, nil
	default:
		return false, err
	}
}
