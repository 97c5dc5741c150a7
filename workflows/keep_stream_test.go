package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/workflows"
)

// A stream is kept anew with changed settings until events are off; histories stay bounded.
func TestKeepStream(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ changes, calls int }{{0, 1}, {7, 8}, {1000, 100}} {
		env := newEnvironment()
		var listen *activities.Listen
		env.RegisterActivity(listen)
		calls := 0
		env.OnActivity(listen.ListenToProvider, mock.Anything, activities.ListenInput{Provider: "acme"}).Return(
			func(context.Context, activities.ListenInput) (activities.ListenResult, error) {
				calls++
				return activities.ListenResult{Over: calls > tt.changes}, nil
			})
		env.ExecuteWorkflow(workflows.KeepStreamName, workflows.StreamInput{Provider: "acme"})
		require.True(t, env.IsWorkflowCompleted())
		require.Equal(t, tt.calls, calls)
		if tt.changes < 100 {
			require.NoError(t, env.GetWorkflowError())
		} else {
			require.True(t, workflow.IsContinueAsNewError(env.GetWorkflowError()))
		}
	}
}
