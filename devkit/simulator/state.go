package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A saved company is a stream of JSON documents: one head, then each department,
// then each person, then each group by number.

type savedHead struct {
	Spec        Spec   `json:"spec"`
	Version     uint64 `json:"version"`
	Fresh       int32  `json:"fresh"`
	Departments int    `json:"departments"`
	People      int    `json:"people"`
	Groups      int    `json:"groups,omitempty"`
	// Administrators are in the order of appointment.
	Administrators []appointment `json:"administrators,omitempty"`
}

type savedDepartment struct {
	Parent  Dept       `json:"parent,omitempty"`
	Order   uint32     `json:"order,omitempty"`
	Name    string     `json:"name,omitempty"`
	Gone    bool       `json:"gone,omitempty"`
	Leaders []PersonID `json:"leaders,omitempty"`
}

type savedPerson struct {
	Name         string   `json:"name"`
	Departments  []Dept   `json:"departments,omitempty"`
	Changed      *changed `json:"changed,omitempty"`
	Bears        int32    `json:"bears"`
	Left         bool     `json:"left,omitempty"`
	Unlisted     bool     `json:"unlisted,omitempty"`
	Frozen       bool     `json:"frozen,omitempty"`
	NotActivated bool     `json:"not_activated,omitempty"`
}

type savedGroup struct {
	Name        string              `json:"name,omitempty"`
	Category    string              `json:"category,omitempty"`
	Dynamic     bool                `json:"dynamic,omitempty"`
	Gone        bool                `json:"gone,omitempty"`
	Members     []PersonID          `json:"members,omitempty"`
	Departments []Dept              `json:"departments,omitempty"`
	Scopes      map[PersonID][]Dept `json:"scopes,omitempty"`
}

// Save writes the company so that Load brings it back with all its ids.
func (c *Company) Save(enc *json.Encoder) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	head := savedHead{
		Spec: c.spec, Version: c.version, Fresh: c.fresh,
		Departments: len(c.departments), People: len(c.people), Groups: len(c.groups), Administrators: c.administrators,
	}
	if err := enc.Encode(head); err != nil {
		return fmt.Errorf("save company: %w", err)
	}
	for _, d := range c.departments {
		if err := enc.Encode(savedDepartment{d.parent, d.order, d.name, d.gone, d.leaders}); err != nil {
			return fmt.Errorf("save company: %w", err)
		}
	}
	for _, p := range c.people {
		if err := enc.Encode(savedPerson{p.name, p.departments, p.changed, p.bears, p.left, p.unlisted, p.frozen,
			p.notActivated}); err != nil {
			return fmt.Errorf("save company: %w", err)
		}
	}
	for _, g := range c.groups {
		if err := enc.Encode(savedGroup{g.name, g.category, g.dynamic, g.gone, g.members, g.departments,
			g.scopes}); err != nil {
			return fmt.Errorf("save company: %w", err)
		}
	}
	return nil
}

// Load reads a company that Save wrote. People may stand in another order in the
// lists of departments that have changed.
func Load(dec *json.Decoder) (*Company, error) {
	var head savedHead
	if err := dec.Decode(&head); err != nil {
		return nil, fmt.Errorf("load company: %w", err)
	}
	if head.Departments < 1 || max(head.Departments, head.People, head.Groups) > maxObjects ||
		min(head.People, head.Groups) < 0 {
		return nil, fmt.Errorf("load company: impossible numbers of objects: %w", ErrRefused)
	}
	c := newCompany(head.Spec)
	c.version, c.fresh = head.Version, head.Fresh
	for i := range head.Departments {
		var d savedDepartment
		if err := dec.Decode(&d); err != nil {
			return nil, fmt.Errorf("load department %d: %w", i+1, err)
		}
		c.departments = append(
			c.departments,
			department{parent: d.Parent, order: d.Order, name: d.Name, gone: d.Gone, leaders: d.Leaders},
		)
	}
	if err := c.linkDepartments(); err != nil {
		return nil, err
	}
	for i := range head.People {
		var p savedPerson
		if err := dec.Decode(&p); err != nil {
			return nil, fmt.Errorf("load person %d: %w", i+1, err)
		}
		if err := c.loadPerson(p); err != nil {
			return nil, err
		}
	}
	for i := range head.Groups {
		var g savedGroup
		if err := dec.Decode(&g); err != nil {
			return nil, fmt.Errorf("load group %d: %w", i+1, err)
		}
		if err := c.loadGroup(g); err != nil {
			return nil, fmt.Errorf("load group %d: %w", i+1, err)
		}
	}
	for _, a := range head.Administrators {
		if err := c.Appoint(a.Person, a.Level); err != nil {
			return nil, fmt.Errorf("load administrators: %w", err)
		}
	}
	c.version = head.Version
	if err := c.verify(); err != nil {
		return nil, err
	}
	return c, nil
}

// verify refuses what loading piece by piece could not see.
func (c *Company) verify() error {
	for i := range c.departments {
		for _, p := range c.departments[i].leaders {
			if !slices.Contains(c.departments[i].members, p) {
				return fmt.Errorf("load department %d: its leader %d is not in it: %w", i+1, p, ErrRefused)
			}
		}
	}
	for i := range c.people {
		number := c.people[i].bears
		if bearer, ok := c.bearer(number); number != noNumber && (!ok || bearer != PersonID(i+1)) {
			return fmt.Errorf("load person %d: somebody else bears the number too: %w", i+1, ErrRefused)
		}
		if number == noNumber && !c.people[i].left || number < 0 || number >= maxObjects {
			return fmt.Errorf("load person %d: impossible number: %w", i+1, ErrRefused)
		}
	}
	return nil
}

// linkDepartments finds the children, and refuses a tree that is none.
func (c *Company) linkDepartments() error {
	for i := range c.departments {
		d, self := &c.departments[i], Dept(i+1)
		switch {
		case d.gone:
		case (d.parent == 0) != (self == Root), d.parent != 0 && c.department(d.parent) == nil:
			return fmt.Errorf("load department %d: impossible parent: %w", self, ErrRefused)
		case d.parent != 0:
			c.departments[d.parent-1].children = append(c.departments[d.parent-1].children, self)
		}
	}
	reached := []Dept{Root}
	for i := 0; i < len(reached); i++ {
		reached = append(reached, c.departments[reached[i]-1].children...)
	}
	for i := range c.departments {
		if c.departments[i].gone {
			reached = append(reached, Dept(i+1))
		}
	}
	if len(reached) != len(c.departments) || c.departments[0].gone {
		return fmt.Errorf("load company: some departments do not hang below the root: %w", ErrRefused)
	}
	return nil
}

func (c *Company) loadGroup(saved savedGroup) error {
	if saved.Gone {
		c.groups = append(c.groups, group{gone: true})
		return nil
	}
	g, err := c.AddGroup(saved.Name, saved.Category)
	for _, p := range saved.Members {
		err = errors.Join(err, c.JoinGroup(g, p))
	}
	for p, departments := range saved.Scopes {
		err = errors.Join(err, c.SetScope(g, p, departments...))
	}
	if len(saved.Departments) > 0 {
		err = errors.Join(err, c.SetGroupDepartments(g, saved.Departments...))
	}
	if err == nil {
		c.groups[g-1].dynamic = saved.Dynamic
	}
	return err
}

func (c *Company) loadPerson(p savedPerson) error {
	id := c.addPerson(p.Name)
	if p.Left == (len(p.Departments) > 0) {
		return fmt.Errorf("load person %d: works somewhere or has left, not both: %w", id, ErrRefused)
	}
	if !p.Left {
		if err := c.existing(p.Departments...); err != nil {
			return fmt.Errorf("load person %d: %w", id, err)
		}
	}
	who := &c.people[id-1]
	who.changed, who.left, who.unlisted = p.Changed, p.Left, p.Unlisted
	who.frozen, who.notActivated = p.Frozen, p.NotActivated
	c.bear(id, who, p.Bears)
	c.place(id, p.Departments)
	return nil
}
