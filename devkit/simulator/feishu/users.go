package feishu

import (
	"fmt"
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// user is a person's record (feishu.md §3.2). Fields that the app may not see are
// nil and left out.
type user struct {
	UnionID       string    `json:"union_id"`
	UserID        *string   `json:"user_id,omitempty"`
	OpenID        string    `json:"open_id"`
	Name          *string   `json:"name,omitempty"`
	EnName        *string   `json:"en_name,omitempty"`
	Nickname      *string   `json:"nickname,omitempty"`
	Email         *string   `json:"email,omitempty"`
	Enterprise    *string   `json:"enterprise_email,omitempty"`
	Mobile        *string   `json:"mobile,omitempty"`
	MobileVisible bool      `json:"mobile_visible"`
	Gender        *int      `json:"gender,omitempty"`
	Avatar        *avatar   `json:"avatar,omitempty"`
	Status        *status   `json:"status,omitempty"`
	IsFrozen      *bool     `json:"is_frozen,omitempty"`
	DepartmentIDs *[]string `json:"department_ids,omitempty"`
	Orders        *[]order  `json:"orders,omitempty"`
	City          *string   `json:"city,omitempty"`
	Country       *string   `json:"country,omitempty"`
	JoinTime      *int64    `json:"join_time,omitempty"`
	EmployeeNo    *string   `json:"employee_no,omitempty"`
	EmployeeType  *int      `json:"employee_type,omitempty"`
	TenantManager *bool     `json:"is_tenant_manager,omitempty"`
	JobTitle      *string   `json:"job_title,omitempty"`
	WorkStation   *string   `json:"work_station,omitempty"`
	LeaderUserID  *string   `json:"leader_user_id,omitempty"`
	JobLevelID    *string   `json:"job_level_id,omitempty"`
	JobFamilyID   *string   `json:"job_family_id,omitempty"`
	Custom        *[]custom `json:"custom_attrs,omitempty"`
}

// custom is the value of one of the company's own fields.
type custom struct {
	Type  string            `json:"type"`
	ID    string            `json:"id"`
	Value map[string]string `json:"value"`
}

type avatar struct {
	A72    string `json:"avatar_72"`
	A240   string `json:"avatar_240"`
	A640   string `json:"avatar_640"`
	Origin string `json:"avatar_origin"`
}

type status struct {
	IsFrozen    bool `json:"is_frozen"`
	IsResigned  bool `json:"is_resigned"`
	IsActivated bool `json:"is_activated"`
	IsExited    bool `json:"is_exited"`
	IsUnjoin    bool `json:"is_unjoin"`
}

type order struct {
	DepartmentID    string `json:"department_id"`
	UserOrder       int64  `json:"user_order"`
	DepartmentOrder int64  `json:"department_order"`
	IsPrimary       bool   `json:"is_primary_dept"`
}

// userRef is a person's id of the type that the request asks for.
func (s *Server) userRef(q *request, p simulator.Person) string {
	switch q.query.Get("user_id_type") {
	case "user_id":
		return s.company.UserID(directory.Feishu, p)
	case "union_id":
		return s.company.UnionID(directory.Feishu, p.ID)
	default:
		return s.OpenID(p.ID)
	}
}

// checkUserType refuses unknown types, and user_id without its permission, as a
// missing one (a choice: the failure is not documented, feishu.md §3.3).
func (q *request) checkUserType() *refusal {
	switch q.query.Get("user_id_type") {
	case "", "open_id", "union_id":
		return nil
	case "user_id":
		if q.holds(userEmployeeID) {
			return nil
		}
		return missingScope(q.cfg.AppID, []string{userEmployeeID})
	default:
		return invalidField("user_id_type")
	}
}

func (s *Server) record(v *simulator.View, q *request, p simulator.Person) user {
	base, employee, places := q.shows(userBase), q.shows(userEmployee), q.shows(userDepartment)
	facts := v.Facts(p.ID)
	made := user{
		UnionID: s.company.UnionID(directory.Feishu, p.ID), OpenID: s.OpenID(p.ID),
		Name: given(base, p.Name), EnName: given(base, facts.EnglishName), Nickname: given(base, facts.Alias),
		Avatar: given(base, pictures(facts.Picture)),
		Email:  given(q.holds(userEmail), p.Email), Mobile: given(q.holds(userPhone), p.Phone), MobileVisible: true,
		Gender: given(q.shows(userGender), gender(facts)),
		Status: given(employee, status{
			IsFrozen: p.Frozen, IsResigned: p.Left, IsActivated: p.Activated, IsUnjoin: !p.Activated && p.ID%2 == 0,
		}),
		IsFrozen: given(employee, p.Frozen), City: given(employee, facts.City), Country: given(employee, facts.Country),
		EmployeeType: given(
			employee,
			facts.EmployeeType,
		), TenantManager: given(employee, v.Administers(p.ID, directory.MainAdministrator)),
		JobTitle: given(employee, p.Title), Enterprise: given(employee, ""),
		WorkStation: given(employee, facts.WorkPlace),
		JobLevelID:  given(q.holds(userJobLevel), facts.Level),
		JobFamilyID: given(q.holds(userJobFamily), facts.Family),
		EmployeeNo:  given(employee || q.holds(userEmployeeNo), facts.EmployeeNo),
	}
	if id := s.company.UserID(directory.Feishu, p); id != "" {
		made.UserID = given(q.holds(userEmployeeID), id)
	}
	if p.Email == "" { // the mail service is on for those without an address of their own (a choice)
		made.Enterprise = given(employee, facts.WorkEmail)
	}
	if places {
		made.DepartmentIDs, made.Orders = s.places(v, q, p)
		if manager, ok := v.Manager(p); ok {
			made.LeaderUserID = new(s.userRef(q, manager))
		}
	}
	if p.Joined != 0 { // whether it is sent otherwise is not documented (a choice)
		made.JoinTime = given(employee, p.Joined)
	}
	if len(facts.Custom) > 0 {
		made.Custom = given(employee, customs(facts))
	}
	return made
}

// pictures are the sizes of a picture; who has none has the vendor's own.
func pictures(p simulator.PersonID) avatar {
	at := fmt.Sprintf("https://img.example/%d/", p)
	return avatar{at + "72", at + "240", at + "640", at + "0"}
}

// gender is 1 for men, 2 for women, 0 where it is secret (feishu.md §3.2).
func gender(f simulator.Facts) int { return slices.Index([]string{"", "male", "female"}, f.Gender) }

// customs are the company's own fields (feishu.md §3.2).
func customs(f simulator.Facts) []custom {
	var list []custom
	for _, c := range f.Custom {
		made := custom{"TEXT", simulator.FeishuField(c.Field), map[string]string{"text": c.Value}}
		if c.Link {
			made.Type, made.Value = "HREF", map[string]string{"text": c.Field, "url": c.Value, "pc_url": c.Value}
		}
		list = append(list, made)
	}
	return list
}

// places lists a person's departments; the main one has the highest order.
func (s *Server) places(v *simulator.View, q *request, p simulator.Person) (*[]string, *[]order) {
	ids, orders := []string{}, []order{}
	for _, d := range v.Shuffled(p.Departments, int(p.ID)) {
		ids = append(ids, s.ref(q, d))
		rank := len(p.Departments) - slices.Index(p.Departments, d)
		orders = append(orders, order{
			DepartmentID: s.ref(q, d), UserOrder: v.MemberOrder(p.ID, d),
			DepartmentOrder: int64(rank), IsPrimary: d == p.Departments[0],
		})
	}
	return &ids, &orders
}

func (s *Server) findByDepartment(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	id := q.query.Get("department_id")
	if id == "" {
		return nil, simulator.Shape{}, invalidField("department_id")
	}
	d, refused := s.find(v, q, id, errDepartmentNull)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	members := v.Members(d.ID)
	p, refused := q.paginate(len(members), 10, 50)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := make([]user, 0, p.to-p.from)
	for _, id := range members[p.from:p.to] {
		who, _ := v.Person(id)
		items = append(items, s.record(v, q, who))
	}
	return pageOf(q, p, items, "open_id")
}

// findUser resolves a user id of the request's type within the range.
func (s *Server) findUser(v *simulator.View, q *request, id string) (simulator.Person, *refusal) {
	var p simulator.Person
	var ok bool
	unknown := &refusal{code: 99992351, msg: "Invalid id: open_id not exist"}
	switch q.query.Get("user_id_type") {
	case "user_id":
		unknown = &refusal{code: 99992360, msg: "Invalid id: user_id not exist"}
		p, ok = v.PersonByUserID(directory.Feishu, id)
	case "union_id":
		unknown = &refusal{code: 99992364, msg: "Invalid id: union_id not exist"}
		if n, known := s.company.ParseUnionID(directory.Feishu, id); known {
			p, ok = v.Person(n)
		}
		if _, foreign := strangers.FromHex("on_", id); foreign {
			unknown = &refusal{code: 99992381, msg: "Invalid id: union_id of another tenant"}
		}
	default:
		if n, known := s.openIDs.FromHex("ou_", id); known {
			p, ok = v.Person(simulator.PersonID(n))
		}
	}
	switch {
	case !ok:
		return p, unknown
	case p.Left && q.cfg.HiddenLeavers, !p.Left && !v.CoversPerson(q.cfg.Range, p):
		return p, errUserRange
	}
	return p, nil
}

// getUser also shows people who have left (feishu.md §3.4).
func (s *Server) getUser(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	p, refused := s.findUser(v, q, q.id)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	return map[string]any{"user": s.record(v, q, p)}, simulator.Shape{Object: "data.user", ID: "open_id"}, nil
}

// batchUsers leaves unknown ids out and refuses ids out of range (feishu.md §5.2).
func (s *Server) batchUsers(v *simulator.View, q *request) (any, simulator.Shape, *refusal) {
	ids := q.query["user_ids"]
	if len(ids) == 0 || len(ids) > 50 {
		return nil, simulator.Shape{}, invalidField("user_ids")
	}
	if refused := q.checkUserType(); refused != nil {
		return nil, simulator.Shape{}, refused
	}
	items := []user{}
	for _, id := range ids {
		p, refused := s.findUser(v, q, id)
		if refused == errUserRange {
			return nil, simulator.Shape{}, refused
		}
		if refused == nil && !p.Left {
			items = append(items, s.record(v, q, p))
		}
	}
	return map[string]any{"items": items}, simulator.Shape{List: "data.items", ID: "open_id"}, nil
}
