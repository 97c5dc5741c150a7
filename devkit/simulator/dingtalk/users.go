package dingtalk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// user is what user/list and user/get have in common (dingtalk.md §3.1). Fields
// without a value or a permission are nil and left out.
type user struct {
	UserID        string  `json:"userid"`
	UnionID       string  `json:"unionid"`
	Name          string  `json:"name"`
	Avatar        string  `json:"avatar"`
	StateCode     *string `json:"state_code,omitempty"`
	Mobile        *string `json:"mobile,omitempty"`
	HideMobile    bool    `json:"hide_mobile"`
	JobNumber     string  `json:"job_number,omitempty"`
	Title         string  `json:"title,omitempty"`
	Telephone     string  `json:"telephone,omitempty"`
	Email         *string `json:"email,omitempty"`
	OrgEmail      string  `json:"org_email,omitempty"`
	WorkPlace     *string `json:"work_place,omitempty"`
	Remark        *string `json:"remark,omitempty"`
	Extension     *string `json:"extension,omitempty"` // a string holding JSON
	DepartmentIDs []int64 `json:"dept_id_list"`
	HiredDate     int64   `json:"hired_date,omitempty"`
	Active        bool    `json:"active"`
	Admin         bool    `json:"admin"`
	Boss          bool    `json:"boss"`
	Exclusive     bool    `json:"exclusive_account"`
	Disabled      *bool   `json:"disable_status,omitempty"`
	Nickname      string  `json:"nickname,omitempty"` // of enterprise accounts
}

// listed is an item of user/list: what it says of the department asked for.
type listed struct {
	user
	Order  int64 `json:"dept_order"`
	Leader bool  `json:"leader"`
}

// single is the result of user/get.
type single struct {
	user
	Orders     []placeOrder    `json:"dept_order_list"`
	Leads      []placeLeader   `json:"leader_in_dept"`
	Positions  []placePosition `json:"dept_position_list"`
	RealAuthed bool            `json:"real_authed"`
	Senior     bool            `json:"senior"`
	Roles      []role          `json:"role_list"`
	UnionEmp   struct{}        `json:"union_emp_ext"`
	Manager    string          `json:"manager_userid,omitempty"`
}

type placeOrder struct {
	DepartmentID int64 `json:"dept_id"`
	Order        int64 `json:"order"`
}

type placeLeader struct {
	DepartmentID int64 `json:"dept_id"`
	Leader       bool  `json:"leader"`
}

type placePosition struct {
	DepartmentID int64  `json:"dept_id"`
	IsMain       bool   `json:"is_main"`
	Title        string `json:"title"`
}

type role struct {
	ID    int64  `json:"id"` // above 2^31
	Name  string `json:"name"`
	Group string `json:"group_name"`
}

func (s *Server) record(v *simulator.View, q *request, p simulator.Person) user {
	facts := v.Facts(p.ID)
	made := user{
		UserID: s.company.UserID(directory.DingTalk, p), UnionID: s.company.UnionID(directory.DingTalk, p.ID),
		Name: p.Name, Title: p.Title, HiredDate: p.Joined * 1000, Active: p.Activated, Telephone: facts.Telephone,
		JobNumber: facts.EmployeeNo,
	}
	if facts.Picture != 0 {
		made.Avatar = fmt.Sprintf("https://static.example/%d.jpg", facts.Picture)
	}
	if slices.Contains(q.cfg.Points, MobilePoint) && (p.Phone != "" || !q.cfg.OmitUnset) {
		state, mobile := splitPhone(p.Phone)
		made.StateCode, made.Mobile = &state, &mobile
	}
	if slices.Contains(q.cfg.Points, EmailPoint) {
		if p.Email != "" || !q.cfg.OmitUnset {
			made.Email = &p.Email
		}
		made.OrgEmail = facts.WorkEmail
		made.WorkPlace, made.Remark, made.Extension = &facts.WorkPlace, new(""), new(extension(facts))
	}
	made.Admin = v.Administers(p.ID, directory.MainAdministrator) || v.Administers(p.ID, directory.SubAdministrator)
	if p.Enterprise() {
		made.Exclusive, made.Nickname = true, facts.Alias
	}
	if p.Frozen {
		made.Disabled = new(true)
	}
	for _, d := range v.Shuffled(p.Departments, int(p.ID)) {
		made.DepartmentIDs = append(made.DepartmentIDs, s.number(d))
	}
	return made
}

// extension is the company's own fields: a string holding JSON (dingtalk.md §3.1).
func extension(f simulator.Facts) string {
	values := make(map[string]string, len(f.Custom))
	for _, c := range f.Custom {
		values[c.Field] = c.Value
	}
	raw, err := json.Marshal(values)
	if err != nil {
		return "{}" // impossible: it is a map of strings
	}
	return string(raw)
}

// splitPhone takes a number apart as DingTalk stores it.
func splitPhone(e164 string) (state, mobile string) {
	for _, code := range []string{"86", "49"} {
		if rest, ok := strings.CutPrefix(e164, "+"+code); ok {
			return code, rest
		}
	}
	return "", e164
}

// order has 18 digits and no exact floating-point form (dingtalk.md §11.1).
func order(v *simulator.View, p simulator.PersonID, d simulator.Dept) int64 {
	return 176_000_000_000_000_000 + v.MemberOrder(p, d)*1024 + 513
}

// cut reads cursor and size. The refusals differ by endpoint (dingtalk.md §3).
func (q *request) cut(total int, badCursor, badSize int) (from, to int, refused *refusal) {
	cursor, ok := q.params.number("cursor")
	if !ok || cursor < 0 {
		return 0, 0, business(badCursor, "不合法的参数: cursor")
	}
	size, ok := q.params.number("size")
	if !ok || size < 1 || size > 100 {
		return 0, 0, business(badSize, "不合法的参数: size")
	}
	from = int(min(cursor, int64(total)))
	return from, min(from+int(size), total), nil
}

// paged is the answer of both lists; next_cursor is missing on the last page.
func paged(list any, from, to, total int) (map[string]any, simulator.Shape, *refusal) {
	result := map[string]any{"has_more": to < total, "list": list}
	if to < total {
		result["next_cursor"] = to
	}
	return map[string]any{"result": result}, simulator.Shape{
		List: "result.list", ID: "userid", More: "result.has_more", Next: "result.next_cursor", Same: from, First: 0,
	}, nil
}

func (s *Server) listUsers(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, true)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	members := v.Members(d.ID)
	from, to, refused := q.cut(len(members), 40035, 40035)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := make([]listed, 0, to-from)
	for _, id := range members[from:to] {
		p, _ := v.Person(id)
		list = append(list, listed{user: s.record(v, q, p), Order: order(v, id, d.ID), Leader: v.Leads(id, d.ID)})
	}
	return paged(list, from, to, len(members))
}

func (s *Server) listSimple(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, true)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	members := v.Members(d.ID)
	from, to, refused := q.cut(len(members), 40068, 40069)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	list := make([]map[string]string, 0, to-from)
	for _, id := range members[from:to] {
		p, _ := v.Person(id)
		list = append(list, map[string]string{"userid": s.company.UserID(directory.DingTalk, p), "name": p.Name})
	}
	return paged(list, from, to, len(members))
}

// listUserID is not limited by the contact scope and has no pages.
func (s *Server) listUserID(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	d, refused := s.find(v, q, false)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	ids := []string{}
	for _, id := range v.Members(d.ID) {
		p, _ := v.Person(id)
		ids = append(ids, s.company.UserID(directory.DingTalk, p))
	}
	return map[string]any{"result": map[string]any{"userid_list": ids}}, simulator.Shape{
		List: "result.userid_list"}, nil
}

// findUser reads userid; people who left are not found.
func (s *Server) findUser(v *simulator.View, q *request) (simulator.Person, *refusal) {
	id := q.params.text("userid")
	if id == "" {
		return simulator.Person{}, business(60111, "userid不存在")
	}
	p, ok := v.PersonByUserID(directory.DingTalk, id)
	if !ok || p.Left {
		return simulator.Person{}, errNoUser
	}
	return p, nil
}

func (s *Server) getUser(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	p, refused := s.findUser(v, q)
	if refused != nil {
		return nil, simulator.Shape{}, refused
	}
	if !v.CoversPerson(q.cfg.Range, p) {
		return nil, simulator.Shape{}, errUserRange
	}
	made := single{
		user: s.record(v, q, p), RealAuthed: p.Activated,
		Roles: []role{{ID: 3_935_025_514, Name: "员工", Group: "默认"}},
	}
	for _, r := range s.roles(v) {
		if slices.Contains(r.holders, p.ID) {
			made.Roles = append(made.Roles, r.role)
		}
	}
	if manager, ok := v.Manager(p); ok {
		made.Manager = s.company.UserID(directory.DingTalk, manager)
	}
	for i, d := range p.Departments { // in another order than dept_id_list
		n := s.number(d)
		made.Orders = append(made.Orders, placeOrder{n, order(v, p.ID, d)})
		made.Leads = append(made.Leads, placeLeader{n, v.Leads(p.ID, d)})
		made.Positions = append(made.Positions, placePosition{n, i == 0, p.Title})
	}
	slices.Reverse(made.Leads)
	return map[string]any{"result": made}, simulator.Shape{Object: "result", ID: "userid"}, nil
}

func (s *Server) getByUnionID(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	union := q.params.text("unionid")
	if n, foreign := strangers.FromHex("", union); foreign && q.cfg.KnownOutsiders {
		return map[string]any{"result": map[string]any{
			"contact_type": 1, "userid": strangers.Hex("ext", n),
		}}, simulator.Shape{Object: "result", ID: "userid"}, nil
	}
	n, ok := s.company.ParseUnionID(directory.DingTalk, union)
	p, known := v.Person(n)
	if !ok || !known || p.Left {
		return nil, simulator.Shape{}, errNoUser
	}
	return map[string]any{"result": map[string]any{
		"contact_type": 0, "userid": s.company.UserID(directory.DingTalk, p),
	}}, simulator.Shape{Object: "result", ID: "userid"}, nil
}

// countUsers counts the whole company whatever the scope.
func (s *Server) countUsers(v *simulator.View, q *request) (map[string]any, simulator.Shape, *refusal) {
	only := q.params.text("only_active")
	if only != "true" && only != "false" {
		return nil, simulator.Shape{}, badParameter("only_active")
	}
	count := v.Count(simulator.Root)
	if only == "true" {
		for p := range v.People() {
			if !p.Activated {
				count--
			}
		}
	}
	return map[string]any{"result": map[string]any{"count": count}}, simulator.Shape{Object: "result"}, nil
}
