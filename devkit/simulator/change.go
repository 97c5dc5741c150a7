package simulator

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of the changing methods.
var (
	ErrNoDepartment = errors.New("no such department")
	ErrNoPerson     = errors.New("no such person, or they have left")
	ErrRefused      = errors.New("not possible")
)

// change runs f alone and counts a new version unless f failed. A failing f must
// not have changed anything.
func (c *Company) change(f func() error) error {
	c.mu.Lock()
	c.touched = c.touched[:0]
	err := f()
	if err == nil {
		c.version++
	}
	happened, watchers := slices.Clone(c.touched), c.watchers
	c.mu.Unlock()
	if err != nil {
		return err
	}
	for _, told := range watchers {
		(*told)(happened)
	}
	return nil
}

// working returns a person who has not left.
func (c *Company) working(p PersonID) (*person, error) {
	who := c.person(p)
	if who == nil || who.left {
		return nil, fmt.Errorf("person %d: %w", p, ErrNoPerson)
	}
	return who, nil
}

func (c *Company) existing(departments ...Dept) error {
	if len(departments) == 0 {
		return fmt.Errorf("a person needs a department: %w", ErrRefused)
	}
	for i, d := range departments {
		if c.department(d) == nil {
			return fmt.Errorf("department %d: %w", d, ErrNoDepartment)
		}
		if slices.Contains(departments[:i], d) {
			return fmt.Errorf("department %d named twice: %w", d, ErrRefused)
		}
	}
	return nil
}

// Hire adds a person; the first department is the main one.
func (c *Company) Hire(name string, departments ...Dept) (PersonID, error) {
	var p PersonID
	err := c.change(func() error {
		if err := c.existing(departments...); err != nil {
			return err
		}
		p = c.addPerson(name)
		c.place(p, slices.Clone(departments))
		c.touchPerson(p, Created)
		return nil
	})
	return p, err
}

// Leave ends a person's work. Their ids stay theirs until another person takes them over.
func (c *Company) Leave(p PersonID) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err != nil {
			return err
		}
		c.setDepartments(p, nil)
		c.resign(p)
		c.touchPerson(p, Deleted)
		who.left = true
		return nil
	})
}

// Rehire brings back a person who left, with the user id they had unless it is
// another's by now.
func (c *Company) Rehire(p PersonID, departments ...Dept) error {
	return c.change(func() error {
		who := c.person(p)
		if who == nil || !who.left {
			return fmt.Errorf("person %d has not left: %w", p, ErrRefused)
		}
		if err := c.existing(departments...); err != nil {
			return err
		}
		if who.bears == noNumber {
			c.bear(p, who, c.freshNumber())
		}
		who.left = false
		c.place(p, slices.Clone(departments))
		c.touchPerson(p, Created)
		return nil
	})
}

// setDepartments replaces where a person works; leaderships elsewhere end.
func (c *Company) setDepartments(p PersonID, departments []Dept) {
	who := &c.people[p-1]
	for _, d := range who.departments {
		if !slices.Contains(departments, d) {
			c.withdraw(p, d)
		}
	}
	for _, d := range departments {
		if !slices.Contains(who.departments, d) && !who.unlisted {
			dept := &c.departments[d-1]
			dept.members = append(dept.members, p)
		}
	}
	who.departments = departments
	c.touch(Happened{Person: p, What: Updated, Moved: true})
}

// Unlist takes a person out of all listings and head counts, or puts them back: looked up
// alone they are shown as before.
func (c *Company) Unlist(p PersonID, unlisted bool) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err != nil || who.unlisted == unlisted {
			return err
		}
		for _, d := range who.departments {
			c.withdraw(p, d)
		}
		who.unlisted = unlisted
		c.place(p, who.departments)
		return nil
	})
}

// SetDepartments says where a person works from now on, the main one first.
func (c *Company) SetDepartments(p PersonID, departments ...Dept) error {
	return c.change(func() error {
		if _, err := c.working(p); err != nil {
			return err
		}
		if err := c.existing(departments...); err != nil {
			return err
		}
		c.setDepartments(p, slices.Clone(departments))
		return nil
	})
}

// Move takes a person from one department to another.
func (c *Company) Move(p PersonID, from, to Dept) error {
	return c.editDepartments(p, func(list []Dept) ([]Dept, error) {
		i := slices.Index(list, from)
		if i < 0 {
			return nil, fmt.Errorf("person %d is not in department %d: %w", p, from, ErrRefused)
		}
		list[i] = to
		return list, nil
	})
}

// Join adds a department to those a person works in.
func (c *Company) Join(p PersonID, d Dept) error {
	return c.editDepartments(p, func(list []Dept) ([]Dept, error) { return append(list, d), nil })
}

// LeaveDepartment takes a person out of one of several departments.
func (c *Company) LeaveDepartment(p PersonID, d Dept) error {
	return c.editDepartments(p, func(list []Dept) ([]Dept, error) {
		if !slices.Contains(list, d) {
			return nil, fmt.Errorf("person %d is not in department %d: %w", p, d, ErrRefused)
		}
		return without(list, d), nil
	})
}

func (c *Company) editDepartments(p PersonID, edit func([]Dept) ([]Dept, error)) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err != nil {
			return err
		}
		list, err := edit(slices.Clone(who.departments))
		if err != nil {
			return err
		}
		if err := c.existing(list...); err != nil {
			return err
		}
		c.setDepartments(p, list)
		return nil
	})
}

func (c *Company) edit(p PersonID, f func(*person)) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err == nil {
			f(who)
			c.touchPerson(p, Updated)
		}
		return err
	})
}

// Rename gives a person another name.
func (c *Company) Rename(p PersonID, name string) error {
	return c.edit(p, func(who *person) { who.name = name })
}

func (who *person) edited() *changed {
	if who.changed == nil {
		who.changed = &changed{}
	}
	return who.changed
}

// SetEmail gives a person another e-mail address; empty takes it away.
func (c *Company) SetEmail(p PersonID, email string) error {
	return c.edit(p, func(who *person) { who.edited().Email = &email })
}

// SetPhone gives a person another number in E.164 form; empty takes it away.
func (c *Company) SetPhone(p PersonID, phone string) error {
	return c.edit(p, func(who *person) { who.edited().Phone = &phone })
}

// SetTitle gives a person another title; empty takes it away.
func (c *Company) SetTitle(p PersonID, title string) error {
	return c.edit(p, func(who *person) { who.edited().Title = &title })
}

// SetEmployeeNo gives a person another employee number; empty takes it away.
func (c *Company) SetEmployeeNo(p PersonID, number string) error {
	return c.edit(p, func(who *person) { who.edited().EmployeeNo = &number })
}

// SetCity has a person sit in another city; empty takes it away.
func (c *Company) SetCity(p PersonID, city string) error {
	return c.edit(p, func(who *person) { who.edited().City = &city })
}

// SetManager says whom a person reports to, whoever leads their department; 0 is nobody.
func (c *Company) SetManager(p, manager PersonID) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err != nil {
			return err
		}
		if manager == p {
			return fmt.Errorf("person %d as their own manager: %w", p, ErrRefused)
		}
		if manager != 0 {
			if _, err := c.working(manager); err != nil {
				return err
			}
		}
		who.edited().Manager = &manager
		c.touchPerson(p, Updated)
		return nil
	})
}

// Freeze suspends a person, or ends that.
func (c *Company) Freeze(p PersonID, frozen bool) error {
	return c.edit(p, func(who *person) { who.frozen = frozen })
}

// Activate says whether a person has used the vendor's app.
func (c *Company) Activate(p PersonID, activated bool) error {
	return c.edit(p, func(who *person) { who.notActivated = !activated })
}

// ChangeUserID gives a person a user id that nobody had before; the union id stays.
func (c *Company) ChangeUserID(p PersonID) error {
	return c.change(func() error {
		who, err := c.working(p)
		if err != nil {
			return err
		}
		was := who.bears
		c.bear(p, who, c.freshNumber())
		c.touchUserID(p, was)
		return nil
	})
}

// RecycleUserID gives a person the user id of a person who has left.
func (c *Company) RecycleUserID(from, to PersonID) error {
	return c.change(func() error {
		leaver := c.person(from)
		if leaver == nil || !leaver.left || leaver.bears == noNumber {
			return fmt.Errorf("person %d has not left: %w", from, ErrRefused)
		}
		who, err := c.working(to)
		if err != nil {
			return err
		}
		number := leaver.bears
		c.bear(from, leaver, noNumber)
		was := who.bears
		c.bear(to, who, number)
		c.touchUserID(to, was)
		return nil
	})
}

func (c *Company) freshNumber() int32 {
	c.fresh++
	return maxObjects/2 + c.fresh
}

func (c *Company) bear(p PersonID, who *person, number int32) {
	if c.bearers[who.bears] == p {
		delete(c.bearers, who.bears)
	}
	who.bears = number
	if number != int32(p) && number != noNumber {
		c.bearers[number] = p
	}
}
