package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/workflows"
)

// namespace makes a namespace of its own for a test that has a worker.
func namespace(t *testing.T, name string) {
	t.Helper()
	temporal := dial(t)
	_, err := temporal.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the server takes a moment to know it everywhere
		_, err := temporal.WorkflowService().ListWorkflowExecutions(t.Context(),
			&workflowservice.ListWorkflowExecutionsRequest{Namespace: name})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
}

// told bounds how long a test waits to be told that no worker is there.
const told = 30 * time.Second

// Nobody has to find out by waiting that nobody works.
func TestWaitingWithoutAWorkerIsToldAtOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for name, tt := range map[string]struct {
		// before is what has polled the task queues.
		before func(t *testing.T, namespace string)
		want   string
	}{
		"never-one": {func(*testing.T, string) {},
			"orgsync: no worker polls task queue orgsync; start one with: orgsync-worker\n"},
		"died": {dyingWorker, "orgsync: no worker has picked this up, although one polled task queue orgsync "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace(t, name)
			tt.before(t, name)
			temporal := newWire(t).dial(name)
			run, err := temporal.ExecuteWorkflow(t.Context(),
				client.StartWorkflowOptions{ID: "orgsync/worker-" + name, TaskQueue: workflows.TaskQueue},
				workflows.SyncOrgName)
			require.NoError(t, err)

			name, store := "worker-"+name, in.store()
			in.add(name, feishuConfig())
			runID := in.begin(store, name, run.GetRunID())
			ctx, interrupt := context.WithCancel(t.Context())
			stdout, stderr, status := &lines{}, &lines{}, make(chan int)
			go func() { status <- in.runWith(ctx, temporal, stdout, stderr, "runs", "watch", runID) }()
			stderr.wait(t, tt.want, told)
			require.Contains(t, stderr.String(), "start one with: orgsync-worker\n")
			interrupt()
			require.Equal(t, cli.ExitInterrupted, <-status)
		})
	}
}

// dyingWorker polls the task queues and is gone from one moment to the next, which the
// server does not notice: it goes on listing it.
func dyingWorker(t *testing.T, namespace string) {
	t.Helper()
	wire := newWire(t)
	temporal := wire.dial(namespace)
	for _, queue := range []string{workflows.TaskQueue, workflows.FetchQueue(workflows.TaskQueue)} {
		w := worker.New(temporal, queue, worker.Options{WorkerStopTimeout: time.Nanosecond})
		w.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil },
			workflow.RegisterOptions{Name: "Other"})
		w.RegisterActivity(func(context.Context) error { return nil })
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	require.Eventually(t, func() bool {
		for queue, kind := range map[string]enums.TaskQueueType{
			workflows.TaskQueue:                       enums.TASK_QUEUE_TYPE_WORKFLOW,
			workflows.FetchQueue(workflows.TaskQueue): enums.TASK_QUEUE_TYPE_ACTIVITY,
		} {
			described, err := temporal.DescribeTaskQueue(t.Context(), queue, kind)
			if err != nil || len(described.GetPollers()) == 0 {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond)
	wire.cut()
}
