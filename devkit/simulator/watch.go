package simulator

import (
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// What happened to an object.
const (
	Created = "created"
	Updated = "updated"
	Deleted = "deleted"
)

// Happened is one object that a change concerned: a person, a department, a group, or a person's
// place among the administrators.
type Happened struct {
	Person     PersonID
	Department Dept
	Group      GroupID
	What       string
	// Administrator says that a person was appointed (Created) or dismissed (Deleted).
	Administrator bool
	// Members and Departments are those who joined or left the group.
	Members     Joining[PersonID]
	Departments Joining[Dept]
	// Moved says that a person is in other departments now, or a department below another.
	Moved bool
	// Leads says that all that happened is that a person leads a department, or no more.
	Leads bool
	// was is the number of the user id that a person had before, 0 where it stayed.
	was int32
}

// Joining is who joined a group, and who left it.
type Joining[T comparable] struct{ Joined, Left []T }

// Any reports whether anybody did.
func (j Joining[T]) Any() bool { return len(j.Joined)+len(j.Left) > 0 }

func joining[T comparable](before, after []T) Joining[T] {
	return Joining[T]{
		Joined: slices.DeleteFunc(slices.Clone(after), func(one T) bool { return slices.Contains(before, one) }),
		Left:   slices.DeleteFunc(slices.Clone(before), func(one T) bool { return slices.Contains(after, one) }),
	}
}

// OfGroups reports whether it concerns a group or an administrator.
func (h Happened) OfGroups() bool { return h.Group != 0 || h.Administrator }

// Watch has every later change told to a function, once it was made, until stop is called.
func (c *Company) Watch(told func([]Happened)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &told
	c.watchers = append(c.watchers, one)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		// Into a new list: a change may be telling those of the old one.
		c.watchers = slices.DeleteFunc(slices.Clone(c.watchers), func(w *func([]Happened)) bool { return w == one })
	}
}

// FormerUserID is the user id that a person had before the change, empty where it stayed.
func (c *Company) FormerUserID(t directory.ProviderType, h Happened) string {
	if h.was == noNumber {
		return ""
	}
	return c.userID(t, h.was)
}

func (c *Company) touchPerson(p PersonID, what string) { c.touch(Happened{Person: p, What: what}) }

func (c *Company) touchUserID(p PersonID, was int32) {
	c.touch(Happened{Person: p, What: Updated, was: was})
}

func (c *Company) touchDepartment(d Dept, what string) { c.touch(Happened{Department: d, What: what}) }

// touch notes an object once; of several things that happened to it the one that says most
// counts.
func (c *Company) touch(h Happened) {
	for i, one := range c.touched {
		if one.Person == h.Person && one.Department == h.Department && !one.OfGroups() && !h.OfGroups() {
			if h.What != Updated {
				c.touched[i].What = h.What
			}
			c.touched[i].Moved, c.touched[i].Leads = one.Moved || h.Moved, one.Leads && h.Leads
			return
		}
	}
	c.touched = append(c.touched, h)
}
