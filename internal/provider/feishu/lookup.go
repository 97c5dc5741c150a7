package feishu

import (
	"context"
	"net/url"
	"strings"

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

// MemberGone reports whether the person has left or their id is unknown. A
// resigned person can still be read (feishu.md §3.4); one out of range says
// nothing.
func (c *client) MemberGone(ctx context.Context, m provider.MemberRef) (bool, error) {
	id, idType := lookupID(m)
	if id == "" {
		return false, nil
	}
	r, err := c.user(ctx, id, idType)
	if err != nil {
		return gone(err)
	}
	return left(r), nil
}

// lookupID prefers the open_id: of another app's it is said that it is another
// app's (99992361), while an unknown union_id may also be another developer's.
// A user_id may since have been given to somebody else (feishu.md §2.1, §5.2).
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

// DepartmentGone reports whether the department is deleted or its id unknown.
func (c *client) DepartmentGone(ctx context.Context, department string) (bool, error) {
	if department == "" || department == rootID {
		return false, nil // the root is virtual: it cannot go
	}
	r, err := c.department(ctx, department)
	if err != nil {
		return gone(err)
	}
	return deletedDepartment(r), nil
}

// gone reads an error of a look-up: only "does not exist" is an answer in itself.
func gone(err error) (bool, error) {
	switch provider.KindOf(err) {
	case provider.NotFound:
		return true, nil
	case provider.OutOfRange:
		return false, nil
	default:
		return false, err
	}
}
