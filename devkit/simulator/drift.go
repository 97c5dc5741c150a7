package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Drift changes a share (0 to 1) of the people, departments and groups in the mix
// in which companies change, and returns how often it did what. The outcome only
// depends on the company, the seed and the share.
func (c *Company) Drift(seed uint64, share float64) map[string]int {
	d := &drift{c: c, rng: rand.New(rand.NewPCG(seed, 2)), done: map[string]int{}}
	d.names = newNamer(c.spec.Names, d.rng)
	d.survey()
	departments, people := len(d.departments), len(d.people)
	d.run(int(math.Ceil(float64(departments)*share/2)), d.departmentSteps())
	d.run(int(math.Ceil(float64(people)*share)), d.personSteps())
	d.run(int(math.Ceil(float64(len(d.groups))*share)), d.groupSteps())
	return d.done
}

type drift struct {
	c           *Company
	rng         *rand.Rand
	names       *namer
	departments []Dept
	people      []PersonID
	leavers     []PersonID
	groups      []GroupID
	made        int
	done        map[string]int
}

// step is one kind of change with its weight.
type step struct {
	weight int
	name   string
	do     func() error
}

// survey lists what there is to change.
func (d *drift) survey() {
	d.c.View(func(v *View) {
		for dept := range v.Departments() {
			d.departments = append(d.departments, dept.ID)
		}
		for p := PersonID(1); p <= v.LastPerson(); p++ {
			if who, _ := v.Person(p); who.Left {
				d.leavers = append(d.leavers, p)
			} else {
				d.people = append(d.people, p)
			}
		}
		for g := range v.Groups() {
			d.groups = append(d.groups, g.ID)
		}
	})
}

// run makes n changes. A change that turns out impossible (two people drawn for
// the same thing, a full name clash) is drawn anew, within reason.
func (d *drift) run(n int, steps []step) {
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	for tries := 0; n > 0 && tries < 100; {
		at := d.rng.IntN(total)
		i := slices.IndexFunc(steps, func(s step) bool { at -= s.weight; return at < 0 })
		if err := steps[i].do(); err != nil {
			tries++
			continue
		}
		d.done[steps[i].name]++
		n, tries = n-1, 0
	}
}

func (d *drift) department() Dept { return d.departments[d.rng.IntN(len(d.departments))] }

func (d *drift) person() PersonID {
	if len(d.people) == 0 {
		return 0
	}
	return d.people[d.rng.IntN(len(d.people))]
}

func (d *drift) leaver() PersonID {
	if len(d.leavers) == 0 {
		return 0
	}
	return d.leavers[d.rng.IntN(len(d.leavers))]
}

// worksIn returns where a person works now.
func (d *drift) worksIn(p PersonID) []Dept {
	var list []Dept
	d.c.View(func(v *View) {
		who, _ := v.Person(p)
		list = slices.Clone(who.Departments)
	})
	return list
}

func (d *drift) newName(kind string) string {
	d.made++
	return fmt.Sprintf("%s %d", kind, d.rng.IntN(1_000_000)+d.made)
}

func (d *drift) departmentSteps() []step {
	return []step{
		{35, "department_renamed", d.renameDepartment},
		{25, "department_added", func() error {
			dept, err := d.c.AddDepartment(d.department(), d.newName("Neu"))
			if err == nil {
				d.departments = append(d.departments, dept)
			}
			return err
		}},
		{20, "department_moved", func() error { return d.moveDepartment(false) }},
		{10, "department_renamed_and_moved", func() error { return d.moveDepartment(true) }},
		{10, "department_deleted", d.deleteDepartment},
	}
}

// renameDepartment spares the root: with the company's own name everybody's path
// changes, which is no share of it.
func (d *drift) renameDepartment() error {
	dept := d.department()
	var now Department
	d.c.View(func(v *View) { now, _ = v.Department(dept) })
	if now.Parent == 0 {
		return fmt.Errorf("rename department %d: %w", dept, ErrRefused)
	}
	return d.c.RenameDepartment(dept, d.newName("新部门"))
}

func (d *drift) moveDepartment(rename bool) error {
	dept, parent := d.department(), d.department()
	var now Department
	var exists, tooDeep bool
	d.c.View(func(v *View) {
		now, exists = v.Department(dept)
		tooDeep = len(v.Ancestors(parent)) > 10 // WeCom's limit is 15 with what hangs below (wecom.md §2)
	})
	if !exists || tooDeep || now.Parent == parent {
		return fmt.Errorf("move department %d: %w", dept, ErrRefused)
	}
	name := now.Name
	if rename {
		name = d.newName("合并")
	}
	return d.c.ChangeDepartment(dept, parent, name)
}

// deleteDepartment spares departments with others below them: one deletion is
// one change.
func (d *drift) deleteDepartment() error {
	dept := d.department()
	var inner bool
	d.c.View(func(v *View) { inner = len(v.Children(dept)) > 0 })
	if inner {
		return fmt.Errorf("delete department %d: %w", dept, ErrRefused)
	}
	return d.c.DeleteDepartment(dept)
}

func (d *drift) personSteps() []step {
	number := func() int { return d.rng.IntN(90_000_000) + 10_000_000 }
	return []step{
		{14, "title_changed", func() error { return d.c.SetTitle(d.person(), d.newName("Title")) }},
		{4, "employee_no_changed", func() error { return d.c.SetEmployeeNo(d.person(), fmt.Sprintf("N%d", number())) }},
		{1, "employee_no_cleared", func() error { return d.c.SetEmployeeNo(d.person(), "") }},
		{4, "manager_changed", func() error { return d.c.SetManager(d.person(), d.person()) }},
		{1, "manager_cleared", func() error { return d.c.SetManager(d.person(), 0) }},
		{4, "city_changed", func() error { return d.c.SetCity(d.person(), fmt.Sprintf("City %d", number()%1000)) }},
		{1, "city_cleared", func() error { return d.c.SetCity(d.person(), "") }},
		{10, "phone_changed", func() error { return d.c.SetPhone(d.person(), fmt.Sprintf("+86159%08d", number())) }},
		{8, "email_changed",
			func() error { return d.c.SetEmail(d.person(), fmt.Sprintf("new%d@example.com", number())) }},
		{2, "email_cleared", func() error { return d.c.SetEmail(d.person(), "") }},
		{8, "renamed", func() error { return d.c.Rename(d.person(), d.names.next()) }},
		{20, "moved", d.move},
		{5, "joined", func() error { return d.c.Join(d.person(), d.department()) }},
		{5, "left_one_department", d.leaveOne},
		{12, "hired", func() error {
			p, err := d.c.Hire(d.names.next(), d.department())
			if err == nil {
				d.people = append(d.people, p)
			}
			return err
		}},
		{8, "left", func() error {
			p := d.person()
			if err := d.c.Leave(p); err != nil {
				return err
			}
			d.leavers = append(d.leavers, p)
			return nil
		}},
		{2, "rehired", func() error { return d.c.Rehire(d.leaver(), d.department()) }},
		{3, "frozen", func() error { return d.c.Freeze(d.person(), true) }},
		{1, "unfrozen", func() error { return d.c.Freeze(d.person(), false) }},
		{2, "activated", func() error { return d.c.Activate(d.person(), true) }},
	}
}

func (d *drift) move() error {
	p, to := d.person(), d.department()
	from := d.worksIn(p)
	if len(from) == 0 {
		return fmt.Errorf("move person %d: %w", p, ErrRefused)
	}
	return d.c.Move(p, from[0], to)
}

func (d *drift) leaveOne() error {
	p := d.person()
	list := d.worksIn(p)
	if len(list) < 2 {
		return fmt.Errorf("person %d has no second department: %w", p, ErrRefused)
	}
	return d.c.LeaveDepartment(p, list[d.rng.IntN(len(list))])
}
