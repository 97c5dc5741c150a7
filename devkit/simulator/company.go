package simulator

import (
	"fmt"
	"slices"
	"sync"
)

// Dept and PersonID number a company's objects from 1 in the order in which they
// came. Numbers are never used again; external ids are made from them.
type (
	Dept     int32
	PersonID int32
)

// Root is every company's top department.
const Root Dept = 1

// maxObjects bounds the numbers, so that made-up ids are told from real ones.
// People's own numbers stay below half of it, those given for a change of user
// id above.
const maxObjects = 1 << 26

// noNumber is borne by leavers whose user id another person took over.
const noNumber = 0

// Company is one company's directory as its administrators see it: the truth
// that the vendors' APIs show and a sync has to arrive at. It is safe for
// concurrent use. Read it through View, change it through the other methods.
type Company struct {
	spec          Spec
	departmentIDs *Codec
	unionIDs      *Codec

	mu      sync.RWMutex
	version uint64 // grows with every change
	// touched is what the change at work concerns, watchers are told of it.
	touched     []Happened
	watchers    []*func([]Happened)
	departments []department
	people      []person
	groups      []group
	// administrators are in the order of appointment.
	administrators []appointment
	// fresh counts the numbers given to people beside their own.
	fresh int32
	// bearers finds who bears a number that is not their own.
	bearers map[int32]PersonID

	derived derived
}

// department and person are kept small: a million people take about 100 MB.
type department struct {
	parent   Dept
	order    uint32
	gone     bool
	name     string
	children []Dept
	members  []PersonID
	leaders  []PersonID
}

type person struct {
	name string
	// departments are where the person works, the main one first.
	departments []Dept
	changed     *changed
	// bears is the number that the person's user ids are made of: their own
	// unless it was changed or taken over from another person.
	bears int32
	left  bool
	// unlisted people are in no listing and no head count, though a look-up shows them.
	unlisted     bool
	frozen       bool
	notActivated bool
}

// changed holds what is no longer as it was generated.
type changed struct {
	Email, Phone, Title, EmployeeNo, City *string
	Manager                               *PersonID // 0 for none
}

func newCompany(spec Spec) *Company {
	tenant := fmt.Sprintf("%s/%d", spec.Company, spec.Seed)
	return &Company{
		spec:          spec,
		departmentIDs: NewCodec("department/" + tenant),
		unionIDs:      NewCodec("union/" + tenant),
		bearers:       map[int32]PersonID{},
	}
}

// Tenant distinguishes companies: no two of different name or seed share it.
func (c *Company) Tenant() string { return fmt.Sprintf("%s/%d", c.spec.Company, c.spec.Seed) }

// department returns a live department or nil.
func (c *Company) department(d Dept) *department {
	if d < 1 || int(d) > len(c.departments) || c.departments[d-1].gone {
		return nil
	}
	return &c.departments[d-1]
}

// person returns a person, who may have left, or nil.
func (c *Company) person(p PersonID) *person {
	if p < 1 || int(p) > len(c.people) {
		return nil
	}
	return &c.people[p-1]
}

// bearer returns who now bears a number.
func (c *Company) bearer(n int32) (PersonID, bool) {
	if p, ok := c.bearers[n]; ok {
		return p, true
	}
	if p := c.person(PersonID(n)); p != nil && p.bears == n {
		return PersonID(n), true
	}
	return 0, false
}

func (c *Company) place(p PersonID, departments []Dept) {
	c.people[p-1].departments = departments
	if c.people[p-1].unlisted {
		return
	}
	for _, d := range departments {
		dept := &c.departments[d-1]
		dept.members = append(dept.members, p)
	}
}

// withdraw takes the person out of a department on the department's side.
func (c *Company) withdraw(p PersonID, d Dept) {
	dept := &c.departments[d-1]
	dept.members = without(dept.members, p)
	dept.leaders = without(dept.leaders, p)
}

// without returns list with the value taken out; the others keep their order.
func without[T comparable](list []T, value T) []T {
	if i := slices.Index(list, value); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// mix is a number that looks random but only depends on the company and the
// arguments (splitmix64).
func (c *Company) mix(salt uint64, a, b int) uint64 {
	x := c.spec.Seed + salt*0x9e3779b97f4a7c15 + uint64(a)*0xbf58476d1ce4e5b9 + uint64(b)*0x94d049bb133111eb
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Salts of mix, one per thing that is derived.
const (
	saltEmail uint64 = iota + 1
	saltPhone
	saltTitle
	saltJoined
	saltListOrder
	saltMemberOrder
	saltDepartmentOrder
	saltWorkEmail
	saltAlias
	saltPhoneExtension
	saltPicture
	saltGender
	saltPlace
	saltEmployment
	saltLevel
	saltCustom
	saltEmployeeNo
)
