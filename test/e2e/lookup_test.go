package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// raw reports whether the stored record of a person has a field.
func (w *world) raw(s *source, p simulator.PersonID, field string) (has bool) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(),
		`SELECT m.raw_data ? $3 FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		WHERE p.name = $1 AND m.external_id = $2`, s.name, s.member(p), field).Scan(&has))
	return has
}

// DingTalk's lists do not say which department is somebody's main one, nor who leads
// them: a look-up does. What it said stays, whoever reads the person next.
func TestWhatOnlyALookUpSaysStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 53)
	above, _ := l.below(simulator.Root, "Above", 2)
	deep, _ := l.below(above, "Deep", 2)
	other, _ := l.below(simulator.Root, "Other", 2)
	somebody := l.hire(above, deep, other) // the first is the main one
	s := w.simulate(directory.DingTalk, l.Company)
	primary := func(want simulator.Dept, why string) {
		t.Helper()
		require.Equal(t, s.department(want), w.members(s.name)[s.member(somebody)].Primary, why)
	}
	w.succeed(s)
	primary(deep, "by rule: the deepest")
	require.False(t, w.raw(s, somebody, "role_list"))

	result := w.syncMembers(s, workflows.ModeApply, somebody)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	for range 2 {
		writes := w.writes()
		w.succeed(s)
		require.Equal(t, writes, w.writes(), "an unchanged company was written to")
		primary(above, "as the look-up said")
		for _, field := range []string{"role_list", "dept_position_list", "dept_order_list", "leader_in_dept"} {
			require.True(t, w.raw(s, somebody, field), field)
		}
	}

	// A change comes by the lists, and what the look-up said stays beside it.
	l.must(l.SetTitle(somebody, "Chief"))
	w.succeed(s)
	require.True(t, w.raw(s, somebody, "role_list"))
	primary(above, "still")

	l.must(l.LeaveDepartment(somebody, above))
	w.succeed(s)
	primary(deep, "by rule again: they have left the main one")
}

// Somebody who is visible by name and by department is read in both ways in each run.
func TestSomebodyReadInTwoWaysIsNotWrittenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 54)
	above, people := l.below(simulator.Root, "Above", 3)
	deep, _ := l.below(above, "Deep", 2)
	l.must(l.SetDepartments(people[0], above, deep))
	s := w.simulate(directory.DingTalk, l.Company)
	s.ding.Reconfigure(func(c *dingtalk.Config) {
		c.Range = &simulator.Range{Departments: []simulator.Dept{above}, People: people[:2]}
	})
	for round := range 3 {
		writes := w.writes()
		result := w.sync(s.name)
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		if round > 0 {
			require.Equal(t, writes, w.writes(), "round %d: an unchanged company was written to", round)
		}
		require.Equal(t, s.department(above), w.members(s.name)[s.member(people[0])].Primary, "round %d", round)
		require.True(t, w.raw(s, people[0], "role_list"), "round %d", round)
		require.False(t, w.raw(s, people[2], "role_list"))
	}
}
