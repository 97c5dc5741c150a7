package feishu

import (
	"math"
	"slices"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
)

// Reasons to put a record aside; the others are made where they are found.
const (
	noProblem   = ""
	notAnObject = "not an object"
)

// toDepartment reads a department; problem says, without personal data, why it
// cannot be used.
func toDepartment(r record) (d directory.Department, problem string) {
	id, problem := r.RequiredID("open_department_id")
	if problem != "" {
		return d, problem
	}
	parent, problem := r.ID("parent_department_id")
	if problem != "" {
		return d, problem
	}
	return departmentBy(id, parent, r), noProblem
}

// departmentBy reads the record of a department of known ids.
func departmentBy(id, parent string, r record) directory.Department {
	return directory.Department{
		ExternalID:      id,
		ParentID:        parent,
		Name:            r.Text("name"),
		SortOrder:       r.Integer("order"),
		DeclaredMembers: r.Count("member_count"), // with all sub-departments (feishu.md §2.2)
		Leaders:         leaders(r),
		Raw:             r.Canonical(departmentVolatile, departmentSets),
	}
}

// deletedDepartment: whether lists ever show such departments is unverified, the
// flag is honoured anyway (feishu.md §2.2).
func deletedDepartment(r record) bool {
	return r.Object("status").Is("is_deleted")
}

// leaders returns main and deputy leaders, sorted; nil if they were not sent.
// Entries without an id are what a missing permission leaves (feishu.md §2.2).
func leaders(r record) []string {
	ids := []string{}
	entries, sent := r.List("leaders")
	for _, entry := range entries {
		leader, _ := entry.(map[string]any)
		if id, _ := record(leader).ID("leaderID"); id != "" { // camelCase on the wire
			ids = append(ids, id)
		}
	}
	sent = sent && (len(entries) == 0 || len(ids) > 0)
	main, problem := r.ID("leader_user_id")
	if main != "" && len(ids) == 0 {
		ids = append(ids, main)
	}
	if !sent && (problem != "" || r["leader_user_id"] == nil) {
		return nil
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// toMember reads a person without memberships; problem says, without personal
// data, why the record cannot be used.
func toMember(r record, zone *time.Location) (m directory.Member, problem string) {
	// user_id is sent only with its own permission (feishu.md §3.3).
	if m.ExternalID, problem = r.ID("user_id"); problem != "" {
		return m, problem
	}
	if m.OpenID, problem = r.ID("open_id"); problem != "" {
		return m, problem
	}
	if m.UnionID, problem = r.ID("union_id"); problem != "" {
		return m, problem
	}
	if m.ExternalID == "" {
		m.ExternalID, m.ExternalIDIsFallback = m.OpenID, true
	}
	if m.ExternalID == "" {
		return m, "neither user_id nor open_id"
	}
	m.Raw, m.RawKeeps = r.Canonical(memberVolatile, memberSets), memberPartly
	m.Profile = profile(r, zone)
	return m, noProblem
}

// profile maps a person's fields. What the app lacks the permission for is left out, and
// what is stored stays then (feishu.md §3.3). Where another field of the same permission is
// sent, the app has it: a field left out beside that one is empty, and is cleared.
//
//	field                            sent as                       permission            left out
//	name                             name                          user.base             stays
//	avatar_url                       avatar                        user.base             stays
//	english_name, alias              en_name, nickname             user.base             cleared beside name
//	email                            email, else enterprise_email  user.email            stays
//	phone                            mobile                        user.phone            stays
//	status, activated                status                        user.employee         stays
//	title                            job_title                     user.employee         cleared beside status
//	work_email                       enterprise_email              user.employee         cleared beside status
//	city, country, work_place        city, country, work_station   user.employee         cleared beside status
//	hired_at, employee_type, custom  join_time, employee_type,     user.employee         cleared beside status
//	                                 custom_attrs
//	employee_no                      employee_no                   user.employee_number  cleared beside status, whose
//	                                                               or user.employee      permission covers it
//	gender                           gender                        user.gender           stays
//	manager                          leader_user_id                user.department       cleared beside department_ids
//
// Feishu has no field for a landline.
func profile(r record, zone *time.Location) directory.Profile {
	return directory.Profile{
		Name:       r.Text("name"),
		Email:      email(r),
		Phone:      r.Text("mobile"),
		AvatarURL:  avatar(r),
		Title:      textIf(r, showsEmployee(r), "job_title"),
		Status:     status(r),
		Activated:  r.Object("status").Boolean("is_activated"),
		EmployeeNo: textIf(r, showsEmployee(r), "employee_no"),
		Manager:    manager(r),
		Attributes: attributes(r, zone),
	}
}

// email prefers the personal address over the company mail service's. Each needs a
// permission of its own, and without it the field is absent (feishu.md §3.3): where the
// former was not sent nothing is known of it, and the latter must not take its place.
func email(r record) *string {
	email := r.Text("email")
	if enterprise := r.Text("enterprise_email"); email != nil && *email == "" && enterprise != nil {
		return enterprise
	}
	return email
}

// avatar takes the largest picture: a smaller one can be made of it, not the
// other way round. The picture is an object, there is no avatar_url (feishu.md §3.2).
func avatar(r record) *string {
	avatar := r.Object("avatar")
	var sent *string
	for _, size := range []string{"avatar_origin", "avatar_640", "avatar_240", "avatar_72"} {
		if picture := avatar.Text(size); picture != nil {
			if *picture != "" {
				return picture
			}
			sent = picture
		}
	}
	return sent
}

// status: frozen, resigned and exited people do not work there; invited ones
// (is_unjoin, not activated) do (feishu.md §9, row 12).
func status(r record) *directory.Status {
	sent := false
	status := directory.Active
	for _, key := range []string{"is_frozen", "is_resigned", "is_exited"} {
		set := r.Object("status").Boolean(key)
		sent = sent || set != nil
		if set != nil && *set {
			status = directory.Inactive
		}
	}
	if !sent {
		return nil
	}
	return &status
}

// left reports whether the provider itself says that the person is gone.
func hasLeft(r record) bool {
	status := r.Object("status")
	return status.Is("is_resigned") || status.Is("is_exited")
}

// membershipIn places a person in a department. The main department is the
// flagged one, else that of the largest department_order; larger user_order
// comes first (feishu.md §3.2). Leaders stand on the department.
func membershipIn(r record, department string) directory.Membership {
	m := directory.Membership{DepartmentID: department}
	entries, _ := r.List("orders")
	for _, entry := range entries {
		order, _ := entry.(map[string]any)
		if id, _ := record(order).ID("department_id"); id != department {
			continue
		}
		m.SortOrder = record(order).Integer("user_order")
		m.PrimaryRank = record(order).Integer("department_order")
		if record(order).Is("is_primary_dept") {
			first := int64(math.MaxInt64)
			m.PrimaryRank = &first
		}
		break
	}
	return m
}

// allMemberships places a person in all departments the record names.
func allMemberships(r record) []directory.Membership {
	var all []directory.Membership
	for _, department := range r.UsableIDs("department_ids") {
		all = append(all, membershipIn(r, department))
	}
	return all
}

// What must not be in a stored record (the package comment says why), and which arrays
// have no order of their own.
var (
	// Head counts change whenever a member moves.
	departmentVolatile = []string{"member_count", "primary_member_count"}
	departmentSets     = []string{"leaders", "unit_ids", "group_chat_employee_types", "department_hrbps"}
	// Sent by lists only, where it repeats status (feishu.md §3.2).
	memberVolatile = []string{"is_frozen"}
	memberSets     = []string{
		"department_ids",
		"orders",
		"dotted_line_leader_user_ids",
		"custom_attrs",
		"assign_info",
		"subscription_ids",
	}
	// Sent by some of the calls that return a person and not by others (feishu.md §3.2).
	memberPartly = []string{"assign_info", "subscription_ids"}
)
