package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/workflows"
)

// Each part is done to its end before the next, and what all of it did is added up.
func TestRetentionDoesEveryPartToItsEnd(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	n := 0
	register(f, env, "EndDeadRuns", func(none) (activities.EndDeadRunsResult, error) {
		return activities.EndDeadRunsResult{Ended: 2}, nil
	})
	register(f, env, "CleanUp", func(in activities.CleanUpInput) (activities.CleanUpResult, error) {
		n++
		return activities.CleanUpResult{Rows: 10 * n, More: in.Part == activities.PartDetails && n < 5}, nil
	})
	env.ExecuteWorkflow(workflows.RetentionName)
	require.NoError(t, env.GetWorkflowError())
	var result workflows.RetentionResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, workflows.RetentionResult{EndedRuns: 2, Staging: 10, Raw: 20, Details: 30 + 40 + 50, Runs: 60,
		Calls: 70}, result)
	var parts []string
	for _, in := range inputsOf[activities.CleanUpInput](f, "CleanUp") {
		parts = append(parts, in.Part)
	}
	require.Equal(t, []string{"staging", "raw", "details", "details", "details", "runs", "calls"}, parts)
}

// Later parts find things by means of earlier ones: they are not done before.
func TestRetentionStopsAtThePartThatFails(t *testing.T) {
	t.Parallel()
	f := newFakes(0)
	env := f.env(t)
	register(f, env, "EndDeadRuns", func(none) (activities.EndDeadRunsResult, error) {
		return activities.EndDeadRunsResult{}, nil
	})
	register(f, env, "CleanUp", func(in activities.CleanUpInput) (out activities.CleanUpResult, err error) {
		if in.Part == activities.PartRaw {
			err = final(activities.TypeStorage, "postgres 42501: permission denied")
		}
		return out, err
	})
	env.ExecuteWorkflow(workflows.RetentionName)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &failed)
	require.ErrorContains(t, failed, "permission denied")
	require.Equal(t, 2, f.count("CleanUp"))
}
