package wecom

import (
	"strconv"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// department is an item of department/list (wecom.md §2).
type department struct {
	node
	Name    string   `json:"name"`
	Leaders []string `json:"department_leader"`
}

// node is an item of department/simplelist: no name.
type node struct {
	ID     int64 `json:"id"`
	Parent int64 `json:"parentid"`
	Order  int64 `json:"order"`
}

type departmentList struct {
	ok
	Department []department `json:"department"`
}

type nodeList struct {
	ok
	Nodes []node `json:"department_id"` // objects, in spite of the name
}

type oneDepartment struct {
	ok
	Department department `json:"department"`
}

func (s *Server) node(d simulator.Department) node {
	return node{ID: int64(d.ID), Parent: int64(d.Parent), Order: d.Order} // the root's parent is 0
}

func (s *Server) department(v *simulator.View, q *request, d simulator.Department) department {
	made := department{node: s.node(d), Name: d.Name, Leaders: []string{}}
	if s.hidesNames(q) {
		made.Name = strconv.FormatInt(made.ID, 10)
	}
	for _, p := range v.Leaders(d.ID) {
		who, _ := v.Person(p)
		made.Leaders = append(made.Leaders, s.userID(q, who))
	}
	return made
}

// find reads a department id within the range of the credential.
func (s *Server) find(v *simulator.View, q *request, id string) (simulator.Department, *refusal) {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return simulator.Department{}, known(60123)
	}
	d, ok := s.company.ParseDepartmentID(directory.WeCom, id)
	if !ok {
		return simulator.Department{}, known(60003)
	}
	found, ok := v.Department(d)
	switch {
	case !ok:
		return simulator.Department{}, known(60003)
	case !v.Covers(q.visible(), d):
		return simulator.Department{}, known(60011)
	}
	return found, nil
}

// tree lists a department and all below it, or all that is visible, in no useful
// order: parents may be missing or come later.
func (s *Server) tree(v *simulator.View, q *request) ([]simulator.Department, *refusal) {
	top := simulator.Root
	if id := q.query.Get("id"); id != "" {
		d, refused := s.find(v, q, id)
		if refused != nil {
			return nil, refused
		}
		top = d.ID
	}
	ids := append([]simulator.Dept{top}, v.Below(top)...)
	list := make([]simulator.Department, 0, len(ids))
	for _, id := range v.Shuffled(ids, int(top)) {
		if v.Covers(q.visible(), id) {
			d, _ := v.Department(id)
			list = append(list, d)
		}
	}
	return list, nil
}

func (s *Server) listDepartments(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	list, refused := s.tree(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := make([]department, 0, len(list))
	for _, d := range list {
		items = append(items, s.department(v, q, d))
	}
	return departmentList{success, items}, simulator.Shape{List: "department", ID: "id"}, nil
}

func (s *Server) simpleDepartments(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	list, refused := s.tree(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := make([]node, 0, len(list))
	for _, d := range list {
		items = append(items, s.node(d))
	}
	return nodeList{success, items}, simulator.Shape{List: "department_id", ID: "id"}, nil
}

func (s *Server) getDepartment(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, q.query.Get("id"))
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return oneDepartment{success, s.department(v, q, d)}, simulator.Shape{Object: "department", ID: "id"}, nil
}

// getAgent shows the app its range; keys of empty parts are absent.
func (s *Server) getAgent(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	if q.query.Get("agentid") != strconv.Itoa(q.cfg.AgentID) {
		return nil, simulator.Shape{}, known(301002)
	}
	parties, users := []int64{int64(simulator.Root)}, []map[string]string{}
	if !q.cfg.Range.All() {
		parties = parties[:0]
		for _, d := range q.cfg.Range.Departments {
			if _, ok := v.Department(d); ok {
				parties = append(parties, int64(d))
			}
		}
		for _, id := range q.cfg.Range.People {
			if p, ok := v.Person(id); ok && !p.Left {
				users = append(users, map[string]string{"userid": s.company.UserID(directory.WeCom, p)})
			}
		}
	}
	answer := map[string]any{"errcode": 0, "errmsg": "ok", "agentid": q.cfg.AgentID, "name": "Directory", "close": 0}
	if len(parties) > 0 {
		answer["allow_partys"] = map[string]any{"partyid": parties}
	}
	if len(users) > 0 {
		answer["allow_userinfos"] = map[string]any{"user": users}
	}
	if r := q.cfg.Range; !r.All() && len(r.Groups) > 0 {
		answer["allow_tags"] = map[string]any{"tagid": r.Groups}
	}
	return answer, simulator.Shape{Object: "."}, nil
}
