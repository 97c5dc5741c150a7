package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// TestMissedTwice covers what a run of the whole company missed and could not confirm as
// gone, and what becomes of it in the next one.
func TestMissedTwice(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"who is not visible twice is removed":           whoIsNotVisibleTwiceIsRemoved,
		"a run counts once":                             aRunCountsOnce,
		"runs between do not count as missing":          runsBetweenDoNotCountAsMissing,
		"who a run between lists is forgotten":          whoARunBetweenListsIsForgotten,
		"who is listed again is forgotten":              whoIsListedAgainIsForgotten,
		"who is unchanged again is forgotten":           whoIsRecognisedAgainIsForgotten,
		"a smaller range starts over":                   aSmallerRangeStartsOver,
		"a look-up that failed is no result":            aLookUpThatFailedIsNoResult,
		"who is there is placed by their own record":    whoIsThereIsPlacedByTheirOwnRecord,
		"who is there and cannot be read stays":         whoIsThereAndCannotBeReadStays,
		"who is there keeps their places between":       whoIsThereKeepsTheirPlacesBetween,
		"a department that stays keeps its people":      aDepartmentThatStaysKeepsItsPeople,
		"a listing counts more than a record":           aListingCountsMoreThanARecord,
		"a plan goes by what was missed before":         aPlanGoesByWhatWasMissedBefore,
		"a department is there or not":                  aDepartmentIsThereOrNot,
		"retention keeps the run that missed something": retentionKeepsTheRunThatMissedSomething,
		"who is removed is no candidate any more":       whoIsRemovedIsNoCandidateAnyMore,
		"the provider counts more people than it has":   theProviderCountsMorePeopleThanItHas,
	})
}

const two = "1; 10<1"

// missing is a whole run that misses somebody, of whom a look-up says this; earlier runs
// saw no more than it.
func (c *company) missing(s snapshot, result db.LookupResult, who string, earlier ...*run) *run {
	c.t.Helper()
	r := c.begin("apply")
	r.read(s)
	r.apply(false)
	r.miss(result, who, earlier...)
	return r
}

func (r *run) miss(result db.LookupResult, who string, earlier ...*run) {
	r.t.Helper()
	for _, e := range earlier {
		r.visibility.EarlierRuns = append(r.visibility.EarlierRuns, e.id)
	}
	r.planRemovals()
	if r.plan.ToLookUp > 0 {
		r.lookedUp("member", result, who)
	}
	r.remove()
	r.recompute()
	r.finish()
}

// candidates are those on record, "member a not_visible".
func (c *company) candidates() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT c.object_type || ' ' || coalesce(m.external_id, d.external_id) || ' ' || c.result
		FROM removal_candidates c
		LEFT JOIN org_members m ON m.id = c.object_id LEFT JOIN org_departments d ON d.id = c.object_id
		WHERE c.provider_id = $1 ORDER BY 1`, c.provider.ID)
}

func (r *run) reasons() []string {
	r.t.Helper()
	return r.c.texts(r.t,
		"SELECT object_type || ' ' || reason FROM sync_run_removals WHERE run_id = $1 AND applied ORDER BY 1", r.id)
}

var (
	everyone = snapshot{departments: two, members: "a in=1,10; b in=10"}
	withoutA = snapshot{departments: two, members: "b in=10"}
)

func whoIsNotVisibleTwiceIsRemoved(t *testing.T, c *company) {
	for _, result := range []db.LookupResult{db.LookupNotVisible, db.LookupExists} { // what the first look-up said
		c.sync(everyone)
		first := c.missing(withoutA, result, "a")
		if result == db.LookupExists {
			second := c.missing(withoutA, db.LookupNotVisible, "a", first)
			require.Empty(t, second.removals(), "out of sight for the first time")
			require.Zero(t, second.counts.Members.Failed)
			require.Len(t, second.problems(), 1)
			require.Contains(t, second.problems()[0],
				"member a: no listing shows it, and a lookup, which found it so far, does not either")
		}
		require.Equal(t, 1, first.counts.Members.Failed)
		require.Empty(t, first.removals())
		require.Len(t, first.problems(), 1)
		require.Contains(t, first.problems()[0], "; if the next run that reads everything ")
		require.Equal(t, []string{"member a not_visible"}, c.candidates())

		second := c.missing(withoutA, db.LookupNotVisible, "a", first)
		require.Equal(t, []string{"member a", "membership a", "membership a"}, second.removals())
		require.Contains(t, second.reasons(), "member not_visible_twice")
		require.Zero(t, second.counts.Members.Failed)
		require.Empty(t, second.problems())
	}
}

// An attempt whose answer was lost plans and judges again.
func aRunCountsOnce(t *testing.T, c *company) {
	c.sync(everyone)
	r := c.begin("apply")
	r.read(withoutA)
	r.apply(false)
	r.planRemovals()
	r.lookedUp("member", db.LookupNotVisible, "a")
	for range 3 {
		require.Zero(t, r.confirm().Total())
		require.Zero(t, r.planRemovals().Total())
	}
	runs, err := c.store.ListCandidateRuns(t.Context(), r.id)
	require.NoError(t, err)
	require.Empty(t, runs, "its own do not count")
	require.Equal(t, []string{"member a not_visible"}, c.candidates())
}

// between is a run that does not read everything.
func (c *company) between(n db.NewRun, s snapshot, earlier *run) *run {
	c.t.Helper()
	r := c.beginLimited("apply", n)
	r.read(s)
	r.apply(false)
	r.visibility.EarlierRuns = []string{earlier.id}
	r.planRemovals()
	r.keepNotVisible()
	r.remove()
	r.recompute()
	r.finish()
	require.NotContains(c.t, r.removals(), "member a")
	return r
}

var (
	unread  = "1; 10<1; 20<1 members=fail"
	limited = db.NewRun{Departments: []string{"1"}}
)

func runsBetweenDoNotCountAsMissing(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupNotVisible, "a")
	c.between(db.NewRun{}, snapshot{departments: unread, members: withoutA.members}, first)
	r := c.between(limited, withoutA, first)
	runs, err := c.store.ListCandidateRuns(t.Context(), r.id)
	require.NoError(t, err)
	require.Empty(t, runs)
	require.Equal(t, []string{"member a not_visible"}, c.candidates())
	require.Contains(t, c.missing(withoutA, db.LookupNotVisible, "a", first).removals(), "member a")
}

// They came back in between: the next run that misses them is the first one again.
func whoARunBetweenListsIsForgotten(t *testing.T, c *company) {
	for name, between := range map[string]func(first *run) *run{
		"not read to its end": func(first *run) *run {
			return c.between(db.NewRun{}, snapshot{departments: unread, members: everyone.members}, first)
		},
		"of departments": func(first *run) *run { return c.between(limited, everyone, first) },
	} {
		c.sync(everyone)
		first := c.missing(withoutA, db.LookupNotVisible, "a")
		between(first)
		require.Empty(t, c.candidates(), name)
		require.NotContains(t, c.missing(withoutA, db.LookupNotVisible, "a", first).removals(), "member a", name)
	}
}

// keepNotVisible says of every candidate that they are out of sight.
func (r *run) keepNotVisible() {
	r.t.Helper()
	for id := range r.candidates("member") {
		r.lookedUp("member", db.LookupNotVisible, id)
	}
}

func whoIsListedAgainIsForgotten(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupNotVisible, "a")
	c.sync(snapshot{departments: two, members: "a title=back in=10; b in=10"})
	require.Empty(t, c.candidates())
	require.Empty(t, c.missing(withoutA, db.LookupNotVisible, "a", first).removals(), "missed for the first time again")
}

// Where nothing is staged since nothing has changed, those unchanged were listed, too.
func whoIsRecognisedAgainIsForgotten(t *testing.T, c *company) {
	c.sync(everyone)
	c.missing(withoutA, db.LookupNotVisible, "a")
	crashed := c.begin("apply")
	crashed.read(everyone)
	crashed.apply(false)
	require.NotEmpty(t, c.candidates())
	r := c.sync(everyone)
	require.Equal(t, []string{"1", "10"}, r.unchanged)
	require.Empty(t, c.candidates())
}

func aSmallerRangeStartsOver(t *testing.T, c *company) {
	c.sync(everyone)
	c.missing(withoutA, db.LookupNotVisible, "a")
	second := c.missing(withoutA, db.LookupNotVisible, "a") // of which the first saw more
	require.Empty(t, second.removals())
	require.Equal(t, 1, second.counts.Members.Failed)
	require.Contains(t, c.missing(withoutA, db.LookupNotVisible, "a", second).removals(), "member a")
}

func aLookUpThatFailedIsNoResult(t *testing.T, c *company) {
	c.sync(everyone)
	c.missing(withoutA, db.LookupFailed, "a")
	require.Empty(t, c.candidates())
	first := c.missing(withoutA, db.LookupNotVisible, "a")
	failed := c.missing(withoutA, db.LookupFailed, "a", first)
	require.Empty(t, failed.removals())
	require.Equal(t, []string{"member a not_visible"}, c.candidates(), "nor does it take one back")
	require.Contains(t, c.missing(withoutA, db.LookupNotVisible, "a", first).removals(), "member a")
}

// rereads is missing of a run that reads somebody by themselves first.
func (c *company) rereads(s snapshot, record string, earlier *run) *run {
	c.t.Helper()
	r := c.begin("apply")
	r.read(s)
	r.apply(false)
	r.visibility.EarlierRuns = []string{earlier.id}
	known, err := c.store.ListCandidatesOf(c.t.Context(), r.id, "member", r.visibility.EarlierRuns, "", 10)
	require.NoError(c.t, err)
	require.Len(c.t, known, 1)
	people := membersOf(record, c.provider)
	_, err = c.store.StageMembers(c.t.Context(),
		db.MemberPage{Page: db.Page{RunID: r.id, Listing: db.SingleListing(people[0].ExternalID)}, People: people})
	require.NoError(c.t, err)
	require.NoError(c.t, c.store.RecordLookups(c.t.Context(), db.BeforeRemoving, r.id, "member",
		map[string]db.LookupResult{known[0].ID: db.LookupExists}))
	for range 2 {
		require.NoError(c.t, c.store.ApplyReread(c.t.Context(), r.id))
	}
	known, err = c.store.ListCandidatesOf(c.t.Context(), r.id, "member", r.visibility.EarlierRuns, "", 10)
	require.NoError(c.t, err)
	require.Empty(c.t, known)
	r.planRemovals()
	require.Zero(c.t, r.plan.ToLookUp)
	require.False(c.t, r.plan.Incomplete)
	r.remove()
	r.recompute()
	r.finish()
	return r
}

func whoIsThereIsPlacedByTheirOwnRecord(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupExists, "a")
	require.Equal(t, 1, first.counts.Members.Failed)
	require.Equal(t, []string{"a 1", "a 10*", "b 10*"}, c.places(), "left as they are")

	second := c.rereads(withoutA, "a title=own in=1", first)
	require.Equal(t, []string{"member moved a", "membership deleted a"}, second.changes())
	require.Equal(t, []string{"a 1*", "b 10*"}, c.places())
	require.Equal(t, "own", c.member("title", "a"))
	require.Equal(t, [3]int{2, 0, 1}, [3]int{second.counts.Members.Read, second.counts.Members.Failed,
		second.counts.Members.Unchanged})
	require.Empty(t, second.problems())

	before := c.versions()
	for range 2 {
		again := c.rereads(withoutA, "a title=own in=1", first)
		require.Empty(t, again.changes())
		require.Empty(t, again.problems())
		require.Equal(t, before, c.versions(), "an unchanged company writes no row")
		require.Equal(t, []string{"member a exists"}, c.candidates())
	}
}

// A run that does not read them by themselves knows nothing of where they are: it leaves
// them there, until a listing shows them elsewhere.
func whoIsThereKeepsTheirPlacesBetween(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupExists, "a")
	c.rereads(withoutA, "a in=1,10", first)
	for _, between := range []func() *run{
		func() *run {
			return c.between(db.NewRun{}, snapshot{departments: unread, members: withoutA.members}, first)
		},
		func() *run { return c.between(db.NewRun{Departments: []string{"10"}}, withoutA, first) },
	} {
		require.NotContains(t, between().changes(), "membership deleted a")
		require.Equal(t, []string{"a 1", "a 10*", "b 10*"}, c.places())
	}
	c.between(db.NewRun{}, snapshot{departments: unread, members: "a in=1; b in=10"}, first)
	require.Equal(t, []string{"a 1*", "b 10*"}, c.places())
	require.Empty(t, c.candidates())
}

// That a department is not listed is all that its people's places would go for.
func aDepartmentThatStaysKeepsItsPeople(t *testing.T, c *company) {
	for name, r := range map[string]struct {
		n           db.NewRun
		departments string
	}{
		"in a limited run":          {n: db.NewRun{Departments: []string{"10"}}, departments: two},
		"while another is not read": {departments: "1; 10<1 members=fail"},
		"in a complete run":         {departments: two},
	} {
		c.sync(snapshot{departments: "1; 10<1; 20<1", members: "a in=20; b in=10"})
		run := c.beginLimited("apply", r.n)
		run.read(snapshot{departments: r.departments, members: "b in=10"})
		run.apply(false)
		run.planRemovals()
		run.lookedUp("department", db.LookupExists, "20")
		for id := range run.candidates("member") {
			run.lookedUp("member", db.LookupExists, id)
		}
		run.remove()
		run.recompute()
		run.finish()
		require.Empty(t, run.changes(), name)
		require.Equal(t, []string{"a 20*", "b 10*"}, c.places(), name)
	}
}

// Whoever is listed again by the time they are read by themselves is what the listing says.
func aListingCountsMoreThanARecord(t *testing.T, c *company) {
	for _, again := range []string{"a title=listed in=10; b in=10", "a in=1,10; b in=10"} { // compared, and unchanged
		c.sync(everyone)
		c.sync(everyone)
		first := c.missing(withoutA, db.LookupExists, "a")
		r := c.rereads(snapshot{departments: two, members: again}, "a title=own in=1", first)
		require.NotContains(t, r.changes(), "membership created a")
		require.NotEqual(t, "own", c.member("title", "a"))
		require.Empty(t, c.candidates())
		require.Equal(t, 2, r.counts.Members.Read)
		history, err := c.store.GetObjectHistory(t.Context(),
			db.Object{Type: "member", ID: c.id("a"), ExternalID: "a", Status: "active"})
		require.NoError(t, err)
		for _, run := range history.Runs {
			if run.Run.ID == r.id {
				require.Empty(t, run.LookUp, "nor did the run leave anything as it is for what the record says")
			}
		}
	}
}

func whoIsThereAndCannotBeReadStays(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupExists, "a")
	second := c.missing(withoutA, db.LookupExists, "a", first)
	require.Empty(t, second.changes())
	require.Zero(t, second.counts.Members.Failed)
	require.Equal(t, []string{"member a: no listing shows it, but a lookup finds it; it was left as it is"},
		second.problems())
}

func aPlanGoesByWhatWasMissedBefore(t *testing.T, c *company) {
	c.sync(everyone)
	plan := c.begin("plan")
	plan.read(withoutA)
	require.Equal(t, 1, plan.dryRun(true).Counts.Members.Deleted, "nobody was asked")
	require.NoError(t, c.store.FinishRun(t.Context(), plan.id, directory.RunSucceeded, "", directory.Counts{}, false))
	require.Empty(t, c.candidates(), "a plan keeps none")

	first := c.missing(withoutA, db.LookupNotVisible, "a")
	plan = c.begin("plan")
	plan.visibility.EarlierRuns = []string{first.id}
	plan.read(withoutA)
	out, err := c.store.DryRun(t.Context(), plan.id, plan.visibility, true)
	require.NoError(t, err)
	require.Equal(t, 1, out.ToLookUp)
	plan.lookedUp("member", db.LookupNotVisible, "a")
	out, err = c.store.DryRun(t.Context(), plan.id, plan.visibility, true)
	require.NoError(t, err)
	require.Equal(t, [2]int{1, 2}, [2]int{out.Counts.Members.Deleted, out.Counts.Memberships.Deleted})
	require.Equal(t, []string{"member a not_visible"}, c.candidates(), "nor uses them up")
	foretold := plan.changes()
	require.Equal(t, foretold, c.missing(withoutA, db.LookupNotVisible, "a", first).changes())
}

func aDepartmentIsThereOrNot(t *testing.T, c *company) {
	whole, without := snapshot{departments: "1; 10<1; 20<1", members: "b in=1"}, snapshot{departments: "1; 10<1",
		members: "b in=1"}
	miss := func(result db.LookupResult, earlier ...*run) *run {
		r := c.begin("apply")
		r.read(without)
		r.apply(false)
		for _, e := range earlier {
			r.visibility.EarlierRuns = append(r.visibility.EarlierRuns, e.id)
		}
		r.planRemovals()
		r.lookedUp("department", result, "20")
		r.remove()
		r.recompute()
		r.finish()
		return r
	}
	c.sync(whole)
	first := miss(db.LookupNotVisible)
	require.Equal(t, 1, first.counts.Departments.Failed)
	require.Equal(t, []string{"department 20 not_visible"}, c.candidates())
	second := miss(db.LookupExists, first)
	require.Empty(t, second.changes())
	require.Zero(t, second.counts.Departments.Failed)
	require.Equal(t, []string{"department 20 exists"}, c.candidates())

	// Read by itself it is in the tree, and yet not listed.
	r := c.begin("apply")
	known, err := c.store.ListCandidatesOf(t.Context(), r.id, "department", []string{first.id}, "", 10)
	require.NoError(t, err)
	require.Len(t, known, 1)
	require.NoError(t, c.store.RecordLookups(t.Context(), db.BeforeRemoving, r.id, "department",
		map[string]db.LookupResult{known[0].ID: db.LookupExists}))
	r.read(snapshot{departments: "1; 10<1; 20<10 name=Own", members: "b in=1,20"})
	r.apply(false)
	r.planRemovals()
	r.recompute()
	r.finish()
	require.Equal(t, []string{"department moved 20", "member moved b", "membership created b"}, r.changes())
	require.Equal(t, []string{"department 20 exists"}, c.candidates())
	c.sync(whole)
	require.Empty(t, c.candidates(), "listed again")

	first = miss(db.LookupNotVisible)
	second = miss(db.LookupNotVisible, first)
	require.Equal(t, []string{"department 20"}, second.removals())
	require.Equal(t, []string{"department not_visible_twice"}, second.reasons())
	require.Empty(t, c.candidates())
}

func retentionKeepsTheRunThatMissedSomething(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupExists, "a")
	c.missing(withoutA, db.LookupExists, "a", first)
	first.age(500 * day)
	c.cleanUp(t)
	require.True(t, first.exists(), "its range is still compared with")
}

func whoIsRemovedIsNoCandidateAnyMore(t *testing.T, c *company) {
	c.sync(everyone)
	first := c.missing(withoutA, db.LookupNotVisible, "a")
	second := c.missing(withoutA, db.LookupNotVisible, "a", first)
	require.Empty(t, c.candidates())
	c.undo(second, db.UndoScope{})
	require.Empty(t, c.missing(withoutA, db.LookupNotVisible, "a", first).removals(),
		"who was given back is missed for the first time")
}

// Then nobody counts as gone without being called so, but who is missed twice and not to
// be seen goes all the same: never an eternal doubt.
func theProviderCountsMorePeopleThanItHas(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1 declared=9; 10<1; 20<1", members: "a in=10; b in=20"})
	without := snapshot{departments: "1 declared=9; 10<1; 20<1", members: "b in=20"}
	first := c.missing(without, db.LookupNotVisible, "a")
	require.True(t, first.plan.Incomplete)
	require.Empty(t, first.removals())
	require.Contains(t, c.missing(without, db.LookupNotVisible, "a", first).removals(), "member a")

	// So do those who have no place, and those in a department that is not listed either.
	c.sync(snapshot{departments: "1 declared=9; 10<1; 20<1", members: "b in=20; p; q in=10"})
	var earlier []*run
	for range 2 {
		r := c.begin("apply")
		r.read(snapshot{departments: "1 declared=9; 20<1", members: "b in=20"})
		r.apply(false)
		for _, e := range earlier {
			r.visibility.EarlierRuns = append(r.visibility.EarlierRuns, e.id)
		}
		require.Equal(t, 3, r.planRemovals().ToLookUp)
		r.lookedUp("department", db.LookupNotVisible, "10")
		r.keepNotVisible()
		r.remove()
		r.recompute()
		r.finish()
		earlier = append(earlier, r)
	}
	require.Empty(t, earlier[0].removals())
	require.Equal(t, []string{"department 10", "member p", "member q", "membership q"}, earlier[1].removals())
}
