package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// heartbeatTimeout is how soon a dead worker is noticed. Activities send one every few
// seconds, also in the middle of a long call or statement.
const heartbeatTimeout = 30 * time.Second

// fetchOptions is for provider calls of which a run needs few: transport trouble backs
// off, throttling waits as long as the provider says, and what a person must mend
// fails at once (its kind is not retryable). How often the provider may fail is
// counted by the activity (activities.limitAttempts), so no attempts are capped here.
func fetchOptions(ctx workflow.Context, summary string) workflow.Context {
	return fetchOptionsFor(ctx, summary, 2*time.Hour, temporal.RetryPolicy{
		InitialInterval: 2 * time.Second, BackoffCoefficient: 3, MaximumInterval: 30 * time.Second,
	})
}

// fetchBatchOptions is for reading the people of many departments. An attempt fails as a
// whole only for what concerns them all: throttling, which is waited for and may
// happen often, or a provider that is down. Each attempt goes on where the last stopped.
func fetchBatchOptions(ctx workflow.Context, summary string) workflow.Context {
	return fetchOptionsFor(ctx, summary, time.Hour, temporal.RetryPolicy{
		InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
	})
}

// fetchSingleOptions is for one department that left its batch: a few more tries, then it is
// recorded as failed and the run goes on without it.
func fetchSingleOptions(ctx workflow.Context, summary string) workflow.Context {
	return fetchOptionsFor(ctx, summary, time.Hour, temporal.RetryPolicy{
		InitialInterval: 2 * time.Second, BackoffCoefficient: 3, MaximumInterval: 30 * time.Second,
	})
}

// fetchOptionsFor is what all activities that call a provider have in common: the queue of
// their own, and that a cancellation waits for them to stop.
func fetchOptionsFor(ctx workflow.Context, summary string, attempt time.Duration,
	retry temporal.RetryPolicy) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              FetchQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    attempt,
		ScheduleToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy:            &retry,
		Priority:               fairness(ctx),
	})
}

// notifyOptions is for telling a webhook. One that is down for a night still hears of it.
func notifyOptions(ctx workflow.Context, hook string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              FetchQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 24 * time.Hour,
		Summary:                hook,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 3, MaximumInterval: 10 * time.Minute,
		},
	})
}

// deliverOptions is for delivering changes to a webhook. The activity says itself how long to wait
// after an attempt that failed, and pauses the webhook when it has failed for days; the policy
// is for the rest, such as a database that is away.
func deliverOptions(ctx workflow.Context, webhook string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           FetchQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    deliverHeartbeat,
		WaitForCancellation: true,
		Summary:             webhook,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
		},
		Priority: temporal.Priority{FairnessKey: webhook},
	})
}

// deliverHeartbeat is shorter than that of others: applications wait for news in seconds.
const deliverHeartbeat = 15 * time.Second

// writeOptions is for everything that only needs Postgres: it comes back from a restart of
// the database or a deadlock within seconds; a statement that Postgres refuses for
// what it says is not retryable.
func writeOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    30 * time.Minute,
		ScheduleToCloseTimeout: 2 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
		Priority: fairness(ctx),
	})
}

// finalizeOptions is for the short statements that open and end a run. They are tried until they
// succeed: a run must get its final status.
func finalizeOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		ScheduleToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:       heartbeatTimeout,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
		},
		Priority: fairness(ctx),
	})
}

// waitTurnOptions is for a statement that waits until no other run of the provider is at work,
// however long that takes.
func waitTurnOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
		Priority: fairness(ctx),
	})
}

// listenTimeout is how soon a dead worker's connection is given to another.
const listenTimeout = 15 * time.Second

// listenOptions is for an activity that ends when events are switched off: only a worker that
// dies or stops ends it before, and another takes over.
func listenOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           StreamQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout: 30 * 24 * time.Hour,
		HeartbeatTimeout:    listenTimeout,
		WaitForCancellation: true,
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
	})
}

// fairness lets the runs of several providers take turns at a queue, so that a huge one
// does not keep the others waiting. A server without fairness ignores it.
func fairness(ctx workflow.Context) temporal.Priority {
	provider, _, _ := strings.Cut(strings.TrimPrefix(workflow.GetInfo(ctx).WorkflowExecution.ID, workflowIDPrefix), "/")
	// The server refuses longer keys (temporal.md §3.1).
	return temporal.Priority{FairnessKey: provider[:min(len(provider), 64)]}
}
