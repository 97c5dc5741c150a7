package wecom

import (
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// rootID is the top department of every company; its parent is "0" (wecom.md §2).
const rootID = "1"

// toDepartment turns a department's record into a directory.Department. A
// problem is returned instead if the record cannot be placed in the tree; the root
// needs no parent for that.
func toDepartment(r record) (d directory.Department, problem string) {
	parent := numberOf(r["parentid"])
	d.ExternalID = idOf(r["id"])
	switch {
	case r == nil:
		return d, "not a JSON object"
	case d.ExternalID == "":
		return d, "no usable id"
	case parent == "" && d.ExternalID != rootID:
		return d, "no usable parentid"
	case parent != "0":
		d.ParentID = parent
	}
	d.Name, d.SortOrder, d.Leaders = r.Text("name"), r.Integer("order"), leaders(r)
	d.Raw = r.Canonical(nil, []string{"department_leader"})
	return d, ""
}

// unusable describes the record of a list that cannot be used: where it stands, what it
// has in the place of ids, and why.
func unusable(index int, r record, problem string) string {
	label := wire.Nth(index)
	var known []string
	for _, key := range []string{"id", "parentid"} {
		if sent := asSent(r[key]); sent != "" {
			known = append(known, key+" "+sent)
		}
	}
	if len(known) > 0 {
		label += " (" + strings.Join(known, ", ") + ")"
	}
	return label + ": " + problem
}

// leaders sorts the leaders, whose order is not documented; nil if not sent.
func leaders(r record) []string {
	if _, sent := r.List("department_leader"); !sent {
		return nil
	}
	return append([]string{}, r.UsableIDs("department_leader")...)
}

// member is a member's record, not yet placed anywhere.
type member struct {
	record
	userID string
	// departments are those that the record names, "" for what is no number; nil if it
	// names none.
	departments []string
}

// toMember reads a member's record. A problem is returned instead if it names no member.
func toMember(r record) (m member, problem string) {
	if r == nil {
		return m, "not a JSON object"
	}
	m.record = r
	if m.userID, _ = r.ID("userid"); m.userID == "" {
		return m, "no usable userid"
	}
	if sent, ok := r.List("department"); ok {
		m.departments = make([]string, len(sent))
		for i, v := range sent {
			m.departments[i] = idOf(v)
		}
	}
	return m, ""
}

// in returns the person as a member of the given departments. Their record is without
// isleader, which speaks of the department that was asked, and without errcode and errmsg,
// which stand beside the fields of user/get (wecom.md §3.1, §3.3).
func (m member) in(departments ...string) directory.Member {
	person := directory.Member{
		ExternalID: m.userID,
		Profile:    m.profile(),
		Raw:        m.Canonical([]string{"isleader", "errcode", "errmsg"}, []string{"direct_leader"}),
	}
	for _, d := range departments {
		person.Memberships = append(person.Memberships, m.membership(d))
	}
	return person
}

// profile maps the member's fields. WeCom sends a field that is empty as such, so that
// what is left out cannot be seen, and what is stored of it stays. From apps created after
// 2022-06-20 it hides some (wecom.md §1.5, §3.3).
//
//	field               sent as                    hidden from new apps
//	name, title         name, position             no
//	status, activated   status                     no
//	alias, telephone    alias, telephone           no
//	custom              extattr                    no
//	manager             direct_leader, the first   no, but managers out of sight are left out
//	email               email, else biz_mail       yes
//	phone, avatar_url   mobile, avatar             yes
//	work_email          biz_mail                   yes
//	work_place          address                    yes
//	gender              gender                     yes; "0" is then no answer
//
// WeCom has no field for an employee number, city, country, day of hiring and kind of
// employment. The contact sync secret alone shows ids and none of these.
func (m member) profile() directory.Profile {
	status, activated := status(m.Integer("status"))
	return directory.Profile{
		Name:       m.Text("name"),
		Email:      email(m.Text("email"), m.Text("biz_mail")),
		Phone:      m.Text("mobile"),
		AvatarURL:  m.Text("avatar"),
		Title:      m.Text("position"),
		Status:     status,
		Activated:  activated,
		Manager:    m.manager(),
		Attributes: m.attributes(),
	}
}

// membership reads the parallel arrays at the department's index. They are
// believed only as long as they are of one length (wecom.md §10, 22).
func (m member) membership(department string) directory.Membership {
	s := directory.Membership{DepartmentID: department,
		PrimaryRank: rank(idOf(m.record["main_department"]), department)}
	at := slices.Index(m.departments, department)
	if at < 0 {
		return s
	}
	if orders, _ := m.List("order"); len(orders) == len(m.departments) {
		s.SortOrder = wire.Integer(orders[at])
	}
	if leads, _ := m.List("is_leader_in_dept"); len(leads) == len(m.departments) {
		if n := wire.Integer(leads[at]); n != nil {
			s.Leader = new(*n == 1)
		}
	}
	return s
}

// rank: main_department is absent or 0 where it is outside the visible range.
func rank(main, department string) *int64 {
	if main == "" {
		return nil
	}
	rank := int64(0)
	if main == department {
		rank = 1
	}
	return &rank
}

// email prefers the member's own address over the one the company's mail
// service made. Where email is hidden, an empty biz_mail says nothing about it.
func email(email, bizMail *string) *string {
	if bizMail != nil && *bizMail != "" && (email == nil || *email == "") {
		return bizMail
	}
	return email
}

// status reads 1 activated, 2 disabled, 4 not activated, 5 left (wecom.md §3.3).
// The legacy enable and anything unknown say nothing.
func status(sent *int64) (*directory.Status, *bool) {
	if sent == nil {
		return nil, nil
	}
	var status directory.Status
	var activated *bool
	switch *sent {
	case 1, 4:
		status = directory.Active
		is := *sent == 1
		activated = &is
	case 2:
		status = directory.Inactive
	case 5:
		status = directory.Deleted
	default:
		return nil, nil
	}
	return &status, activated
}
