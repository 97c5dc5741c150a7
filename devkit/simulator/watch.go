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

// Happened is one object that a change concerned: a person or a department.
type Happened struct {
	Person     PersonID
	Department Dept
	What       string
	// Moved says that a person is in other departments now, or a department below another.
	Moved bool
	// Leads says that all that happened is that a person leads a department, or no more.
	Leads bool
	// was is the number of the user id that a person had before, 0 where it stayed.
	was int32
}

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
		if one.Person == h.Person && one.Department == h.Department {
			if h.What != Updated {
				c.touched[i].What = h.What
			}
			c.touched[i].Moved, c.touched[i].Leads = one.Moved || h.Moved, one.Leads && h.Leads
			return
		}
	}
	c.touched = append(c.touched, h)
}
