package workflows_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

const tooMany = "51 accounts are to be created for 161 active members; the limit is 50"

func TestTaskRun(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	env.ExecuteWorkflow(workflows.TaskRunName,
		json.RawMessage(`{"provider":"acme","task":"offline","members":["u-7","u-7"]}`))
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"BeginRun", "CarryOut", "FinishRun"}, f.order(), "nothing is read")
	require.Equal(t, []activities.BeginRunInput{{
		Provider: "acme", Mode: "apply", OnRemovals: "hold", Members: []string{"u-7"}, Task: "offline",
		StartedBy: "temporal",
	}}, inputsOf[activities.BeginRunInput](f, "BeginRun"))
	require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true}},
		inputsOf[activities.FinishRunInput](f, "FinishRun"),
		"it never counts as synced")
}

func TestTaskRunOfTooManyMembers(t *testing.T) {
	t.Parallel()
	in := workflows.TaskInput{Provider: "acme", Task: "offline"}
	for n := range workflows.MaxMembers + 1 {
		in.Members = append(in.Members, fmt.Sprint("u-", n))
	}
	require.Equal(t, "input: 301 members are named; name at most 300 members at a time", in.Normalize().Error())
}

func TestTaskRunPlans(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	counts := directory.Counts{Members: directory.MemberCounts{Linked: 51, AccountCreated: 51}}
	f.carryOut = func(activities.RunInput) (activities.CarryOutResult, error) {
		return activities.CarryOutResult{Counts: counts, HoldReason: tooMany}, nil
	}
	env := f.env(t)
	env.ExecuteWorkflow(workflows.TaskRunName, workflows.TaskInput{Provider: "acme", Task: "accounts", Mode: "plan"})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"BeginRun", "CarryOut", "FinishRun"}, f.order(), "a plan waits for nobody")
	require.Equal(t, []activities.FinishRunInput{{RunID: runID, Incomplete: true, Counts: &counts}},
		inputsOf[activities.FinishRunInput](f, "FinishRun"))
}

func TestManyAccountsWaitForADecision(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	f.carryOut = func(activities.RunInput) (activities.CarryOutResult, error) {
		return activities.CarryOutResult{HoldReason: tooMany}, nil
	}
	env := f.env(t)
	var held workflows.HoldInput
	holdingChild(env, func(in workflows.HoldInput) { held = in })
	env.ExecuteWorkflow(workflows.TaskRunName, workflows.TaskInput{Provider: "acme", Task: "accounts"})
	require.NoError(t, env.GetWorkflowError())
	var result workflows.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, []string{directory.RunHeld, tooMany}, []string{result.Status, result.HoldReason})
	require.Equal(t, workflows.HoldInput{RunID: runID, Provider: "acme", Reason: tooMany, Incomplete: true,
		Accounts: true}, held)
	require.Zero(t, f.count("FinishRun"))
}

// Approved, a run for accounts creates them and removes nobody.
func TestApprovedAccountsAreCreated(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	decide(env, workflows.ApproveUpdate, time.Second)
	env.ExecuteWorkflow(workflows.HoldRemovalsName,
		workflows.HoldInput{RunID: runID, Provider: "acme", Reason: tooMany, Incomplete: true, Accounts: true})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"ResumeRun", "CarryOut", "FinishRun"}, f.order())
}

func TestTaskRunRefusesWrongInput(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`{"task":"accounts"}`:                                "provider is missing",
		`{"provider":"acme","task":"sync"}`:                  "it must be one of accounts, offline, online",
		`{"provider":"acme","task":"offline"}`:               "members is missing",
		`{"provider":"acme","task":"accounts","members":[]}`: "members is empty",
		`{"provider":"acme","task":"accounts","mode":"x"}`:   "it must be one of apply, plan",
		`{"provider":"acme","task":"accounts","who":"x"}`:    `unknown field "who"`,
	} {
		f := newFakes(0)
		env := f.env(t)
		env.ExecuteWorkflow(workflows.TaskRunName, json.RawMessage(input))
		require.ErrorContains(t, env.GetWorkflowError(), want, input)
		require.Empty(t, f.order(), input)
	}
}
