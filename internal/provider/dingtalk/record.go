package dingtalk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// What of a record is no part of its Raw; the package comment says why.
var (
	droppedOfMember     = []string{"leader", "dept_order"}
	droppedOfDepartment = []string{"member_count", "owning_member_count"}
)

// onlyOfUserGet are the fields of a person that user/get sends and user/list does not
// (dingtalk.md §3.1).
var onlyOfUserGet = []string{
	"leader_in_dept", "dept_order_list", "dept_position_list", "role_list", "manager_userid", "real_authed", "senior",
	"union_emp_ext", "create_time", "extension_i18n",
}

// Arrays that come in no defined order (dingtalk.md §3.1, §11.6).
var (
	unorderedOfMember = []string{
		"dept_id_list",
		"leader_in_dept",
		"dept_order_list",
		"dept_position_list",
		"role_list",
	}
	unorderedOfDepartment = []string{
		"dept_manager_userid_list",
		"outer_permit_depts",
		"outer_permit_users",
		"dept_permits",
		"user_permits",
	}
)

// toDepartment maps a department's record. A missing parent, or one below 1, is
// taken for the given one (dingtalk.md §2).
func toDepartment(r record, id int64, parent string) directory.Department {
	d := directory.Department{
		ExternalID:      strconv.FormatInt(id, 10),
		ParentID:        parent,
		Name:            r.Text("name"),
		SortOrder:       r.Number("order"),
		DeclaredMembers: r.Count("member_count"),
		Raw:             r.Canonical(droppedOfDepartment, unorderedOfDepartment),
	}
	if p := r.Number("parent_id"); p != nil && *p >= 1 {
		d.ParentID = strconv.FormatInt(*p, 10)
	}
	if d.ExternalID == rootID {
		d.ParentID = ""
	}
	return d
}

// toMember maps a person's record without memberships; problem says, without personal
// data, why it cannot be used.
func toMember(r record, zone *time.Location) (m directory.Member, problem string) {
	userID, problem := r.RequiredID("userid")
	if problem != "" {
		return m, problem
	}
	unionID, problem := r.ID("unionid")
	if problem != "" {
		return m, problem
	}
	return directory.Member{
		ExternalID: userID,
		UnionID:    unionID,
		Profile:    profile(r, zone),
		Raw:        r.Canonical(droppedOfMember, unorderedOfMember),
	}, ""
}

// toMemberAlone maps the record of user/get, which says more than those of lists: all
// departments, and the manager, who is left out where there is none (dingtalk.md §3.1).
func toMemberAlone(r record, zone *time.Location) (m directory.Member, problem string) {
	if m, problem = toMember(r, zone); problem != "" {
		return m, problem
	}
	m.Memberships = allMemberships(r)
	if manager := r.TextOrEmpty("manager_userid"); manager != nil && directory.IDProblem(*manager) == "" {
		m.Manager = manager
	}
	return m, ""
}

// profile maps a person's fields. A field left out although the app has its permission is
// empty, and is cleared; what is stored stays where the permission may be missing
// (dingtalk.md §1.3, §3.1).
//
//	field              sent as                  permission             left out
//	name               name                     none                   stays: every member has one
//	avatar_url         avatar                   none                   cleared
//	status, activated  disable_status, active   none                   active; stays
//	title              title                    none                   cleared
//	employee_no        job_number               none                   cleared
//	telephone          telephone                none                   cleared
//	hired_at           hired_date               none                   cleared
//	alias              nickname                 none                   cleared
//	phone              state_code, mobile       employee mobile        stays
//	email              email, else org_email    e-mail and personal    cleared beside another
//	                                            fields                 field of the permission
//	work_email         org_email                the same               the same
//	work_place         work_place               the same               the same
//	custom             extension                the same               the same
//	manager            manager_userid           none; user/get only    stays, by user/get cleared
//
// DingTalk has no field for an English name, gender, city, country and kind of employment.
func profile(r record, zone *time.Location) directory.Profile {
	return directory.Profile{
		Name:       r.Text("name"),
		Email:      email(r),
		Phone:      phone(r),
		AvatarURL:  r.TextOrEmpty("avatar"),
		Title:      r.TextOrEmpty("title"),
		Status:     status(r),
		Activated:  r.QuotedBoolean("active"),
		EmployeeNo: r.TextOrEmpty("job_number"),
		Attributes: attributes(r, zone),
	}
}

// unusable describes a record that cannot be used.
func unusable(label string, r record, problem string) string {
	return r.Unusable(label, problem, []string{"dept_id", "parent_id"}, []string{"userid", "unionid"})
}

// status says who works there: all who are listed, except those whose enterprise
// account is switched off. "active" is no part of it: it tells who has ever
// logged in to DingTalk (dingtalk.md §3.1, §11.8).
func status(r record) *directory.Status {
	s := directory.Active
	if off := r.QuotedBoolean("disable_status"); off != nil && *off {
		s = directory.Inactive
	}
	return &s
}

// email prefers the address in the person's record to the company mailbox, which
// is sent only where one has been opened (dingtalk.md §3.1).
func email(r record) *string {
	own, company := personal(r, "email"), personal(r, "org_email")
	if deref(own) == "" && deref(company) != "" {
		return company
	}
	return own
}

// phone puts the country code before the number, which comes without it.
func phone(r record) *string {
	mobile, country := r.Text("mobile"), strings.TrimPrefix(deref(r.Text("state_code")), "+")
	if deref(mobile) == "" || country == "" || strings.HasPrefix(*mobile, "+") {
		return mobile
	}
	number := "+" + country + *mobile
	return &number
}

// directMembership places a person of a department's own listing in it; leader
// and dept_order speak of that department (dingtalk.md §3.1).
func directMembership(r record, department string) []directory.Membership {
	return []directory.Membership{{
		DepartmentID: department,
		Leader:       r.QuotedBoolean("leader"),
		SortOrder:    r.Number("dept_order"),
	}}
}

// allMemberships reads the departments from a single person's record. Only
// dept_position_list can name a main one; the order of dept_id_list means nothing
// (dingtalk.md §11.6). Where it names none nothing is said: it is sent only where it has
// a value (dingtalk.md §3.1), and what was said before stays.
func allMemberships(r record) []directory.Membership {
	leaders, orders, positions := byDepartment(
		r,
		"leader_in_dept",
	), byDepartment(
		r,
		"dept_order_list",
	), byDepartment(
		r,
		"dept_position_list",
	)
	ids, _ := r.List("dept_id_list")
	var memberships []directory.Membership
	var named []bool // whether it is said to be a main one
	for _, v := range ids {
		id := wire.Number(v)
		if id == nil || *id < 1 {
			continue
		}
		m := directory.Membership{
			DepartmentID: strconv.FormatInt(*id, 10),
			Leader:       leaders[*id].QuotedBoolean("leader"),
			SortOrder:    orders[*id].Number("order"),
		}
		memberships = append(memberships, m)
		main := positions[*id].QuotedBoolean("is_main")
		named = append(named, main != nil && *main)
	}
	if slices.Contains(named, true) {
		for i, is := range named {
			rank := int64(0)
			if is {
				rank = 1
			}
			memberships[i].PrimaryRank = &rank
		}
	}
	return memberships
}

func byDepartment(r record, key string) map[int64]record {
	items, _ := r.List(key)
	found := make(map[int64]record, len(items))
	for _, item := range items {
		if r, ok := wire.Object(item); ok {
			if id := r.Number("dept_id"); id != nil {
				found[*id] = r
			}
		}
	}
	return found
}
