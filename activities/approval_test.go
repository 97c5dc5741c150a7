package activities

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// holding holds a run that found everybody but "1a", and department "2", gone.
func (b *bench) holding(d *company) {
	b.t.Helper()
	b.load()
	require.NoError(b.t, b.store.Providers.Update(b.t.Context(), b.provider.ID, providers.Change{Guard: nobody}, nil))
	d.people["1"] = d.people["1"][:1]
	d.children["0"][0] = d.children["0"][0][:1]
	b.read()
	planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
	require.Equal(b.t, [3]int{3, 1, 3}, [3]int{planned.Members, planned.Departments, planned.Memberships})
	require.NotEmpty(b.t, planned.HoldReason)
	must[HoldRunResult](b, b.runs.HoldRun, HoldRunInput{RunID: b.runID, Reason: planned.HoldReason,
		HoldWorkflowID: "orgsync/acme/removals/" + b.runID})
	must[any](b, b.runs.ResumeRun, ResumeRunInput{RunID: b.runID})
}

// carryOut does what follows the look-ups, as the workflow does, and returns the report.
func (b *bench) carryOut() RunReport {
	b.t.Helper()
	must[any](b, b.reconcile.WithdrawReturned, b.ref())
	must[RemoveResult](b, b.reconcile.Remove, b.ref())
	must[any](b, b.apply.Recompute, b.ref())
	return must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
}

// Days may pass between a hold and its approval: whoever is to go is looked up once more.
func TestWhatIsApprovedIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		result  provider.LookupResult
		fails   func(string, int) error
		left    int // attempts before this one
		kind    string
		removed [2]int // people and departments
		status  string
		named   string
	}{
		"gone": {result: provider.LookupNotFound, removed: [2]int{3, 1}, status: directory.RunSucceeded},
		"there again": {result: provider.LookupExists, status: directory.RunSucceeded,
			named: "its removal was approved, but the provider shows it again"},
		"out of sight": {result: provider.LookupNotVisible, removed: [2]int{3, 1}, status: directory.RunSucceeded},
		"id taken":     {result: provider.LookupIDReused, removed: [2]int{3, 1}, status: directory.RunSucceeded},
		"in doubt": {result: provider.LookupNotFound, fails: always(ofCall(provider.Invalid)),
			removed: [2]int{0, 1}, status: directory.RunPartial,
			named: "the lookup that checks whether it is back failed"},
		"does not serve": {result: provider.LookupNotFound, fails: always(ofCall(provider.Unavailable)),
			kind: string(provider.Unavailable), removed: [2]int{0, 1}, status: directory.RunPartial,
			named: "the lookup that checks whether it is back failed"},
		"still not": {result: provider.LookupNotFound, fails: always(ofCall(provider.Unavailable)),
			left: triesOfApproval - 1, removed: [2]int{0, 1}, status: directory.RunPartial,
			named: "the lookup that checks whether it is back failed"},
		"refuses": {result: provider.LookupNotFound, fails: always(ofCall(provider.Forbidden)),
			kind: string(provider.Forbidden), removed: [2]int{0, 1}, status: directory.RunPartial,
			named: "the lookup that checks whether it is back failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, answering{company: d, result: c.result, fails: c.fails})
			b.holding(d)
			if c.kind != "" {
				require.Equal(t, c.kind, b.fails(b.reconcile.LookUpAgain, b.ref(), c.left).Type())
			} else {
				tried[any](b, b.reconcile.LookUpAgain, b.ref(), c.left)
			}
			report := b.carryOut()
			require.Equal(t, c.removed, [2]int{report.Members.Deleted, report.Departments.Deleted})
			require.Equal(t, c.status, report.Status, report.Errors)
			if c.named == "" {
				require.Empty(t, report.Errors)
			}
			if c.named != "" && c.result == provider.LookupExists {
				require.Len(t, report.Errors, 4, "each by name")
			}
			require.Contains(t, strings.Join(report.Errors, "\n"), c.named)
			require.Equal(t, c.removed[0] == 0, len(b.places("1b")) == 1, "who stays keeps their place")
		})
	}
}

// Look-ups go on after a crash with those that are left.
func TestLookingUpAgainGoesOnWhereAnAttemptEnded(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, answering{company: d, result: provider.LookupNotFound,
		fails: func(member string, nth int) error {
			if member == "2b" && nth < 3 {
				return ofCall(provider.Unavailable)
			}
			return nil
		}})
	b.holding(d)
	for failures := range 2 {
		require.Equal(t, string(provider.Unavailable), b.fails(b.reconcile.LookUpAgain, b.ref(), failures).Type())
	}
	tried[any](b, b.reconcile.LookUpAgain, b.ref(), 2)
	require.Equal(t, []int{1, 1, 1, 3}, []int{d.count("look up department 2"), d.count("look up 1b"),
		d.count("look up 2a"), d.count("look up 2b")})
	require.Equal(t, 3, b.carryOut().Members.Deleted)
	require.Equal(t, TypeSuperseded, b.fails(b.reconcile.LookUpAgain, b.ref()).Type(), "the run has ended")
}

// Where everybody is named at once nobody is looked up alone, and the tree is read anew.
func TestWhatIsApprovedIsLookedForInTheListOfEverybody(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			everybody := [][]string{{"1a"}, {"2b"}}
			b := newBench(t, store, d, naming{company: d, pages: everybody})
			b.holding(d)
			if back {
				d.roots = append(d.roots, found("2", "0"))
			}
			must[any](b, b.reconcile.LookUpAgain, b.ref())
			report := b.carryOut()
			require.Equal(t, directory.RunSucceeded, report.Status)
			require.Equal(t, 2, report.Members.Deleted)
			if back {
				require.Zero(t, report.Departments.Deleted)
				require.Equal(t, []string{"2"}, b.places("2b"))
				return
			}
			require.Equal(t, 1, report.Departments.Deleted)
			require.Empty(t, b.places("2b"), "in what is gone itself nobody has a place")
		})
	}
}
