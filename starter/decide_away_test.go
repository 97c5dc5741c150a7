package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	runcmd "github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/workflows"
)

// holding is a workflow that takes until it is told to carry out an approval, and returns
// how often it was asked to.
func holding(ctx workflow.Context) (int, error) {
	asked, open := 0, false
	err := workflow.SetUpdateHandler(ctx, workflows.ApproveUpdate,
		func(ctx workflow.Context, d workflows.Decision) (workflows.SyncResult, error) {
			asked++
			return workflows.SyncResult{RunID: d.RunID, Provider: "acme",
				Status: directory.RunSucceeded}, workflow.Await(ctx, func() bool { return open })
		})
	if err == nil {
		workflow.GetSignalChannel(ctx, "carry on").Receive(ctx, nil)
		open = true
		err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	}
	return asked, err
}

// A decision that was sent outlasts Temporal's absence: it counts once, and its outcome
// is told, by Temporal once it answers or by Postgres before.
func TestDecidingOutlastsTemporalsAbsence(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store, ctx := in.store(), t.Context()
	namespace(t, "deciding")
	direct := newWire(t).dial("deciding")
	w := worker.New(direct, "holds", worker.Options{})
	w.RegisterWorkflow(holding)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	for name, joined := range map[string]bool{"answers again": true, "stays away": false} {
		run := in.begin(store, "acme", name)
		require.NoError(t, store.HoldRun(ctx, run, "too many", "hold/"+run, directory.Counts{}))
		held, err := direct.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "hold/" + run, TaskQueue: "holds"},
			holding)
		require.NoError(t, err)
		wire := newWire(t)
		temporal := wire.dial("deciding")
		stdout, stderr, ended := &lines{}, &lines{}, make(chan int, 1)
		go func() { ended <- in.runWith(ctx, temporal, stdout, stderr, "approve", "acme", run, "--output", "json") }()
		accepted(t, direct, held)
		wire.cut()
		if joined {
			require.NoError(t, direct.SignalWorkflow(ctx, held.GetID(), "", "carry on", nil))
			wire.join()
		} else {
			in.query("UPDATE sync_runs SET decided_by = $2 WHERE id = $1", run, cli.Actor())
			require.NoError(t, store.FinishRun(ctx, run, directory.RunSucceeded, "", directory.Counts{}, true))
		}
		require.Equal(t, cli.ExitDone, <-ended, "%s: %s", name, stderr)
		var result runcmd.Result
		outcome{t: t, stdout: stdout.String()}.json(&result)
		require.Equal(t, []any{run, directory.RunSucceeded}, []any{result.RunID, result.Status}, name)
		if joined {
			var asked int
			require.NoError(t, held.Get(ctx, &asked))
			require.Equal(t, 1, asked, "sent again it counts once")
		}
	}
}

// accepted waits until the workflow has accepted an update.
func accepted(t *testing.T, temporal client.Client, run client.WorkflowRun) {
	t.Helper()
	ctx := t.Context()
	require.Eventually(t, func() bool {
		history := temporal.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false,
			enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return false
			}
			if event.GetWorkflowExecutionUpdateAcceptedEventAttributes() != nil {
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond)
}
