package simulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// What is known of people beside the rest is of every kind in a company, and stays.
func TestFactsVary(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(3, 400))
	seen := map[string]int{}
	before := map[simulator.PersonID]simulator.Facts{}
	note := func(what string, has bool) {
		if has {
			seen[what]++
		}
		seen["no "+what] = 400 - seen[what]
	}
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			f := v.Facts(p.ID)
			before[p.ID] = f
			note("work e-mail", f.WorkEmail != "")
			note("work e-mail alone", f.WorkEmail != "" && p.Email == "")
			note("alias", f.Alias != "")
			note("English name", f.EnglishName != "")
			note("telephone", f.Telephone != "")
			note("picture", f.Picture != 0)
			note("gender", f.Gender != "")
			note("employee number", f.EmployeeNo != "")
			note("employee number shared", f.EmployeeNo == "00017")
			note("day of hiring", p.Joined != 0)
			note("level", f.Level != "")
			note("family", f.Family != "")
			note("place", f.WorkPlace != "" && f.City != "")
			note("other employment", f.EmployeeType != 1)
			note("custom fields", len(f.Custom) > 0)
		}
	})
	require.Len(t, seen, 30)
	for what, n := range seen {
		require.Positive(t, n, what)
	}
	c.Drift(1, 0.3)
	changed := map[string]bool{}
	c.View(func(v *simulator.View) {
		for p, f := range before {
			now := v.Facts(p)
			for what, is := range map[string][2]string{"number": {f.EmployeeNo, now.EmployeeNo},
				"city": {f.City, now.City}} {
				changed[what] = changed[what] || is[0] != is[1] && is[1] != ""
				changed["no "+what] = changed["no "+what] || is[0] != "" && is[1] == ""
			}
			now.EmployeeNo, now.City = f.EmployeeNo, f.City
			require.Equal(t, f, now)
		}
	})
	require.Equal(t, map[string]bool{"number": true, "no number": true, "city": true, "no city": true}, changed)
}

// People report to whom leads their main department or one above it, and to somebody
// else once that changes.
func TestManagers(t *testing.T) {
	t.Parallel()
	c := simulator.Generate(simulator.TypicalSpec(3, 400))
	without := 0
	c.View(func(v *simulator.View) {
		for p := range v.People() {
			manager, ok := v.Manager(p)
			if !ok {
				without++
				continue
			}
			require.NotEqual(t, p.ID, manager.ID)
			require.False(t, manager.Left)
			up := append([]simulator.Dept{p.Departments[0]}, v.Ancestors(p.Departments[0])...)
			require.True(t, slices.ContainsFunc(up,
				func(d simulator.Dept) bool { return v.Leads(manager.ID, d) && !v.Leads(p.ID, d) }))
		}
	})
	require.Less(t, without, 100)

	c = simulator.Generate(simulator.Spec{Departments: 1})
	team, err := c.AddDepartment(simulator.Root, "Team")
	require.NoError(t, err)
	hire := func(name string, d simulator.Dept) simulator.PersonID {
		p, err := c.Hire(name, d)
		require.NoError(t, err)
		return p
	}
	chief, head, worker := hire("Chief", simulator.Root), hire("Head", team), hire("Worker", team)
	manager := func(p simulator.PersonID) (id simulator.PersonID) {
		c.View(func(v *simulator.View) {
			who, _ := v.Person(p)
			if found, ok := v.Manager(who); ok {
				id = found.ID
			}
		})
		return id
	}
	require.Zero(t, manager(worker))
	require.NoError(t, c.SetLeader(simulator.Root, chief, true))
	require.Equal(t, chief, manager(worker))
	require.NoError(t, c.SetLeader(team, head, true))
	require.Equal(t, []simulator.PersonID{head, chief, 0},
		[]simulator.PersonID{manager(worker), manager(head), manager(chief)})
	require.NoError(t, c.SetManager(worker, chief))
	require.NoError(t, c.SetManager(head, 0))
	require.Equal(t, []simulator.PersonID{chief, 0}, []simulator.PersonID{manager(worker), manager(head)})
	require.ErrorIs(t, c.SetManager(worker, worker), simulator.ErrRefused)
	require.ErrorIs(t, c.SetManager(worker, 99), simulator.ErrNoPerson)
	require.NoError(t, c.SetManager(worker, head))
	require.NoError(t, c.SetManager(head, chief))
	require.NoError(t, c.Leave(head))
	require.Equal(t, []simulator.PersonID{0, 0}, []simulator.PersonID{manager(worker), manager(head)},
		"who was named has left, as has who named them")
}
