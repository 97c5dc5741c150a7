package simulator

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// GroupID numbers a company's groups from 1. DingTalk shows a group as a role, Feishu as a
// user group, WeCom as a tag.
type GroupID int32

// ErrNoGroup: the group was deleted or never existed.
var ErrNoGroup = errors.New("no such group")

// Group is one group as it is now.
type Group struct {
	ID   GroupID
	Name string
	// Category is the name of DingTalk's role group.
	Category string
	// Description is Feishu's; Dynamic groups follow from a rule there and have no departments.
	Description string
	Dynamic     bool
	// Members and Departments are in the order of joining. Not to be changed. DingTalk's
	// roles have no departments.
	Members     []PersonID
	Departments []Dept
}

type group struct {
	name, category string
	dynamic, gone  bool
	members        []PersonID
	departments    []Dept
	// scopes are the areas of management of some of the members.
	scopes map[PersonID][]Dept
}

// appointment makes a person an administrator, at the main or the sub level.
type appointment struct {
	Person PersonID                     `json:"person"`
	Level  directory.AdministratorLevel `json:"level"`
}

// group returns a live group or nil.
func (c *Company) group(g GroupID) *group {
	if g < 1 || int(g) > len(c.groups) || c.groups[g-1].gone {
		return nil
	}
	return &c.groups[g-1]
}

// Group returns a group unless it was deleted or never existed.
func (v *View) Group(g GroupID) (Group, bool) {
	found := v.c.group(g)
	if found == nil {
		return Group{}, false
	}
	made := Group{ID: g, Name: found.name, Category: found.category, Dynamic: found.dynamic, Members: found.members}
	if g%3 != 0 {
		made.Description = fmt.Sprintf("Group %d of %s", g, v.c.spec.Company)
	}
	if !found.dynamic {
		made.Departments = found.departments
	}
	return made, true
}

// Groups yields all groups by number.
func (v *View) Groups() iter.Seq[Group] {
	return func(yield func(Group) bool) {
		for i := range v.c.groups {
			if g, ok := v.Group(GroupID(i + 1)); ok && !yield(g) {
				return
			}
		}
	}
}

// GroupsOf are the groups that a person belongs to directly.
func (v *View) GroupsOf(p PersonID) (list []Group) {
	for g := range v.Groups() {
		if slices.Contains(g.Members, p) {
			list = append(list, g)
		}
	}
	return list
}

// Scope is a group member's area of management, empty for most. Not to be changed.
func (v *View) Scope(g GroupID, p PersonID) []Dept {
	if found := v.c.group(g); found != nil {
		return found.scopes[p]
	}
	return nil
}

// Administrators are the persons at a level, in the order of appointment.
func (v *View) Administrators(level directory.AdministratorLevel) (list []PersonID) {
	for _, a := range v.c.administrators {
		if a.Level == level {
			list = append(list, a.Person)
		}
	}
	return list
}

// Administers reports whether a person is an administrator at the level.
func (v *View) Administers(p PersonID, level directory.AdministratorLevel) bool {
	return slices.Contains(v.c.administrators, appointment{p, level})
}

// changeGroup lets f change a live group.
func (c *Company) changeGroup(g GroupID, f func(*group) error) error {
	return c.change(func() error {
		found := c.group(g)
		if found == nil {
			return fmt.Errorf("group %d: %w", g, ErrNoGroup)
		}
		before := *found
		before.members, before.departments = slices.Clone(found.members), slices.Clone(found.departments)
		err := f(found)
		if err == nil {
			c.touchGroup(g, before)
		}
		return err
	})
}

func (c *Company) touchGroup(g GroupID, before group) {
	now := c.groups[g-1]
	h := Happened{Group: g, What: Updated}
	if now.gone {
		h.What = Deleted
	} else {
		h.Members, h.Departments = joining(before.members, now.members), joining(before.departments, now.departments)
	}
	c.touch(h)
}

func (c *Company) groupNamed(name string) bool {
	return slices.ContainsFunc(c.groups, func(g group) bool { return !g.gone && g.name == name })
}

// AddGroup adds an empty group. Names are free only once.
func (c *Company) AddGroup(name, category string) (GroupID, error) {
	var g GroupID
	err := c.change(func() error {
		if c.groupNamed(name) {
			return fmt.Errorf("add group: name is taken: %w", ErrRefused)
		}
		c.groups = append(c.groups, group{name: name, category: category})
		g = GroupID(len(c.groups))
		c.touch(Happened{Group: g, What: Created})
		return nil
	})
	return g, err
}

// RenameGroup gives a group another name.
func (c *Company) RenameGroup(g GroupID, name string) error {
	return c.changeGroup(g, func(found *group) error {
		if found.name != name && c.groupNamed(name) {
			return fmt.Errorf("rename group %d: name is taken: %w", g, ErrRefused)
		}
		found.name = name
		return nil
	})
}

// DeleteGroup removes a group.
func (c *Company) DeleteGroup(g GroupID) error {
	return c.changeGroup(g, func(found *group) error {
		*found = group{gone: true}
		return nil
	})
}

// JoinGroup adds a person to a group.
func (c *Company) JoinGroup(g GroupID, p PersonID) error {
	return c.changeGroup(g, func(found *group) error {
		if _, err := c.working(p); err != nil {
			return err
		}
		if slices.Contains(found.members, p) {
			return fmt.Errorf("person %d is in group %d: %w", p, g, ErrRefused)
		}
		found.members = append(found.members, p)
		return nil
	})
}

// LeaveGroup takes a person out of a group.
func (c *Company) LeaveGroup(g GroupID, p PersonID) error {
	return c.changeGroup(g, func(found *group) error {
		if !slices.Contains(found.members, p) {
			return fmt.Errorf("person %d is not in group %d: %w", p, g, ErrRefused)
		}
		found.remove(p)
		return nil
	})
}

func (g *group) remove(p PersonID) {
	g.members = without(g.members, p)
	delete(g.scopes, p)
}

// SetGroupDepartments says which departments belong to a group as a whole.
func (c *Company) SetGroupDepartments(g GroupID, departments ...Dept) error {
	return c.changeGroup(g, func(found *group) error {
		if found.dynamic {
			return fmt.Errorf("group %d follows from a rule: %w", g, ErrRefused)
		}
		if err := c.distinct(departments); err != nil {
			return err
		}
		found.departments = slices.Clone(departments)
		return nil
	})
}

// SetScope gives a group's member an area of management; none takes it away.
func (c *Company) SetScope(g GroupID, p PersonID, departments ...Dept) error {
	return c.changeGroup(g, func(found *group) error {
		if !slices.Contains(found.members, p) {
			return fmt.Errorf("person %d is not in group %d: %w", p, g, ErrRefused)
		}
		if err := c.distinct(departments); err != nil {
			return err
		}
		found.setScope(p, slices.Clone(departments))
		return nil
	})
}

func (g *group) setScope(p PersonID, departments []Dept) {
	if len(departments) == 0 {
		delete(g.scopes, p)
		return
	}
	if g.scopes == nil {
		g.scopes = map[PersonID][]Dept{}
	}
	g.scopes[p] = departments
}

// distinct is existing, but none are fine too.
func (c *Company) distinct(departments []Dept) error {
	if len(departments) == 0 {
		return nil
	}
	return c.existing(departments...)
}

// Appoint makes a person an administrator; the empty level ends that.
func (c *Company) Appoint(p PersonID, level directory.AdministratorLevel) error {
	return c.change(func() error {
		if _, err := c.working(p); err != nil {
			return err
		}
		if level != "" && level != directory.MainAdministrator && level != directory.SubAdministrator {
			return fmt.Errorf("administrator of level %q: %w", level, ErrRefused)
		}
		c.dismiss(p)
		h := Happened{Person: p, Administrator: true, What: Deleted}
		if level != "" {
			h.What = Created
			c.administrators = append(c.administrators, appointment{p, level})
		}
		c.touch(h)
		return nil
	})
}

func (c *Company) dismiss(p PersonID) {
	c.administrators = slices.DeleteFunc(c.administrators, func(a appointment) bool { return a.Person == p })
}

// resign takes a leaver out of all groups and offices.
func (c *Company) resign(p PersonID) {
	for i := range c.groups {
		c.groups[i].remove(p)
	}
	c.dismiss(p)
}

// ungroup takes a deleted department out of all groups and scopes.
func (c *Company) ungroup(d Dept) {
	for i := range c.groups {
		g := &c.groups[i]
		g.departments = without(g.departments, d)
		for _, p := range slices.Collect(maps.Keys(g.scopes)) {
			g.setScope(p, without(g.scopes[p], d))
		}
	}
}
