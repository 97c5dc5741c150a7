package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// hideFields takes the permissions away that e-mail addresses and phone numbers
// need, or gives them back.
func (s *source) hideFields(hidden bool) {
	switch s.kind {
	case directory.Feishu:
		s.feishu.Reconfigure(func(c *feishu.Config) {
			if c.Scopes = feishu.AllScopes; hidden {
				c.Scopes = slices.DeleteFunc(slices.Clone(feishu.AllScopes), func(scope string) bool {
					return slices.Contains([]string{
						"contact:user.email:readonly", "contact:user.phone:readonly",
						"contact:user.employee_id:readonly",
					}, scope)
				})
			}
		})
	case directory.DingTalk:
		s.ding.Reconfigure(func(c *dingtalk.Config) {
			if c.Points = dingtalk.AllPoints; hidden {
				c.Points = slices.DeleteFunc(slices.Clone(dingtalk.AllPoints), func(point string) bool {
					return point == dingtalk.MobilePoint || point == dingtalk.EmailPoint
				})
			}
		})
	case directory.WeCom:
		s.wecom.Reconfigure(func(c *wecom.Config) { c.OldApp = !hidden })
	}
}

func TestFieldsThatAreNoLongerSentStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		p := newPlot(w, kind)
		plots, sources = append(plots, p), append(sources, p.source)
	}
	w.succeed(sources...)
	before := make([]oracle.Directory, len(plots))
	for i, p := range plots {
		before[i] = w.standing(p.source)
		p.must(p.SetEmail(p.people[0], "unseen@example.com"), p.SetPhone(p.people[0], ""),
			p.SetTitle(p.people[0], "Seen"), p.SetEmployeeNo(p.people[0], ""))
		p.hideFields(true)
	}
	for i, result := range w.syncAll(sources...) {
		require.Equal(t, directory.RunSucceeded, result.Status, "%s: %v", sources[i].kind, result.Errors)
		id := sources[i].member(plots[i].people[0])
		want := maps.Clone(before[i].Members)
		changed := want[id]
		changed.Title, changed.EmployeeNo = "Seen", ""
		want[id] = changed
		require.Equal(t, want, w.members(sources[i].name))
		sources[i].hideFields(false)
	}
	w.succeed(sources...)
}

// partly is a company of which an app sees one division and one person elsewhere.
type partly struct {
	*lab
	*source
	division, team simulator.Dept
	visible        []simulator.PersonID
}

func newPartly(w *world, kind directory.ProviderType) *partly {
	w.t.Helper()
	p := &partly{lab: newLab(w.t, 39)}
	var inside, deeper []simulator.PersonID
	p.division, inside = p.below(simulator.Root, "Division", 2)
	p.team, deeper = p.below(p.division, "Team", 2)
	_, outside := p.below(simulator.Root, "Elsewhere", 3)
	p.visible = slices.Concat(deeper, inside, outside[:1])
	p.source = w.simulate(kind, p.Company)
	visible := &simulator.Range{Departments: []simulator.Dept{p.division}, People: outside[:1]}
	switch kind {
	case directory.Feishu:
		p.feishu.Reconfigure(func(c *feishu.Config) { c.Range = visible })
	case directory.DingTalk:
		p.ding.Reconfigure(func(c *dingtalk.Config) { c.Range = visible })
	case directory.WeCom:
		p.wecom.Reconfigure(func(c *wecom.Config) { c.Range = visible })
		// Single people are found only by an app that knows its own id.
		w.change(p.source, map[string]string{"corp_id": "wwsim", "secret": "sim-app-secret", "agent_id": "1000002",
			"base_url": p.url})
	}
	return p
}

func TestLimitedRange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var companies []*partly
	var sources []*source
	for _, kind := range kinds {
		p := newPartly(w, kind)
		companies, sources = append(companies, p), append(sources, p.source)
	}
	see := func() {
		t.Helper()
		for i, result := range w.syncAll(sources...) {
			p := companies[i]
			require.Equal(t, directory.RunSucceeded, result.Status, "%s: %v", p.kind, result.Errors)
			var people []string
			for _, who := range p.visible {
				people = append(people, p.member(who))
			}
			require.ElementsMatch(t, people, slices.Collect(maps.Keys(w.members(p.name))), p.kind)
			require.ElementsMatch(t, []string{p.department(simulator.Root), p.department(p.division),
				p.department(p.team)},
				slices.Collect(maps.Keys(w.departments(p.name))), p.kind)
		}
	}
	see()
	before := w.writes()
	see()
	require.Equal(t, before, w.writes(), "an unchanged company writes no row")
	for _, p := range companies {
		p.must(p.Leave(p.visible[0]))
		p.visible[0] = p.hire(p.team)
	}
	see()
}

// Feishu's range does not speak of single people without a permission of its own. They
// are not taken for gone then: the run says what is missing, reads the departments, and
// removes nobody.
func TestPeopleOfTheRangeAreNotSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPartly(w, directory.Feishu)
	w.sync(p.name)
	before := w.members(p.name)
	require.Len(t, before, len(p.visible))
	p.feishu.Reconfigure(func(c *feishu.Config) {
		c.Scopes = slices.DeleteFunc(slices.Clone(feishu.AllScopes),
			func(scope string) bool { return scope == "contact:user.employee_id:readonly" })
	})
	p.must(p.SetTitle(p.visible[0], "Seen"))
	result := w.sync(p.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Contains(t, strings.Join(result.Errors, "\n"), "contact:user.employee_id:readonly")
	changed := before[p.member(p.visible[0])]
	changed.Title = "Seen"
	before[p.member(p.visible[0])] = changed
	require.Equal(t, before, w.members(p.name))
	p.feishu.Reconfigure(func(c *feishu.Config) { c.Scopes = feishu.AllScopes })
	require.Equal(t, directory.RunSucceeded, w.sync(p.name).Status)
	require.Equal(t, before, w.members(p.name))
}

func TestFeishuTreeTooLargeForOneListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.Feishu, simulator.Generate(simulator.TypicalSpec(12, 200)))
	s.feishu.Reconfigure(func(c *feishu.Config) { c.MaxTree = 2 })
	w.succeed(s)
	s.company.Drift(8, 0.1)
	w.succeed(s)
}

// change replaces settings of a stored provider.
func (w *world) change(s *source, settings map[string]string) {
	w.t.Helper()
	provider, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	document, err := json.Marshal(settings)
	require.NoError(w.t, err)
	parsed, err := clients.Parse(w.opener.Vendors[s.kind], document, nil)
	require.NoError(w.t, err)
	public, secrets := clients.Split(parsed)
	body, err := json.Marshal(public)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.Providers.Update(w.t.Context(), provider.ID, providers.Change{Config: body},
		w.opener.Seal(secrets)))
}

func TestWeComCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 40)
	d, people := l.below(simulator.Root, "First", 3)
	l.below(d, "Second", 3)
	s := w.simulate(directory.WeCom, l.Company)
	s.name = w.add(directory.WeCom, map[string]string{"corp_id": "wwsim", "sync_secret": "sim-sync-secret",
		"base_url": s.url})

	// The contact sync secret alone reads who is where, and nothing else.
	result := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	truth, members := l.Truth(directory.WeCom), w.members(s.name)
	require.Len(t, members, len(truth.Members))
	for id, m := range members {
		require.Equal(t, id, m.Name, "a placeholder")
		require.Equal(t, truth.Members[id].Departments, m.Departments)
	}
	for id, department := range w.departments(s.name) {
		require.Equal(t, id, department.Name, "a placeholder")
	}

	// It has one listing of everybody, which also a run of chosen departments reads.
	hired := l.hire(d)
	result = w.wait(w.start(workflows.SyncInput{Provider: s.name, Departments: []string{s.department(d)}}))
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Contains(t, w.members(s.name), s.member(hired))

	// With the app's secret besides, everything.
	both := map[string]string{"corp_id": "wwsim", "sync_secret": "sim-sync-secret", "secret": "sim-app-secret",
		"base_url": s.url}
	w.change(s, both)
	w.succeed(s)
	before := w.writes()
	w.succeed(s)
	require.Equal(t, before, w.writes(), "an unchanged company writes no row")

	// What the app no longer sees keeps its names, and whoever leaves goes all the same.
	s.limit(d)
	l.must(l.Leave(people[0]), l.Leave(1))
	l.hire(simulator.Root)
	result = w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	for id, m := range w.members(s.name) {
		want := l.Truth(directory.WeCom).Members[id]
		require.Equal(t, want.Departments, m.Departments)
		if truth.Members[id].Person != 0 {
			require.Equal(t, want.Name, m.Name)
		}
	}
	require.Len(t, w.members(s.name), len(l.Truth(directory.WeCom).Members))
	s.limit()
	w.succeed(s)
}

// TestManySmallDepartments goes through batches of several departments.
func TestManySmallDepartments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 41)
	departments := make([]simulator.Dept, 350)
	people := make([]simulator.PersonID, len(departments))
	for i := range departments {
		d, hired := l.below(simulator.Root, "Number "+strconv.Itoa(i), 1)
		departments[i], people[i] = d, hired[0]
	}
	s := w.simulate(directory.WeCom, l.Company)
	result := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(s)

	// A batch in which five departments in a row cannot be reached, so that it fails as
	// a whole, one department of the next batch that answers nonsense, somebody who moves
	// into each, and a leaver elsewhere.
	const batch = 21 // of 351 departments at WeCom
	broken := simulator.Dept(1)
	var unreachable []simulator.Dept
	entries, err := w.pool.Query(t.Context(),
		`SELECT external_id, position FROM sync_run_departments WHERE run_id = $1 AND position <= 30 ORDER BY position`, result.RunID)
	require.NoError(t, err)
	for entries.Next() {
		var id string
		var position int
		require.NoError(t, entries.Scan(&id, &position))
		d, ok := l.ParseDepartmentID(s.kind, id)
		require.True(t, ok)
		if position <= 5 {
			unreachable = append(unreachable, d)
		} else if position == batch+2 {
			broken = d
		}
	}
	require.NoError(t, entries.Err())
	before := w.standing(s)
	for _, d := range unreachable {
		s.faults.Add(simulator.Fault{Endpoint: "user/list", Department: s.department(d), Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.HTTPStatus, Status: http.StatusServiceUnavailable}})
	}
	s.faults.Add(simulator.Fault{Endpoint: "user/list", Department: s.department(broken), Times: simulator.Forever,
		Action: simulator.Action{Kind: simulator.HTML}})
	l.must(l.Move(people[300], departments[300], broken), l.Move(people[301], departments[301], unreachable[0]),
		l.Leave(people[302]))
	s.calls.Reset()
	result = w.sync(s.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Len(t, w.failedDepartments(result.RunID), batch+1)
	require.Equal(t, batch+1+2, result.Departments.Failed+result.Members.Failed, result.Errors)
	require.Equal(t, 3, s.calls.Count("user/get"), "each in doubt is looked up once")
	w.requireNothingLost(s, before)
	require.NotContains(t, w.members(s.name), s.member(people[302]))
	s.faults.Clear()
	w.succeed(s)
}
