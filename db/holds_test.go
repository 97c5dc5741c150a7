package db_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestHolding(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"what is held is shown":                        whatIsHeldIsShown,
		"only so much is shown":                        onlySoMuchIsShown,
		"the wait ends when the first hold said":       theWaitEndsWhenTheFirstHoldSaid,
		"an approved run removes what it showed":       anApprovedRunRemovesWhatItShowed,
		"what was changed by hand meanwhile is spared": whatWasChangedByHandMeanwhileIsSpared,
		"a hold outlives all but a full run":           aHoldOutlivesAllButAFullRun,
		"an approved run takes its turn again":         anApprovedRunTakesItsTurnAgain,
		"an approved run waits for one at work":        anApprovedRunWaitsForOneAtWork,
		"several runs are held":                        severalRunsAreHeld,
		"a run held writes nothing but its removals":   aRunHeldWritesNothingButItsRemovals,
		"who is there again is spared":                 whoIsThereAgainIsSpared,
	})
}

const (
	before = "a in=1; b in=10; c in=10,20; d in=20; e in=30; f in=10"
	after  = "a in=1; c in=10; d in=20; f in=10"
)

// held holds a run of a company of which department 30, b and e are gone, and c is
// no longer in 20.
func (c *company) held() *run {
	c.t.Helper()
	c.sync(snapshot{departments: "1; 10<1; 20<1; 30<1", members: before})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1; 20<1", members: after})
	r.apply(false)
	r.planRemovals()
	r.recompute()
	r.hold()
	return r
}

func (r *run) hold() {
	r.t.Helper()
	require.NoError(r.t, r.c.store.HoldRun(r.t.Context(), r.id, "too many", "the hold of "+r.id, directory.Counts{}))
}

// approve carries the plan out as it stands.
func (r *run) approve() (removed int) {
	r.t.Helper()
	require.NoError(r.t, r.c.store.ResumeRun(r.t.Context(), r.id, gone))
	for {
		n, err := r.c.store.RemoveNext(r.t.Context(), r.id)
		require.NoError(r.t, err)
		if n == 0 {
			require.NoError(r.t, r.c.store.RecomputeDerived(r.t.Context(), r.id))
			return removed
		}
		removed += n
	}
}

func whatIsHeldIsShown(t *testing.T, c *company) {
	require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID,
		providers.Change{Guard: providers.GuardChange{Limits: directory.GuardChange{
			Members:     directory.LimitChange{Count: new(20)},
			Departments: directory.LimitChange{Count: new(0), Percent: new(30.0)},
		}}}, nil))
	r := c.held()
	got, err := c.store.ListHeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, directory.Removals{
		Members:          directory.Removal{Planned: 2, There: 6, Limit: new(20), IDs: []string{"b", "e"}},
		Departments:      directory.Removal{Planned: 1, There: 4, Limit: new(1), IDs: []string{"30"}},
		Memberships:      directory.Removal{Planned: 3, There: 7, IDs: []string{"c in 20", "b in 10", "e in 30"}},
		Groups:           directory.Removal{Limit: new(3), IDs: []string{}},
		GroupMemberships: directory.Removal{Limit: new(20), IDs: []string{}},
		Administrators:   directory.Removal{Limit: new(3), IDs: []string{}},
	}, got, "those of people who stay come first")
}

func onlySoMuchIsShown(t *testing.T, c *company) {
	var all strings.Builder
	for n := range 60 {
		fmt.Fprintf(&all, "p%02d%s in=1;", n, strings.Repeat("x", 100+n))
	}
	c.sync(snapshot{departments: "1", members: all.String()})
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	r.apply(false)
	r.planRemovals()
	got, err := c.store.ListHeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Len(t, got.Members.IDs, 50)
	require.Equal(t, 10, got.Members.More())
	require.Equal(t, 60, got.Members.Planned)
	c.exec(t, "UPDATE org_members SET external_id = external_id || repeat('y', 1000) WHERE provider_id = $1",
		c.provider.ID)
	got, err = c.store.ListHeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Less(t, len(strings.Join(got.Members.IDs, "")), 8<<10)
	require.NotEmpty(t, got.Members.IDs)
}

func theWaitEndsWhenTheFirstHoldSaid(t *testing.T, c *company) {
	change := func(d time.Duration) {
		require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID,
			providers.Change{Guard: providers.GuardChange{HoldFor: &d}}, nil))
	}
	change(90 * time.Minute)
	r := c.held()
	first, err := c.store.Report.GetRun(t.Context(), r.id)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(90*time.Minute), *first.HoldExpiresAt, time.Minute)
	change(time.Hour)
	r.hold()
	again, err := c.store.Report.GetRun(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, first.HoldExpiresAt, again.HoldExpiresAt)
}

func anApprovedRunRemovesWhatItShowed(t *testing.T, c *company) {
	r := c.held()
	require.Equal(t, 6, r.approve())
	require.Equal(t, []string{"department 30", "member b", "member e", "membership b", "membership c", "membership e"},
		r.removals())
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - deleted",
		"f - - active"}, c.people())
	require.Equal(t, []string{"a 1*", "c 10*", "d 20*", "f 10*"}, c.places())
	require.Equal(t, []string{"1 4 1", "10 2 2", "20 1 1"}, c.heads())
}

// Between the hold and its approval somebody changes the directory by hand. What was
// shown goes; what was not, stays, also where it hangs on what goes, until the next
// sync makes the directory match the provider again.
func whatWasChangedByHandMeanwhileIsSpared(t *testing.T, c *company) {
	r := c.held()
	c.exec(t,
		"DELETE FROM org_member_departments md USING org_members m, org_departments d WHERE m.id = md.member_id "+
			"AND d.id = md.department_id AND m.provider_id = $1 AND m.external_id = 'c' AND d.external_id = '20'",
		c.provider.ID)
	c.exec(t,
		"UPDATE org_members SET status = 'inactive', title = 'Changed' WHERE provider_id = $1 AND external_id = 'e'",
		c.provider.ID)
	c.exec(t, "INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'g')", c.provider.ID)
	c.exec(t, `INSERT INTO org_member_departments (member_id, department_id)
		SELECT m.id, d.id FROM org_members m JOIN org_departments d USING (provider_id)
		WHERE provider_id = $1 AND (m.external_id, d.external_id) IN (('b', '20'), ('g', '30'), ('g',
		'10'))`, c.provider.ID)
	c.exec(t, "UPDATE org_departments SET name = 'Changed' WHERE provider_id = $1 AND external_id = '30'",
		c.provider.ID)

	r.approve()
	require.Equal(t, []string{"department 30", "member b", "member e", "membership b", "membership e"}, r.removals(),
		"c's place in 20 was gone already")
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - deleted",
		"f - - active", "g - - active"}, c.people())
	require.Equal(t, []string{"a 1*", "b 20", "c 10*", "d 20*", "f 10*", "g 10*", "g 30"}, c.places())
	require.Equal(t, "Changed", c.member("title", "e"))

	c.sync(snapshot{departments: "1; 10<1; 20<1", members: after})
	require.Equal(t, []string{"a 1*", "c 10*", "d 20*", "f 10*"}, c.places())
	require.Equal(t, "deleted", c.member("status", "g"))
}

// What begins while a run is held and leaves it as it was, each begun and ended.
func (c *company) besides(held *run) map[string]*run {
	c.t.Helper()
	begun := map[string]*run{}
	for name, n := range map[string]db.NewRun{
		"a plan": {Mode: "plan"}, "of departments": {Departments: []string{"10"}},
		"of members": {Members: []string{"a"}},
	} {
		begun[name] = c.beginLimited(cmp.Or(n.Mode, "apply"), n)
		begun[name].finish()
	}
	partial := c.beginLimited("apply", db.NewRun{Departments: []string{"10"}})
	partial.read(snapshot{departments: "1; 10<1 members=fail; 20<1", members: after})
	partial.end(directory.RunPartial)
	begun["a retry"] = c.beginLimited("apply", db.NewRun{Retries: partial.id})
	begun["a retry"].finish()
	begun["an undoing run"] = c.beginUndo("apply", partial.id)
	begun["an undoing run"].finish()
	return begun
}

func aHoldOutlivesAllButAFullRun(t *testing.T, c *company) {
	r := c.held()
	for name := range c.besides(r) {
		require.Equal(t, directory.RunHeld, r.status(), name)
	}
	planned, err := c.store.ListHeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, [3]int{2, 1, 3}, [3]int{planned.Members.Planned, planned.Departments.Planned,
		planned.Memberships.Planned})
	_, err = c.store.RemoveNext(t.Context(), r.id)
	require.ErrorIs(t, err, db.ErrSuperseded, "nobody has approved it")

	next, err := c.store.BeginRun(t.Context(), c.newRun(), gone)
	require.NoError(t, err)
	require.Equal(t, []string{"the hold of " + r.id}, next.Superseded)
	require.Equal(t, directory.RunSuperseded, r.status())
}

func anApprovedRunTakesItsTurnAgain(t *testing.T, c *company) {
	r := c.held()
	c.besides(r)
	for range 2 { // an attempt whose answer was lost
		require.NoError(t, c.store.ResumeRun(t.Context(), r.id, gone))
	}
	require.Equal(t, directory.RunRunning, r.status())
	for _, mode := range []string{"apply", "plan"} {
		n := c.newRun()
		n.Mode = mode
		_, err := c.store.BeginRun(t.Context(), n, func(_ context.Context, run db.OpenRun) (string, error) {
			require.Equal(t, db.OpenRun{ID: r.id, WorkflowID: "the hold of " + r.id, Status: directory.RunRunning,
				Approved: true, Task: db.TaskSync}, run)
			return "", nil
		})
		var busy *db.RunBusyError
		require.ErrorAs(t, err, &busy)
		require.Contains(t, err.Error(), "run "+r.id+
			" of this provider is carrying out its approved removals in workflow the hold of "+r.id)
	}
	_, err := c.store.FindUndoTarget(t.Context(), r.id)
	require.ErrorContains(t, err, "is carrying out the removals that were approved")
	require.Equal(t, 6, r.approve())
	require.Equal(t, []string{"department 30", "member b", "member e", "membership b", "membership c", "membership e"},
		r.removals())
	r.finish()
	require.ErrorIs(t, c.store.ResumeRun(t.Context(), r.id, gone), db.ErrSuperseded, "it has ended")
	require.ErrorIs(t, c.store.ResumeRun(t.Context(), uuid.NewString(), gone), db.ErrNotFound)
}

// Removing waits until whatever began since has ended, and then no longer.
func anApprovedRunWaitsForOneAtWork(t *testing.T, c *company) {
	r := c.held()
	other := c.begin("plan")
	var busy *db.RunBusyError
	require.ErrorAs(t, c.store.ResumeRun(t.Context(), r.id, atWork), &busy)
	require.Equal(t, other.id, busy.Run.ID)
	require.Equal(t, directory.RunHeld, r.status())
	require.NoError(t, c.store.SetPhase(t.Context(), other.id, "plan"))
	other.read(snapshot{departments: "1"}) // it goes on undisturbed
	require.NoError(t, c.store.ResumeRun(t.Context(), r.id, gone), "its workflow is gone")
	require.Equal(t, directory.RunFailed, other.status())
	_, err := c.store.DryRun(t.Context(), other.id, db.Visibility{}, true)
	require.ErrorIs(t, err, db.ErrSuperseded)
	require.Equal(t, 6, r.approve())

	// If its own workflow is gone in the midst of it, the next run begins all the same.
	next, err := c.store.BeginRun(t.Context(), c.newRun(), gone)
	require.NoError(t, err)
	require.Empty(t, next.Superseded)
	require.Equal(t, directory.RunFailed, r.status())
}

func severalRunsAreHeld(t *testing.T, c *company) {
	whole := c.held()
	limited := c.beginLimited("apply", db.NewRun{Members: []string{"f", "b"}})
	status := directory.Deleted
	left := membersOf("f in=; b in=", providers.Provider{})
	for _, m := range left {
		m.Status = &status
		_, err := c.store.StageMembers(t.Context(),
			db.MemberPage{Page: db.Page{RunID: limited.id, Listing: m.ExternalID}, People: []db.StagedMember{m}})
		require.NoError(t, err)
	}
	require.Equal(t, 2, limited.planRemovals().Planned.Members)
	limited.hold()
	both, err := c.store.Report.ListHeldRuns(t.Context(), c.provider.ID)
	require.NoError(t, err)
	require.Equal(t, []string{limited.id, whole.id}, []string{both[0].ID, both[1].ID}, "the newest first")
	standing, err := c.store.Report.ReadHealth(t.Context())
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(standing.Providers, func(p report.ProviderHealth) bool {
		return p.Name == c.provider.Name && p.Held == 2 && p.Running == 0 && p.HeldFor > 0
	}))

	whole.approve()
	whole.finish()
	require.Equal(t, directory.RunHeld, limited.status())
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - deleted",
		"f - - active"}, c.people())
	limited.approve()
	limited.finish()
	require.Equal(t, []string{"member f", "membership f"}, limited.removals(), "b was gone already")
}

// Whatever a lost attempt of an activity still does after the hold must not touch the plan
// that was shown: its snapshot is gone, so that everybody would look like a leaver.
func aRunHeldWritesNothingButItsRemovals(t *testing.T, c *company) {
	r := c.held()
	late := func() {
		t.Helper()
		_, err := c.store.PlanRemovals(t.Context(), r.id, db.Visibility{})
		require.ErrorIs(t, err, db.ErrSuperseded)
		_, err = c.store.ConfirmRemovals(t.Context(), r.id, db.Visibility{})
		require.ErrorIs(t, err, db.ErrSuperseded)
		require.ErrorIs(t, c.store.ApplyDepartments(t.Context(), r.id, false), db.ErrSuperseded)
	}
	late()
	require.NoError(t, c.store.ResumeRun(t.Context(), r.id, gone))
	late()
	require.ErrorIs(t, c.store.HoldRun(t.Context(), r.id, "too many", "the hold", directory.Counts{}), db.ErrSuperseded)
	require.Equal(t, directory.RunRunning, r.status())
	require.Equal(t, 6, r.approve())
}

// Between the hold and its approval somebody comes back. They stay with their places,
// but for those in a department that goes; so does who could not be looked up, as failed.
func whoIsThereAgainIsSpared(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1; 20<1; 30<1",
		members: "a in=1; b in=1,20; c in=20,30; d in=1,30; e in=1; f in=1; g in=1"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1", members: "g in=10"})
	r.apply(false)
	r.planRemovals()
	r.lookedUp("member", db.LookupNotFound, "a") // before the hold, which is no answer for later
	r.confirm()
	r.recompute()
	r.hold()
	require.ErrorIs(t, c.store.WithdrawReturned(t.Context(), r.id), db.ErrSuperseded, "nobody has approved it")
	require.NoError(t, c.store.ResumeRun(t.Context(), r.id, gone))
	require.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, slices.Sorted(maps.Keys(r.candidates("member"))))
	require.Equal(t, []string{"20", "30"}, slices.Sorted(maps.Keys(r.candidates("department"))))

	answer := func(kind string, results map[string]db.LookupResult) {
		t.Helper()
		candidates, answers := r.candidates(kind), map[string]db.LookupResult{}
		for id, result := range results {
			answers[candidates[id].ID] = result
		}
		require.NoError(t, c.store.RecordLookups(t.Context(), db.OnceApproved, r.id, kind, answers))
		require.ErrorIs(t, c.store.RecordLookups(t.Context(), db.BeforeRemoving, r.id, kind, answers), db.ErrSuperseded,
			"a lost attempt from before the hold")
	}
	answer("department", map[string]db.LookupResult{"20": db.LookupExists, "30": db.LookupNotFound})
	answer("member", map[string]db.LookupResult{"a": db.LookupExists, "b": db.LookupNotFound, "c": db.LookupExists,
		"d": db.LookupNotVisible, "e": db.LookupFailed})
	for range 2 {
		require.NoError(t, c.store.WithdrawReturned(t.Context(), r.id))
	}
	r.approve()
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - deleted", "e - - active",
		"f - - active", "g - - active"}, c.people())
	require.Equal(t, []string{"a 1*", "c 20*", "e 1*", "f 1*", "g 10*"}, c.places())
	require.Equal(t, []string{"1 5 3", "10 1 1", "20 1 1"}, c.heads())
	const unsure = ": its removal was approved, but the lookup that checks whether it is back failed; it was left " +
		"as it is, and the next sync decides"
	const again = ": its removal was approved, but the provider shows it again; it was left as it is"
	require.Equal(t, []string{"department 20" + again, "member a" + again, "member c" + again, "member e" + unsure,
		"member f" + unsure}, r.problems())
	counts, err := c.store.CountRun(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, [2]int{0, 2}, [2]int{counts.Departments.Failed, counts.Members.Failed})
}
