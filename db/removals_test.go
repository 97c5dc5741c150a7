package db_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// TestRemoving covers how a plan of removals is made and carried out.
func TestRemoving(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"candidates are resolved":                  candidatesAreResolved,
		"who stays keeps their places":             whoStaysKeepsTheirPlaces,
		"all is looked up where nobody decides":    allIsLookedUpWhereNobodyDecides,
		"planning again starts over":               planningAgainStartsOver,
		"the guards figures are the providers own": theGuardsFiguresAreTheProvidersOwn,
		"removing goes in batches":                 removingGoesInBatches,
		"a first run":                              aFirstRunMissesWhomOthersStored,
	})
}

// Whoever is stored by others in the midst of a first run is missing like anybody else.
func aFirstRunMissesWhomOthersStored(t *testing.T, c *company) {
	first := c.begin("apply")
	first.read(snapshot{departments: "1; 20<1", members: "a in=1; b in=1,20"})
	first.apply(false)
	c.exec(t, "INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'c')", c.provider.ID)
	require.Equal(t, 1, first.planRemovals().Planned.Members)
	first.remove()
	require.Equal(t, []string{"member c"}, first.removals())
}

// Every case has the whole company stored, syncs after, and compares what went: only
// what a scope read to its end no longer shows may.
func TestWhatIsRemoved(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 20<1"
	const everybody = "a in=1; b in=10; c in=10,11; d in=11; e in=20"
	for _, c := range []struct {
		name        string
		departments string
		members     string
		only        []string
		removed     []string
		candidates  []string
		incomplete  bool
	}{
		{name: "nothing", departments: tree, members: everybody},
		{name: "a member", departments: tree, members: "a in=1; b in=10; c in=10,11; d in=11",
			removed: []string{"member e", "membership e"}},
		{name: "a membership", departments: tree, members: "a in=1; b in=10; c in=10; d in=11; e in=20",
			removed: []string{"membership c"}},
		{name: "a department with its people", departments: "1; 10<1; 11<10",
			members: "a in=1; b in=10; c in=10,11; d in=11",
			removed: []string{"department 20", "member e", "membership e"}},
		{name: "everything below", departments: "1; 20<1", members: "a in=1; e in=20",
			removed: []string{"department 10", "department 11", "member b", "member c", "member d", "membership b",
				"membership c", "membership c", "membership d"}},
		{name: "somebody who moved", departments: tree, members: "a in=1; b in=10; c in=10,11; d in=11; e in=1",
			removed: []string{"membership e"}},

		{name: "an unread department keeps its people", departments: "1; 10<1; 11<10; 20<1 members=fail",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true},
		{name: "an open listing keeps its people", departments: "1; 10<1; 11<10; 20<1 members=open",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true},
		{name: "a listing with a bad record keeps its people", departments: "1; 10<1; 11<10; 20<1 members=bad",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true},
		{name: "covered by an unread one", departments: "1; 10<1; 11<10 members=fail; 20<1 members=via:11",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true},
		{name: "covered by a read one", departments: "1; 10<1; 11<10; 20<1 members=via:11",
			members: "a in=1; b in=10; c in=10,11; d in=11",
			removed: []string{"member e", "membership e"}},
		{name: "somebody missing may be in the unread one", departments: "1; 10<1; 11<10; 20<1 members=fail",
			members: "a in=1; c in=10,11; d in=11", incomplete: true,
			removed: []string{"membership b"}, candidates: []string{"member b"}},
		{name: "somebody also in the unread one", departments: "1; 10<1; 11<10 members=fail; 20<1",
			members: "a in=1; b in=10; e in=20", incomplete: true,
			removed: []string{"membership c"}},
		{name: "below a department without children read", departments: "1; 10<1 children=fail; 20<1",
			members: "a in=1; b in=10; c in=10; e in=20", incomplete: true},
		{name: "beside it", departments: "1; 10<1; 11<10 children=fail",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true,
			candidates: []string{"department 20"}},

		{name: "the provider's count contradicts an empty list", departments: "1; 10<1; 11<10; 20<1 declared=1",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true},
		{name: "the provider's count agrees with an empty list", departments: "1; 10<1; 11<10; 20<1 declared=0",
			members: "a in=1; b in=10; c in=10,11; d in=11",
			removed: []string{"member e", "membership e"}},
		{name: "the people below make up the count", departments: "1; 10<1 declared=2; 11<10; 20<1",
			members: "a in=1; c in=11; d in=11; e in=20",
			removed: []string{"member b", "membership b", "membership c"}},
		{name: "two counts above one another, the upper one met",
			departments: "1 declared=4; 10<1 declared=4; 11<10; 20<1", members: "c in=10,11; d in=11; e in=20",
			incomplete: true,
			removed:    []string{"membership a"}, candidates: []string{"member a"}},
		{name: "two counts above one another, the lower one met",
			departments: "1 declared=5; 10<1 declared=3; 11<10; 20<1", members: "c in=10,11; d in=11; e in=20",
			incomplete: true,
			removed:    []string{"membership b"}, candidates: []string{"member b"}},
		{name: "the root's count says that departments are missing", departments: "1 declared=5; 10<1; 11<10",
			members: "a in=1; b in=10; c in=10,11; d in=11", incomplete: true,
			candidates: []string{"department 20", "member e"}},
		{name: "the root's count is met", departments: "1 declared=4; 10<1; 11<10",
			members: "a in=1; b in=10; c in=10,11; d in=11",
			removed: []string{"department 20", "member e", "membership e"}},

		{name: "a targeted run", departments: tree, members: "a in=1; b in=10; c in=10", only: []string{"11"},
			incomplete: true,
			removed:    []string{"membership c", "membership d"}, candidates: []string{"member d"}},
		{name: "a targeted run of what has something below it", departments: tree, members: "a in=1; c in=10,11",
			only: []string{"10"}, incomplete: true,
			removed: []string{"membership b", "membership d"}, candidates: []string{"member b", "member d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(snapshot{departments: tree, members: everybody})
			r := co.beginLimited("apply", db.NewRun{Departments: c.only})
			r.read(snapshot{departments: c.departments, members: c.members})
			r.apply(false)
			plan := r.planRemovals()
			require.Equal(t, c.incomplete, plan.Incomplete)
			require.Equal(t, 5, plan.Active.Members)
			require.Equal(t, 4, plan.Active.Departments)
			var uncertain, unlisted []string
			for _, kind := range []string{"department", "member"} {
				for id := range r.candidatesOf(db.CandidateFilter{Type: kind, Missing: true}) {
					unlisted = append(unlisted, kind+" "+id)
				}
				for id := range r.candidatesOf(db.CandidateFilter{Type: kind, Uncertain: true}) {
					uncertain = append(uncertain, kind+" "+id)
				}
			}
			require.ElementsMatch(t, c.candidates, uncertain)
			require.ElementsMatch(t, slices.DeleteFunc(slices.Clone(c.removed),
				func(what string) bool { return strings.HasPrefix(what, "membership") }), unlisted,
				"what no listing shows is to be looked up, too")
			require.Equal(t, len(c.candidates), directory.Sum(plan.Unconfirmed))
			require.Equal(t, len(c.removed), plan.Total())
			require.Equal(t, len(c.removed), r.remove())
			require.Equal(t, c.removed, r.removals())
			require.Zero(t, r.remove(), "carried out")
		})
	}
}

// removals are the run's deletions, "member ann", sorted.
func (r *run) removals() []string {
	r.t.Helper()
	var out []string
	for _, change := range r.changes() {
		if object, id, ok := strings.Cut(change, " deleted "); ok {
			out = append(out, object+" "+id)
		}
	}
	return out
}

func candidatesAreResolved(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1", members: "a u=U o=O in=1; b in=1; c in=1; d in=10"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1 members=fail", members: ""})
	r.apply(false)
	require.Equal(t, 3, directory.Sum(r.planRemovals().Unconfirmed))
	for id, candidate := range r.candidates("member") {
		require.Equal(t, id == "a", candidate.UnionID == "U" && candidate.OpenID == "O")
	}
	// c is never looked up.
	r.lookedUp("member", db.LookupNotFound, "a")
	r.lookedUp("member", db.LookupExists, "b")
	require.Equal(t, []string{"c"}, slices.Sorted(maps.Keys(r.planAgain())), "nobody is asked about twice")
	for range 2 {
		require.Equal(t, 1, r.confirm().Planned.Members)
		require.Equal(t, []string{"department 10: no permission",
			"member b: no listing shows it any more, but a lookup still finds it: it was moved while the company " +
				"was being read, or a listing left it out; it was left as it is",
			"1 members or departments were not found where they used to be, but may be where this run could not " +
				"read; they were left as they are"}, r.problems())
	}
	r.remove()
	require.Equal(t, []string{"a U O deleted", "b - - active", "c - - active", "d - - active"}, c.people())
}

// planAgain plans as a repeated activity does and returns the people in doubt.
func (r *run) planAgain() map[string]db.Candidate {
	r.planRemovals()
	return r.candidates("member")
}

// Whoever stays although no listing shows them keeps their places, except in what is
// gone itself; a department that stays keeps its people's places, but for those who go.
func whoStaysKeepsTheirPlaces(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1; 20<1; 30<1",
		members: "a in=1,10; b in=10,20; c in=1,20; d in=20,30; e in=30"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1", members: "c in=1"})
	r.apply(false)
	require.Equal(t, 4+2+8, r.planRemovals().Total())
	r.lookedUp("department", db.LookupExists, "20")
	r.lookedUp("member", db.LookupNotFound, "e")
	r.lookedUp("member", db.LookupExists, "a", "b")
	r.remove()
	require.Equal(t, []string{"department 30", "member d", "member e", "membership d", "membership d", "membership e"},
		r.removals())
}

// allIsLookedUpWhereNobodyDecides: an empty answer about everybody must not empty the directory.
func allIsLookedUpWhereNobodyDecides(t *testing.T, c *company) {
	var people strings.Builder
	for i := range 30 {
		fmt.Fprintf(&people, "p%02d in=10; ", i)
	}
	c.sync(snapshot{departments: "1; 10<1", members: people.String()})
	for onRemovals, lookups := range map[string]int{"hold": 1, "apply": 31} {
		r := c.beginLimited("apply", db.NewRun{OnRemovals: onRemovals})
		r.read(snapshot{departments: "1"})
		r.apply(false)
		require.Equal(t, lookups, r.planRemovals().ToLookUp, onRemovals)
	}
}

func planningAgainStartsOver(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1", members: "a in=1; b in=10; x status=inactive in=10"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1", members: "a in=1"})
	r.apply(false)
	plan := r.planRemovals()
	require.Equal(t, [6]int{2, 1, 2, 2, 2, 3},
		[6]int{plan.Planned.Members, plan.Planned.Departments, plan.Planned.Memberships, plan.Active.Members,
			plan.Active.Departments, plan.ToLookUp})
	require.Equal(t, directory.DefaultGuard, plan.Guard)
	require.False(t, plan.Incomplete)
	require.Equal(t, plan, r.planRemovals())
	r.remove()
	plan = r.planRemovals()
	require.Zero(t, plan.Total(), "rows deleted already are not planned again")
	require.Equal(t, 1, plan.Active.Members)
}

func theGuardsFiguresAreTheProvidersOwn(t *testing.T, c *company) {
	change := func(guard providers.GuardChange) {
		require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{Guard: guard}, nil))
	}
	limits := func() directory.Guard { return c.sync(snapshot{departments: "1"}).plan.Guard }
	want := directory.DefaultGuard
	change(providers.GuardChange{Limits: directory.GuardChange{
		Members: directory.LimitChange{Count: new(4), Percent: new(12.5)}}})
	want.Members = directory.Limit{Count: 4, Percent: 12.5}
	require.Equal(t, want, limits(), "the people's limits are not the departments'")
	change(providers.GuardChange{Limits: directory.GuardChange{Departments: directory.LimitChange{Count: new(1)}}})
	want.Departments.Count = 1
	require.Equal(t, want, limits())
	change(providers.GuardChange{Limits: directory.GuardChange{
		Members:     directory.LimitChange{Count: new(5)},
		Departments: directory.LimitChange{Percent: new(0.0)},
	}})
	want.Members.Count, want.Departments.Percent = 5, 0
	require.Equal(t, want, limits())
	change(providers.GuardChange{Limits: directory.GuardChange{
		Groups: directory.LimitChange{Count: new(7)}, Administrators: directory.LimitChange{Percent: new(50.0)},
	}})
	want.Groups.Count, want.Administrators.Percent = 7, 50
	require.Equal(t, want, limits())
	change(providers.GuardChange{Limits: directory.GuardChange{Groups: directory.LimitChange{Percent: new(0.0)}}})
	want.Groups.Percent = 0
	require.Equal(t, want, limits())
	stored, err := c.store.Providers.FindByName(t.Context(), c.provider.Name)
	require.NoError(t, err)
	require.Equal(t, want, stored.Guard)
}

func removingGoesInBatches(t *testing.T, c *company) {
	var all strings.Builder
	for n := range 1100 {
		fmt.Fprintf(&all, "p%d in=10;", n)
	}
	c.sync(snapshot{departments: "1; 10<1", members: all.String()})
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	r.apply(false)
	r.planRemovals()
	var batches []int
	for {
		n, err := c.store.RemoveNext(t.Context(), r.id)
		require.NoError(t, err)
		if n == 0 {
			break
		}
		batches = append(batches, n)
	}
	require.Equal(t, []int{1000, 100, 1000, 100, 1}, batches, "memberships, members, departments")
	require.Empty(t, c.places())
}
