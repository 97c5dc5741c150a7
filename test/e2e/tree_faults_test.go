package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// grove is a company with one department for every blow on listings of departments,
// each with two below it, and one for none.
type grove struct {
	*lab
	*source
	victims []victim
	healthy victim
}

func newGrove(w *world, kind directory.ProviderType) *grove {
	w.t.Helper()
	g := &grove{lab: newLab(w.t, 32)}
	plant := func(b blow) victim {
		v := victim{blow: b}
		v.id, _ = g.below(simulator.Root, b.name, 1)
		for i := range 2 {
			child, people := g.below(v.id, fmt.Sprintf("%s %d", b.name, i), 1)
			v.children, v.people = append(v.children, child), append(v.people, people...)
		}
		return v
	}
	for _, b := range transport(kind) {
		g.victims = append(g.victims, plant(b))
	}
	g.healthy = plant(blow{name: "healthy"})
	g.source = w.simulate(kind, g.Company)
	if kind == directory.Feishu {
		// Too large to be listed in one piece, so that every department is asked.
		g.feishu.Reconfigure(func(c *feishu.Config) { c.MaxTree = 5 })
	}
	return g
}

// change adds and renames departments everywhere, lets their people change places,
// and deletes one that can be listed.
func (g *grove) change() {
	g.t.Helper()
	for i, v := range g.victims {
		g.must(g.RenameDepartment(v.children[0], fmt.Sprintf("Renamed %d", i)),
			g.Move(v.people[0], v.children[0], v.children[1]))
		g.below(v.id, "new", 1)
	}
	g.must(g.DeleteDepartment(g.healthy.children[0]))
}

// strike arms every fault for good, each in its department.
func (g *grove) strike() {
	for _, v := range g.victims {
		g.faults.Add(simulator.Fault{
			Endpoint: readers[g.kind].departments, Department: g.department(v.id), Times: simulator.Forever,
			Action: v.action,
		})
	}
}

// check judges a run that met them.
func (g *grove) check(w *world, result workflows.SyncResult) {
	w.t.Helper()
	failed, told := w.failedDepartments(result.RunID), strings.Join(result.Errors, "\n")
	require.Equal(w.t, directory.RunPartial, result.Status, "%s: %v", g.name, result.Errors)
	for _, v := range g.victims {
		id := g.department(v.id)
		switch {
		case v.harmless:
			require.NotContains(w.t, failed, id, "%s: %s", g.name, v.name)
		case v.name == "no items" && g.kind == directory.Feishu:
			// Feishu has no second way to count, but the ones missing are looked up.
			require.Contains(w.t, told, "department "+g.department(v.children[0])+": ")
		default:
			require.Contains(w.t, failed, id, "%s: %s", g.name, v.name)
			require.False(w.t, failed[id].ChildrenComplete, "%s: %s", g.name, v.name)
			require.Contains(w.t, failed[id].Error, v.says, "%s: %s", g.name, v.name)
			require.Contains(w.t, told, "department "+id+": ", "%s: %s", g.name, v.name)
		}
	}
	require.NotContains(w.t, w.departments(g.name), g.department(g.healthy.children[0]),
		"what can be listed is looked up and goes")
}

// trial is a company that changes, meets faults and is judged.
type trial interface {
	change()
	strike()
	check(w *world, result workflows.SyncResult)
}

// wholeTree are faults of the calls that bring all departments at once.
type wholeTree struct {
	provider directory.ProviderType
	title    string
	action   simulator.Action
	page     int
	// status is how a run ends that meets it to its end.
	status string
	says   string
}

var wholeTrees = []wholeTree{
	{directory.Feishu, "down", simulator.Action{Kind: simulator.HTTPStatus, Status: http.StatusBadGateway}, 0,
		directory.RunPartial, "502"},
	{directory.Feishu, "no items", simulator.Action{Kind: simulator.NoItems}, 0, directory.RunPartial,
		"a lookup still finds it"},
	{directory.Feishu, "second page lost", simulator.Action{Kind: simulator.NoItems}, 2, directory.RunPartial,
		"a lookup still finds it"},
	{directory.Feishu, "second page repeats", simulator.Action{Kind: simulator.SameToken}, 2, directory.RunPartial,
		"page_token repeats"},
	{directory.Feishu, "no id", simulator.Action{Kind: simulator.NoID}, 0, directory.RunPartial,
		"no open_department_id"},
	{directory.WeCom, "html", simulator.Action{Kind: simulator.HTML}, 0, directory.RunFailed,
		"a web page instead of JSON"},
	{directory.WeCom, "truncated", simulator.Action{Kind: simulator.Truncate}, 0, directory.RunFailed,
		"not one of the API's"},
	{directory.WeCom, "hang", simulator.Action{Kind: simulator.Hang}, 0, directory.RunFailed,
		"no complete answer within 3s"},
	{directory.WeCom, "no items", simulator.Action{Kind: simulator.NoItems}, 0, directory.RunFailed, "no department"},
	{directory.WeCom, "no id", simulator.Action{Kind: simulator.NoID}, 0, directory.RunPartial, "no usable id"},
	{directory.WeCom, "duplicate", simulator.Action{Kind: simulator.Duplicate}, 0, directory.RunSucceeded, ""},
}

// copse is a company to meet one of them.
type copse struct {
	wholeTree
	*lab
	*source
	later afterPreflight
}

func newCopse(w *world, f wholeTree) *copse {
	w.t.Helper()
	c := &copse{wholeTree: f, lab: newLab(w.t, 33)}
	departments := 5
	if f.page > 1 {
		departments = pageSize[f.provider] + 5
	}
	for n := range departments {
		c.below(simulator.Root, fmt.Sprintf("Department %d", n), 1)
	}
	c.source = w.simulateWith(f.provider, c.Company, c.later.in(f.provider))
	return c
}

func (c *copse) change() {
	c.t.Helper()
	c.must(c.Leave(2), c.RenameDepartment(3, "Renamed"))
	c.below(simulator.Root, "new", 2)
}

func (c *copse) strike() {
	c.later.set(c.source, func() {
		c.faults.Add(simulator.Fault{Endpoint: readers[c.kind].departments, Page: c.page, Times: simulator.Forever,
			Action: c.action})
	}, nil)
}

func (c *copse) check(w *world, result workflows.SyncResult) {
	w.t.Helper()
	require.Equal(w.t, c.status, result.Status, "%s: %s: %v", c.kind, c.title, result.Errors)
	require.Contains(w.t, strings.Join(result.Errors, "\n"), c.says, "%s: %s", c.kind, c.title)
}

func TestFaultsOfDepartmentListings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var trials []trial
	var sources []*source
	// It takes half a minute to give up a listing of departments: all at once.
	for _, kind := range []directory.ProviderType{directory.Feishu, directory.DingTalk} {
		g := newGrove(w, kind)
		trials, sources = append(trials, g), append(sources, g.source)
	}
	for _, f := range wholeTrees {
		c := newCopse(w, f)
		trials, sources = append(trials, c), append(sources, c.source)
	}
	w.succeed(sources...)

	before := make([]oracle.Directory, len(sources))
	for i, s := range sources {
		before[i] = w.standing(s)
		trials[i].change()
		trials[i].strike()
	}
	for i, result := range w.syncAll(sources...) {
		w.requireNothingLost(sources[i], before[i])
		trials[i].check(w, result)
		sources[i].faults.Clear()
	}
	w.succeed(sources...)
}
