package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// detailed is a company at DingTalk whose managers and order only lookups show.
type detailed struct {
	*source
	company *simulator.Company
}

// managers are everybody's managers as the directory has them, and as the company does.
func (c *detailed) managers(w *world) (stored, truth map[string]string) {
	w.t.Helper()
	stored, truth = map[string]string{}, map[string]string{}
	for id, m := range w.members(c.name) {
		if m.Manager != "" {
			stored[id] = m.Manager
		}
	}
	for id, m := range c.company.Truth(c.kind).Members {
		if m.Manager != "" {
			truth[id] = m.Manager
		}
	}
	return stored, truth
}

// orders are the departments' sort keys but for the root's, which a listing tells.
func (c *detailed) orders(w *world) (stored, truth map[string]int64) {
	w.t.Helper()
	stored, truth = map[string]int64{}, map[string]int64{}
	rows, err := w.pool.Query(w.t.Context(), `SELECT d.external_id, d.sort_order FROM org_departments d
		JOIN identity_providers p ON p.id = d.provider_id
		WHERE p.name = $1 AND d.status = 'active' AND d.external_id <> '1' AND d.sort_order IS NOT NULL`, c.name)
	require.NoError(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		var order int64
		require.NoError(w.t, rows.Scan(&id, &order))
		stored[id] = order
	}
	require.NoError(w.t, rows.Err())
	for id, d := range c.company.Truth(c.kind).Departments {
		if id != "1" {
			truth[id] = d.Order
		}
	}
	return stored, truth
}

// lookups syncs and returns how many members and departments were looked up, those included
// that any run looks up.
func (c *detailed) lookups(w *world) (result workflows.SyncResult, members, departments int) {
	w.t.Helper()
	c.calls.Reset()
	result = w.sync(c.name)
	require.Equal(w.t, directory.RunSucceeded, result.Status, result.Errors)
	calls := c.calls.All()
	return result, calls["user/get"], calls["department/get"]
}

func newDetailed(w *world) *detailed {
	w.t.Helper()
	c := &detailed{company: simulator.Generate(simulator.TypicalSpec(97, 42))}
	c.source = w.simulate(directory.DingTalk, c.company)
	w.succeed(c.source)
	return c
}

// With scope.details managers and order are what single lookups show: of everybody at first,
// then of what is new or has changed, and of a twentieth of the others. What was looked up
// stays meanwhile.
func TestDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newDetailed(w)
	stored, truth := c.managers(w)
	require.Empty(t, stored)
	require.NotEmpty(t, truth)
	before := w.standing(c.source)
	people, departments := len(before.Members), len(before.Departments)
	_, idlePeople, idleDepartments := c.lookups(w)
	lookedUp := func(m, d int) (members, below int) { return m - idlePeople, d - idleDepartments }

	plan := w.wait(w.start(workflows.SyncInput{Provider: c.name, Mode: workflows.ModePlan,
		Rules: w.rules(c.source, "scope: { details: true }", true)}))
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Equal(t, before, w.standing(c.source), "a plan changes nothing")
	w.rules(c.source, "scope: { details: true }", false)
	first, members, below := c.lookups(w)
	members, below = lookedUp(members, below)
	require.Equal(t, []int{people, departments}, []int{members, below})
	stored, truth = c.managers(w)
	require.Equal(t, truth, stored)
	orders, order := c.orders(w)
	require.Equal(t, order, orders)
	require.Equal(t, plan.Members, first.Members)
	require.Equal(t, plan.Departments, first.Departments)

	written := w.writes()
	_, members, below = c.lookups(w)
	members, below = lookedUp(members, below)
	require.Equal(t, []int{twentieth(people), twentieth(departments)}, []int{members, below})
	require.Equal(t, written, w.writes(), "unchanged means untouched")

	// Another title shows in a listing, so that this person is looked up at once. Another
	// manager shows nowhere else, and is met within twenty runs.
	var changed, reports simulator.PersonID
	c.company.View(func(v *simulator.View) {
		for p := range v.People() {
			if _, has := v.Manager(p); has {
				changed, reports = reports, p.ID
			}
		}
	})
	require.NoError(t, c.company.SetManager(changed, 0))
	require.NoError(t, c.company.SetTitle(changed, "Another title"))
	require.NoError(t, c.company.SetManager(reports, 0))
	_, members, below = c.lookups(w)
	members, below = lookedUp(members, below)
	require.Equal(t, []int{1 + twentieth(people-1), twentieth(departments)}, []int{members, below})
	require.Empty(t, w.members(c.name)[c.member(changed)].Manager)
	for run := 0; w.members(c.name)[c.member(reports)].Manager != ""; run++ {
		require.Less(t, run, 20)
		w.succeed(c.source)
	}
	stored, truth = c.managers(w)
	require.Equal(t, truth, stored)

	undone := w.undo(c.name, workflows.UndoInput{Run: first.RunID})
	require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
	w.succeed(c.source)
	stored, truth = c.managers(w)
	require.Equal(t, truth, stored, "what an undo took back is looked up again")

	// Without them nothing is looked up, nor kept.
	w.rules(c.source, "", false)
	_, members, below = c.lookups(w)
	members, below = lookedUp(members, below)
	require.Equal(t, []int{0, 0}, []int{members, below})
	stored, _ = c.managers(w)
	require.Empty(t, stored)
	orders, _ = c.orders(w)
	require.Empty(t, orders)
	written = w.writes()
	w.succeed(c.source)
	require.Equal(t, written, w.writes(), "unchanged means untouched")
}

func twentieth(n int) int { return (n + 19) / 20 }

// A lookup that fails costs that object's facts until the next run, and nothing else.
func TestFaultsOfDetails(t *testing.T) {
	t.Parallel()
	const notVisible, permission = "out of range", 60011
	for _, b := range []blow{
		{name: "truncated", action: simulator.Action{Kind: simulator.Truncate}},
		{name: "busy", action: simulator.Action{Kind: simulator.Code, Code: busy[directory.DingTalk]}},
		{name: "wrong type", action: simulator.Action{Kind: simulator.WrongType}},
		{name: "no id", action: simulator.Action{Kind: simulator.NoID}},
		{name: notVisible, action: simulator.Action{Kind: simulator.OutOfRange}},
		{name: "no permission", action: simulator.Action{Kind: simulator.Code, Code: permission}},
	} {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newDetailed(w)
			_, idle, _ := c.lookups(w)
			w.rules(c.source, "scope: { details: true }", false)
			before := w.standing(c.source)
			struck := ""
			for id := range c.company.Truth(c.kind).Departments {
				if id != "1" {
					struck = id
				}
			}
			c.faults.Add(
				simulator.Fault{Endpoint: "department/get", Department: struck, Times: simulator.Forever,
					Action: b.action},
				simulator.Fault{Endpoint: "user/get", From: idle + 1, Times: simulator.Forever, Action: b.action})
			result := w.sync(c.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			told := strings.Contains(strings.Join(result.Errors, "\n"), "were not looked up and keep what they have")
			require.Equal(t, b.name != notVisible, told, result.Errors)
			managers, _ := c.managers(w)
			require.Empty(t, managers)
			orders, _ := c.orders(w)
			require.NotContains(t, orders, struck)
			w.requireNothingLost(c.source, before)
			c.faults.Clear()
			w.succeed(c.source)
			stored, truth := c.managers(w)
			if b.name == notVisible { // that counts as looked up
				require.Less(t, len(stored), len(truth))
			} else {
				require.Equal(t, truth, stored, "the next run asks again")
			}
		})
	}
}
