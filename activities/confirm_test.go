package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// answering is a company that answers look-ups of single objects.
type answering struct {
	*company
	result provider.LookupResult
	// fails answers the nth look-up of a member in place of result.
	fails func(member string, nth int) error
}

func (c answering) LookupMember(_ context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	nth := c.called("look up " + m.ExternalID)
	if c.fails != nil {
		if err := c.fails(m.ExternalID, nth); err != nil {
			return "", err
		}
	}
	return c.result, nil
}

func (c answering) LookupDepartment(_ context.Context, department string) (provider.LookupResult, error) {
	c.called("look up department " + department)
	return c.result, nil
}

// always fails every look-up.
func always(err error) func(string, int) error { return func(string, int) error { return err } }

// problems are the run's errors, one a line.
func (b *bench) problems() string {
	b.t.Helper()
	problems, err := b.store.ListProblems(b.t.Context(), b.runID, 10)
	require.NoError(b.t, err)
	return strings.Join(problems, "\n")
}

// places are the departments that the directory has somebody in.
func (b *bench) places(member string) []string {
	b.t.Helper()
	places, err := b.store.ListMemberDepartments(b.t.Context(), b.provider, member, "")
	require.NoError(b.t, err)
	return places
}

// nobody is a limit that any removal is beyond.
var nobody = providers.GuardChange{Limits: directory.GuardChange{
	Members:     directory.LimitChange{Count: new(0), Percent: new(0.0)},
	Departments: directory.LimitChange{Count: new(0), Percent: new(0.0)},
}}

// While one department cannot be read, somebody missing from another may have moved
// there: removed is only who the provider itself says is gone.
func TestMissingPeopleAreLookedUpWhileSomethingIsUnread(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		result  provider.LookupResult
		err     error
		limits  providers.GuardChange
		failed  int // attempts before this one
		removed int
		lookUps int
		kind    string // of the error that ends the attempt
	}{
		"gone":             {result: provider.LookupNotFound, removed: 1, lookUps: 1},
		"still there":      {result: provider.LookupExists, lookUps: 1},
		"out of sight":     {result: provider.LookupNotVisible, lookUps: 1},
		"id taken":         {result: provider.LookupIDReused, lookUps: 1},
		"in doubt":         {err: ofCall(provider.NotFound), lookUps: 1},
		"too many":         {result: provider.LookupNotFound, limits: nobody},
		"not permitted":    {err: ofCall(provider.Forbidden), lookUps: 1, kind: string(provider.Forbidden)},
		"throttled":        {err: ofCall(provider.RateLimited), lookUps: 1, kind: string(provider.RateLimited)},
		"does not serve":   {err: ofCall(provider.Unavailable), lookUps: 1, kind: string(provider.Unavailable)},
		"serves no longer": {err: ofCall(provider.Unavailable), failed: triesOfRun - 1, lookUps: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, answering{company: d, result: c.result, fails: always(c.err)})
			b.load()
			require.NoError(t, store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Guard: c.limits},
				nil))
			d.people["1"] = [][]directory.Member{{member("1", "a")}}
			d.memberPage = strike(ofCall(provider.OutOfRange), in("2"))
			b.read()
			plan := PlanRemovalsInput{RunID: b.runID}
			if c.kind != "" {
				require.Equal(t, c.kind, b.fails(b.reconcile.PlanRemovals, plan, c.failed).Type())
			} else {
				planned := tried[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan, c.failed)
				require.True(t, planned.Incomplete)
				require.Equal(t, c.removed, planned.Members)
				require.Equal(t, RemoveResult{Removed: planned.Members + planned.Memberships + planned.Departments},
					must[RemoveResult](b, b.reconcile.Remove, b.ref()))
			}
			require.Equal(t, c.lookUps, d.count("look up 1b"))
			require.Zero(t, d.count("look up 2a"), "nobody is looked up where nothing was read")
			if c.removed == 0 && c.kind == "" {
				require.Contains(t, b.problems(), "left as", "it is on record")
			}
		})
	}
}

// Where everything was read, somebody whom no listing shows may have moved meanwhile,
// from what was still to be read to what had been.
func TestWhoeverNoListingShowsIsLookedUp(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		result  provider.LookupResult
		err     error
		limits  providers.GuardChange
		limited bool // only part of the company is visible
		failed  int
		removed int
		lookUps int
		held    bool
		kind    string
		problem string
	}{
		"gone": {result: provider.LookupNotFound, removed: 1, lookUps: 1},
		"still there": {result: provider.LookupExists, lookUps: 1,
			problem: "it was moved while the company was being read"},
		"out of sight":   {result: provider.LookupNotVisible, limited: true, removed: 1, lookUps: 1},
		"no longer seen": {result: provider.LookupNotVisible, lookUps: 1, problem: "did not confirm that it is gone"},
		"id taken":       {result: provider.LookupIDReused, removed: 1, lookUps: 1},
		"in doubt":       {err: ofCall(provider.Invalid), lookUps: 1, problem: "did not confirm that it is gone"},
		"too many":       {result: provider.LookupExists, limits: nobody, removed: 1, held: true},
		"not permitted":  {err: ofCall(provider.Forbidden), lookUps: 1, kind: string(provider.Forbidden)},
		"throttled":      {err: ofCall(provider.RateLimited), lookUps: 1, kind: string(provider.RateLimited)},
		"does not serve": {err: ofCall(provider.Unavailable), lookUps: 1, kind: string(provider.Unavailable)},
		"serves no longer": {err: ofCall(provider.Unavailable), failed: triesOfRun - 1, lookUps: 1,
			problem: "did not confirm that it is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, answering{company: d, result: c.result, fails: always(c.err)})
			b.load()
			require.NoError(t, store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Guard: c.limits},
				nil))
			d.people["1"] = [][]directory.Member{{member("1", "a")}}
			b.read()
			plan := PlanRemovalsInput{RunID: b.runID, LimitedRange: c.limited}
			if c.kind != "" {
				failure := b.fails(b.reconcile.PlanRemovals, plan, c.failed)
				require.Equal(t, c.kind, failure.Type())
				return
			}
			planned := tried[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan, c.failed)
			require.Equal(t, c.held, planned.HoldReason != "")
			require.Equal(t, [2]int{c.removed, c.removed}, [2]int{planned.Members, planned.Memberships},
				"who stays keeps their place")
			require.False(t, planned.Incomplete)
			require.Equal(t, c.lookUps, d.count("look up 1b"))
			require.Zero(t, d.count("look up 1a"), "nobody is looked up whom a listing shows")
			must[RemoveResult](b, b.reconcile.Remove, b.ref())
			if c.removed > 0 {
				require.Empty(t, b.places("1b"))
				require.Empty(t, b.problems())
				return
			}
			require.Equal(t, []string{"1"}, b.places("1b"))
			require.Contains(t, b.problems(), c.problem)
			must[any](b, b.apply.Recompute, b.ref())
			require.Equal(t, directory.RunPartial,
				must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID}).Status)

			// The next run finds them where they are, and nowhere else.
			b.begin()
			d.people["2"] = append(d.people["2"],
				[]directory.Member{{ExternalID: "1b", Memberships: []directory.Membership{{DepartmentID: "2"}}}})
			b.read()
			planned = must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
			require.Equal(t, [2]int{0, 1}, [2]int{planned.Members, planned.Memberships})
			must[RemoveResult](b, b.reconcile.Remove, b.ref())
			require.Equal(t, []string{"2"}, b.places("1b"))
			require.Equal(t, c.lookUps, d.count("look up 1b"))
		})
	}
}

// Where only the provider's own count says that the listings left somebody out, more
// than the removal limit are not looked up either: a person decides about them.
func TestManyWhomTheProviderStillCounts(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		limits providers.GuardChange
		hold   string
		asked  int
	}{
		"people": {limits: providers.GuardChange{Limits: directory.GuardChange{
			Members: directory.LimitChange{Count: new(1), Percent: new(0.0)}}},
			hold: "it would remove 2 of 6 members; the limit is 1", asked: 1},
		"departments": {limits: providers.GuardChange{Limits: directory.GuardChange{
			Departments: directory.LimitChange{Count: new(0), Percent: new(0.0)}}},
			hold: "it would remove 1 of 4 departments; the limit is 0", asked: 2},
		"neither": {asked: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			b := newBench(t, store, d, answering{company: d, result: provider.LookupNotFound})
			b.load()
			must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
			require.NoError(t, store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Guard: c.limits},
				nil))
			d.roots[0].DeclaredMembers = new(9)
			d.children["0"][0] = d.children["0"][0][:2]
			foretold := b.plan(false)
			must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID, Counts: &foretold.Counts})
			asked := func() int {
				return d.count("look up department 3") + d.count("look up 3a") +
					d.count("look up 3b")
			}
			require.Equal(t, c.asked, asked())
			b.begin()
			b.read()
			planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
			require.Equal(t, [2]string{c.hold, c.hold}, [2]string{foretold.HoldReason, planned.HoldReason})
			require.Equal(t, [3]int{2, 1, 2}, [3]int{planned.Members, planned.Departments, planned.Memberships})
			require.True(t, planned.Incomplete)
			require.Equal(t, 2*c.asked, asked())
		})
	}
}

// A department that moves in the tree while that is being read is missing from it, and
// so are its people.
func TestADepartmentThatNoListingShowsIsLookedUp(t *testing.T) {
	t.Parallel()
	store := database(t)
	for result, removed := range map[provider.LookupResult]int{provider.LookupNotFound: 1, provider.LookupExists: 0,
		provider.LookupNotVisible: 0} {
		t.Run(string(result), func(t *testing.T) {
			t.Parallel()
			d := departments(3)
			b := newBench(t, store, d, answering{company: d, result: result})
			b.load()
			d.children["0"][0] = d.children["0"][0][:2]
			d.people["2"] = append(d.people["2"], []directory.Member{member("3", "a")}) // one of them moved
			b.read()
			planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
			require.Equal(t, [3]int{removed, removed, 2 * removed},
				[3]int{planned.Departments, planned.Members, planned.Memberships})
			require.Equal(t, 1, d.count("look up department 3"))
			require.Equal(t, []int{0, 1}, []int{d.count("look up 3a"), d.count("look up 3b")})
			must[RemoveResult](b, b.reconcile.Remove, b.ref())
			if removed == 0 {
				require.Equal(t, []string{"3"}, b.places("3b"))
				require.Contains(t, b.problems(), "department 3: no listing shows it any more")
			}
		})
	}
}

// Whoever the provider has called gone is not asked for again by a later attempt.
func TestLookUpsGoOnWhereAnAttemptEnded(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, kind := range []provider.Kind{provider.Unavailable, provider.RateLimited} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lookUpsGoOn(t, store, kind)
		})
	}
}

func lookUpsGoOn(t *testing.T, store *db.Store, kind provider.Kind) {
	d := departments(2)
	others := make(chan struct{}, 2)
	client := answering{company: d, result: provider.LookupNotFound, fails: func(member string, nth int) error {
		if member == "2a" && nth == 1 {
			<-others
			<-others
			return ofCall(kind)
		}
		others <- struct{}{}
		return nil
	}}
	b := newBench(t, store, d, client)
	b.load()
	d.people["1"], d.people["2"] = [][]directory.Member{{member("1", "a")}}, [][]directory.Member{{}}
	b.read()
	plan := PlanRemovalsInput{RunID: b.runID}
	require.Equal(t, string(kind), b.fails(b.reconcile.PlanRemovals, plan).Type())
	planned := tried[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan, 1)
	require.Equal(t, [2]int{3, 3}, [2]int{planned.Members, planned.Memberships})
	require.Equal(t, []int{1, 2, 1}, []int{d.count("look up 1b"), d.count("look up 2a"), d.count("look up 2b")})
	require.Equal(t, RemoveResult{Removed: 6}, must[RemoveResult](b, b.reconcile.Remove, b.ref()))
	require.Zero(t, must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan).Members,
		"who is removed is not planned again")
}

// naming is a company that names everybody, on pages, but looks up nobody.
type naming struct {
	*company
	pages [][]string
	// circle: the last page names itself as the next.
	circle bool
	bad    []string // of each page
	fails  func(nth int) error
}

func (c naming) ListMembers(_ context.Context, cursor string) (provider.MemberPage, error) {
	nth := c.called("everybody")
	if c.fails != nil {
		if err := c.fails(nth); err != nil {
			return provider.MemberPage{}, err
		}
	}
	ids, next := pageOf(c.pages, cursor)
	if c.circle && next == "" {
		next = cursor
	}
	page := provider.MemberPage{Next: next, Bad: c.bad}
	for _, id := range ids {
		page.Members = append(page.Members, directory.Member{ExternalID: id})
	}
	return page, nil
}

func TestWhoeverIsNamedOnceMoreStays(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		pages   [][]string
		circle  bool // the last page names itself as the next
		bad     []string
		err     error
		limits  providers.GuardChange
		failed  int
		removed int
		asked   int
		kind    string
	}{
		"nobody of them": {pages: [][]string{{"1a"}, {"2a"}}, removed: 2, asked: 2},
		"one of them":    {pages: [][]string{{"1a"}, {"2a", "2b"}}, removed: 1, asked: 2},
		"all of them":    {pages: [][]string{{"1b"}, {"2b"}, {"2a"}}, asked: 2},
		"without end": {pages: slices.Repeat([][]string{{"1a"}}, maxPages+2), asked: maxPages,
			kind: string(provider.Malformed)},
		"empty": {pages: make([][]string, provider.MaxEmptyPages+9), asked: provider.MaxEmptyPages + 1,
			kind: string(provider.Malformed)},
		"in a circle": {pages: [][]string{{"1a"}, {"1a"}}, circle: true, asked: 2,
			kind: string(provider.Malformed)},
		"with odd records": {pages: [][]string{{"1b"}, {}}, bad: []string{"record 2 has no userid"}, asked: 1,
			failed: triesOfRun - 1},
		"too many":         {pages: [][]string{{"1b"}}, limits: nobody, removed: 2},
		"does not serve":   {err: ofCall(provider.Unavailable), asked: 1, kind: string(provider.Unavailable)},
		"serves no longer": {err: ofCall(provider.Unavailable), failed: triesOfRun - 1, asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, naming{company: d, pages: c.pages, circle: c.circle, bad: c.bad,
				fails: func(int) error { return c.err }})
			b.load()
			require.NoError(t, store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Guard: c.limits},
				nil))
			d.people["1"], d.people["2"] = [][]directory.Member{{member("1", "a")}}, [][]directory.Member{
				{member("2", "a")}}
			b.read()
			plan := PlanRemovalsInput{RunID: b.runID}
			if c.kind != "" {
				require.Equal(t, c.kind, b.fails(b.reconcile.PlanRemovals, plan, c.failed).Type())
			} else {
				planned := tried[PlanRemovalsResult](b, b.reconcile.PlanRemovals, plan, c.failed)
				require.Equal(t, c.removed, planned.Members)
				require.Equal(t, 2-c.removed, strings.Count(b.problems(), "no listing shows"),
					"whoever stays is on record")
			}
			require.Equal(t, c.asked, d.count("everybody"), "not once for each")
		})
	}
}

// Where everybody is named as well, nobody is looked up but who may be where nothing was read.
func TestTheListOfEverybodyComesBeforeLookUps(t *testing.T) {
	t.Parallel()
	store := database(t)
	for unread, want := range map[bool][3]int{false: {1, 0, 2}, true: {0, 1, 1}} {
		t.Run(fmt.Sprint(unread), func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, struct {
				naming
				provider.ObjectLookup
			}{naming{company: d, pages: [][]string{{"1a"}}}, answering{company: d, result: provider.LookupNotFound}})
			b.load()
			d.people["1"], d.people["2"] = [][]directory.Member{{member("1", "a")}}, [][]directory.Member{
				{member("2", "a")}}
			if unread {
				d.memberPage = strike(ofCall(provider.OutOfRange), in("2"))
			}
			b.read()
			planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
			require.Equal(t, want, [3]int{d.count("everybody"), d.count("look up 1b"), planned.Members})
		})
	}
}
