package feishu

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

var (
	errNoGroup    = &refusal{code: 42002, msg: "group not exist"}
	errGroupRange = &refusal{status: http.StatusForbidden, code: 42009, msg: "no group authority error"}
	errMemberType = &refusal{code: 41071, msg: "member type is invalid"}
	errMemberID   = &refusal{code: 41072, msg: "member id type is invalid"}
)

// group is an item of the list of groups (feishu.md §4). A single one has neither
// group_id nor department_scope_list (feishu-more.md §C).
type group struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Users       int       `json:"member_user_count"`
	Departments int       `json:"member_department_count"`
	Type        int       `json:"type"`
	Scopes      *[]string `json:"department_scope_list,omitempty"`
	GroupID     *string   `json:"group_id,omitempty"`
}

func (s *Server) group(g simulator.Group) group {
	made := group{
		ID: s.company.GroupID(directory.Feishu, g.ID), Name: g.Name, Description: g.Description,
		Users: len(g.Members), Departments: len(g.Departments), Type: 1,
	}
	if g.Dynamic {
		made.Type = 2
	}
	return made
}

// listGroups lists one type of group a call.
func (s *Server) listGroups(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	dynamic := q.query.Get("type") == "2"
	if kind := q.query.Get("type"); kind != "" && kind != "1" && !dynamic {
		return nil, simulator.Shape{}, invalidField("type")
	}
	all := []group{}
	for g := range v.Groups() {
		if g.Dynamic == dynamic && v.CoversGroup(q.cfg.Range, g.ID) {
			made := s.group(g)
			made.Scopes, made.GroupID = &[]string{}, new(fmt.Sprintf("og-%d", g.ID))
			all = append(all, made)
		}
	}
	return paged(q, all, "grouplist", "id")
}

// paged cuts the page asked for out of a list and puts it under key.
func paged[T any](q *request, all []T, key, id string) (any, simulator.Shape, *refusal) {
	p, refused := q.paginate(len(all), 50, 100)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	data := map[string]any{"has_more": p.more, key: all[p.from:p.to]}
	if p.next != nil {
		data["page_token"] = *p.next
	}
	if p.from == p.to && q.cfg.OmitEmptyItems {
		delete(data, key)
	}
	return data, q.shape("data."+key, id, p), nil
}

func (s *Server) findGroup(v *simulator.View, q *request) (simulator.Group, *refusal) {
	id, ok := s.company.ParseGroupID(directory.Feishu, q.id)
	found, exists := v.Group(id)
	switch {
	case !ok || !exists:
		return simulator.Group{}, errNoGroup
	case !v.CoversGroup(q.cfg.Range, id):
		return simulator.Group{}, errGroupRange
	}
	return found, nil
}

func (s *Server) getGroup(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	found, refused := s.findGroup(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return map[string]any{"group": s.group(found)}, simulator.Shape{Object: "data.group", ID: "id"}, nil
}

// listGroupMembers lists one kind of member a call, by the id asked for.
func (s *Server) listGroupMembers(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	found, refused := s.findGroup(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	kind, idType := cmp.Or(q.query.Get("member_type"), "user"), cmp.Or(q.query.Get("member_id_type"), "open_id")
	if !slices.Contains([]string{"user", "department"}, kind) {
		return nil, simulator.Shape{}, errMemberType
	}
	idTypes := map[string][]string{
		"user": {"open_id", "union_id", "user_id"}, "department": {"open_id", "department_id"},
	}
	switch {
	case !slices.Contains(idTypes[kind], idType):
		return nil, simulator.Shape{}, errMemberID
	case idType == "user_id" && !q.holds(userEmployeeID):
		return nil, simulator.Shape{}, missingScope(q.cfg.AppID, []string{userEmployeeID})
	}
	members := []map[string]string{}
	add := func(ids map[string]string) {
		members = append(members, map[string]string{"member_id": ids[idType], "member_type": kind})
	}
	if kind == "department" {
		for _, d := range found.Departments {
			add(map[string]string{"open_id": s.openID(d), "department_id": customID(d)})
		}
		return paged(q, members, "memberlist", "member_id")
	}
	for _, id := range found.Members {
		who, _ := v.Person(id)
		add(map[string]string{
			"open_id": s.OpenID(
				id,
			), "union_id": s.company.UnionID(directory.Feishu, id), "user_id": s.company.UserID(directory.Feishu, who),
		})
	}
	return paged(q, members, "memberlist", "member_id")
}

// newest is how many administrators of apps are listed, without pages (feishu-more.md §D).
const newest = 10

func (s *Server) appAdministrators(v *simulator.View, _ *request) (any, simulator.Shape, *refusal) {
	all := v.Administrators(directory.SubAdministrator)
	list := []map[string]string{}
	for _, id := range all[max(0, len(all)-newest):] {
		who, _ := v.Person(id)
		list = append(list, map[string]string{
			"open_id": s.OpenID(
				id,
			), "union_id": s.company.UnionID(directory.Feishu, id), "user_id": s.company.UserID(directory.Feishu, who),
		})
	}
	return map[string]any{"user_list": list}, simulator.Shape{List: "data.user_list", ID: "open_id"}, nil
}
