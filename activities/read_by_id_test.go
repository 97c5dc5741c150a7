package activities

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// registry is a company where single people can be read. Whoever is not in people is
// gone; what is not in sight cannot be spoken of.
type registry struct {
	*company
	people map[string]directory.Member
	fails  func(member string, nth int) error
	blind  map[string]bool
}

func (r *registry) ReadMember(_ context.Context, m provider.MemberRef) (directory.Member, bool, error) {
	nth := r.called("read " + m.ExternalID)
	if r.fails != nil {
		if err := r.fails(m.ExternalID, nth); err != nil {
			return directory.Member{}, false, err
		}
	}
	person, there := r.people[m.ExternalID]
	return person, !there, nil
}

func (r *registry) SeesDepartment(_ context.Context, department string) (bool, error) {
	r.called("sees " + department)
	return !r.blind[department], nil
}

// newRegistry has people "1a" and "1b" in department 1, "2a" and "2b" in 2, all of them
// stored, and a run that is limited to some.
func newRegistry(t *testing.T, store *db.Store, members ...string) (*registry, *bench) {
	t.Helper()
	r := &registry{company: departments(2), people: map[string]directory.Member{}, blind: map[string]bool{}}
	for _, department := range []string{"1", "2"} {
		for _, suffix := range []string{"a", "b"} {
			r.people[department+suffix] = member(department, suffix)
		}
	}
	b := newBench(t, store, r.company, r)
	b.load()
	b.limit(members...)
	return r, b
}

// limit ends the run and begins one of single people.
func (b *bench) limit(members ...string) {
	b.t.Helper()
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	b.began++
	begun, err := b.store.BeginRun(b.t.Context(), db.NewRun{
		Provider: b.provider.Name, WorkflowID: "orgsync/" + b.provider.Name,
		TemporalRunID: fmt.Sprintf("run-%d", b.began), Mode: "apply", OnRemovals: "hold", Members: members,
	}, func(context.Context, db.OpenRun) (string, error) { return directory.RunFailed, nil })
	require.NoError(b.t, err)
	require.Equal(b.t, len(members), begun.Members)
	b.runID = begun.RunID
}

// conclude applies what was read and ends the run.
func (b *bench) conclude() RunReport {
	b.t.Helper()
	must[any](b, b.apply.ApplyMembers, BatchInput{RunID: b.runID, First: 1, Last: 1})
	plan := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: b.runID})
	require.True(b.t, plan.Incomplete)
	must[RemoveResult](b, b.reconcile.Remove, b.ref())
	must[any](b, b.apply.Recompute, b.ref())
	return must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
}

func TestSinglePeopleAreReadAndApplied(t *testing.T) {
	t.Parallel()
	r, b := newRegistry(t, database(t), "1a", "1b", "2a", "new")
	moved := r.people["1b"]
	moved.Memberships = []directory.Membership{{DepartmentID: "2"}}
	r.people["1b"] = moved
	delete(r.people, "2a")
	r.people["new"] = directory.Member{ExternalID: "new",
		Memberships: []directory.Membership{{DepartmentID: "1"}, {DepartmentID: "99"}}}
	must[any](b, b.pull.ReadMembersByID, b.ref())
	must[any](b, b.pull.ReadMembersByID, b.ref())
	require.Equal(t, 1, r.count("read 1a"), "who was read is not read again")
	require.Equal(t, 1, r.count("sees 1"), "asked only where somebody left")
	require.Zero(t, r.count("members 1")+r.count("children 0")-2)

	report := b.conclude()
	require.Equal(t, directory.RunSucceeded, report.Status)
	require.Equal(t, directory.MemberCounts{Read: 3, Created: 1, Moved: 1, Deleted: 1, Unchanged: 1}, report.Members)
	require.Equal(t, directory.MembershipCounts{Created: 2, Deleted: 2}, report.Memberships)
	require.EqualValues(t, 5, report.Calls)
	require.Equal(t,
		[]string{
			"member new is also in departments that the directory does not have: 99; run a full sync if they are in " +
				"the visible range"}, report.Errors)
}

// A place is taken away only where the record would show it.
func TestPlacesThatARecordCannotSpeakOfStay(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		places  []directory.Membership
		blind   bool
		deleted int
		asked   int
		warned  int
	}{
		"in none":             {[]directory.Membership{}, false, 1, 1, 0},
		"in none that I see":  {[]directory.Membership{}, true, 0, 1, 0},
		"nothing is said":     {nil, false, 0, 0, 1},
		"the same as before":  {[]directory.Membership{{DepartmentID: "1"}}, false, 0, 0, 0},
		"beside the same one": {[]directory.Membership{{DepartmentID: "2"}, {DepartmentID: "1"}}, true, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := newRegistry(t, store, "1a")
			person := r.people["1a"]
			person.Memberships = c.places
			r.people["1a"] = person
			r.blind["1"] = c.blind
			must[any](b, b.pull.ReadMembersByID, b.ref())
			report := b.conclude()
			require.Equal(t, c.deleted, report.Memberships.Deleted)
			require.Equal(t, c.asked, r.count("sees 1"))
			require.Len(t, report.Errors, c.warned)
			require.Equal(t, directory.RunSucceeded, report.Status)
			require.Zero(t, report.Members.Deleted)
		})
	}
}

func TestTroubleWithOnePersonIsTheirs(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		err   error
		ends  bool // the run
		again bool // the attempt
		says  string
	}{
		"out of range": {ofCall(provider.OutOfRange), false, false, "it does not work"},
		"not found":    {ofCall(provider.NotFound), false, false, "it does not work"},
		"unavailable":  {ofCall(provider.Unavailable), false, true, "it does not work"},
		"malformed":    {ofCall(provider.Malformed), false, true, "it does not work"},
		"throttled":    {ofCall(provider.RateLimited), false, true, ""},
		"forbidden":    {ofCall(provider.Forbidden), true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := newRegistry(t, store, "1a", "2a")
			r.fails = func(member string, _ int) error {
				if member == "2a" {
					return c.err
				}
				return nil
			}
			switch {
			case c.ends:
				require.True(t, EndsRun(b.fails(b.pull.ReadMembersByID, b.ref())))
				return
			case c.again:
				failed := b.fails(b.pull.ReadMembersByID, b.ref())
				require.False(t, failed.NonRetryable())
				require.False(t, EndsRun(failed))
				if provider.KindOf(c.err) == provider.RateLimited {
					return // waited for, however often
				}
				_, err := b.attempt(b.pull.ReadMembersByID, b.ref(), triesOfRun-1)
				require.NoError(t, err, "given up: the person's own trouble")
			default:
				must[any](b, b.pull.ReadMembersByID, b.ref())
				must[any](b, b.pull.ReadMembersByID, b.ref())
				require.Equal(t, 1, r.count("read 2a"), "that would be the same again")
			}
			report := b.conclude()
			require.Equal(t, directory.RunPartial, report.Status)
			require.Equal(t, 1, report.Members.Failed)
			require.Len(t, report.Errors, 1)
			require.Contains(t, report.Errors[0], "member 2a: ")
			require.Contains(t, report.Errors[0], c.says)
		})
	}
}

// A provider that is down is not asked for hundreds of people.
func TestProviderThatIsDownIsNotAskedOn(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("u%d", i)
	}
	r, b := newRegistry(t, database(t), many...)
	r.fails = func(string, int) error { return ofCall(provider.Unavailable) }
	b.fails(b.pull.ReadMembersByID, b.ref())
	asked := 0
	for _, id := range many {
		asked += r.count("read " + id)
	}
	require.Less(t, asked, 3*parallelCalls)
}

func TestWhoIsNowhereIsToldApart(t *testing.T) {
	t.Parallel()
	r, b := newRegistry(t, database(t), "1a")
	delete(r.people, "1a")
	must[any](b, b.pull.ReadMembersByID, b.ref())
	require.Equal(t, 1, b.conclude().Members.Deleted)

	b.limit("1a", "nobody")
	must[any](b, b.pull.ReadMembersByID, b.ref())
	report := b.conclude()
	require.Equal(t, directory.RunPartial, report.Status)
	require.Len(t, report.Errors, 1, "that 1a has left is known")
	require.Contains(t, report.Errors[0], "member nobody: neither the provider nor the directory knows this member")
}

func TestClientThatCannotReadSinglePeople(t *testing.T) {
	t.Parallel()
	d := departments(1)
	b := newBench(t, database(t), d, d)
	b.limit("1a")
	failed := b.fails(b.pull.ReadMembersByID, b.ref())
	require.True(t, failed.NonRetryable())
	require.True(t, EndsRun(failed))
	require.Contains(t, failed.Message(), "orgsync provider update "+b.provider.Name)
}
