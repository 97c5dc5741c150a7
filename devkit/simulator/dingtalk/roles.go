package dingtalk

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// heldRole is a role with its holders. Group is none for DingTalk's own roles.
type heldRole struct {
	role
	group   simulator.GroupID
	holders []simulator.PersonID
}

// roles are all roles: DingTalk's own, then the company's by role group.
func (s *Server) roles(v *simulator.View) []heldRole {
	var all []heldRole
	for _, r := range simulator.BuiltInRoles {
		all = append(all, heldRole{
			role:    role{ID: r.ID, Name: r.Name, Group: simulator.BuiltInCategory},
			holders: v.Administrators(r.Level),
		})
	}
	for g := range v.Groups() {
		id, _ := strconv.ParseInt(s.company.GroupID(directory.DingTalk, g.ID), 10, 64) // decimal by construction
		all = append(all, heldRole{role: role{ID: id, Name: g.Name, Group: g.Category}, group: g.ID,
			holders: g.Members})
	}
	slices.SortStableFunc(all, func(a, b heldRole) int { return int(groupID(a.Group) - groupID(b.Group)) })
	return all
}

// groupID is the id of a role group.
func groupID(name string) int64 {
	if name == simulator.BuiltInCategory {
		return 3_935_000_001
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return 3_936_000_000 + int64(hash.Sum32()%1_000_000)
}

// window reads offset and size, which count roles (a choice) and only work together
// (dingtalk.md §4).
func (q *request) window(total, most int) (from, to int, refused *refusal) {
	offset, sized := q.params.number("offset")
	size, both := q.params.number("size")
	if both = both && sized; !both {
		offset, size = 0, 20
	}
	switch {
	case offset < 0:
		return 0, 0, business(40068, "不合法的偏移量")
	case size < 1 || size > int64(most):
		return 0, 0, business(40069, "不合法的分页大小")
	}
	from = int(min(offset, int64(total)))
	return from, min(from+int(size), total), nil
}

type roleGroup struct {
	ID    int64            `json:"groupId"`
	Name  string           `json:"name"`
	Roles []map[string]any `json:"roles"`
}

func (s *Server) listRoles(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	all := s.roles(v)
	from, to, refused := q.window(len(all), 200)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := []roleGroup{}
	for _, r := range all[from:to] {
		if len(list) == 0 || list[len(list)-1].Name != r.Group {
			list = append(list, roleGroup{ID: groupID(r.Group), Name: r.Group})
		}
		last := &list[len(list)-1]
		last.Roles = append(last.Roles, map[string]any{"id": r.ID, "name": r.Name})
	}
	return map[string]any{"result": map[string]any{"hasMore": to < len(all), "list": list}},
		simulator.Shape{List: "result.list", ID: "groupId", More: "result.hasMore"}, nil
}

// findRole reads a role's id; the name of the parameter differs (dingtalk.md §4).
func (s *Server) findRole(v *simulator.View, q *request, parameter string) (heldRole, *refusal) {
	id, ok := q.params.number(parameter)
	if !ok {
		return heldRole{}, badParameter(parameter)
	}
	all := s.roles(v)
	i := slices.IndexFunc(all, func(r heldRole) bool { return r.ID == id })
	if i < 0 {
		return heldRole{}, business(33011, "不合法的角色id")
	}
	return all[i], nil
}

// listHolders shows whom the app may see (a choice).
func (s *Server) listHolders(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	found, refused := s.findRole(v, q, "role_id")
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	visible := []map[string]any{}
	for _, id := range found.holders {
		p, _ := v.Person(id)
		if !v.CoversPerson(q.cfg.Range, p) {
			continue
		}
		holder := map[string]any{"userid": s.company.UserID(directory.DingTalk, p), "name": p.Name}
		var scopes []map[string]any
		for _, d := range v.Scope(found.group, id) {
			department, _ := v.Department(d)
			scopes = append(scopes, map[string]any{"dept_id": s.number(d), "name": department.Name})
		}
		if scopes != nil {
			holder["manageScopes"] = scopes
		}
		visible = append(visible, holder)
	}
	from, to, refused := q.window(len(visible), 100)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return map[string]any{"result": map[string]any{"hasMore": to < len(visible), "list": visible[from:to]}},
		simulator.Shape{List: "result.list", ID: "userid", More: "result.hasMore"}, nil
}

func (s *Server) getRole(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	found, refused := s.findRole(v, q, "roleId")
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return map[string]any{
			"role": map[string]any{"groupId": groupID(found.Group), "name": found.Name},
		}, simulator.Shape{
			Object: "role",
		}, nil
}

// listAdministrators is not limited by the contact scope and has no pages.
func (s *Server) listAdministrators(v *simulator.View, _ *request) (map[string]any, simulator.Shape, *refusal) {
	list := []map[string]any{}
	for i, level := range []directory.AdministratorLevel{directory.MainAdministrator, directory.SubAdministrator} {
		for _, id := range v.Administrators(level) {
			p, _ := v.Person(id)
			list = append(list, map[string]any{"userid": s.company.UserID(directory.DingTalk, p), "sys_level": i + 1})
		}
	}
	return map[string]any{"result": list}, simulator.Shape{List: "result", ID: "userid"}, nil
}
