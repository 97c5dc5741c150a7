package activities

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// plan begins a plan, reads, tries the run and returns what it foretells.
func (b *bench) plan(limited bool) DryRunResult {
	b.t.Helper()
	b.beginAs("plan")
	must[ReadMembersResult](b, b.pull.ReadMembers, b.tree())
	return must[DryRunResult](b, b.reconcile.DryRun, DryRunInput{RunID: b.runID, LimitedRange: limited, Remove: true})
}

// log is the run's change log, sorted.
func (b *bench) log() []string {
	b.t.Helper()
	var out []string
	require.NoError(b.t, b.store.Report.StreamChanges(b.t.Context(), b.runID, report.ChangeFilter{},
		func(c report.Change) error {
			out = append(out, c.ObjectType+" "+c.Kind+" "+c.ExternalID)
			return nil
		}))
	slices.Sort(out)
	return out
}

// A plan looks up what applying looks up, and so says the same: in counts, in changes and
// in what it could not be sure of.
func TestAPlanIsWhatApplyingDoes(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		change func(*company)
		result provider.LookupResult
		fails  func(string, int) error
		limits providers.GuardChange
		// departments, members and memberships are how much goes.
		departments, members, memberships int
		limited                           bool
		status                            string
	}{
		// Every removal is in doubt, as the listings may have left somebody out.
		"the root counts one more than it lists": {change: func(c *company) {
			c.roots[0].DeclaredMembers = new(24 + 1)
			dissolve(c, "3")
		}, result: provider.LookupNotFound, departments: 1, memberships: 19, status: directory.RunSucceeded},
		"and the provider shows what no listing does": {change: func(c *company) {
			c.roots[0].DeclaredMembers = new(24 + 1)
			dissolve(c, "3")
		}, result: provider.LookupExists, status: directory.RunPartial},
		"somebody moved meanwhile": {change: func(c *company) { c.people["1"] = c.people["1"][:1] },
			result: provider.LookupExists, status: directory.RunPartial},
		"somebody left": {change: func(c *company) { c.people["1"] = c.people["1"][:1] },
			result: provider.LookupNotFound, members: 1, memberships: 1, status: directory.RunSucceeded},
		"somebody is out of sight": {change: func(c *company) { c.people["1"] = c.people["1"][:1] },
			result: provider.LookupNotVisible, status: directory.RunPartial},
		"somebody left a limited range": {change: func(c *company) { c.people["1"] = c.people["1"][:1] },
			result: provider.LookupNotVisible, limited: true,
			members: 1, memberships: 1, status: directory.RunSucceeded},
		"a look-up says nothing": {change: func(c *company) { c.people["1"] = c.people["1"][:1] },
			fails: always(ofCall(provider.Invalid)), status: directory.RunPartial},
		"a department cannot be read": {change: func(c *company) {
			c.people["1"] = c.people["1"][:1]
			c.memberPage = strike(ofCall(provider.OutOfRange), in("2"))
		}, result: provider.LookupNotFound, members: 1, memberships: 1, status: directory.RunPartial},
		"too many are in doubt": {change: func(c *company) {
			c.people["1"] = c.people["1"][:1]
			c.memberPage = strike(ofCall(provider.OutOfRange), in("2"))
		}, result: provider.LookupNotFound, limits: nobody, memberships: 1, status: directory.RunPartial},
		"nobody is missed": {change: func(*company) {}, status: directory.RunSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			var crowd []directory.Member
			for i := range 17 {
				crowd = append(crowd, member("3", fmt.Sprint(i)))
			}
			d.people["3"] = append(d.people["3"], crowd)
			d.people["2"] = append(d.people["2"], []directory.Member{member("2", "c")})
			b := newBench(t, store, d, answering{company: d, result: c.result, fails: c.fails})
			b.load()
			must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
			require.NoError(t, store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Guard: c.limits},
				nil))
			c.change(d)

			foretold := b.plan(c.limited)
			planned := must[RunReport](b, b.runs.FinishRun,
				FinishRunInput{RunID: b.runID, Incomplete: true, Counts: &foretold.Counts})
			plan := b.log()
			asked := d.count("look up 1b") + d.count("look up department 3")

			b.begin()
			b.read()
			must[PlanRemovalsResult](b, b.reconcile.PlanRemovals,
				PlanRemovalsInput{RunID: b.runID, LimitedRange: c.limited})
			must[RemoveResult](b, b.reconcile.Remove, b.ref())
			must[any](b, b.apply.Recompute, b.ref())
			applied := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
			require.Equal(t, [3]int{c.departments, c.members, c.memberships},
				[3]int{applied.Departments.Deleted, applied.Members.Deleted, applied.Memberships.Deleted})
			require.Equal(t, applied.Counts, planned.Counts)
			require.Equal(t, b.log(), plan)
			require.Equal(t, applied.Errors, planned.Errors)
			require.Equal(t, [2]string{c.status, c.status}, [2]string{applied.Status, planned.Status})
			require.Equal(t, 2*asked, d.count("look up 1b")+d.count("look up department 3"), "as often")
		})
	}
}

// dissolve takes a department away and lists its people in "1".
func dissolve(c *company, department string) {
	for _, page := range c.people[department] {
		for i := range page {
			page[i].Memberships = []directory.Membership{{DepartmentID: "1"}}
		}
		c.people["1"] = append(c.people["1"], page)
	}
	delete(c.people, department)
	c.children["0"][0] = slices.DeleteFunc(c.children["0"][0],
		func(d provider.FoundDepartment) bool { return d.ExternalID == department })
}

// What was looked up for a plan is not looked up again by its next attempt.
func TestAPlanGoesOnWhereAnAttemptEnded(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, answering{company: d, result: provider.LookupNotFound,
		fails: func(member string, nth int) error {
			if member == "2b" && nth == 1 {
				return ofCall(provider.Unavailable)
			}
			return nil
		}})
	b.load()
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	d.people["1"], d.people["2"] = d.people["1"][:1], d.people["2"][:1]
	b.beginAs("plan")
	must[ReadMembersResult](b, b.pull.ReadMembers, b.tree())
	in := DryRunInput{RunID: b.runID, Remove: true}
	require.Equal(t, string(provider.Unavailable), b.fails(b.reconcile.DryRun, in).Type())
	require.Empty(t, b.log())
	require.Equal(t, 2, tried[DryRunResult](b, b.reconcile.DryRun, in, 1).Counts.Members.Deleted)
	require.Equal(t, []int{1, 2}, []int{d.count("look up 1b"), d.count("look up 2b")})
}
