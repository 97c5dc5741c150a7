package feishu

import (
	"slices"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// department is an item of the department lists (feishu.md §2.2). Fields that
// the app may not see are nil and left out.
type department struct {
	Name             *string    `json:"name,omitempty"`
	DepartmentID     *string    `json:"department_id,omitempty"`
	OpenDepartmentID string     `json:"open_department_id"`
	ParentID         *string    `json:"parent_department_id,omitempty"`
	LeaderUserID     *string    `json:"leader_user_id,omitempty"`
	Leaders          *[]leader  `json:"leaders,omitempty"`
	ChatID           *string    `json:"chat_id,omitempty"`
	Order            *string    `json:"order,omitempty"`
	MemberCount      *int       `json:"member_count,omitempty"`
	MainMemberCount  *int       `json:"primary_member_count,omitempty"`
	Status           *delStatus `json:"status,omitempty"`
	I18nName         *i18nName  `json:"i18n_name,omitempty"`
}

// leader has camel-case keys, unlike everything around it.
type leader struct {
	Type int     `json:"leaderType"`
	ID   *string `json:"leaderID,omitempty"`
}

type delStatus struct {
	IsDeleted bool `json:"is_deleted"`
}

type i18nName struct {
	ZhCn string `json:"zh_cn"`
}

// customID is the id that administrators give; openID the platform's own.
func customID(d simulator.Dept) string {
	if d == simulator.Root {
		return "0"
	}
	return "D" + strconv.Itoa(int(d))
}

func (s *Server) openID(d simulator.Dept) string { return s.company.DepartmentID(directory.Feishu, d) }

// ref is a department's id of the type that the request asks for.
func (s *Server) ref(q *request, d simulator.Dept) string {
	if q.query.Get("department_id_type") == "department_id" {
		return customID(d)
	}
	return s.openID(d)
}

func (s *Server) item(v *simulator.View, q *request, d simulator.Department) department {
	base, organized := q.shows(departmentBase), q.shows(organize)
	made := department{
		Name: given(base, d.Name), DepartmentID: given(base, customID(d.ID)), OpenDepartmentID: s.openID(d.ID),
		ChatID: given(base, "oc_"+strings.TrimPrefix(s.openID(d.ID), "od-")), Status: given(base, delStatus{}),
		I18nName:    given(base, i18nName{ZhCn: d.Name}),
		ParentID:    given(organized, s.ref(q, d.Parent)),
		Order:       given(organized, strconv.FormatInt(d.Order, 10)),
		MemberCount: given(organized, v.Count(d.ID)), MainMemberCount: given(organized, v.CountMain(d.ID)),
	}
	if leaders := v.Leaders(d.ID); len(leaders) > 0 {
		list := make([]leader, 0, len(leaders))
		for i, p := range leaders {
			who, _ := v.Person(p)
			list = append(list, leader{Type: min(i+1, 2), ID: given(organized, s.userRef(q, who))})
		}
		made.LeaderUserID, made.Leaders = list[0].ID, &list
	}
	return made
}

// root is the five-key object that the real API answers (feishu.md §2.3).
func (s *Server) root(v *simulator.View) department {
	return department{
		Name: new(""), DepartmentID: new("0"), OpenDepartmentID: "0",
		MemberCount: new(v.Count(simulator.Root)), MainMemberCount: new(v.CountMain(simulator.Root)),
	}
}

// find resolves a department id of the request's type within the range.
func (s *Server) find(v *simulator.View, q *request, id string, gone *refusal) (simulator.Department, *refusal) {
	var d simulator.Dept
	var ok bool
	switch q.query.Get("department_id_type") {
	case "", "open_department_id":
		if d, ok = s.company.ParseDepartmentID(directory.Feishu, id); !ok {
			return simulator.Department{}, errOpenDepartmentID
		}
	case "department_id":
		n, err := strconv.Atoi(strings.TrimPrefix(id, "D"))
		if d = simulator.Dept(n); id == "0" {
			d = simulator.Root
		}
		if err != nil || customID(d) != id {
			return simulator.Department{}, errDepartmentID
		}
	default:
		return simulator.Department{}, invalidField("department_id_type")
	}
	found, ok := v.Department(d)
	switch {
	case !ok:
		return simulator.Department{}, gone
	case d == simulator.Root && !q.cfg.Range.All(), !v.Covers(q.cfg.Range, d):
		return simulator.Department{}, errDepartmentRange
	}
	return found, nil
}

func (s *Server) children(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	return s.below(v, q, q.id)
}

func (s *Server) below(v *simulator.View, q *request, id string) (any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, id, errDepartmentNull)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	var list []simulator.Dept
	switch q.query.Get("fetch_child") {
	case "true":
		list = v.Below(d.ID)
		if q.cfg.MaxTree > 0 && len(list) > q.cfg.MaxTree {
			return nil, simulator.Shape{}, errTooLarge
		}
	case "", "false":
		list = v.Shuffled(v.Children(d.ID), int(d.ID))
	default:
		return nil, simulator.Shape{}, invalidField("fetch_child")
	}
	return s.departmentPage(v, q, list)
}

func (s *Server) departmentPage(v *simulator.View, q *request, list []simulator.Dept) (any, simulator.Shape, *refusal) {
	p, refused := q.paginate(len(list), 10, 50)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := make([]department, 0, p.to-p.from)
	for _, d := range list[p.from:p.to] {
		found, _ := v.Department(d)
		items = append(items, s.item(v, q, found))
	}
	return pageOf(q, p, items, "open_department_id")
}

// listDepartments is the historic endpoint (feishu.md §2.3).
func (s *Server) listDepartments(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	parent := q.query.Get("parent_department_id")
	switch {
	case parent != "":
		return s.below(v, q, parent)
	case q.cfg.Range.All():
		items := []department{{DepartmentID: new("0"), OpenDepartmentID: "0",
			MemberCount: new(v.Count(simulator.Root))}}
		return pageOf(q, cut{to: 1}, items, "open_department_id")
	}
	var list []simulator.Dept
	for _, d := range q.cfg.Range.Departments {
		list = append(list, d)
		if q.query.Get("fetch_child") == "true" {
			list = append(list, v.Below(d)...)
		}
	}
	list = slices.DeleteFunc(list, func(d simulator.Dept) bool { _, ok := v.Department(d); return !ok })
	return s.departmentPage(v, q, list)
}

func (s *Server) getDepartment(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, q.id, errNoDepartment)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	made := s.root(v)
	if d.ID != simulator.Root {
		made = s.item(v, q, d)
	}
	return map[string]any{"department": made}, simulator.Shape{Object: "data.department", ID: "open_department_id"}, nil
}

// batchDepartments leaves ids out that it cannot serve (feishu.md §2.3).
func (s *Server) batchDepartments(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	ids := q.query["department_ids"]
	if len(ids) == 0 || len(ids) > 50 {
		return nil, simulator.Shape{}, invalidField("department_ids")
	}
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := []department{}
	for _, id := range ids {
		d, refused := s.find(v, q, id, errNoDepartment)
		switch {
		case refused != nil:
		case d.ID == simulator.Root:
			items = append(items, s.root(v))
		default:
			items = append(items, s.item(v, q, d))
		}
	}
	return map[string]any{"items": items}, simulator.Shape{List: "data.items", ID: "open_department_id"}, nil
}

// parents lists the ancestors in range, the nearest first, never the root.
func (s *Server) parents(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, q.query.Get("department_id"), errDepartmentNull)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := slices.DeleteFunc(v.Ancestors(d.ID), func(up simulator.Dept) bool {
		return up == simulator.Root || !v.Covers(q.cfg.Range, up)
	})
	p, refused := q.paginate(len(list), 20, 50)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := []department{}
	for _, up := range list[p.from:p.to] {
		found, _ := v.Department(up)
		items = append(items, s.item(v, q, found))
	}
	return pageOf(q, p, items, "open_department_id")
}
