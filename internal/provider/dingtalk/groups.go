package dingtalk

import (
	"context"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	// methodRole reads the holders of a role.
	methodRole provider.ListMethod = "role"
	// The largest pages of the two lists (dingtalk.md §4).
	rolePageSize   = 200
	holderPageSize = 100
)

// Request bodies. offset and size only work together (dingtalk.md §4).
type (
	roleListRequest struct {
		Offset int64 `json:"offset"`
		Size   int64 `json:"size"`
	}
	roleHoldersRequest struct {
		RoleID int64 `json:"role_id"`
		roleListRequest
	}
)

// ListGroups implements provider.GroupReader by role/list, which has the roles inside their
// role groups.
func (c *client) ListGroups(ctx context.Context, cursor string) (provider.GroupPage, error) {
	offset, err := parseOffset(roleList, cursor)
	if err != nil {
		return provider.GroupPage{}, err
	}
	a, err := c.call(ctx, roleList, roleListRequest{Offset: offset, Size: rolePageSize})
	if err != nil {
		return provider.GroupPage{}, err
	}
	return rolePage(a, offset)
}

func rolePage(a answer, offset int64) (provider.GroupPage, error) {
	items, next, err := readOffsetPage(a, offset, rolePageSize)
	if err != nil {
		return provider.GroupPage{}, err
	}
	page := provider.GroupPage{Next: next, Request: a.requestID}
	for i, item := range items {
		group, _ := wire.Object(item)
		roles, ok := group.List("roles")
		if !ok {
			page.Bad = append(page.Bad, wire.Nth(i)+": no list of roles")
			continue
		}
		for j, item := range roles {
			r, _ := wire.Object(item)
			id := r.Number("id")
			if id == nil || *id < 1 {
				page.Bad = append(page.Bad, wire.Nth(i)+": role "+strconv.Itoa(j+1)+": no usable id")
				continue
			}
			page.Groups = append(page.Groups,
				provider.FoundGroup{Group: toGroup(r, *id, group), MembersMethod: methodRole})
		}
	}
	return page, nil
}

// toGroup maps a role. Its record names the role group, as role/getrole does.
func toGroup(r record, id int64, group record) directory.Group {
	if group["groupId"] != nil {
		r["groupId"] = group["groupId"]
	}
	return directory.Group{
		ExternalID: strconv.FormatInt(id, 10),
		Kind:       directory.Role,
		Name:       r.Text("name"),
		Category:   group.Text("name"),
		Raw:        r.Canonical(nil, nil),
	}
}

// ListGroupMembers implements provider.GroupReader by role/simplelist.
func (c *client) ListGroupMembers(ctx context.Context, q provider.GroupQuery) (provider.GroupMemberPage, error) {
	if q.Method != methodRole {
		return provider.GroupMemberPage{}, unknownMethod(roleHolders, q.Method)
	}
	id, err := strconv.ParseInt(q.Group, 10, 64)
	if err != nil {
		return provider.GroupMemberPage{}, provider.Meaning{
			Kind: provider.Invalid, Problem: "fault.id_impossible", Action: reportIt,
		}.AsError(directory.DingTalk, roleHolders, message.Args{"ID": q.Group})
	}
	offset, err := parseOffset(roleHolders, q.Cursor)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	a, err := c.call(ctx, roleHolders, roleHoldersRequest{id, roleListRequest{Offset: offset, Size: holderPageSize}})
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	return holderPage(a, offset)
}

func holderPage(a answer, offset int64) (provider.GroupMemberPage, error) {
	items, next, err := readOffsetPage(a, offset, holderPageSize)
	if err != nil {
		return provider.GroupMemberPage{}, err
	}
	page := provider.GroupMemberPage{Next: next, Request: a.requestID}
	for i, item := range items {
		r, _ := wire.Object(item)
		id, problem := r.RequiredID("userid")
		scope, ok := managementScope(r)
		if !ok && problem == "" {
			problem = "manageScopes holds something that is not a department"
		}
		if problem != "" {
			page.Bad = append(page.Bad, unusable(wire.Nth(i), r, problem))
			continue
		}
		page.Members = append(page.Members, directory.GroupMember{Member: id, Scope: scope})
	}
	return page, nil
}

// managementScope reads the departments that a role's holder manages, sorted. That none are
// recorded may mean all of them (dingtalk-more.md §C), so one that cannot be read must not
// be left out.
func managementScope(r record) (scope []string, ok bool) {
	departments, ok := r.ListOrNone("manageScopes")
	if !ok {
		return nil, false
	}
	for _, item := range departments {
		department, _ := wire.Object(item)
		id := department.Number("dept_id")
		if id == nil {
			return nil, false
		}
		scope = append(scope, strconv.FormatInt(*id, 10))
	}
	slices.Sort(scope)
	return slices.Compact(scope), true
}

func parseOffset(ep provider.Endpoint, cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	offset, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || offset < 0 {
		return 0, newError(ep, provider.CursorExpired, "fault.cursor_unknown", "")
	}
	return offset, nil
}

// readOffsetPage reads a page of a list whose pages are asked for by position. An empty page
// that announces more is refused: the advice to stop there (dingtalk.md §4) would take a
// hiccup for the end.
func readOffsetPage(a answer, offset, size int64) (items []any, next string, err error) {
	r, err := a.result()
	if err != nil {
		return nil, "", err
	}
	items, ok := r.ListOrNone("list")
	if !ok {
		return nil, "", a.malformed("the list is not a list")
	}
	more := r.QuotedBoolean("hasMore")
	switch {
	case more == nil:
		return nil, "", a.malformed("the answer has no hasMore")
	case !*more:
		return items, "", nil
	case len(items) == 0:
		return nil, "", a.malformed("an empty page announces another one")
	}
	return items, strconv.FormatInt(offset+size, 10), nil
}
