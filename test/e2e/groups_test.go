package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// groupsMembers is the call that lists what belongs to a group, groupLists those that list groups
// and administrators.
var (
	groupsMembers = map[directory.ProviderType]string{
		directory.Feishu: "group/member/simplelist", directory.DingTalk: "role/simplelist", directory.WeCom: "tag/get",
	}
	groupLists = map[directory.ProviderType][2]string{
		directory.Feishu:   {"group/simplelist", "app_admin_user/list"},
		directory.DingTalk: {"role/list", "user/listadmin"},
		directory.WeCom:    {"tag/list", "agent/get_admin_list"},
	}
)

// groupBlows are the faults of a listing of groups, of what belongs to one, or of administrators.
func groupBlows(kind directory.ProviderType) []blow {
	return append(transport(kind),
		blow{name: "no id", action: simulator.Action{Kind: simulator.NoID}, final: true})
}

// ofGroups is a company in which everybody belongs to each of several groups: more people than
// fit on one page.
type ofGroups struct {
	*lab
	*source
	people []simulator.PersonID
	groups []simulator.GroupID

	mu sync.Mutex
	// before runs before what belongs to the first group is listed.
	before func()
}

func newOfGroups(w *world, kind directory.ProviderType, groups int) *ofGroups {
	w.t.Helper()
	c := &ofGroups{lab: newLab(w.t, 37)}
	_, c.people = c.below(simulator.Root, "Everybody", 110)
	for i := range groups {
		g, err := c.AddGroup(fmt.Sprintf("Group %d", i), "Groups")
		c.must(err)
		for _, p := range c.people {
			c.must(c.JoinGroup(g, p))
		}
		c.groups = append(c.groups, g)
	}
	c.must(c.Appoint(c.people[0], directory.SubAdministrator))
	c.source = w.simulateWith(kind, c.Company, simulator.Options{BeforeCall: func(endpoint string, _ int) {
		if endpoint == groupsMembers[kind] {
			c.mu.Lock()
			defer c.mu.Unlock()
			once(&c.before)
		}
	}})
	if kind == directory.WeCom { // other apps may not list administrators (wecom-more.md §D)
		c.wecom.Reconfigure(func(cfg *wecom.Config) { cfg.Customised = true })
	}
	w.succeed(c.source)
	return c
}

// stored returns the id of a group and how many belong to it.
func (c *ofGroups) stored(w *world, group int) (id string, members int) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `SELECT g.external_id, count(gm.*)
		FROM org_groups g LEFT JOIN org_group_members gm ON gm.group_id = g.id
		WHERE g.name = $2 AND g.provider_id = (SELECT id FROM identity_providers WHERE name = $1)
		GROUP BY g.id`, c.name, fmt.Sprintf("Group %d", group)).Scan(&id, &members))
	return id, members
}

// sync carries out a run that must read members and departments rightly and lose no group.
func (c *ofGroups) sync(w *world, before oracle.Directory) {
	w.t.Helper()
	result := w.sync(c.name)
	require.Equal(w.t, directory.RunSucceeded, result.Status, result.Errors)
	got, truth := w.standing(c.source), c.Truth(c.kind)
	want := oracle.Of(c.kind, truth, got)
	require.Equal(w.t, want.Members, got.Members)
	require.Equal(w.t, want.Departments, got.Departments)
	require.Empty(w.t, oracle.Lost(truth, before, got))
}

// Whatever happens to the listing of what belongs to a group, that group keeps everybody, and
// everything else is read as ever. Each fault strikes a group of its own.
func TestFaultsOfGroupsMembers(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			blows := groupBlows(kind)
			if pageSize[kind] > 0 {
				byOffset := kind == directory.DingTalk // pages follow from how many there were
				blows = append(blows,
					blow{name: "empty page", action: simulator.Action{Kind: simulator.EmptyPage}, page: 1},
					blow{name: "same token", action: simulator.Action{Kind: simulator.SameToken}, page: 1,
						harmless: byOffset},
					blow{name: "cycling token", action: simulator.Action{Kind: simulator.CycleToken}, page: 2,
						harmless: byOffset},
					blow{name: "second page", action: simulator.Action{Kind: simulator.NoItems}, page: 2})
			}
			c := newOfGroups(w, kind, len(blows))
			const atOnce = 7 // where eight fail no more are asked for
			for round, first := 0, 0; first < len(blows); round, first = round+1, first+atOnce {
				before, keeps := w.standing(c.source), map[int]bool{}
				for i, g := range c.groups {
					c.must(c.LeaveGroup(g, c.people[round]))
					if b := blows[i]; i >= first && i < first+atOnce {
						id, _ := c.stored(w, i)
						times := simulator.Forever
						if b.action.Kind == simulator.NoItems { // twice in a row it is the provider's word
							times = 1
						}
						keeps[i] = times == simulator.Forever && !b.harmless
						c.faults.Add(simulator.Fault{Endpoint: groupsMembers[kind], Department: id, Page: b.page,
							Times: times, Action: b.action})
					}
				}
				c.sync(w, before)
				for _, pending := range c.faults.Pending() {
					require.Equal(t, simulator.Forever, pending.Times, "%s did not strike", pending.Action.Kind)
				}
				for i := range c.groups {
					belong := len(c.people) - round - 1
					if keeps[i] {
						belong++
					}
					_, members := c.stored(w, i)
					require.Equal(t, belong, members, blows[i].name)
				}
				c.faults.Clear()
				w.succeed(c.source)
			}
		})
	}
}

// Whatever happens to the list of groups and to that of administrators, none is lost, and everything
// else is read as ever. Each fault strikes either of them, another one the other.
func TestFaultsOfListsOfGroups(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newOfGroups(w, kind, 2)
			blows := append(groupBlows(kind),
				blow{name: "forbidden", action: simulator.Action{Kind: simulator.Forbidden}, final: true})
			for i := range blows {
				before := w.standing(c.source)
				c.must(c.LeaveGroup(c.groups[0], c.people[i]))
				added, err := c.AddGroup("Added for "+blows[i].name, "Groups")
				c.must(err, c.JoinGroup(added, c.people[i]), c.Appoint(c.people[i], ""),
					c.Appoint(c.people[i+1], directory.SubAdministrator))
				unread := map[string]bool{}
				for n, list := range groupLists[kind] {
					b := blows[(i+5*n)%len(blows)]
					fault := simulator.Fault{Endpoint: list, Times: 1, Action: b.action}
					if b.final || b.name == "status 500" { // others that last end in the same way, after as long
						fault.Times = simulator.Forever
					}
					c.faults.Add(fault)
					oneRecord := b.action.Kind == simulator.WrongType || b.action.Kind == simulator.NoID
					unread[list] = fault.Times == simulator.Forever && !oneRecord
				}
				c.sync(w, before)
				require.Empty(t, c.faults.Unused())
				for _, pending := range c.faults.Pending() {
					require.Equal(t, simulator.Forever, pending.Times, pending.Action.Kind)
				}
				after := w.standing(c.source)
				if unread[groupLists[kind][0]] {
					require.NotContains(t, after.Groups, c.company.GroupID(kind, added), blows[i].name)
				}
				if unread[groupLists[kind][1]] {
					require.NotContains(t, after.Administrators, c.member(c.people[i+1]), blows[i].name)
				}
				c.faults.Clear()
			}
			w.succeed(c.source)
		})
	}
}

// Feishu marks main administrators on their own records alone. Whatever happens to the listing of a
// department, or to the mark, none is lost, and who is dismissed elsewhere goes.
func TestFaultsOfMarkedAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := newArena(w, directory.Feishu)
	const mark = "is_tenant_manager"
	marks := map[string]simulator.Action{
		"dropped": {Kind: simulator.DropField, Field: mark}, "null": {Kind: simulator.SetField, Field: mark},
		"a text": {Kind: simulator.WrongType, Field: mark},
	}
	struck := map[simulator.Dept]simulator.PersonID{}
	for i := range a.victims {
		struck[a.victims[i].id] = a.victims[i].people[1]
	}
	for name, action := range marks {
		d, people := a.below(simulator.Root, "mark "+name, 2)
		struck[d] = people[0]
		action.Record = a.feishu.OpenID(people[0])
		a.victims = append(a.victims, victim{blow: blow{name: name, action: action}, id: d, people: people})
	}
	for _, p := range struck {
		a.must(a.Appoint(p, directory.MainAdministrator))
	}
	dismissed := a.healthy.people[0]
	a.must(a.Appoint(dismissed, directory.MainAdministrator))
	w.succeed(a.source)
	before := w.standing(a.source)
	require.Len(t, before.Administrators, len(struck)+2, "the root's own is one")

	for i := range a.victims {
		a.must(a.SetTitle(a.victims[i].people[0], "Struck"))
	}
	a.must(a.Appoint(dismissed, ""))
	a.strike(simulator.Forever, func(blow) bool { return true })
	result := w.sync(a.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Empty(t, a.faults.Unused())
	delete(before.Administrators, a.member(dismissed))
	require.Equal(t, before.Administrators, w.standing(a.source).Administrators)
	a.faults.Clear()
	w.succeed(a.source)
}

// A range that shrinks before groups are read, when all members are where these come first,
// takes nobody out of groups.
func TestRangeThatShrinksBeforeGroupsAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range kinds {
		c := newOfGroups(w, kind, 3)
		visible, people := c.below(simulator.Root, "Visible", 3)
		for _, g := range c.groups {
			c.must(c.JoinGroup(g, people[0]))
		}
		w.succeed(c.source)
		before := w.standing(c.source)
		c.must(c.LeaveGroup(c.groups[0], people[0]))
		c.mu.Lock()
		c.before = func() { c.limit(visible) }
		c.mu.Unlock()
		if kind.Traits().TreeByDepartment { // departments are read at that time, and may be hidden, too
			w.sync(c.name)
			require.Empty(t, oracle.Lost(c.Truth(kind), before, w.standing(c.source)))
		} else {
			c.sync(w, before)
		}
		require.Equal(t, before.Groups, w.standing(c.source).Groups)
		c.limit()
		w.succeed(c.source)
	}
}

// Groups and administrators cost the calls that their documented pages need, and no more than a
// twentieth beside: in a first load, where nothing and where something changed.
func TestGroupsCostTheirPages(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		spec := simulator.TypicalSpec(87, 500)
		spec.Groups = 110
		s := w.simulate(kind, simulator.Generate(spec))
		calls := func() int {
			s.calls.Reset()
			result := w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			return s.calls.Total()
		}
		w.rules(s, `scope: { kinds: { groups: false, administrators: false } }`, false)
		calls()
		without := calls()
		w.rules(s, "", false)
		var group simulator.Group
		for round := range 3 {
			if round == 2 {
				s.company.View(func(v *simulator.View) { group, _ = v.Group(4) })
				require.NoError(t, s.company.LeaveGroup(group.ID, group.Members[0]))
			}
			most := 1.05 * float64(groupPages(kind, s.company.Truth(kind).Groups))
			if round == 2 { // what is missing has the visible range read again, as the preflight does
				most += 8
			}
			require.LessOrEqual(t, float64(calls()-without), most, "round %d: %v", round, s.calls.All())
		}
	})
}

// groupPages is how many calls list groups, what belongs to each, and administrators.
func groupPages(kind directory.ProviderType, groups map[string]simulator.TrueGroup) int {
	pages := func(n, size int) int { return max(1, (n+size-1)/size) }
	switch kind {
	case directory.WeCom: // no pages (wecom-more.md §C, §D)
		return 1 + len(groups) + 1
	case directory.DingTalk: // dingtalk.md §4
		total := pages(len(groups), 200) + 1
		for _, g := range groups {
			total += pages(len(g.Members), 100)
		}
		return total
	default: // ordinary and dynamic ones, users and departments are listed apart (feishu-more.md §C, §D)
		dynamic, total := 0, 0
		for _, g := range groups {
			total += pages(len(g.Members), 100)
			if g.Attributes[directory.GroupType] == "dynamic" {
				dynamic++
			} else {
				total += pages(len(g.Departments), 100)
			}
		}
		return total + pages(len(groups)-dynamic, 100) + pages(dynamic, 100) + 1
	}
}

// A run that would remove many groups is planned, held, approved and undone like any other.
func TestManyGroupsThatGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newOfGroups(w, directory.Feishu, 6)
	before := w.standing(c.source)
	for _, g := range c.groups[:4] {
		c.must(c.DeleteGroup(g))
	}
	for _, p := range c.people[:3] {
		c.must(c.LeaveGroup(c.groups[5], p))
	}
	plan := w.wait(w.start(workflows.SyncInput{Provider: c.name, Mode: workflows.ModePlan}))
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Equal(t, 4, plan.Groups.Deleted)
	require.Equal(t, before, w.standing(c.source))

	held := w.sync(c.name)
	require.Equal(t, directory.RunHeld, held.Status, held.Errors)
	require.Contains(t, held.HoldReason, "it would remove 4 of 10 groups; the limit is 3")
	require.Equal(t, before, w.standing(c.source))
	leavers, err := w.store.ListPlannedRemovals(t.Context(), held.RunID, db.RemovalsLimit{})
	require.NoError(t, err)
	require.Len(t, leavers.Groups, 4)
	require.Len(t, leavers.GroupPlaces, 3)

	approved, err := w.decide(held, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
	require.Equal(t, 4, approved.Groups.Deleted)
	require.Equal(t, plan.GroupMemberships.Deleted, approved.GroupMemberships.Deleted)
	w.requireEqual(c.source)

	undone := w.undo(c.name, workflows.UndoInput{Run: held.RunID})
	require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
	require.Equal(t, before, w.standing(c.source))
}

func TestLocalAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.DingTalk, simulator.Generate(simulator.TypicalSpec(18, 20)))
	w.succeed(s)
	var someone string
	for id := range w.standing(s).Members {
		someone = id
	}
	local := func() (ids []string) {
		require.NoError(t, w.pool.QueryRow(t.Context(),
			`SELECT coalesce(array_agg(m.external_id), '{}') FROM org_administrators a
			JOIN org_members m ON m.id = a.member_id WHERE a.source = 'local' AND a.level = 'admin'
			AND m.provider_id = (SELECT id FROM identity_providers WHERE name = $1)`, s.name).Scan(&ids))
		return ids
	}
	set := func(in workflows.SetAdministratorsInput) (workflows.SyncResult, error) {
		in.Provider = s.name
		run, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.SyncWorkflowID(s.name) + "/" + uuid.NewString(), TaskQueue: w.queue},
			workflows.SetAdministratorsName, in)
		require.NoError(t, err)
		var out workflows.SyncResult
		return out, run.Get(t.Context(), &out)
	}
	_, err := set(workflows.SetAdministratorsInput{Add: []string{someone}})
	require.NoError(t, err)
	require.Equal(t, []string{someone}, local())
	w.succeed(s) // which leaves it alone
	require.Equal(t, []string{someone}, local())
	_, err = set(workflows.SetAdministratorsInput{Add: []string{"nobody at all"}})
	require.ErrorContains(t, err, "the directory has no member nobody at all")
	_, err = set(workflows.SetAdministratorsInput{Remove: []string{someone}})
	require.NoError(t, err)
	require.Empty(t, local())
}
