package feishu

import (
	"net/http"

	"github.com/orgsync/orgsync/internal/simulator"
)

// contactRange answers GET scopes: with the whole company the first level and the
// root's people, else exactly what was granted; pages count the sum of the
// lists in the order people, departments, groups (feishu.md §2.4).
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
		if p, ok := v.Person(id); ok && !p.Left {
			users = append(users, s.userRef(q, p))
		}
	}
	depts := []string{}
	for _, d := range departments {
		if _, ok := v.Department(d); ok {
			depts = append(depts, s.ref(q, d))
		}
	}
	p, refused := q.paginate(len(users)+len(depts), 50, 100)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	data := map[string]any{
		"user_ids":       users[min(p.from, len(users)):min(p.to, len(users))],
		"department_ids": depts[max(0, p.from-len(users)):max(0, p.to-len(users))],
		"group_ids":      []string{},
		"has_more":       p.more,
	}
	if p.next != nil {
		data["page_token"] = *p.next
	}
	return data, q.shape("data.department_ids", "", p), nil
}

// tenant answers the company's name; where it stands is not in the reference.
func (s *Server) tenant(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	if q.cfg.NoTenantQuery {
		return nil, simulator.Shape{}, &refusal{status: http.StatusBadRequest, code: 99991672, msg: "Access denied."}
	}
	root, _ := v.Department(simulator.Root)
	return map[string]any{"tenant": map[string]any{"name": root.Name}}, simulator.Shape{Object: "data.tenant"}, nil
}
