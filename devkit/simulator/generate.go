package simulator

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// Spec says what company Generate makes. Shares are parts of all members, from
// 0 to 1.
type Spec struct {
	Seed uint64 `json:"seed"`
	// Company is the company's name; empty means "Acme".
	Company string `json:"company"`
	// Departments counts the root; at least 1. Fewer are made where MaxDepth
	// leaves no room for as many.
	Departments int `json:"departments"`
	Members     int `json:"members"`
	// MaxDepth is the number of levels below the root; 0 means 6. No vendor
	// allows more than 25, WeCom no more than 15.
	MaxDepth int `json:"max_depth"`
	// Names weighs scripts; the zero value means TypicalNames.
	Names Names `json:"names"`
	// SeveralDepartments is the share of people who work in two to four.
	SeveralDepartments float64 `json:"several_departments"`
	// RootMembers work directly in the root.
	RootMembers int `json:"root_members"`
	// Largest is how many of the others work in one and the same department, the first
	// below the root.
	Largest int `json:"largest,omitempty"`
	// Inactive people are frozen, NotActivated ones never used the app, and
	// Namesakes bear the name of the person before them.
	Inactive     float64 `json:"inactive"`
	NotActivated float64 `json:"not_activated"`
	Namesakes    float64 `json:"namesakes"`
	// Groups is how many groups there are; 0 means a number that fits the company, and a
	// negative one none.
	Groups int `json:"groups,omitempty"`
	// SlashedNames also gives departments names with "/", which DingTalk and
	// WeCom allow and Feishu does not.
	SlashedNames bool `json:"slashed_names"`
}

// TypicalSpec is a company of ordinary variety with about twelve people to a
// department.
func TypicalSpec(seed uint64, members int) Spec {
	return Spec{
		Seed: seed, Members: members, Departments: max(1, min(members/12, 30_000)),
		SeveralDepartments: 0.08, RootMembers: min(members/50, 20),
		Inactive: 0.02, NotActivated: 0.05, Namesakes: 0.03,
	}
}

// maxChildren stays below the 1000 direct sub-departments that Feishu and
// DingTalk allow (feishu.md §2.2, dingtalk.md §2).
const maxChildren = 500

// Generate makes the company of a spec: always the same for the same spec.
func Generate(spec Spec) *Company {
	if spec.Company == "" {
		spec.Company = "Acme"
	}
	if spec.MaxDepth == 0 {
		spec.MaxDepth = 6
	}
	c := newCompany(spec)
	rng := rand.New(rand.NewPCG(spec.Seed, 1))
	c.generateDepartments(rng)
	c.generatePeople(rng)
	c.generateGroups()
	return c
}

func (c *Company) generateDepartments(rng *rand.Rand) {
	total := max(1, c.spec.Departments)
	c.departments = make([]department, 0, total)
	depths := make([]int, 0, total)
	c.addDepartment(0, c.spec.Company)
	depths = append(depths, 0)
	for len(c.departments) < total {
		parent, ok := c.drawParent(rng, depths)
		if !ok {
			return
		}
		c.addDepartment(parent, c.newDepartmentName(parent))
		depths = append(depths, depths[parent-1]+1)
	}
}

// drawParent finds a department with room for one more below it.
func (c *Company) drawParent(rng *rand.Rand, depths []int) (Dept, bool) {
	hasRoom := func(d Dept) bool {
		return depths[d-1] < c.spec.MaxDepth && len(c.departments[d-1].children) < maxChildren
	}
	if len(depths) <= 8 && hasRoom(Root) { // the first ones are the company's divisions
		return Root, true
	}
	for range 50 {
		if d := Dept(1 + rng.IntN(len(depths))); hasRoom(d) {
			return d, true
		}
	}
	for d := range Dept(len(depths)) {
		if hasRoom(d + 1) {
			return d + 1, true
		}
	}
	return 0, false
}

// newDepartmentName is free among the children of parent, but used elsewhere.
func (c *Company) newDepartmentName(parent Dept) string {
	names := departmentNames
	if c.spec.SlashedNames {
		names = slices.Concat(names, slashedNames)
	}
	for i := len(c.departments[parent-1].children); ; i++ {
		name := names[(int(parent)+i)%len(names)]
		if i >= len(names) {
			name += " " + strconv.Itoa(i/len(names)+1)
		}
		if !c.hasChild(parent, name) {
			return name
		}
	}
}

func (c *Company) hasChild(parent Dept, name string) bool {
	return slices.ContainsFunc(c.departments[parent-1].children, func(d Dept) bool {
		return c.departments[d-1].name == name
	})
}

// addDepartment appends a department whose name is known to be free.
func (c *Company) addDepartment(parent Dept, name string) Dept {
	d := Dept(len(c.departments) + 1)
	order := uint32(c.mix(saltDepartmentOrder, int(d), 0)) // up to 4294967295 (wecom.md §2)
	c.departments = append(c.departments, department{parent: parent, name: name, order: order})
	if parent != 0 {
		c.departments[parent-1].children = append(c.departments[parent-1].children, d)
	}
	return d
}

func (c *Company) generatePeople(rng *rand.Rand) {
	names := newNamer(c.spec.Names, rng)
	c.people = make([]person, 0, c.spec.Members)
	for i := range c.spec.Members {
		var name string
		if i > 0 && rng.Float64() < c.spec.Namesakes {
			name = c.people[i-1].name
		} else {
			name = names.next()
		}
		p := c.addPerson(name)
		who := &c.people[p-1]
		who.frozen = rng.Float64() < c.spec.Inactive
		who.notActivated = rng.Float64() < c.spec.NotActivated
		departments := []Dept{Root}
		switch {
		case i < c.spec.RootMembers:
		case i < c.spec.RootMembers+c.spec.Largest && len(c.departments) > 1:
			departments = []Dept{Root + 1}
		default:
			departments = c.someDepartments(rng)
		}
		c.place(p, departments)
		if main := &c.departments[departments[0]-1]; len(main.leaders) == 0 && rng.IntN(4) > 0 {
			main.leaders = append(main.leaders, p)
		}
	}
}

func (c *Company) addPerson(name string) PersonID {
	p := PersonID(len(c.people) + 1)
	c.people = append(c.people, person{name: name, bears: int32(p)})
	return p
}

// someDepartments draws one or several; low numbers are larger departments.
func (c *Company) someDepartments(rng *rand.Rand) []Dept {
	below := len(c.departments) - 1
	if below == 0 {
		return []Dept{Root}
	}
	draw := func() Dept {
		u := rng.Float64()
		return Dept(2 + min(below-1, int(float64(below)*u*(0.5+u/2))))
	}
	list := []Dept{draw()}
	if rng.Float64() < c.spec.SeveralDepartments {
		for range 1 + rng.IntN(3) {
			if d := draw(); !slices.Contains(list, d) {
				list = append(list, d)
			}
		}
	}
	return list
}
