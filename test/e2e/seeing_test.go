package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// What operators see with Temporal's own tools: runs are found by what they did, and
// say what they are about.
func TestRunsAreFoundAndExplainThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newStaff(w)
	tenant := uuid.NewString()
	_, err := w.pool.Exec(t.Context(), "UPDATE identity_providers SET tenant_id = $1 WHERE name = $2", tenant, c.name)
	require.NoError(t, err)
	c.change()
	run := w.start(workflows.SyncInput{Provider: c.name})
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)

	found := func(query string) (runs []string) {
		listed, err := w.temporal.ListWorkflow(t.Context(),
			&workflowservice.ListWorkflowExecutionsRequest{Namespace: stack.Namespace, Query: query})
		require.NoError(t, err)
		for _, one := range listed.Executions {
			runs = append(runs, one.GetExecution().GetRunId())
		}
		return runs
	}
	query := fmt.Sprintf(
		`OrgProvider = '%s' AND OrgTenant = '%s' AND SyncOutcome = 'succeeded' AND SyncPhase = 'done' AND SyncRemoved = 1 AND DeptFailed = 0`, c.name, tenant)
	// Lists are brought up to date a moment after the run.
	require.Eventually(t, func() bool { return len(found(query)) == 1 }, 20*time.Second, 100*time.Millisecond)
	require.Equal(t, []string{run.GetRunID()}, found(query))
	require.Len(t,
		found(fmt.Sprintf(`OrgProvider = '%s' AND WorkflowType = 'SyncDepartments' AND OrgTenant = '%s'`, c.name,
			tenant)), 1)
	require.Empty(t, found(fmt.Sprintf(`OrgTenant = '%s' AND SyncOutcome = 'running'`, tenant)))

	value, err := w.temporal.QueryWorkflow(t.Context(), run.GetID(), run.GetRunID(), "__temporal_workflow_metadata")
	require.NoError(t, err)
	var seen sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&seen))
	require.Contains(t, seen.CurrentDetails, "| tenant | `"+tenant+"` |")
	require.Contains(t, seen.CurrentDetails, "members 1 created")

	var summaries []string
	for _, event := range w.slice(w.history(run)).Events {
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "ReadMembers" {
			summaries = append(summaries, string(event.GetUserMetadata().GetSummary().GetData()))
		}
	}
	require.ElementsMatch(t, []string{`"department 0"`, `"department ` + c.department(c.first) + `"`,
		`"department ` + c.department(c.second) + `"`}, summaries)
}
