package wecom

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// rootID is the top department of every company; its parent is "0" (wecom.md §2).
const rootID = "1"

// toDepartment turns a department's record into a directory.Department. A
// problem is returned instead if the record cannot be placed in the tree; the root
// needs no parent for that.
func toDepartment(record json.RawMessage) (d directory.Department, problem string) {
	var w wireDepartment
	if err := decodeObject(record, &w); err != nil {
		return d, "not a JSON object"
	}
	if w.ID == "" || w.ID == "0" {
		return d, "no usable id"
	}
	if w.Parent == "" && w.ID != rootID {
		return d, "no usable parentid"
	}
	d = directory.Department{
		ExternalID: string(w.ID),
		Name:       w.Name.value,
		SortOrder:  w.Order.value,
		Leaders:    leaders(w.Leaders),
		Raw:        canonical(record, nil, "department_leader"),
	}
	if w.Parent != "0" {
		d.ParentID = string(w.Parent)
	}
	return d, ""
}

// unusable describes the record of a list that cannot be used: where it stands, what it
// has in the place of ids, and why.
func unusable(index int, record json.RawMessage, problem string) string {
	label := nth(index)
	var known []string
	for _, key := range []string{"id", "parentid"} {
		if sent := asSent(record, key); sent != "" {
			known = append(known, key+" "+sent)
		}
	}
	if len(known) > 0 {
		label += " (" + strings.Join(known, ", ") + ")"
	}
	return label + ": " + problem
}

// nth names a record by its place in its list, counting from 1.
func nth(index int) string { return "record " + strconv.Itoa(index+1) }

// leaders sorts the leaders, whose order is not documented; nil if not sent.
func leaders(sent userIDs) []string {
	if sent == nil {
		return nil
	}
	leaders := make([]string, 0, len(sent))
	for _, id := range sent {
		if id != "" {
			leaders = append(leaders, string(id))
		}
	}
	slices.Sort(leaders)
	return leaders
}

// member is a decoded member's record, not yet placed anywhere.
type member struct {
	wire wireMember
	raw  json.RawMessage
}

// toMember decodes a member's record. A problem is returned instead if it names nobody.
func toMember(record json.RawMessage) (m member, problem string) {
	if err := decodeObject(record, &m.wire); err != nil {
		return m, "not a JSON object"
	}
	if m.wire.UserID == "" {
		return m, "no usable userid"
	}
	// isleader speaks of the department that was asked; errcode and errmsg stand
	// beside the fields of user/get (wecom.md §3.1, §3.3).
	m.raw = canonical(record, []string{"isleader", "errcode", "errmsg"}, "direct_leader")
	return m, ""
}

// in returns the person as a member of the given departments.
func (m member) in(departments ...string) directory.Member {
	w := m.wire
	person := directory.Member{
		ExternalID: string(w.UserID),
		Profile:    m.profile(),
		Raw:        m.raw,
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
	w := m.wire
	status, activated := status(w.Status.value)
	return directory.Profile{
		Name:       w.Name.value,
		Email:      email(w.Email.value, w.BizMail.value),
		Phone:      w.Mobile.value,
		AvatarURL:  w.Avatar.value,
		Title:      w.Position.value,
		Status:     status,
		Activated:  activated,
		Manager:    manager(w.DirectLeader),
		Attributes: w.attributes(),
	}
}

// membership reads the parallel arrays at the department's index. They are
// believed only as long as they are of one length (wecom.md §10, 22).
func (m member) membership(department string) directory.Membership {
	w := m.wire
	s := directory.Membership{DepartmentID: department, PrimaryRank: rank(w.MainDepartment, department)}
	at := slices.Index(w.Departments, id(department))
	if at < 0 {
		return s
	}
	if len(w.Order) == len(w.Departments) {
		s.SortOrder = w.Order[at].value
	}
	if len(w.Leader) == len(w.Departments) && w.Leader[at].value != nil {
		leads := *w.Leader[at].value == 1
		s.Leader = &leads
	}
	return s
}

// rank: main_department is absent or 0 where it is outside the visible range.
func rank(main id, department string) *int64 {
	if main == "" || main == "0" {
		return nil
	}
	rank := int64(0)
	if string(main) == department {
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

// canonical returns a record, which is an object, as normalize.JSON, without the keys
// named in drop and with the given id lists sorted, so that two answers about the same
// unchanged object are equal to the byte.
func canonical(record json.RawMessage, drop []string, sets ...string) json.RawMessage {
	v, _ := normalize.Decode(record)
	fields, _ := v.(map[string]any)
	for _, key := range drop {
		delete(fields, key)
	}
	for _, key := range sets {
		if list, ok := fields[key].([]any); ok {
			fields[key] = normalize.Sorted(list)
		}
	}
	return normalize.JSON(fields)
}
