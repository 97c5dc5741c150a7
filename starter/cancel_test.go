package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	runcmd "github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/workflows"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	store, ctx := in.store(), t.Context()
	in.add("cancel", feishuConfig())
	o := in.run("cancel", "cancel")
	require.Equal(t, cli.ExitNothing, o.status)
	require.Contains(t, o.stderr, "no run of cancel is running")
	require.Equal(t, cli.ExitUsage, in.run("cancel", "nobody").status)

	requested := func(id, run string) {
		t.Helper()
		described, err := temporal.DescribeWorkflowExecution(ctx, id, run)
		require.NoError(t, err)
		require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
		require.True(t, described.GetWorkflowExtendedInfo().GetCancelRequested())
		require.NoError(t, temporal.TerminateWorkflow(ctx, id, run, ""))
	}
	// One that no worker has taken up is known to Temporal alone.
	var begun runcmd.Started
	in.ok("sync", "cancel", "--output", "json").json(&begun)
	var stopped runcmd.Canceling
	in.ok("cancel", "cancel", "--no-wait", "--output", "json").json(&stopped)
	require.Equal(t, runcmd.Canceling{Provider: "cancel", WorkflowID: "orgsync/cancel"}, stopped)
	requested(begun.WorkflowID, begun.TemporalRunID)
	require.Regexp(t, "run.cancel +provider/cancel", in.ok("audit", "--limit", "1").stdout)

	// One that was started by hand, under an id of its own.
	byHand, err := temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(t, err)
	run := in.begin(store, "cancel", byHand.GetRunID())
	in.query("UPDATE sync_runs SET workflow_id = 'by-hand' WHERE id = $1", run)
	in.ok("cancel", "cancel", "--no-wait", "--output", "json").json(&stopped)
	require.Equal(t, runcmd.Canceling{Provider: "cancel", RunID: run, WorkflowID: "by-hand"}, stopped)
	requested("by-hand", byHand.GetRunID())
	o = in.run("cancel", "cancel")
	require.Equal(t, cli.ExitNothing, o.status, "its workflow is gone")
	require.Contains(t, o.stderr, "its workflow by-hand is gone; the next run ends it")

	require.NoError(t, store.HoldRun(ctx, run, "too many", "orgsync/cancel/removals/"+run, directory.Counts{}))
	o = in.run("cancel", "cancel")
	require.Equal(t, cli.ExitNothing, o.status)
	require.Contains(t, o.stderr, "is held, waiting for a decision: orgsync runs show "+run[:8])
}

func TestRunsWatch(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	store, ctx := in.store(), t.Context()
	in.add("watched", feishuConfig())
	for status, want := range map[string]int{directory.RunSucceeded: cli.ExitDone,
		directory.RunPartial: cli.ExitPartial, directory.RunCanceled: cli.ExitFailed} {
		run := in.begin(store, "watched", status)
		require.NoError(t, store.FinishRun(ctx, run, status, "", directory.Counts{}, true))
		var result workflows.SyncResult
		o := in.run("runs", "watch", run[:13], "--output", "json")
		require.Equal(t, want, o.status, o.stderr)
		o.json(&result)
		require.Equal(t, run, result.RunID)
		require.Equal(t, status, result.Status)
	}
	at, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "orgsync/watched",
		TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(t, err)
	run := in.begin(store, "watched", at.GetRunID())
	stdout, stderr, status := &lines{}, &lines{}, make(chan int)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		status <- in.runWith(ctx, temporal, stdout, stderr, "runs", "watch", run)
	}()
	stderr.wait(t, "orgsync: watched: begin,", 30*time.Second)
	require.NoError(t, temporal.TerminateWorkflow(ctx, at.GetID(), at.GetRunID(), ""))
	require.Equal(t, cli.ExitFailed, <-status)
	require.Contains(t, stdout.String(), "watched: canceled (apply)")
	require.Equal(t, cli.ExitUsage, in.run("runs", "watch", "ffff").status)
}
