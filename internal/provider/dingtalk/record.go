package dingtalk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
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
	unorderedOfMember     = []string{"dept_id_list", "leader_in_dept", "dept_order_list", "dept_position_list", "role_list"}
	unorderedOfDepartment = []string{"dept_manager_userid_list", "outer_permit_depts", "outer_permit_users", "dept_permits", "user_permits"}
)

// toDepartment maps a department's record. A missing parent, or one below 1, is
// taken for the given one (dingtalk.md §2).
func toDepartment(r record, id int64, parent string) directory.Department {
	d := directory.Department{
		ExternalID:      strconv.FormatInt(id, 10),
		ParentID:        parent,
		Name:            r.text("name"),
		SortOrder:       r.integer("order"),
		DeclaredMembers: r.figure("member_count"),
		Raw:             r.canonical(droppedOfDepartment, unorderedOfDepartment),
	}
	if p := r.integer("parent_id"); p != nil && *p >= 1 {
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
	userID, problem := r.personID("userid")
	if problem != "" {
		return m, problem
	}
	if userID == "" {
		return m, "no userid"
	}
	unionID, problem := r.personID("unionid")
	if problem != "" {
		return m, problem
	}
	return directory.Member{
		ExternalID: userID,
		UnionID:    unionID,
		Profile:    profile(r, zone),
		Raw:        r.canonical(droppedOfMember, unorderedOfMember),
	}, ""
}

// toMemberAlone maps the record of user/get, which says more than those of lists: all
// departments, and the manager, who is left out where there is none (dingtalk.md §3.1).
func toMemberAlone(r record, zone *time.Location) (m directory.Member, problem string) {
	if m, problem = toMember(r, zone); problem != "" {
		return m, problem
	}
	m.Memberships = allMemberships(r)
	if manager := r.textOrEmpty("manager_userid"); manager != nil && directory.IDProblem(*manager) == "" {
		m.Manager = manager
	}
	return m, ""
}

// profile maps a person's fields. A field left out although the app has its permission is
// empty, and is cleared; what is stored stays where the permission may be missing
// (dingtalk.md §1.3, §3.1).
//
//	field              sent as                  permission             left out
//	name               name                     none                   stays: everybody has one
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
		Name:       r.text("name"),
		Email:      email(r),
		Phone:      phone(r),
		AvatarURL:  r.textOrEmpty("avatar"),
		Title:      r.textOrEmpty("title"),
		Status:     status(r),
		Activated:  r.boolean("active"),
		EmployeeNo: r.textOrEmpty("job_number"),
		Attributes: attributes(r, zone),
	}
}

// unusable describes a record that cannot be used: where it stands, the ids it has,
// and why.
func unusable(label string, r record, problem string) string {
	var known []string
	for _, key := range []string{"dept_id", "parent_id"} {
		if id := r.integer(key); id != nil {
			known = append(known, key+" "+strconv.FormatInt(*id, 10))
		}
	}
	for _, key := range []string{"userid", "unionid"} {
		if id, _ := r.personID(key); id != "" {
			known = append(known, key+" "+strconv.Quote(id))
		}
	}
	if len(known) > 0 {
		label += " (" + strings.Join(known, ", ") + ")"
	}
	return label + ": " + problem
}

// nth names a record by its place in its page, counting from 1.
func nth(index int) string {
	return "record " + strconv.Itoa(index+1)
}

// status says who works there: everybody listed, except those whose enterprise
// account is switched off. "active" is no part of it: it tells who has ever
// logged in to DingTalk (dingtalk.md §3.1, §11.8).
func status(r record) *directory.Status {
	s := directory.Active
	if off := r.boolean("disable_status"); off != nil && *off {
		s = directory.Inactive
	}
	return &s
}

// email prefers the address in the person's record to the company mailbox, which
// is sent only where one has been opened (dingtalk.md §3.1).
func email(r record) *string {
	own, company := r.personal("email"), r.personal("org_email")
	if deref(own) == "" && deref(company) != "" {
		return company
	}
	return own
}

// phone puts the country code before the number, which comes without it.
func phone(r record) *string {
	mobile, country := r.text("mobile"), strings.TrimPrefix(deref(r.text("state_code")), "+")
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
		Leader:       r.boolean("leader"),
		SortOrder:    r.integer("dept_order"),
	}}
}

// allMemberships reads the departments from a single person's record. Only
// dept_position_list can name a main one; the order of dept_id_list means nothing
// (dingtalk.md §11.6). Where it names none nothing is said: it is sent only where it has
// a value (dingtalk.md §3.1), and what was said before stays.
func allMemberships(r record) []directory.Membership {
	leaders, orders, positions := byDepartment(r["leader_in_dept"]), byDepartment(r["dept_order_list"]), byDepartment(r["dept_position_list"])
	ids, _ := asArray(r["dept_id_list"])
	var memberships []directory.Membership
	var named []bool // whether it is said to be a main one
	for _, v := range ids {
		id, ok := asInteger(v)
		if !ok || id < 1 {
			continue
		}
		m := directory.Membership{
			DepartmentID: strconv.FormatInt(id, 10),
			Leader:       leaders[id].boolean("leader"),
			SortOrder:    orders[id].integer("order"),
		}
		memberships = append(memberships, m)
		main := positions[id].boolean("is_main")
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

func byDepartment(list any) map[int64]record {
	items, _ := asArray(list)
	found := make(map[int64]record, len(items))
	for _, item := range items {
		if r, ok := asObject(item); ok {
			if id := r.integer("dept_id"); id != nil {
				found[*id] = r
			}
		}
	}
	return found
}
