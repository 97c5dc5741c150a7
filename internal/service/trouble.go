package service

import (
	"context"
	"errors"
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

// TroubleKind names what keeps a run from coming along.
type TroubleKind string

// Kinds of trouble.
const (
	// TemporalAway: Temporal does not answer; TemporalBack: it answers again.
	TemporalAway TroubleKind = "temporal_away"
	TemporalBack TroubleKind = "temporal_back"
	// NoWorker: no worker polls the task queue.
	NoWorker TroubleKind = "no_worker"
	// WorkerIdle: workers are listed, but none takes up the workflow.
	WorkerIdle TroubleKind = "worker_idle"
	// ProgressUnknown: the database does not say how far the run has come.
	ProgressUnknown TroubleKind = "progress_unknown"
)

// Trouble is what keeps a run from coming along, or from being seen to.
type Trouble struct {
	Kind TroubleKind
	// Queue is the task queue that no worker polls, or polled so long ago.
	Queue  string
	Polled time.Duration
	// Err is why progress is unknown.
	Err error
}

// same reports whether both are the same trouble, however long it has lasted.
func (t Trouble) same(other Trouble) bool { return t.Kind == other.Kind && t.Queue == other.Queue }

// workerWatch looks whether a worker takes care of a workflow.
type workerWatch struct {
	temporal                  client.Client
	workflowID, temporalRunID string
	// waiting is the workflow task that nobody had taken up at the last look.
	waiting time.Time
}

// watch looks again and again until ctx is done. What it sends is the zero Trouble where
// there is none.
func (w *workerWatch) watch(ctx context.Context) <-chan Trouble {
	troubles := make(chan Trouble)
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
			case troubles <- w.look(ctx):
			}
		}
	}()
	return troubles
}

func (w *workerWatch) look(ctx context.Context) Trouble {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	queue, polled, err := unpolledQueue(ctx, w.temporal)
	if err == nil && queue == "" {
		var idle bool
		if idle, err = w.untouched(ctx); idle {
			return Trouble{Kind: WorkerIdle, Queue: workflows.TaskQueue, Polled: time.Since(polled)}
		}
	}
	switch {
	case err != nil && passes(err):
		return Trouble{Kind: TemporalAway}
	case queue != "":
		return Trouble{Kind: NoWorker, Queue: queue}
	default:
		return Trouble{}
	}
}

// untouched reports that the workflow has had a task since the last look which no worker
// has taken up. A worker that has just died is still listed as polling; this tells.
func (w *workerWatch) untouched(ctx context.Context) (bool, error) {
	described, err := w.temporal.DescribeWorkflowExecution(ctx, w.workflowID, w.temporalRunID)
	if err != nil {
		return false, err
	}
	var waiting time.Time
	if task := described.GetPendingWorkflowTask(); task.GetState() == enums.PENDING_WORKFLOW_TASK_STATE_SCHEDULED {
		waiting = task.GetScheduledTime().AsTime()
	}
	same := !waiting.IsZero() && waiting.Equal(w.waiting)
	w.waiting = waiting
	return same, nil
}

// unpolledQueue returns a task queue of the workers that nobody polls, or "", and when one
// was polled last.
func unpolledQueue(ctx context.Context, temporal client.Client) (name string, polled time.Time, err error) {
	for _, queue := range []struct {
		name string
		kind enums.TaskQueueType
	}{{workflows.FetchQueue(workflows.TaskQueue), enums.TASK_QUEUE_TYPE_ACTIVITY},
		{workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW}} {
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
			name = queue.name
		}
	}
	return name, polled, nil
}

// findNoWorker returns the trouble that no worker is there to do what was asked for, nil
// if one is or if that is not known.
func findNoWorker(ctx context.Context, temporal client.Client) *Trouble {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	queue, _, err := unpolledQueue(ctx, temporal)
	if err != nil || queue == "" {
		return nil
	}
	return &Trouble{Kind: NoWorker, Queue: queue}
}

// passes reports whether the same question to Temporal may be answered later.
func passes(err error) bool {
	var refused serviceerror.ServiceError
	if !errors.As(err, &refused) {
		return errors.Is(err, context.DeadlineExceeded)
	}
	switch refused.Status().Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Internal,
		codes.Canceled, codes.Unknown:
		return true
	default:
		return false
	}
}

func isMissing(err error) bool { return errors.As(err, new(*serviceerror.NotFound)) }
