package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// synced is when a provider was last synced in full.
func (w *world) synced(s *source) *time.Time {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	return p.LastSyncedAt
}

// peopleListings is how often people were listed since the calls were last reset.
func (s *source) peopleListings() int { return s.calls.All()[readers[s.kind].members] }

func (w *world) syncMembers(s *source, mode string, people ...simulator.PersonID) workflows.SyncResult {
	w.t.Helper()
	in := workflows.SyncInput{Provider: s.name, Mode: mode}
	for _, p := range people {
		in.Members = append(in.Members, s.member(p))
	}
	return w.wait(w.start(in))
}

// TestRunOfSinglePeople changes one person in every way there is, and others besides,
// and demands that a run of them does what a full sync would do, in few calls, and
// leaves everybody else alone.
func TestRunOfSinglePeople(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPlot(w, kind)
			w.succeed(p.source)
			before, syncedAt := w.standing(p.source), w.synced(p.source)

			mover, leaver, titled, other := p.people[0], p.people[2], p.people[4], p.people[6]
			p.must(p.Move(mover, p.departments[0], p.departments[3]), p.Leave(leaver),
				p.SetTitle(titled, "Chief of Everything"), p.SetTitle(other, "Nobody asked"))
			p.must(p.Leave(p.people[7]), p.RenameDepartment(p.departments[1], "Renamed"))
			hired := p.hire(p.departments[2], p.departments[3])
			asked := []simulator.PersonID{mover, leaver, titled, hired, p.people[1]}

			writes := w.writes()
			plan := w.syncMembers(p.source, workflows.ModePlan, asked...)
			require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
			require.Equal(t, writes, w.writes(), "a plan wrote to the directory")

			p.calls.Reset()
			result := w.syncMembers(p.source, workflows.ModeApply, asked...)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.Empty(t, result.Errors)
			require.Equal(t, plan.Counts, result.Counts)
			want := directory.Counts{
				Members: directory.MemberCounts{Read: 4, Created: 1, Updated: 1, Moved: 1, Deleted: 1,
					Unchanged: 1},
				Memberships: directory.MembershipCounts{Created: 3, Deleted: 2},
			}
			if kind == directory.DingTalk { // a first look-up brings fields that lists do not have
				want.Members.Updated, want.Members.Unchanged = 2, 0
			}
			require.Equal(t, want, result.Counts)
			require.Zero(t, p.peopleListings())
			// One call each, Feishu's departments or another id one or two more, and the
			// department that the mover left.
			require.LessOrEqual(t, result.Calls, int64(3*len(asked)+2))
			require.Equal(t, syncedAt, w.synced(p.source), "a run of some people is no sync of all")

			after := w.standing(p.source)
			for id, was := range before.Members {
				if !slices.Contains([]string{p.member(mover), p.member(leaver), p.member(titled)}, id) {
					// A first look-up at DingTalk says which department is the main one.
					was.Said = was.Said || kind == directory.DingTalk && id == p.member(p.people[1])
					require.Equal(t, was, after.Members[id], "somebody else was changed")
				}
			}
			require.Equal(t, []string{p.department(p.departments[3])}, after.Members[p.member(mover)].Departments)
			require.NotContains(t, after.Members, p.member(leaver))
			require.Equal(t, "Chief of Everything", after.Members[p.member(titled)].Title)
			require.Len(t, after.Members[p.member(hired)].Departments, 2)

			// What is left for the full sync is everybody else's.
			full := w.sync(p.name)
			require.Equal(t, directory.RunSucceeded, full.Status, full.Errors)
			w.requireEqual(p.source)
			require.Equal(t, 1, full.Members.Updated)
			require.Equal(t, 1, full.Members.Deleted)
			require.Zero(t, full.Members.Created+full.Members.Moved+full.Memberships.Created)
		})
	}
}

// What one person's look-up meets is that person's error; the others are synced, and
// a retry looks up only who failed.
func TestRunOfSinglePeopleSomeOfWhomFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPlot(w, directory.DingTalk)
	w.succeed(p.source)
	p.must(p.SetTitle(p.people[0], "New"), p.SetTitle(p.people[2], "New"))
	newDepartment, _ := p.below(simulator.Root, "Unheard of", 0)
	p.must(p.SetDepartments(p.people[0], p.departments[0], newDepartment))
	p.limit(p.departments[0])

	result := w.wait(
		w.start(workflows.SyncInput{Provider: p.name,
			Members: []string{p.member(p.people[0]), p.member(p.people[2]), "nobody"}}))
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Equal(t, 2, result.Members.Failed)
	require.Len(t, result.Errors, 3)
	all := result.Errors[0] + result.Errors[1] + result.Errors[2]
	require.Contains(t, all, "member "+p.member(p.people[2])+": DingTalk 50002")
	require.Contains(t, all, "member nobody: neither the provider nor the directory knows this member")
	require.Contains(t, all, "departments that the directory does not have: "+p.department(newDepartment))
	require.Equal(t, "New", w.members(p.name)[p.member(p.people[0])].Title)
	require.Contains(t, w.members(p.name), p.member(p.people[2]))

	p.limit()
	p.calls.Reset()
	again := w.wait(w.start(workflows.SyncInput{Provider: p.name, Retry: result.RunID}))
	require.Equal(t, directory.RunPartial, again.Status, again.Errors)
	require.Equal(t, []string{"member nobody: neither the provider nor the directory knows this member; " +
		"give ids as the provider does, or find them with: orgsync search " + p.name + " TEXT"}, again.Errors)
	require.Equal(t, 2, p.calls.All()["user/get"], p.calls.All())
	require.Equal(t, "New", w.members(p.name)[p.member(p.people[2])].Title)
	w.succeed(p.source)
}

// Who moved out of sight keeps the place that the record can no longer speak of.
func TestRunOfSinglePeopleInALimitedRange(t *testing.T) {
	t.Parallel()
	for _, kind := range []directory.ProviderType{directory.DingTalk, directory.WeCom} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPlot(w, kind)
			p.must(p.SetDepartments(p.people[0], p.departments[0], p.departments[1], p.departments[2]))
			w.succeed(p.source)
			p.must(p.SetDepartments(p.people[0], p.departments[0]))
			p.limit(p.departments[0], p.departments[1])
			result := w.syncMembers(p.source, "", p.people[0])
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			want := []string{p.department(p.departments[0]), p.department(p.departments[2])}
			slices.Sort(want)
			require.Equal(t, want, w.members(p.name)[p.member(p.people[0])].Departments)
			p.limit()
			w.succeed(p.source)
		})
	}
}

// A retry reads the tree and then the people of nothing but what failed.
func TestRetryReadsOnlyWhatFailed(t *testing.T) {
	t.Parallel()
	for _, kind := range []directory.ProviderType{directory.Feishu, directory.WeCom} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPlot(w, kind)
			w.succeed(p.source)
			syncedAt := w.synced(p.source)
			victim := p.department(p.departments[2])
			p.must(p.Leave(p.people[4]), p.SetTitle(p.people[5], "New"), p.Leave(p.people[0]))
			p.faults.Add(simulator.Fault{Endpoint: readers[kind].members, Department: victim, Times: simulator.Forever,
				Action: simulator.Action{Kind: simulator.OutOfRange}})
			failed := w.sync(p.name)
			require.Equal(t, directory.RunPartial, failed.Status, failed.Errors)
			require.Equal(t, 1, failed.Departments.Failed)
			p.must(p.SetTitle(p.people[6], "Not read"))

			p.faults.Clear()
			p.calls.Reset()
			result := w.wait(w.start(workflows.SyncInput{Provider: p.name, Retry: failed.RunID}))
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.LessOrEqual(t, p.peopleListings(), 2, "the preflight's and the department's")
			members := w.members(p.name)
			require.NotContains(t, members, p.member(p.people[4]))
			require.Equal(t, "New", members[p.member(p.people[5])].Title)
			require.NotEqual(t, "Not read", members[p.member(p.people[6])].Title)
			require.Equal(t, syncedAt, w.synced(p.source))

			err := w.start(workflows.SyncInput{Provider: p.name, Retry: result.RunID}).Get(t.Context(), nil)
			require.ErrorContains(t, err, "nothing to retry: all its departments were read")
			w.succeed(p.source)
		})
	}
}

func TestRunOfADepartmentReadsWhatIsBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPlot(w, directory.WeCom)
	child, _ := p.below(p.departments[0], "Child", 1)
	grandchild, deep := p.below(child, "Grandchild", 1)
	w.succeed(p.source)
	p.must(p.SetTitle(deep[0], "New"), p.SetTitle(p.people[2], "Not read"))
	hired := p.hire(grandchild)
	result := w.wait(
		w.start(workflows.SyncInput{Provider: p.name, Departments: []string{p.department(p.departments[0])}}))
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	members := w.members(p.name)
	require.Equal(t, "New", members[p.member(deep[0])].Title)
	require.Contains(t, members, p.member(hired))
	require.NotEqual(t, "Not read", members[p.member(p.people[2])].Title)
	w.succeed(p.source)
}

// With the contact sync secret alone there is no call that reads one person.
func TestContactSyncCannotReadSinglePeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newPlot(w, directory.WeCom).source
	name := w.add(directory.WeCom, map[string]string{"corp_id": "wwsim", "sync_secret": "sim-sync-secret",
		"base_url": s.url})
	result := w.wait(w.start(workflows.SyncInput{Provider: name, Members: []string{"anybody"}}))
	require.Equal(t, directory.RunFailed, result.Status)
	require.Contains(t, result.Errors[0], "sync_secret reads only ids")
	require.Contains(t, result.Errors[0], "orgsync provider update "+name)
}
