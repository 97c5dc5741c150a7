package dingtalk

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	// pageSize is the documented maximum of user/listsimple; user/list names
	// none (dingtalk.md §3).
	pageSize = 100
	// grantedPageSize is how many people, one call each, make a page of those
	// granted by name: a second or two at the permitted rate.
	grantedPageSize = 20
)

// ListDepartmentMembers implements provider.Client.
func (c *client) ListDepartmentMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	switch q.Method {
	case methodDepartment:
		return c.departmentMembers(ctx, q)
	case methodGranted:
		return c.grantedMembers(ctx, q.Cursor)
	default:
		return provider.MemberPage{}, unknownMethod(userList, q.Method)
	}
}

func (c *client) departmentMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	items, next, request, err := c.userPage(ctx, q.Department, q.Cursor)
	if err != nil {
		return provider.MemberPage{}, err
	}
	page := c.memberPage(items, q.Department, next)
	page.Request = request
	return page, nil
}

func (c *client) memberPage(items []any, department, next string) provider.MemberPage {
	page := provider.MemberPage{Next: next}
	for i, item := range items {
		r, _ := wire.Object(item)
		m, problem := toMember(r, c.zone)
		if problem != "" {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		m.Memberships, m.RawKeeps = directMembership(r, department), onlyOfUserGet
		page.Members = append(page.Members, m)
	}
	return page
}

// userPage reads one page of the records of the people directly in a department
// the next page's cursor, empty at the end, and the answer's request id.
func (c *client) userPage(
	ctx context.Context,
	department, cursor string,
) (items []any, next, request string, err error) {
	number, err := departmentNumber(userList, department)
	if err != nil {
		return nil, "", "", err
	}
	var offset int64
	if cursor != "" {
		if offset, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", "", newError(userList, provider.CursorExpired, "fault.cursor_unknown", "")
		}
	}
	a, err := c.call(ctx, userList, userListRequest{DeptID: number, Cursor: offset, Size: pageSize})
	if err != nil {
		return nil, "", "", err
	}
	items, next, err = readUserPage(a, offset)
	return items, next, a.requestID, err
}

func readUserPage(a answer, offset int64) ([]any, string, error) {
	r, err := a.result()
	if err != nil {
		return nil, "", err
	}
	items, ok := r.ListOrNone("list")
	if !ok {
		return nil, "", a.malformed("the list of people is not a list")
	}
	more := r.QuotedBoolean("has_more")
	switch {
	case more == nil:
		return nil, "", a.malformed("the answer has no has_more")
	case !*more:
		return items, "", nil
	}
	// The cursor is an offset (dingtalk.md §3): one that does not advance would
	// read the same people for ever (§11.5).
	next := r.Number("next_cursor")
	if next == nil || *next <= offset {
		return nil, "", a.malformed("the next page's cursor is missing or does not advance")
	}
	return items, strconv.FormatInt(*next, 10), nil
}

// grantedMembers reads people who are in the visible range by name, one by one in
// the order of their ids. The cursor is the last id looked up rather than an
// offset, so that a grant given or taken meanwhile skips no member.
func (c *client) grantedMembers(ctx context.Context, after string) (provider.MemberPage, error) {
	s, err := c.scopes(ctx)
	if err != nil {
		return provider.MemberPage{}, err
	}
	if s.full() {
		return provider.MemberPage{}, newError(authScopes, provider.OutOfRange,
			"fault.range_widened", "remedy.sync_again")
	}
	rest := s.people
	if after != "" {
		at, found := slices.BinarySearch(rest, after)
		if found {
			at++
		}
		rest = rest[at:]
	}
	var page provider.MemberPage
	// A page ends at its size, but not empty as long as there is more: an empty
	// page that promises more looks like a fault.
	for looked := 0; looked < len(rest); looked++ {
		if looked >= grantedPageSize && len(page.Members) > 0 {
			page.Next = rest[looked-1]
			break
		}
		r, err := c.user(ctx, rest[looked])
		switch provider.KindOf(err) {
		case provider.NotFound:
			continue // left since the range was read
		case provider.OutOfRange:
			page.Bad = append(page.Bad, "member "+strconv.Quote(rest[looked])+": granted, but out of range")
			continue
		}
		if err != nil {
			return provider.MemberPage{}, fmt.Errorf("granted person %s: %w", rest[looked], err)
		}
		m, problem := toMemberAlone(r, c.zone)
		if problem != "" {
			page.Bad = append(page.Bad, unusable("member "+strconv.Quote(rest[looked]), r, problem))
			continue
		}
		page.Members = append(page.Members, m)
	}
	return page, nil
}

// user reads one person's record, which has a userid.
func (c *client) user(ctx context.Context, id string) (record, error) {
	a, err := c.call(ctx, userGet, userRequest{UserID: id})
	if err != nil {
		return nil, err
	}
	r, err := a.result()
	if err != nil {
		return nil, err
	}
	if got, _ := r.ID("userid"); got != id {
		return nil, a.malformed("the answer is about another person than was asked for")
	}
	return r, nil
}
