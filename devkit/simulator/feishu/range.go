package feishu

import (
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// contactRange answers GET scopes: with the whole company the first level and the
// root's people, else exactly what was granted; pages count the sum of the
// lists in the order people, departments, groups. People are left out without their
// permission, which no broad one covers (feishu.md §2.4, §3.3).
func (s *Server) contactRange(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	departments, people := v.Children(simulator.Root), v.Members(simulator.Root)
	if !q.cfg.Range.All() {
		departments, people = q.cfg.Range.Departments, q.cfg.Range.People
	}
	users := []string{}
	for _, id := range people {
		if p, ok := v.Person(id); ok && !p.Left && q.holds(userEmployeeID) {
			users = append(users, s.userRef(q, p))
		}
	}
	depts := []string{}
	for _, d := range departments {
		if _, ok := v.Department(d); ok {
			depts = append(depts, s.ref(q, d))
		}
	}
	groups := []string{}
	for g := range v.Groups() {
		if v.CoversGroup(q.cfg.Range, g.ID) {
			groups = append(groups, s.company.GroupID(directory.Feishu, g.ID))
		}
	}
	before := len(users) + len(depts)
	p, refused := q.paginate(before+len(groups), 50, 100)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	data := map[string]any{
		"department_ids": depts[min(max(0, p.from-len(users)), len(depts)):min(max(0, p.to-len(users)), len(depts))],
		"group_ids":      groups[max(0, p.from-before):max(0, p.to-before)],
		"has_more":       p.more,
	}
	if q.holds(userEmployeeID) {
		data["user_ids"] = users[min(p.from, len(users)):min(p.to, len(users))]
	}
	if p.next != nil {
		data["page_token"] = *p.next
	}
	return data, q.shape("data.department_ids", "", p), nil
}

// tenant answers who the company is (feishu-more.md §D).
func (s *Server) tenant(v *simulator.View, _ *request) (any, simulator.Shape, *refusal) {
	root, _ := v.Department(simulator.Root)
	return map[string]any{"tenant": map[string]any{
		"name": root.Name, "display_id": "F123456789", "tenant_tag": 0, "tenant_key": tenantKey,
		"avatar": map[string]any{}, "domain": "sim.feishu.cn",
	}}, simulator.Shape{Object: "data.tenant"}, nil
}
