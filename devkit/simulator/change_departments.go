package simulator

import (
	"fmt"
	"slices"
)

// AddDepartment adds a department. Names are free only once below one parent.
func (c *Company) AddDepartment(parent Dept, name string) (Dept, error) {
	var d Dept
	err := c.change(func() error {
		if err := c.existing(parent); err != nil {
			return err
		}
		if c.hasChild(parent, name) {
			return fmt.Errorf("add department below %d: name is taken: %w", parent, ErrRefused)
		}
		d = c.addDepartment(parent, name)
		c.touchDepartment(d, Created)
		return nil
	})
	return d, err
}

// RenameDepartment gives a department another name; the root's is the company's.
func (c *Company) RenameDepartment(d Dept, name string) error {
	return c.change(func() error {
		if err := c.existing(d); err != nil {
			return err
		}
		return c.changeDepartment(d, c.departments[d-1].parent, name)
	})
}

// MoveDepartment puts a department with everything in it below another.
func (c *Company) MoveDepartment(d, parent Dept) error {
	return c.change(func() error {
		if err := c.existing(d); err != nil {
			return err
		}
		return c.changeDepartment(d, parent, c.departments[d-1].name)
	})
}

// ChangeDepartment renames and moves at once.
func (c *Company) ChangeDepartment(d, parent Dept, name string) error {
	return c.change(func() error { return c.changeDepartment(d, parent, name) })
}

func (c *Company) changeDepartment(d, parent Dept, name string) error {
	dept := c.department(d)
	if dept == nil {
		return fmt.Errorf("department %d: %w", d, ErrNoDepartment)
	}
	if parent == dept.parent && name == dept.name {
		return nil
	}
	if parent == 0 || d == Root {
		if parent != 0 || d != Root {
			return fmt.Errorf("department %d cannot become or stop being the root: %w", d, ErrRefused)
		}
		dept.name = name
		c.touchDepartment(d, Updated)
		return nil
	}
	if err := c.existing(parent); err != nil {
		return err
	}
	for up := parent; up != 0; up = c.departments[up-1].parent {
		if up == d {
			return fmt.Errorf("department %d cannot go below itself: %w", d, ErrRefused)
		}
	}
	if c.hasChild(parent, name) {
		return fmt.Errorf("department %d: name is taken below %d: %w", d, parent, ErrRefused)
	}
	old := &c.departments[dept.parent-1]
	old.children = without(old.children, d)
	c.departments[parent-1].children = append(c.departments[parent-1].children, d)
	c.touch(Happened{Department: d, What: Updated, Moved: dept.parent != parent})
	dept.parent, dept.name = parent, name
	return nil
}

// DeleteDepartment removes a department and all below it. People who worked
// only there go to its parent.
func (c *Company) DeleteDepartment(d Dept) error {
	return c.change(func() error {
		dept := c.department(d)
		if dept == nil || d == Root {
			return fmt.Errorf("delete department %d: %w", d, ErrNoDepartment)
		}
		parent := dept.parent
		c.departments[parent-1].children = without(c.departments[parent-1].children, d)
		c.empty(d, parent)
		return nil
	})
}

func (c *Company) empty(d, heir Dept) {
	dept := &c.departments[d-1]
	for _, child := range dept.children {
		c.empty(child, heir)
	}
	for _, p := range slices.Clone(dept.members) {
		list := without(slices.Clone(c.people[p-1].departments), d)
		if len(list) == 0 {
			list = []Dept{heir}
		}
		c.setDepartments(p, list)
	}
	c.ungroup(d)
	*dept = department{gone: true}
	c.touchDepartment(d, Deleted)
}

// SetLeader makes one of the department's own people its leader, or ends that.
func (c *Company) SetLeader(d Dept, p PersonID, leads bool) error {
	return c.change(func() error {
		if err := c.existing(d); err != nil {
			return err
		}
		dept := &c.departments[d-1]
		if !slices.Contains(dept.members, p) {
			return fmt.Errorf("person %d is not in department %d: %w", p, d, ErrRefused)
		}
		dept.leaders = without(dept.leaders, p)
		if leads {
			dept.leaders = append(dept.leaders, p)
		}
		c.touchDepartment(d, Updated)
		c.touch(Happened{Person: p, What: Updated, Leads: true})
		return nil
	})
}
