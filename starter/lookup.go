package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"

	"github.com/orgsync/orgsync/workflows"
)

const (
	// lookEvery is how often it is looked whether a worker is there. Two looks tell that
	// nobody takes up a workflow task.
	lookEvery = 2 * time.Second
	// lookTimeout is how long one look may take. Temporal that does not answer for so
	// long is away.
	lookTimeout = 2 * time.Second
	// pollerGone is the age at which a worker's last poll tells that it is gone: the
	// server ends an unanswered poll after a minute, and goes on listing it for five.
	pollerGone = 75 * time.Second
)

// trouble is what keeps a run from coming along, in words; empty if nothing does.
type trouble struct {
	text string
	// away says that Temporal does not answer.
	away bool
	// idle says that workers are listed, but none takes up the workflow.
	idle bool
}

// kind tells troubles apart that are worth a line of their own.
func (t trouble) kind() trouble {
	if t.idle {
		t.text = "" // it holds a time, which changes
	}
	return t
}

// lookup looks whether a worker takes care of a workflow.
type lookup struct {
	temporal                  client.Client
	workflowID, temporalRunID string
	// waiting is the workflow task that nobody had taken up at the last look.
	waiting time.Time
}

// watch looks again and again until ctx is done.
func (l *lookup) watch(ctx context.Context) <-chan trouble {
	troubles := make(chan trouble)
	go func() {
		defer close(troubles)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case <-ctx.Done():
				return
			case troubles <- l.look(ctx):
			}
		}
	}()
	return troubles
}

func (l *lookup) look(ctx context.Context) trouble {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	text, polled, err := noWorker(ctx, l.temporal)
	if err == nil && text == "" {
		var idle bool
		if idle, err = l.untouched(ctx); idle {
			return trouble{idle: true, text: fmt.Sprintf("no worker has picked this up, although one polled task queue %s %s ago; if it was stopped, start one with: orgsync-worker",
				workflows.TaskQueue, time.Since(polled).Round(time.Second))}
		}
	}
	if err != nil && passes(err) {
		return trouble{away: true, text: "temporal does not answer; still waiting"}
	}
	return trouble{text: text}
}

// untouched reports that the workflow has had a task since the last look which no worker
// has taken up. A worker that has just died is still listed as polling; this tells.
func (l *lookup) untouched(ctx context.Context) (bool, error) {
	described, err := l.temporal.DescribeWorkflowExecution(ctx, l.workflowID, l.temporalRunID)
	if err != nil {
		return false, err
	}
	var waiting time.Time
	if task := described.GetPendingWorkflowTask(); task.GetState() == enums.PENDING_WORKFLOW_TASK_STATE_SCHEDULED {
		waiting = task.GetScheduledTime().AsTime()
	}
	same := !waiting.IsZero() && waiting.Equal(l.waiting)
	l.waiting = waiting
	return same, nil
}

// noWorker says in words that nobody polls a task queue of the workers, or "", and when
// one was polled last.
func noWorker(ctx context.Context, temporal client.Client) (text string, polled time.Time, err error) {
	for _, queue := range []struct {
		name string
		kind enums.TaskQueueType
	}{{workflows.FetchQueue(workflows.TaskQueue), enums.TASK_QUEUE_TYPE_ACTIVITY}, {workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW}} {
		described, err := temporal.DescribeTaskQueue(ctx, queue.name, queue.kind)
		if err != nil {
			return "", polled, err
		}
		polled = time.Time{}
		for _, poller := range described.GetPollers() {
			if at := poller.GetLastAccessTime().AsTime(); at.After(polled) {
				polled = at
			}
		}
		if time.Since(polled) > pollerGone {
			text = "no worker polls task queue " + queue.name + "; start one with: orgsync-worker"
		}
	}
	return text, polled, nil
}

// warnWhileIdle notes what keeps a command waiting, until the function that it returns
// is called.
func (s *session) warnWhileIdle(ctx context.Context, l *lookup) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last trouble
		for now := range l.watch(ctx) {
			if now.text != "" && now.kind() != last.kind() {
				s.note("%s", now.text)
			}
			last = now
		}
	}()
	return func() { cancel(); <-done }
}

// passes reports whether the same question to Temporal may be answered later.
func passes(err error) bool {
	var refused serviceerror.ServiceError
	if !errors.As(err, &refused) {
		return errors.Is(err, context.DeadlineExceeded)
	}
	switch refused.Status().Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Canceled, codes.Unknown:
		return true
	default:
		return false
	}
}
