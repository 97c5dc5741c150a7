package simulator

import (
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// Truth is a company in a vendor's external ids: what a complete sync has to
// arrive at, before normalising. Figures are those of the whole company, whatever
// range an app may see.
type Truth struct {
	Departments map[string]TrueDepartment `json:"departments"`
	Members     map[string]TrueMember     `json:"members"`
	Groups      map[string]TrueGroup      `json:"groups"`
	// Administrators are their levels by the external ids of members.
	Administrators map[string]directory.AdministratorLevel `json:"administrators"`
}

// TrueDepartment is one department by its external id.
type TrueDepartment struct {
	// ParentID is empty for the root.
	ParentID string `json:"parent_id"`
	Name     string `json:"name"`
	Order    int64  `json:"order"`
	// People is the number of different people in it and all below, Direct of
	// those directly in it; frozen ones count in both.
	People int `json:"people"`
	Direct int `json:"direct"`
	// Leaders are member external ids, sorted.
	Leaders []string `json:"leaders"`
}

// TrueMember is one person by their external id (Feishu: the user id).
type TrueMember struct {
	Person  PersonID `json:"person"`
	UnionID string   `json:"union_id"`
	Name    string   `json:"name"`
	// Email, WorkEmail, Phone (E.164) and Title are empty where the person has none.
	Email     string `json:"email"`
	WorkEmail string `json:"work_email"`
	Phone     string `json:"phone"`
	Title     string `json:"title"`
	// Active is false for frozen people.
	Active    bool `json:"active"`
	Activated bool `json:"activated"`
	// Departments are sorted external ids, Main is one of them.
	Departments []string `json:"departments"`
	Main        string   `json:"main"`
	// EmployeeNo and Manager, a member's external id, are empty where the person has none.
	EmployeeNo string `json:"employee_no"`
	Manager    string `json:"manager"`
	// Attributes are the other facts that the vendor has a field for; those that are empty
	// are left out. Dates are China's.
	Attributes map[directory.Attribute]any `json:"attributes"`
}

// Truth returns the company as it is now in the ids of a vendor.
func (c *Company) Truth(t directory.ProviderType) Truth {
	truth := Truth{
		Departments: map[string]TrueDepartment{},
		Members:     map[string]TrueMember{},
		Groups:      map[string]TrueGroup{},
	}
	c.View(func(v *View) {
		for d := range v.Departments() {
			truth.Departments[c.DepartmentID(t, d.ID)] = v.trueDepartment(t, d)
		}
		for p := range v.People() {
			truth.Members[c.UserID(t, p)] = v.trueMember(t, p)
		}
		v.trueGroups(t, truth.Groups)
		truth.Administrators = v.trueAdministrators(t)
	})
	return truth
}

func (v *View) trueDepartment(t directory.ProviderType, d Department) TrueDepartment {
	made := TrueDepartment{Name: d.Name, Order: d.Order, People: v.Count(d.ID), Direct: len(v.Members(d.ID))}
	if d.Parent != 0 {
		made.ParentID = v.c.DepartmentID(t, d.Parent)
	}
	for _, p := range v.Leaders(d.ID) {
		made.Leaders = append(made.Leaders, v.c.userID(t, v.c.people[p-1].bears))
	}
	slices.Sort(made.Leaders)
	return made
}

func (v *View) trueMember(t directory.ProviderType, p Person) TrueMember {
	made := TrueMember{
		Person: p.ID, UnionID: v.c.UnionID(t, p.ID), Name: p.Name,
		Email: p.Email, WorkEmail: v.Facts(p.ID).WorkEmail, Phone: p.Phone, Title: p.Title,
		Active: !p.Frozen, Activated: p.Activated, Main: v.c.DepartmentID(t, p.Departments[0]),
		Attributes: v.attributes(t, p),
	}
	for _, d := range p.Departments {
		made.Departments = append(made.Departments, v.c.DepartmentID(t, d))
	}
	slices.Sort(made.Departments)
	if t != directory.WeCom {
		made.EmployeeNo = v.Facts(p.ID).EmployeeNo
	}
	if manager, ok := v.Manager(p); ok {
		made.Manager = v.c.UserID(t, manager)
	}
	return made
}

// Counts sums up a company as it is now.
type Counts struct {
	Departments int `json:"departments"`
	// People are those who have not left, Frozen ones included.
	People      int    `json:"people"`
	Frozen      int    `json:"frozen"`
	Memberships int    `json:"memberships"`
	Groups      int    `json:"groups"`
	Left        int    `json:"left"`
	Version     uint64 `json:"version"`
}

// Counts sums up the company.
func (c *Company) Counts() Counts {
	var n Counts
	c.View(func(v *View) {
		for range v.Departments() {
			n.Departments++
		}
		for p := range v.People() {
			n.People++
			n.Memberships += len(p.Departments)
			if p.Frozen {
				n.Frozen++
			}
		}
		for range v.Groups() {
			n.Groups++
		}
		n.Left = len(c.people) - n.People
		n.Version = c.version
	})
	return n
}

// Range is what an app may see: whole departments with everything below, single people,
// and groups, which Feishu alone knows there. A nil *Range is the whole company.
type Range struct {
	Departments []Dept     `json:"departments"`
	People      []PersonID `json:"people"`
	Groups      []GroupID  `json:"groups,omitempty"`
}

// Covers reports whether a department is in the range.
func (v *View) Covers(r *Range, d Dept) bool {
	if r == nil || slices.Contains(r.Departments, d) || slices.Contains(r.Departments, Root) {
		return true
	}
	return slices.ContainsFunc(v.Ancestors(d), func(up Dept) bool { return slices.Contains(r.Departments, up) })
}

// CoversPerson reports whether a person is in the range.
func (v *View) CoversPerson(r *Range, p Person) bool {
	return r == nil || slices.Contains(r.People, p.ID) ||
		slices.ContainsFunc(p.Departments, func(d Dept) bool { return v.Covers(r, d) }) ||
		slices.ContainsFunc(r.Groups, func(g GroupID) bool {
			granted, _ := v.Group(g)
			return slices.Contains(granted.Members, p.ID)
		})
}

// CoversGroup reports whether a group is in the range.
func (v *View) CoversGroup(r *Range, g GroupID) bool { return r.All() || slices.Contains(r.Groups, g) }

// All reports whether the range is the whole company.
func (r *Range) All() bool { return r == nil || slices.Contains(r.Departments, Root) }
