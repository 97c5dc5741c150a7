package feishu

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// How what belongs to a group is listed: a dynamic group has no departments
// (feishu-more.md §C).
const (
	methodUsersAndDepartments provider.ListMethod = "users+departments"
	methodUsers               provider.ListMethod = "users"
)

// groupPageSize is the largest page of groups and of their members (feishu-more.md §C).
const groupPageSize = 100

// Cursors of a listing in two passes are the pass and the provider's page token; there is
// no token for the second pass' first page.
const (
	firstPass  = "1:"
	secondPass = "2:"
)

// splitCursor takes a cursor apart; the empty one begins the first pass.
func splitCursor(ep provider.Endpoint, cursor string) (second bool, token string, err error) {
	if token, second = strings.CutPrefix(cursor, secondPass); second {
		return true, token, nil
	}
	token, ok := strings.CutPrefix(cursor, firstPass)
	if !ok && cursor != "" {
		return false, "", newError(ep, provider.CursorExpired, "fault.cursor_unknown", "")
	}
	return false, token, nil
}

// joinCursor makes the cursor behind a page whose next token is given. Behind the last page
// of a first pass begins the second, if there is one.
func joinCursor(second bool, token string, another bool) string {
	switch {
	case second && token != "":
		return secondPass + token
	case !second && token != "":
		return firstPass + token
	case !second && another:
		return secondPass
	default:
		return ""
	}
}

// ListGroups implements provider.GroupReader: first the ordinary groups, then the dynamic
// ones, since a call lists one type.
func (c *client) ListGroups(ctx context.Context, cursor string) (provider.GroupPage, error) {
	dynamic, token, err := splitCursor(listGroups, cursor)
	if err != nil {
		return provider.GroupPage{}, err
	}
	query := groupPageOf(token)
	query.Set("type", "1")
	if dynamic {
		query.Set("type", "2")
	}
	a, err := c.call(ctx, listGroups, query)
	if err != nil {
		return provider.GroupPage{}, err
	}
	return groupPage(a, dynamic, token)
}

func groupPage(a answer, dynamic bool, token string) (provider.GroupPage, error) {
	items, next, err := pageOfItems(a, "grouplist", token)
	if err != nil {
		return provider.GroupPage{}, err
	}
	page := provider.GroupPage{Next: joinCursor(dynamic, next, true), Request: a.requestID}
	page.EndsList = page.Next == secondPass
	for i, r := range items {
		id, problem := r.RequiredID("id")
		if problem != noProblem {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		page.Groups = append(page.Groups, toGroup(r, id, dynamic))
	}
	return page, nil
}

// toGroup maps a group's record. Its group_id is another id, which no call takes
// (feishu-more.md §C).
func toGroup(r record, id string, dynamic bool) provider.FoundGroup {
	kind, method := "ordinary", methodUsersAndDepartments
	if dynamic {
		kind, method = "dynamic", methodUsers
	}
	attributes := directory.Attributes{directory.GroupType: kind}
	attributes.Text(directory.Description, r.Text("description"))
	return provider.FoundGroup{MembersMethod: method, Group: directory.Group{
		ExternalID: id, Kind: directory.UserGroup, Name: r.Text("name"),
		DeclaredMembers: r.Count("member_user_count"), Attributes: attributes,
		Raw: r.Canonical([]string{"member_user_count", "member_department_count"}, []string{"department_scope_list"}),
	}}
}

// ListGroupMembers implements provider.GroupReader: first the users, then the departments,
// since a call lists one kind (feishu.md §4).
func (c *client) ListGroupMembers(ctx context.Context, q provider.GroupQuery) (provider.GroupMemberPage, error) {
	departments, token, err := splitCursor(listGroupMembers, q.Cursor)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	if q.Method != methodUsers && q.Method != methodUsersAndDepartments {
		return provider.GroupMemberPage{}, unknownMethod(listGroupMembers, q.Method)
	}
	ep, err := at(listGroupMembers, q.Group)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	query := groupPageOf(token)
	query.Set("member_id_type", "open_id") // of a department: open_department_id
	query.Set("member_type", "user")
	if departments {
		query.Set("member_type", "department")
	}
	a, err := c.call(ctx, ep, query)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	return groupMemberPage(a, departments, token, q.Method == methodUsersAndDepartments)
}

func groupMemberPage(a answer, departments bool, token string, another bool) (provider.GroupMemberPage, error) {
	items, next, err := pageOfItems(a, "memberlist", token)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	page := provider.GroupMemberPage{Next: joinCursor(departments, next, another), Request: a.requestID}
	page.EndsList = page.Next == secondPass
	for i, r := range items {
		switch id, problem := r.RequiredID("member_id"); {
		case problem != noProblem:
			page.Bad = append(page.Bad, wire.Nth(i)+": "+problem)
		case departments:
			page.Departments = append(page.Departments, id)
		default:
			page.Members = append(page.Members, directory.GroupMember{Member: id})
		}
	}
	return page, nil
}

// groupPageOf asks for one page.
func groupPageOf(token string) url.Values {
	query := url.Values{"page_size": {strconv.Itoa(groupPageSize)}}
	if token != "" {
		query.Set("page_token", token)
	}
	return query
}
