package dingtalk

import (
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// homeSchool is a department that lists show and no call can read (dingtalk.md §2).
const homeSchool = -7

// number is a department's id, a JSON number.
func (s *Server) number(d simulator.Dept) int64 {
	n, _ := strconv.ParseInt(s.company.DepartmentID(directory.DingTalk, d), 10, 64) // decimal by construction
	return n
}

// find reads dept_id; limited refuses what is out of the contact scope.
func (s *Server) find(v *simulator.View, q *request, limited bool) (simulator.Department, *refusal) {
	n, ok := q.params.number("dept_id")
	if !ok {
		return simulator.Department{}, badParameter("dept_id")
	}
	return s.department(v, q, n, limited)
}

func (s *Server) department(v *simulator.View, q *request, n int64, limited bool) (simulator.Department, *refusal) {
	d, ok := s.company.ParseDepartmentID(directory.DingTalk, strconv.FormatInt(n, 10))
	if !ok {
		return simulator.Department{}, errNoDepartment
	}
	found, ok := v.Department(d)
	switch {
	case !ok:
		return simulator.Department{}, errNoDepartment
	case limited && !v.Covers(q.cfg.Range, d):
		return simulator.Department{}, errDepartmentRange
	}
	return found, nil
}

// listSub lists the next level down in no useful order; the root when nothing was
// asked for.
func (s *Server) listSub(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	n := int64(simulator.Root)
	if q.params.text("dept_id") != "" {
		var ok bool
		if n, ok = q.params.number("dept_id"); !ok {
			return nil, simulator.Shape{}, badParameter("dept_id")
		}
	}
	d, refused := s.department(v, q, n, true)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := []map[string]any{}
	for _, id := range v.Shuffled(v.Children(d.ID), int(d.ID)) {
		child, _ := v.Department(id)
		item := map[string]any{
			"dept_id": s.number(id), "name": child.Name, "parent_id": s.number(d.ID),
			"create_dept_group": true, "auto_add_user": true,
		}
		if id%4 == 0 {
			item["ext"] = `{"faceCount":"1"}`
		}
		list = append(list, item)
	}
	if q.cfg.HomeSchool && d.ID == simulator.Root {
		list = append(list, map[string]any{
			"dept_id": homeSchool, "name": "家校通讯录", "parent_id": 1, "create_dept_group": false, "auto_add_user": false,
		})
	}
	return map[string]any{"result": list}, simulator.Shape{List: "result", ID: "dept_id"}, nil
}

// listSubID is not limited by the contact scope.
func (s *Server) listSubID(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, false)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	ids := []int64{}
	for _, id := range v.Children(d.ID) {
		ids = append(ids, s.number(id))
	}
	if q.cfg.HomeSchool && d.ID == simulator.Root {
		ids = append(ids, homeSchool)
	}
	return map[string]any{"result": map[string]any{"dept_id_list": ids}}, simulator.Shape{
		List: "result.dept_id_list"}, nil
}

func (s *Server) getDepartment(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, true)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	managers := []string{}
	for _, p := range v.Leaders(d.ID) {
		who, _ := v.Person(p)
		managers = append(managers, s.company.UserID(directory.DingTalk, who))
	}
	result := map[string]any{
		"dept_id": s.number(d.ID), "name": d.Name, "order": d.Order, "brief": "",
		"create_dept_group": true, "auto_add_user": true, "auto_approve_apply": false, "from_union_org": false,
		"dept_group_chat_id": "chat" + strconv.Itoa(int(d.ID)), "group_contain_sub_dept": false,
		"org_dept_owner":           "manager5",
		"dept_manager_userid_list": managers, "outer_dept": false, "outer_permit_depts": []int64{},
		"outer_permit_users": []string{},
		"hide_dept":          false, "dept_permits": []int64{}, "user_permits": []string{},
		"member_count": v.Count(d.ID), "owning_member_count": len(v.Members(d.ID)),
	}
	if d.Parent != 0 { // the root has no parent_id (dingtalk.md §2)
		result["parent_id"] = s.number(d.Parent)
	}
	return map[string]any{"result": result}, simulator.Shape{Object: "result", ID: "dept_id"}, nil
}

// upwards is the department itself, then everything above it.
func (s *Server) upwards(v *simulator.View, d simulator.Dept) []int64 {
	ids := []int64{s.number(d)}
	for _, up := range v.Ancestors(d) {
		ids = append(ids, s.number(up))
	}
	return ids
}

func (s *Server) parentsOfDepartment(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, false)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return map[string]any{
			"result": map[string]any{"parent_id_list": s.upwards(v, d.ID)},
		}, simulator.Shape{
			List: "result.parent_id_list",
		}, nil
}

func (s *Server) parentsOfUser(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	p, refused := s.findUser(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := []map[string]any{}
	for _, d := range p.Departments {
		list = append(list, map[string]any{"parent_dept_id_list": s.upwards(v, d)})
	}
	return map[string]any{"result": map[string]any{"parent_list": list}}, simulator.Shape{
		List: "result.parent_list"}, nil
}

// authScopes answers the contact scope; department 1 in it is the whole company.
func (s *Server) authScopes(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	departments, users := []int64{int64(simulator.Root)}, []string{}
	if !q.cfg.Range.All() {
		departments = departments[:0]
		for _, d := range q.cfg.Range.Departments {
			if _, ok := v.Department(d); ok {
				departments = append(departments, s.number(d))
			}
		}
		for _, id := range q.cfg.Range.People {
			if p, ok := v.Person(id); ok && !p.Left {
				users = append(users, s.company.UserID(directory.DingTalk, p))
			}
		}
	}
	return map[string]any{
		"auth_user_field": []string{"name", "userid", "department", "email"}, "condition_field": []string{},
		"auth_org_scopes": map[string]any{"authed_dept": departments, "authed_user": users},
	}, simulator.Shape{List: "auth_org_scopes.authed_dept"}, nil
}
