package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// syncOrg runs SyncOrg to its end.
func syncOrg(env *testsuite.TestWorkflowEnvironment, in workflows.SyncInput) (*workflows.SyncResult, error) {
	env.ExecuteWorkflow(workflows.SyncOrgName, in)
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out workflows.SyncResult
	return &out, env.GetWorkflowResult(&out)
}

// Programs that read the result expect its lists to be lists, also where nothing went wrong.
func TestResultsHaveAListOfErrors(t *testing.T) {
	t.Parallel()
	env := newFakes(0).env(t)
	env.ExecuteWorkflow(workflows.SyncOrgName, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, env.GetWorkflowError())
	var result map[string]any
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, []any{}, result["errors"])
}

func TestInputIsCheckedInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ input, want string }{
		"no provider":  {`{}`, `input: provider is missing`},
		"unknown mode": {`{"provider":"acme","mode":"dry"}`, `input: mode is "dry"; it must be one of apply, plan`},
		"unknown removals": {`{"provider":"acme","on_removals":"yes"}`,
			`input: on_removals is "yes"; it must be one of hold, apply, skip`},
		"empty department": {`{"provider":"acme","departments":["1",""]}`, `input: departments holds an empty id`},
		"empty member":     {`{"provider":"acme","members":[""]}`, `input: members holds an empty id`},
		"member U+0000": {`{"provider":"acme","members":["u1","a\u0000b"]}`,
			`input: members: id 2 contains U+0000; give external member ids`},
		"long department": {`{"provider":"acme","departments":["` + strings.Repeat("x", directory.MaxID+1) + `"]}`,
			`input: departments: id 1 is longer than 512 bytes`},
		"starter": {`{"provider":"acme","started_by":"a\u0000b"}`,
			`input: started_by has more than 200 bytes, holds what cannot be printed`},
		"two targets": {`{"provider":"acme","members":["u1"],"departments":["1"]}`,
			`input: only one of departments, members, retry and events can be given`},
		"retry and target": {`{"provider":"acme","members":["u1"],"retry":"4f1c"}`,
			`input: only one of departments, members, retry and events can be given`},
		"too many members": {`{"provider":"acme","members":["u"` + strings.Repeat(`,"u"`, workflows.MaxMembers) + `]}`,
			`a run can look up at most 300 people, sync their departments instead`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in workflows.SyncInput
			require.NoError(t, json.Unmarshal([]byte(c.input), &in))
			f := newFakes(0)
			_, err := syncOrg(f.env(t), in)
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, activities.TypeInvalid, failed.Type())
			require.True(t, failed.NonRetryable())
			require.Contains(t, failed.Message(), c.want)
			require.Empty(t, f.order(), "nothing is begun for a wrong input")
		})
	}
}

// What narrows a run and is given but empty, from a variable that was not set, would mean
// the whole company.
func TestInputThatIsGivenButEmptyIsRefused(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`{"provider":"acme","members":[]}`: "input: members is empty; give external member ids, or leave it " +
			"out for everything",
		`{"provider":"acme","members":[""]}`:       "input: members holds an empty id",
		`{"provider":"acme","members":["u1"," "]}`: "input: members holds an empty id",
		`{"provider":"acme","departments":[]}`:     "input: departments is empty",
		`{"provider":"acme","retry":""}`:           "input: retry is empty; give a value or leave it out",
		`{"provider":"acme","retry":" "}`:          "input: retry is empty",
		`{"provider":"acme","on_removals":""}`:     "input: on_removals is empty",
		`{"provider":""}`:                          "input: provider is missing",
	} {
		f := newFakes(0)
		env := f.env(t)
		env.ExecuteWorkflow(workflows.SyncOrgName, json.RawMessage(input))
		require.ErrorContains(t, env.GetWorkflowError(), want, input)
		require.Empty(t, f.order())
	}
	// As a program of one's own gives it.
	f := newFakes(0)
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Members: []string{}})
	require.ErrorContains(t, err, "input: members is empty")
	require.Empty(t, f.order())

	// Null is left out.
	f = newFakes(1)
	env := f.env(t)
	env.ExecuteWorkflow(workflows.SyncOrgName,
		json.RawMessage(`{"provider":"acme","departments":null,"members":null,"retry":null}`))
	require.NoError(t, env.GetWorkflowError())
}

func TestInputRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, input := range []string{`{"provder":"acme"}`, `{"provider":5}`, `"acme"`,
		`{"provider":"acme","departments":"1"}`,
		`{"provider":"acme","mode":"plan","mode":"apply"}`, `{"provider":"acme","mode":"plan","Mode":"apply"}`,
	} {
		var in workflows.SyncInput
		require.ErrorContains(t, json.Unmarshal([]byte(input), &in), `it should look like {"provider":"NAME"`, input)
	}
	var in workflows.SyncInput
	require.NoError(t, json.Unmarshal([]byte(`{"provider":"acme"}`), &in))
	require.Nil(t, in.Normalize())
	require.Equal(t, workflows.SyncInput{Provider: "acme", Mode: "apply", OnRemovals: "hold"}, in)
}

func TestWorkflowIDsNameTheProvider(t *testing.T) {
	t.Parallel()
	require.Equal(t, "orgsync/acme", workflows.SyncWorkflowID("acme"))
	require.Equal(t, "orgsync/acme/removals/r1", workflows.HoldWorkflowID("acme", "r1"))
	for id, want := range map[string]string{
		"orgsync/acme": "acme", "orgsync/": "", "orgsync/acme/removals/r1": "", "other": "", "other/acme": "",
	} {
		name, ok := workflows.ProviderOfWorkflowID(id)
		require.Equal(t, want != "", ok, id)
		if ok {
			require.Equal(t, want, name)
		}
	}
}

func TestSyncRunsItsStepsInOrder(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.preflight = func(activities.RunInput) (activities.PreflightResult, error) {
		return activities.PreflightResult{LimitedRange: true, Lost: []string{"department 7"}}, nil
	}
	f.planRemovals = func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
		return activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 2}}, nil
	}
	env := f.env(t)
	attribute := watchAttributes(env)
	result, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"BeginRun", "Preflight", "ReadDepartments", "FinishDepartments", "ApplyDepartments", "DepartmentIDs",
		"ReadMembers", "ApplyMembers",
		"ReadGroups", "PlanRemovals", "Remove", "Recompute", "LinkAccounts", "FinishRun",
	}, f.order())
	require.Equal(t, &workflows.SyncResult{RunID: runID, Provider: "acme", Mode: "apply",
		Status: directory.RunSucceeded, Calls: 7, Errors: []string{}}, result)
	require.Equal(t, []activities.ApplyDepartmentsInput{{RunID: runID, LimitedRange: true}},
		inputsOf[activities.ApplyDepartmentsInput](f, "ApplyDepartments"))
	require.Equal(t, []activities.PlanRemovalsInput{{RunID: runID, Lost: []string{"department 7"}, LimitedRange: true}},
		inputsOf[activities.PlanRemovalsInput](f, "PlanRemovals"))
	require.Equal(t, []activities.FinishRunInput{{RunID: runID}}, inputsOf[activities.FinishRunInput](f, "FinishRun"))

	require.Equal(t, []any{"acme"}, attribute("OrgProvider"))
	require.Equal(t, []any{"preflight", "departments", "members", "groups", "removals", "recompute", "hold", "done"},
		attribute("SyncPhase"))
	require.Equal(t, []any{directory.RunRunning, directory.RunSucceeded}, attribute("SyncOutcome"))
	require.Equal(t, []any{int64(0)}, attribute("DeptFailed"))
	require.Equal(t, []any{int64(0)}, attribute("SyncRemoved"))
	require.Empty(t, attribute("OrgTenant"), "the provider has none")
}

// Where each call has a quota of its own, groups are read while departments are: here these
// wait for the groups.
func TestGroupsAreReadWhileDepartmentsAre(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.preflight = func(activities.RunInput) (activities.PreflightResult, error) {
		return activities.PreflightResult{GroupsMeanwhile: true}, nil
	}
	read := make(chan struct{})
	f.readGroups = func(activities.ReadGroupsInput) (none, error) {
		close(read)
		return none{}, nil
	}
	f.pullDepartments = func(activities.RunInput) (none, error) {
		<-read
		return none{}, nil
	}
	result, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status)
	require.Equal(t, []activities.ReadGroupsInput{{RunID: runID, Meanwhile: true}},
		inputsOf[activities.ReadGroupsInput](f, "ReadGroups"))
}

// Who started a run is whoever its input names, else the schedule that did.
func TestWhoStartsARun(t *testing.T) {
	t.Parallel()
	scheduled := temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById").ValueSet("nightly"))
	for want, c := range map[string]struct {
		input string
		on    temporal.SearchAttributes
	}{
		"temporal":         {`{"provider":"acme"}`, temporal.SearchAttributes{}},
		"schedule nightly": {`{"provider":"acme"}`, scheduled},
		"ann@host":         {`{"provider":"acme","started_by":"ann@host"}`, scheduled},
	} {
		for _, workflow := range []string{workflows.SyncOrgName, workflows.ScheduledSyncName} {
			if workflow == workflows.ScheduledSyncName && want == "ann@host" {
				continue // it is a schedule's, and takes no such input
			}
			f := newFakes(0)
			env := f.env(t)
			require.NoError(t, env.SetTypedSearchAttributesOnStart(c.on))
			env.ExecuteWorkflow(workflow, json.RawMessage(c.input))
			require.Equal(t, want, inputsOf[activities.BeginRunInput](f, "BeginRun")[0].StartedBy)
		}
	}
}

func TestTargetedRunIsNeverComplete(t *testing.T) {
	t.Parallel()
	f := newFakes(3)
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Departments: []string{"2"}})
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, inputsOf[activities.BeginRunInput](f, "BeginRun")[0].Departments)
	require.True(t, inputsOf[activities.FinishRunInput](f, "FinishRun")[0].Incomplete)
}

func TestRunThatCannotBeginFailsWithTheReason(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{
		final(activities.TypeBusy, "run r0 of workflow orgsync/acme is at work"),
		final(activities.TypeNotFound, `there is no provider named "acme"`),
	} {
		f := newFakes(0)
		f.beginRun = func(activities.BeginRunInput) (activities.BeginRunResult, error) {
			return activities.BeginRunResult{}, refusal
		}
		_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
		require.ErrorContains(t, err, refusal.Error())
		require.Equal(t, []string{"BeginRun"}, f.order(), "there is no run to end")
	}
}

// failedWith returns the result that a failed run's error carries.
func failedWith(t *testing.T, err error) workflows.SyncResult {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "SyncFailed", failed.Type())
	require.True(t, failed.NonRetryable())
	var result workflows.SyncResult
	require.NoError(t, failed.Details(&result))
	require.Equal(t, []string{failed.Message()}, result.Errors)
	return result
}

// A step that fails ends the run as failed, whatever it is.
func TestFailedStepEndsTheRun(t *testing.T) {
	t.Parallel()
	const reason = "Feishu 99991672: the permission is missing"
	for name, c := range map[string]struct {
		arrange func(*fakes)
		never   []string
	}{
		"preflight": {func(f *fakes) {
			f.preflight = func(activities.RunInput) (activities.PreflightResult, error) {
				return activities.PreflightResult{}, forbidden()
			}
		}, []string{"ReadDepartments"}},
		"departments": {func(f *fakes) {
			f.pullDepartments = func(activities.RunInput) (none, error) { return none{}, forbidden() }
		}, []string{"FinishDepartments", "ApplyDepartments"}},
		"seal": {func(f *fakes) {
			f.sealDepartments = func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error) {
				return activities.FinishDepartmentsResult{}, forbidden()
			}
		}, []string{"ApplyDepartments"}},
		"apply departments": {func(f *fakes) {
			f.applyDepartments = func(activities.ApplyDepartmentsInput) (none, error) { return none{}, forbidden() }
		}, []string{"ReadMembers"}},
		"members": {func(f *fakes) {
			f.pullMembers = func(activities.BatchInput) (activities.ReadMembersResult, error) {
				return activities.ReadMembersResult{}, forbidden()
			}
		}, []string{"FailMembers", "PlanRemovals"}},
		"apply members": {func(f *fakes) {
			f.applyMembers = func(activities.BatchInput) (none, error) { return none{}, forbidden() }
		}, []string{"PlanRemovals"}},
		"plan": {func(f *fakes) {
			f.planRemovals = func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
				return activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 1}}, forbidden()
			}
		}, []string{"Remove", "Recompute"}},
		"remove": {func(f *fakes) {
			f.planRemovals = func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error) {
				return activities.PlanRemovalsResult{PerKind: directory.PerKind{Members: 1}}, nil
			}
			f.remove = func(activities.RunInput) (activities.RemoveResult, error) {
				return activities.RemoveResult{}, forbidden()
			}
		}, []string{"Recompute"}},
		"recompute": {func(f *fakes) {
			f.recompute = func(activities.RunInput) (none, error) { return none{}, forbidden() }
		}, []string{"LinkAccounts"}},
		"link": {func(f *fakes) {
			f.linkAccounts = func(activities.RunInput) (none, error) { return none{}, forbidden() }
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakes(1)
			c.arrange(f)
			env := f.env(t)
			attribute := watchAttributes(env)
			_, err := syncOrg(env, workflows.SyncInput{Provider: "acme"})
			require.Equal(t, directory.RunFailed, failedWith(t, err).Status)
			require.ErrorContains(t, err, reason)
			finished := inputsOf[activities.FinishRunInput](f, "FinishRun")
			require.Len(t, finished, 1)
			require.Equal(t, directory.RunFailed, finished[0].Status)
			require.Equal(t, reason, finished[0].Problem)
			require.Equal(t, []any{directory.RunRunning, directory.RunFailed}, attribute("SyncOutcome"))
			for _, activity := range c.never {
				require.Zero(t, f.count(activity), activity)
			}
		})
	}
}

// A tree that was read in part is synced in part; nothing at all ends the run.
func TestTreeReadInPart(t *testing.T) {
	t.Parallel()
	f := newFakes(4)
	f.pullDepartments = func(activities.RunInput) (none, error) { return none{}, unavailable() }
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
	require.NoError(t, err)
	require.Equal(t, []activities.FinishDepartmentsInput{{RunID: runID, Problem: "Feishu: connection failed"}},
		inputsOf[activities.FinishDepartmentsInput](f, "FinishDepartments"))
	require.Equal(t, 4, f.count("ApplyMembers"))

	f = newFakes(0)
	f.pullDepartments = func(activities.RunInput) (none, error) { return none{}, unavailable() }
	_, err = syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
	require.Equal(t, directory.RunFailed, failedWith(t, err).Status)
	require.Zero(t, f.count("ApplyDepartments"))
	require.Zero(t, f.count("PlanRemovals"), "an unread company has no leavers")
}

func TestRunWithoutFinalStatusFails(t *testing.T) {
	t.Parallel()
	f := newFakes(1)
	f.finishRun = func(activities.FinishRunInput) (activities.RunReport, error) {
		return activities.RunReport{}, final(activities.TypeStorage, "postgres 42P01")
	}
	_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme"})
	require.ErrorContains(t, err, "postgres 42P01")
}

func TestPlanModeWritesNothing(t *testing.T) {
	t.Parallel()
	for removals, remove := range map[string]bool{"hold": true, "apply": true, "skip": false} {
		f := newFakes(2)
		counts := directory.Counts{Members: directory.MemberCounts{Created: 3}}
		f.dryRun = func(activities.DryRunInput) (activities.DryRunResult, error) {
			return activities.DryRunResult{Counts: counts, HoldReason: "it would remove 30 of 40 members"}, nil
		}
		_, err := syncOrg(f.env(t), workflows.SyncInput{Provider: "acme", Mode: "plan", OnRemovals: removals})
		require.NoError(t, err)
		for _, writer := range []string{"ApplyDepartments", "ApplyMembers", "PlanRemovals", "Remove", "Recompute",
			"LinkAccounts", "HoldRun"} {
			require.Zero(t, f.count(writer), writer)
		}
		require.Equal(t, []activities.DryRunInput{{RunID: runID, Remove: remove}},
			inputsOf[activities.DryRunInput](f, "DryRun"))
		require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true, Counts: &counts}},
			inputsOf[activities.FinishRunInput](f, "FinishRun"))
	}
}
