package workflows_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// ofPeople are fakes for a run of so many single people.
func ofPeople(people int) *fakes {
	f := newFakes(9)
	f.beginRun = func(activities.BeginRunInput) (activities.BeginRunResult, error) {
		return activities.BeginRunResult{RunID: runID, Members: people}, nil
	}
	return f
}

func TestSinglePeopleNeedNoTree(t *testing.T) {
	t.Parallel()
	f := ofPeople(2)
	f.planRemovals = func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
		return activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 1}}, nil
	}
	env := f.env(t)
	attribute := watchAttributes(env)
	_, err := syncOrg(env, workflows.SyncInput{Provider: "acme", Members: []string{"u1", "u2"}})
	require.NoError(t, err)
	require.Equal(t, []string{"BeginRun", "ReadMembersByID", "ApplyMembers", "PlanRemovals", "Remove", "Recompute",
		"LinkAccounts", "FinishRun"}, f.order())
	require.Equal(t, []string{"u1", "u2"}, inputsOf[activities.BeginRunInput](f, "BeginRun")[0].Members)
	require.True(t, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].Incomplete)
	require.Equal(t, []any{"members", "removals", "recompute", "hold", "done"}, attribute("SyncPhase"))
}

func TestPlanOfSinglePeopleWritesNothing(t *testing.T) {
	t.Parallel()
	f := ofPeople(1)
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Mode: "plan", Members: []string{"u1"}})
	require.NoError(t, err)
	require.Equal(t, []string{"BeginRun", "ReadMembersByID", "DryRun", "FinishRun"}, f.order())
}

func TestSinglePeopleWhoseReadingFails(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{unavailable(), forbidden()} {
		f := ofPeople(1)
		f.pullPeople = func(activities.RunInput) (none, error) { return none{}, failure }
		_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Members: []string{"u1"}})
		if activities.EndsRun(failure) {
			require.Equal(t, directory.RunFailed, failedWith(t, err).Status)
			require.Zero(t, f.count("PlanRemovals"))
			continue
		}
		require.NoError(t, err, "planning notes who was not read")
		require.Equal(t, 1, f.count("PlanRemovals"))
	}
}

// A retry is a run of single people or of departments, as the run was that it retries.
func TestRetryIsTheKindOfRunThatItRetries(t *testing.T) {
	t.Parallel()
	for people, first := range map[int]string{0: "Preflight", 3: "ReadMembersByID"} {
		f := ofPeople(people)
		_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Retry: "r0"})
		require.NoError(t, err)
		require.Equal(t, "r0", inputsOf[activities.BeginRunInput](f, "BeginRun")[0].Retry)
		require.Equal(t, first, f.order()[1])
	}
}

// What a targeted run leaves out costs nothing: no batch, no shard.
func TestDepartmentsLeftOutAreNotLookedAt(t *testing.T) {
	t.Parallel()
	for excluded, want := range map[int]int{0: 7, 5: 2, 7: 0} {
		t.Run(fmt.Sprint(excluded), func(t *testing.T) {
			t.Parallel()
			f := newFakes(7)
			f.sealDepartments = func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error) {
				return activities.FinishDepartmentsResult{Departments: 7, Excluded: excluded, Sharding: shapeOf(7)}, nil
			}
			_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Departments: []string{"2"}})
			require.NoError(t, err)
			require.Equal(t, want, f.count("ReadMembers"))
			require.Equal(t, want, f.count("ApplyMembers"))
			require.Equal(t, 1, f.count("ApplyDepartments"))
			require.Equal(t, 1, f.count("PlanRemovals"))
		})
	}
}
