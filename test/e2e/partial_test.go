package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// memo is what a run's workflow says of itself in Temporal's list of workflows.
func (w *world) memo(provider, query string) (text string) {
	w.t.Helper()
	listed, err := w.temporal.ListWorkflow(w.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: stack.Namespace, Query: fmt.Sprintf("OrgProvider = %q AND WorkflowType = %q AND %s", provider,
			workflows.SyncOrgName, query),
	})
	require.NoError(w.t, err)
	require.Len(w.t, listed.GetExecutions(), 1)
	require.NoError(w.t,
		json.Unmarshal(listed.GetExecutions()[0].GetMemo().GetFields()[workflows.OutcomeMemo].GetData(), &text))
	return text
}

// Whoever looks after the installation hears of runs that cannot read everything: of one
// that read less than half at once, of others when three in a row have not; and finds
// them in Temporal's list, where all of them are completed.
func TestPartialRunsAreToldOf(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	mail := newMailbox(t)
	w.configure(map[string]string{"ORGSYNC_NOTIFY": mail.setting()})
	w.startWorker()
	company := newLab(t, 62)
	var departments []simulator.Dept
	for n := range 4 {
		d, _ := company.below(simulator.Root, fmt.Sprint("D", n), 2)
		departments = append(departments, d)
	}
	s := w.simulate(directory.WeCom, company.Company)
	w.succeed(s)
	unreadable := func(some []simulator.Dept) {
		for _, d := range some {
			s.faults.Add(simulator.Fault{
				Endpoint: readers[s.kind].members, Department: s.department(d), Times: simulator.Forever,
				Action: simulator.Action{Kind: simulator.OutOfRange},
			})
		}
	}
	quiet := func() {
		t.Helper()
		for format, came := range mail.came {
			require.Empty(t, came, format)
		}
	}

	// One department of five: the third run in a row is told of.
	unreadable(departments[:1])
	var last workflows.SyncResult
	for n := range 3 {
		quiet()
		last = w.sync(s.name)
		require.Equal(t, directory.RunPartial, last.Status, n)
	}
	mail.wait("the sync of "+s.name+" could not read everything", "The last 3 runs were partial",
		"orgsync runs retry "+last.RunID+" --wait", last.Errors[0])
	require.Equal(t, "partial: 1 of 5 departments could not be read in full",
		w.memo(s.name, fmt.Sprintf("RunId = %q", w.temporalRun(last.RunID))))

	// Three of five: told of at once, the one reason once.
	unreadable(departments[1:3])
	last = w.sync(s.name)
	require.Equal(t, directory.RunPartial, last.Status)
	require.Len(t, last.Errors, 3)
	mail.wait("\n3 departments (", "The last 4 runs were partial", "orgsync runs retry "+last.RunID+" --wait")

	s.faults.Clear()
	w.succeed(s)
	quiet()
}

// temporalRun is the Temporal run id of a run's workflow.
func (w *world) temporalRun(runID string) string {
	w.t.Helper()
	run, err := w.store.Report.GetRun(w.t.Context(), runID)
	require.NoError(w.t, err)
	return run.TemporalRunID
}
