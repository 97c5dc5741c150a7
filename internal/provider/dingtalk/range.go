package dingtalk

import (
	"context"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// scopes is the visible range as granted, ids sorted and without repetition.
type scopes struct {
	departments []string
	people      []string
}

func (s scopes) full() bool  { return slices.Contains(s.departments, rootID) }
func (s scopes) empty() bool { return len(s.departments) == 0 && len(s.people) == 0 }

// visible is the range in the words of the port.
func (s scopes) visible() provider.VisibleRange {
	if s.full() {
		return provider.VisibleRange{Full: true}
	}
	return provider.VisibleRange{Departments: s.departments, Members: s.people}
}

// scopes reads the visible range.
func (c *client) scopes(ctx context.Context) (scopes, error) {
	a, err := c.call(ctx, authScopes, nil)
	if err != nil {
		return scopes{}, err
	}
	return readScopes(a)
}

func readScopes(a answer) (scopes, error) {
	var s scopes
	granted, ok := wire.Object(a.fields["auth_org_scopes"])
	if !ok || (granted["authed_dept"] == nil && granted["authed_user"] == nil) {
		return s, a.malformed("the answer says success but has no auth_org_scopes")
	}
	departments, ok := granted.ListOrNone("authed_dept")
	if !ok {
		return s, a.malformed("authed_dept is not a list")
	}
	if s.people, ok = granted.IDs("authed_user"); !ok {
		return scopes{}, a.malformed("authed_user is not a list of ids")
	}
	for _, v := range departments {
		id := wire.Number(v)
		if id == nil {
			return scopes{}, a.malformed("authed_dept holds something that is not an id")
		}
		if *id >= 1 {
			s.departments = append(s.departments, strconv.FormatInt(*id, 10))
		}
	}
	slices.Sort(s.departments)
	slices.Sort(s.people)
	s.departments, s.people = slices.Compact(s.departments), slices.Compact(s.people)
	return s, nil
}
