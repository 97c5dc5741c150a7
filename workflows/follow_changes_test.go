package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/workflows"
)

// A run that finds nothing to do is not started again at once, as if it had done something.
func TestFollowChangesPausesAfterRunsWithNothingToDo(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	var follow *activities.Follow
	env.RegisterActivity(follow)
	began, runs := env.Now(), 0
	env.OnWorkflow(workflows.SyncOrgName, mock.Anything, mock.Anything).Return(
		func(workflow.Context, workflows.SyncInput) (*workflows.SyncResult, error) {
			runs++
			return nil, temporal.NewNonRetryableApplicationError("no event waits", workflows.NothingType, nil)
		})
	env.OnActivity(follow.PlanFollow, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.PlanFollowInput) (activities.PlanFollowResult, error) {
			if env.Now().Sub(began) > time.Minute || runs > 100 {
				return activities.PlanFollowResult{Do: activities.FollowNothing}, nil
			}
			return activities.PlanFollowResult{Do: activities.FollowByID, Waiting: 1}, nil
		})
	env.ExecuteWorkflow(workflows.FollowChangesName, workflows.FollowInput{Provider: "acme"})
	require.NoError(t, env.GetWorkflowError())
	require.InDelta(t, 6, runs, 1, "after 1, 2, 4, 8 and so many more seconds")
}
