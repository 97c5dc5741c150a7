package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	store, ctx := in.store(), t.Context()
	in.add("cancel", feishuConfig())
	o := in.run("cancel", "cancel")
	require.Equal(t, exitNothing, o.status)
	require.Contains(t, o.stderr, "no run of cancel is running")
	require.Equal(t, exitUsage, in.run("cancel", "nobody").status)

	requested := func(id, run string) {
		t.Helper()
		described, err := temporal.DescribeWorkflowExecution(ctx, id, run)
		require.NoError(t, err)
		require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
		require.True(t, described.GetWorkflowExtendedInfo().GetCancelRequested())
		require.NoError(t, temporal.TerminateWorkflow(ctx, id, run, ""))
	}
	// One that no worker has taken up is known to Temporal alone.
	var begun started
	in.ok("sync", "cancel", "--output", "json").json(&begun)
	var stopped canceling
	in.ok("cancel", "cancel", "--no-wait", "--output", "json").json(&stopped)
	require.Equal(t, canceling{Provider: "cancel", WorkflowID: "orgsync/cancel"}, stopped)
	requested(begun.WorkflowID, begun.TemporalRunID)

	// One that was started by hand, under an id of its own.
	byHand, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(t, err)
	run := in.begin(store, "cancel", byHand.GetRunID())
	in.query("UPDATE sync_runs SET workflow_id = 'by-hand' WHERE id = $1", run)
	in.ok("cancel", "cancel", "--no-wait", "--output", "json").json(&stopped)
	require.Equal(t, canceling{Provider: "cancel", RunID: run, WorkflowID: "by-hand"}, stopped)
	requested("by-hand", byHand.GetRunID())
	o = in.run("cancel", "cancel")
	require.Equal(t, exitNothing, o.status, "its workflow is gone")
	require.Contains(t, o.stderr, "its workflow by-hand is gone; the next run ends it")

	require.NoError(t, store.RunHold(ctx, run, "too many", "orgsync/cancel/removals/"+run, directory.Counts{}))
	o = in.run("cancel", "cancel")
	require.Equal(t, exitNothing, o.status)
	require.Contains(t, o.stderr, "is held, waiting for a decision: orgsync runs show "+run[:8])
}

func TestRunsWatch(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	store, ctx := in.store(), t.Context()
	in.add("watched", feishuConfig())
	for status, want := range map[string]int{directory.RunSucceeded: exitDone, directory.RunPartial: exitPartial, directory.RunCanceled: exitFailed} {
		run := in.begin(store, "watched", status)
		require.NoError(t, store.RunFinish(ctx, run, status, "", directory.Counts{}, true))
		var result workflows.SyncResult
		o := in.run("runs", "watch", run[:13], "--output", "json")
		require.Equal(t, want, o.status, o.stderr)
		o.json(&result)
		require.Equal(t, run, result.RunID)
		require.Equal(t, status, result.Status)
	}
	at, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "orgsync/watched", TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(t, err)
	run := in.begin(store, "watched", at.GetRunID())
	stdout, stderr, status := &lines{}, &lines{}, make(chan int)
	s := &session{stdout: stdout, stderr: stderr, getenv: func(name string) string { return in.env[name] }}
	t.Cleanup(s.close)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		status <- s.conclude(ctx, runsWatch{ID: run, TemporalTimeout: time.Hour}.Run(ctx, s))
	}()
	stderr.wait(t, "orgsync: watched: begin,", 30*time.Second)
	require.NoError(t, temporal.TerminateWorkflow(ctx, at.GetID(), at.GetRunID(), ""))
	require.Equal(t, exitFailed, <-status)
	require.Contains(t, stdout.String(), "watched: canceled (apply)")
	require.Equal(t, exitUsage, in.run("runs", "watch", "ffff").status)
}
