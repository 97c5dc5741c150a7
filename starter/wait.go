package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

const (
	// lookForWorker is how often it is looked into whether there is anybody to run
	// what was asked for; the first time comes late enough for a worker just started.
	lookForWorker = 5 * time.Second
	// pollerGone is the age at which a worker's last poll tells that it is gone: the
	// server ends an unanswered poll after a minute, and goes on listing it for five.
	pollerGone = 75 * time.Second
)

// await shows how the run comes along until it has ended or is held, and prints its
// result. Interrupted, it leaves the run alone.
func (s *session) await(ctx context.Context, store *db.Store, temporal client.Client, run client.WorkflowRun, in workflows.SyncInput) error {
	watch := newWatch(s.stderr, store, run.GetID(), run.GetRunID(), in.Provider)
	warned := false
	result, err := follow(ctx, run, watch, func() {
		warning := noWorker(ctx, temporal)
		if warning != "" && !warned {
			watch.interject(warning)
		}
		warned = warning != ""
	})
	watch.done()
	if ctx.Err() != nil {
		return &failure{status: exitInterrupted, err: fmt.Errorf("stopped waiting; the run goes on in workflow %s: see orgsync runs list --provider %s, or cancel it with: temporal workflow cancel -w %s",
			run.GetID(), in.Provider, run.GetID())}
	}
	if err != nil {
		if result, err = s.afterFailure(ctx, store, run, in, err); err != nil {
			return err
		}
	}
	if err := s.printResult(result); err != nil {
		return err
	}
	return ended(exitOfRun(result.Status))
}

// follow waits for the workflow's result. Meanwhile it has watch look again and
// again, and calls check every few seconds.
func follow(ctx context.Context, run client.WorkflowRun, watch *watch, check func()) (workflows.SyncResult, error) {
	type outcome struct {
		result workflows.SyncResult
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		var o outcome
		o.err = run.Get(ctx, &o.result)
		ended <- o
	}()
	tick := time.NewTicker(watch.every)
	defer tick.Stop()
	worker := time.NewTicker(lookForWorker)
	defer worker.Stop()
	for {
		select {
		case o := <-ended:
			return o.result, o.err
		case <-tick.C:
			watch.look(ctx)
		case <-worker.C:
			check()
		}
	}
}

// noWorker says in words that nobody polls the workflows' task queue, or "".
func noWorker(ctx context.Context, temporal client.Client) string {
	queue, err := temporal.DescribeTaskQueue(ctx, workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return "" // says nothing about workers
	}
	for _, poller := range queue.GetPollers() {
		if time.Since(poller.GetLastAccessTime().AsTime()) < pollerGone {
			return ""
		}
	}
	return "no worker is polling task queue " + workflows.TaskQueue + "; start one with: orgsync-worker"
}

// afterFailure makes a result of a workflow that ended without one of its own.
func (s *session) afterFailure(ctx context.Context, store *db.Store, run client.WorkflowRun, in workflows.SyncInput, cause error) (workflows.SyncResult, error) {
	var result workflows.SyncResult
	var application *temporal.ApplicationError
	if errors.As(cause, &application) && application.Type() == workflows.FailureType && application.HasDetails() {
		if err := application.Details(&result); err != nil {
			return result, fmt.Errorf("read the result of workflow %s: %w", run.GetID(), err)
		}
		return result, nil
	}
	var execution *temporal.WorkflowExecutionError
	if !errors.As(cause, &execution) {
		return result, fmt.Errorf("wait for workflow %s: %w; the run may go on: see orgsync runs list --provider %s", run.GetID(), cause, in.Provider)
	}
	status, why := endOf(cause)
	id, err := store.RunByExecution(ctx, run.GetID(), run.GetRunID())
	if errors.Is(err, db.ErrNotFound) {
		return result, notBegun(cause, why)
	}
	if err != nil {
		return result, err
	}
	stored, err := store.Run(ctx, id)
	if err != nil {
		return result, err
	}
	result = workflows.SyncResult{
		RunID: stored.ID, Provider: in.Provider, Mode: in.Mode, Status: status, Counts: stored.Counts, Calls: stored.Calls,
		DurationMS: lasted(stored).Milliseconds(), Errors: []string{why},
	}
	if stored.FinishedAt != nil {
		result.Status = stored.Status
	}
	return result, nil
}

// notBegun is the failure of a workflow that ended before its run began: another run is
// at work, say, or the provider was removed meanwhile.
func notBegun(cause error, why string) error {
	status := exitFailed
	var application *temporal.ApplicationError
	if errors.As(cause, &application) {
		status = exitOfType(application.Type())
	}
	return &failure{status: status, err: errors.New(why)}
}

// endOf tells how a workflow ended that returned nothing, and why.
func endOf(cause error) (status, why string) {
	var application *temporal.ApplicationError
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	switch {
	case errors.As(cause, &canceled):
		return directory.RunCanceled, "the workflow was canceled"
	case errors.As(cause, &terminated):
		return directory.RunCanceled, "the workflow was terminated"
	case errors.As(cause, &application):
		return directory.RunFailed, application.Message()
	default:
		return directory.RunFailed, cause.Error()
	}
}
