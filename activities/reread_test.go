package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// telling is a company that answers look-ups of everybody alike, with a person's own
// record where it says that they are there.
type telling struct {
	*company
	result *provider.LookupResult
	record *directory.Member
	fails  func(nth int) error
}

func (c telling) LookupMember(_ context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	c.called("look up " + m.ExternalID)
	return *c.result, nil
}

func (c telling) LookupDepartment(_ context.Context, department string) (provider.LookupResult, error) {
	c.called("look up department " + department)
	return *c.result, nil
}

func (c telling) ReadMember(_ context.Context, m provider.MemberRef) (directory.Member, bool, error) {
	nth := c.called("read " + m.ExternalID)
	if c.fails != nil {
		if err := c.fails(nth); err != nil {
			return directory.Member{}, false, err
		}
	}
	switch *c.result {
	case provider.LookupExists:
		return *c.record, false, nil
	case provider.LookupNotFound:
		return directory.Member{}, true, nil
	default:
		return directory.Member{}, false, ofCall(provider.OutOfRange)
	}
}

func (telling) SeesDepartment(context.Context, string) (bool, error) { return true, nil }

func (c telling) ReadDepartment(_ context.Context, department string) (provider.FoundDepartment, error) {
	c.called("read department " + department)
	if *c.result != provider.LookupExists {
		return provider.FoundDepartment{}, ofCall(provider.OutOfRange)
	}
	return found(department, "1"), nil
}

// full and part are visible ranges.
var (
	full = provider.VisibleRange{Full: true}
	part = provider.VisibleRange{Departments: []string{"1", "2"}}
)

// sees says what the company shows from now on.
func (c *company) sees(visible provider.VisibleRange) {
	c.check = func() (*provider.Report, error) { return &provider.Report{Range: visible}, nil }
}

// whole is a whole run of the whole company, with its preflight.
func (b *bench) whole() RunReport {
	b.t.Helper()
	visible := must[PreflightResult](b, b.pull.Preflight, b.ref())
	b.read()
	planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals,
		PlanRemovalsInput{RunID: b.runID, LimitedRange: visible.LimitedRange})
	must[RemoveResult](b, b.reconcile.Remove, b.ref())
	must[any](b, b.apply.Recompute, b.ref())
	return must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID, Incomplete: planned.Incomplete})
}

// stored is the provider as it is stored now.
func (b *bench) stored() providers.Provider {
	b.t.Helper()
	p, err := b.store.Providers.FindByName(b.t.Context(), b.provider.Name)
	require.NoError(b.t, err)
	return p
}

// synced reports whether the provider counts as synced by the latest run.
func (b *bench) synced(before providers.Provider) bool {
	b.t.Helper()
	p := b.stored()
	return p.LastSyncedAt != nil && (before.LastSyncedAt == nil || p.LastSyncedAt.After(*before.LastSyncedAt))
}

// Never an eternal doubt: what two complete runs in a row miss is settled by the second.
func TestWhatIsMissedTwiceIsSettled(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		first, second provider.LookupResult
		smaller       bool // the second run sees less
		status        string
		removed       int
		places        []string
		lookUps       int // by the second run, besides reading the record
		later         int // removed by the third
	}{
		"not visible, twice": {first: provider.LookupNotVisible, second: provider.LookupNotVisible,
			status: directory.RunSucceeded, removed: 1},
		"there, then not visible": {first: provider.LookupExists, second: provider.LookupNotVisible,
			status: directory.RunSucceeded, places: []string{"1"}, later: 1},
		"there, then gone": {first: provider.LookupExists, second: provider.LookupNotFound,
			status: directory.RunSucceeded, removed: 1},
		"not visible, then there": {first: provider.LookupNotVisible, second: provider.LookupExists,
			status: directory.RunSucceeded, places: []string{"2"}},
		"there, twice": {first: provider.LookupExists, second: provider.LookupExists, status: directory.RunSucceeded,
			places: []string{"2"}},
		"there, and less in sight": {first: provider.LookupExists, second: provider.LookupExists, smaller: true,
			status: directory.RunPartial,
			places: []string{"1"}, lookUps: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			d.sees(full)
			record := member("2", "")
			record.ExternalID = "1b"
			result := c.first
			b := newBench(t, store, d, telling{company: d, result: &result, record: &record})
			require.Equal(t, directory.RunSucceeded, b.whole().Status)
			d.people["1"] = d.people["1"][:1]
			b.begin()
			report := b.whole()
			require.Equal(t, directory.RunPartial, report.Status)
			require.Len(t, report.Errors, 1)
			require.Contains(t, report.Errors[0], "if the next run that reads everything")
			require.Equal(t, []string{"1"}, b.places("1b"))

			if result = c.second; c.smaller {
				d.sees(part)
			}
			asked, before := d.count("look up 1b"), b.stored()
			b.begin()
			report = b.whole()
			require.Equal(t, c.status, report.Status, report.Errors)
			require.Equal(t, c.removed, report.Members.Deleted)
			require.Equal(t, c.places, b.placesOrNone("1b"))
			require.Equal(t, asked+c.lookUps, d.count("look up 1b"))
			require.Equal(t, c.status == directory.RunSucceeded, b.synced(before))
			if c.status != directory.RunSucceeded {
				return
			}

			if c.later > 0 {
				b.begin()
				require.Equal(t, c.later, b.whole().Members.Deleted)
			}
			// From then on nothing is changed, reported or asked twice.
			for n := range 2 {
				read := d.count("read 1b")
				b.begin()
				report = b.whole()
				require.Equal(t, directory.RunSucceeded, report.Status, report.Errors)
				require.Empty(t, report.Errors)
				require.Empty(t, b.log(), n)
				require.LessOrEqual(t, d.count("read 1b"), read+1)
				require.Equal(t, asked+c.lookUps, d.count("look up 1b"))
			}
		})
	}
}

func (b *bench) placesOrNone(member string) []string {
	b.t.Helper()
	if places := b.places(member); len(places) > 0 {
		return places
	}
	return nil
}

// A plan reads by themselves whom applying reads so, and says the same.
func TestAPlanSettlesWhatIsMissedTwice(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, result := range []provider.LookupResult{provider.LookupExists, provider.LookupNotVisible,
		provider.LookupNotFound} {
		t.Run(string(result), func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			d.sees(full)
			record, says := member("2", ""), provider.LookupNotVisible
			record.ExternalID = "1b"
			b := newBench(t, store, d, telling{company: d, result: &says, record: &record})
			b.whole()
			d.people["1"] = d.people["1"][:1]
			b.begin()
			b.whole()
			says = result
			b.beginAs("plan")
			must[PreflightResult](b, b.pull.Preflight, b.ref())
			must[ReadMembersResult](b, b.pull.ReadMembers, b.tree())
			foretold := must[DryRunResult](b, b.reconcile.DryRun, DryRunInput{RunID: b.runID, Remove: true})
			planned := must[RunReport](b, b.runs.FinishRun,
				FinishRunInput{RunID: b.runID, Incomplete: true, Counts: &foretold.Counts})
			plan := b.log()
			b.begin()
			applied := b.whole()
			require.NotEmpty(t, plan)
			require.Equal(t, b.log(), plan)
			require.Equal(t, []any{applied.Counts, applied.Status, applied.Errors},
				[]any{planned.Counts, planned.Status, planned.Errors})
		})
	}
}

// A record that cannot be had for a while is asked for again; then an ordinary look-up
// decides.
func TestRereadingIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := departments(2)
	d.sees(full)
	record, result := member("2", ""), provider.LookupExists
	record.ExternalID = "1b"
	failing := true
	b := newBench(t, database(t), d, telling{company: d, result: &result, record: &record, fails: func(int) error {
		if failing {
			return ofCall(provider.Unavailable)
		}
		return nil
	}})
	b.whole()
	d.people["1"] = d.people["1"][:1]
	b.begin()
	b.whole()
	b.begin()
	must[PreflightResult](b, b.pull.Preflight, b.ref())
	b.read()
	plan := PlanRemovalsInput{RunID: b.runID}
	require.Equal(t, string(provider.Unavailable), b.fails(b.reconcile.PlanRemovals, plan).Type())
	require.Zero(t, tried[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan, triesOfRun-1).Members)
	must[any](b, b.apply.Recompute, b.ref())
	report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, directory.RunSucceeded, report.Status, "what is known to be there is no failure")
	require.Len(t, report.Errors, 1)
	require.Equal(t, []string{"1"}, b.places("1b"))
	failing = false
	b.begin()
	require.Empty(t, b.whole().Errors)
	require.Equal(t, []string{"2"}, b.places("1b"))
}

// A department that is there although the tree leaves it out joins the tree: by its own
// record, with its people's listing.
func TestADepartmentThatIsThereJoinsTheTree(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, result := range []provider.LookupResult{provider.LookupExists, provider.LookupNotVisible} {
		t.Run(string(result), func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			d.sees(full)
			record := member("3", "")
			record.ExternalID, record.Raw = "3a", json.RawMessage(`{}`)
			b := newBench(t, store, d, telling{company: d, result: &result, record: &record})
			b.whole()
			d.children["0"][0] = d.children["0"][0][:2]
			d.people["3"] = d.people["3"][:1]
			d.people["2"] = append(d.people["2"], []directory.Member{member("3", "b")})
			d.people["2"][2][0].Memberships = []directory.Membership{{DepartmentID: "2"}}
			b.begin()
			require.Equal(t, directory.RunPartial, b.whole().Status)
			b.begin()
			report := b.whole()
			require.Equal(t, directory.RunSucceeded, report.Status, report.Errors)
			require.Empty(t, report.Errors)
			require.Equal(t, []string{"2"}, b.placesOrNone("3b"))
			if result == provider.LookupNotVisible {
				require.Equal(t, [2]int{1, 1}, [2]int{report.Departments.Deleted, report.Members.Deleted})
				return
			}
			require.Equal(t, 1, report.Departments.Moved, "below its own record's parent")
			require.Equal(t, []string{"3"}, b.placesOrNone("3a"))
			listings := d.count("members 3")
			b.begin()
			require.Equal(t, directory.RunSucceeded, b.whole().Status)
			require.Empty(t, b.log())
			require.Equal(t, listings+1, d.count("members 3"), "its people are listed like others'")
			require.Equal(t, 2, d.count("read department 3"), "once a run")
		})
	}
}
