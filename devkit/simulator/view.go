package simulator

import (
	"cmp"
	"iter"
	"slices"
	"sync"

	"github.com/orgsync/orgsync/internal/directory"
)

// Department is one department as it is now.
type Department struct {
	ID     Dept
	Parent Dept // 0 for the root
	Name   string
	// Order is a figure below 2^32; its direction is each vendor's own.
	Order int64
}

// Person is one person as they are now.
type Person struct {
	ID   PersonID
	Name string
	// Email, Phone (E.164) and Title are empty where the person has none.
	Email, Phone, Title string
	// Departments are where the person works, the main one first. Not to be changed.
	Departments []Dept
	// Joined is the time of joining in Unix seconds, 0 if it is not on record.
	Joined int64
	// Left people work nowhere; Frozen ones are suspended; Activated ones have
	// used the vendor's app at least once.
	Left, Frozen, Activated bool

	bears int32
}

// View is a consistent sight of a company. It is valid only inside the function
// it was given to, which must not change the company.
type View struct{ c *Company }

// View calls f with a sight of the company that no change can disturb.
func (c *Company) View(f func(*View)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f(&View{c: c})
}

// Version grows with every change.
func (v *View) Version() uint64 { return v.c.version }

// Department returns a department unless it was deleted or never existed.
func (v *View) Department(d Dept) (Department, bool) {
	dept := v.c.department(d)
	if dept == nil {
		return Department{}, false
	}
	return Department{ID: d, Parent: dept.parent, Name: dept.name, Order: int64(dept.order)}, true
}

// Departments yields all departments by number.
func (v *View) Departments() iter.Seq[Department] {
	return func(yield func(Department) bool) {
		for i := range v.c.departments {
			if d, ok := v.Department(Dept(i + 1)); ok && !yield(d) {
				return
			}
		}
	}
}

// Children are the departments directly below, in no useful order. Not to be changed.
func (v *View) Children(d Dept) []Dept {
	if dept := v.c.department(d); dept != nil {
		return dept.children
	}
	return nil
}

// Members are the people directly in the department. Not to be changed.
func (v *View) Members(d Dept) []PersonID {
	if dept := v.c.department(d); dept != nil {
		return dept.members
	}
	return nil
}

// Leaders are those of the members who lead the department. Not to be changed.
func (v *View) Leaders(d Dept) []PersonID {
	if dept := v.c.department(d); dept != nil {
		return dept.leaders
	}
	return nil
}

// Leads reports whether the person leads the department.
func (v *View) Leads(p PersonID, d Dept) bool { return slices.Contains(v.Leaders(d), p) }

// Ancestors are the departments above d, the nearest first, the root last.
func (v *View) Ancestors(d Dept) []Dept {
	var up []Dept
	for dept := v.c.department(d); dept != nil && dept.parent != 0; dept = v.c.department(dept.parent) {
		up = append(up, dept.parent)
	}
	return up
}

// Person returns a person, also one who has left.
func (v *View) Person(p PersonID) (Person, bool) {
	rec := v.c.person(p)
	if rec == nil {
		return Person{}, false
	}
	made := Person{
		ID: p, Name: rec.name, Departments: rec.departments, bears: rec.bears,
		Email: v.c.email(p), Phone: v.c.phone(p), Title: v.c.title(p), Joined: v.c.joined(p),
		Left: rec.left, Frozen: rec.frozen, Activated: !rec.notActivated,
	}
	if rec.changed != nil {
		replace(&made.Email, rec.changed.Email)
		replace(&made.Phone, rec.changed.Phone)
		replace(&made.Title, rec.changed.Title)
	}
	return made, true
}

// People yields all people who has not left, by number.
func (v *View) People() iter.Seq[Person] {
	return func(yield func(Person) bool) {
		for i := range v.c.people {
			if v.c.people[i].left {
				continue
			}
			if p, ok := v.Person(PersonID(i + 1)); ok && !yield(p) {
				return
			}
		}
	}
}

// LastPerson is the highest number that a person bears, for walking by number.
func (v *View) LastPerson() PersonID { return PersonID(len(v.c.people)) }

// PersonByUserID finds who bears a user id now, also one who has left.
func (v *View) PersonByUserID(t directory.ProviderType, id string) (Person, bool) {
	n, ok := v.c.parseUserID(t, id)
	if !ok {
		return Person{}, false
	}
	p, ok := v.c.bearer(n)
	if !ok {
		return Person{}, false
	}
	return v.Person(p)
}

// PersonByNumber finds who bears a number now, also one who has left.
func (v *View) PersonByNumber(n int) (Person, bool) {
	p, ok := v.c.bearer(int32(n))
	if !ok {
		return Person{}, false
	}
	return v.Person(p)
}

// MemberOrder is the person's sort figure in a department, below 2^31.
func (v *View) MemberOrder(p PersonID, d Dept) int64 {
	return int64(v.c.mix(saltMemberOrder, int(p), int(d)) >> 33)
}

// Shuffled returns the departments of a person or of a list in an order that
// means nothing but is always the same for the same of.
func (v *View) Shuffled(list []Dept, of int) []Dept {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b Dept) int {
		return cmp.Compare(v.c.mix(saltListOrder, of, int(a)), v.c.mix(saltListOrder, of, int(b)))
	})
	return out
}

// derived are figures that are costly to find, kept until the company changes.
type derived struct {
	mu      sync.Mutex
	version uint64
	counts  [2][]int32 // by every department, by the main one only
	below   map[Dept][]Dept
}

// fresh forgets what an older version of the company said. Its lock must be held.
func (d *derived) fresh(version uint64) {
	if d.version != version || d.below == nil {
		d.version, d.counts, d.below = version, [2][]int32{}, map[Dept][]Dept{}
	}
}

// Below are all departments below d, shuffled: children may come before their
// parents. Not to be changed.
func (v *View) Below(d Dept) []Dept {
	cache := &v.c.derived
	cache.mu.Lock()
	defer cache.mu.Unlock()
	cache.fresh(v.c.version)
	if list, ok := cache.below[d]; ok {
		return list
	}
	list := slices.Clone(v.Children(d))
	for i := 0; i < len(list); i++ {
		list = append(list, v.Children(list[i])...)
	}
	list = v.Shuffled(list, int(d))
	cache.below[d] = list
	return list
}

// Count is the number of different people in the department and all below it.
func (v *View) Count(d Dept) int { return v.count(d, 0) }

// CountMain is the number of those whose main department is there.
func (v *View) CountMain(d Dept) int { return v.count(d, 1) }

func (v *View) count(d Dept, kind int) int {
	cache := &v.c.derived
	cache.mu.Lock()
	defer cache.mu.Unlock()
	cache.fresh(v.c.version)
	if cache.counts[kind] == nil {
		cache.counts[kind] = v.countAll(kind == 1)
	}
	if v.c.department(d) == nil {
		return 0
	}
	return int(cache.counts[kind][d-1])
}

func (v *View) countAll(mainOnly bool) []int32 {
	counts := make([]int32, len(v.c.departments))
	counted := make([]int32, len(v.c.departments)) // the last person counted in a department
	for i := range v.c.people {
		list := v.c.people[i].departments
		if v.c.people[i].unlisted {
			continue
		}
		if mainOnly {
			list = list[:min(1, len(list))]
		}
		for _, d := range list {
			for d != 0 && counted[d-1] != int32(i+1) {
				counted[d-1] = int32(i + 1)
				counts[d-1]++
				d = v.c.departments[d-1].parent
			}
		}
	}
	return counts
}
