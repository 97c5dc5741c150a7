package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/notify"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/internal/webhook"
	"github.com/orgsync/orgsync/workflows"
)

// stopTimeout is how long activities at work may take to stop when the process is
// told to; what they have read is kept, and another worker goes on from there.
const stopTimeout = 10 * time.Second

// eager lets the server hand activities back with the answer to a workflow task.
// Only the directory's own queue profits: provider calls have a queue of their own,
// since eager activities would go past its limits.
var eager = 20

// Worker polls both task queues.
type Worker struct {
	workers  []worker.Worker
	presence *presence
	intake   *service.Intake
	announcer
	started atomic.Bool
}

// NewWorker registers workflows and activities for a task queue and the one for
// provider calls beside it. Operators' workers use workflows.TaskQueue.
func NewWorker(temporal client.Client, taskQueue string, store *db.Store, opener *clients.Opener,
	cfg config.Config) *Worker {
	pull := &activities.Reader{Store: store, Opener: opener}
	hooks, names := hooksOf(cfg.Notify)
	runs := &activities.Runs{
		Store: store, Temporal: temporal, Hooks: names, Metrics: opener.Metrics, Language: cfg.Language,
		TellPartial: activities.TellPartial{After: cfg.NotifyPartial, AfterMostUnread: cfg.NotifyMostlyUnread},
	}
	all := []any{
		runs, pull, &activities.Apply{Store: store, Language: cfg.Language},
		&activities.Reconcile{Store: store, Reader: pull, Language: cfg.Language},
		&activities.Notifications{
			Store: store, Hooks: hooks, Language: cfg.Language,
			Sender: &notify.Sender{HTTP: newHTTPClient(len(hooks)), Now: time.Now},
			Page: func(workflowID, temporalRunID string) string {
				return WebURL(cfg.UIURL, workflowID, temporalRunID)
			},
		},
		&activities.Retention{
			Store: store, Runs: runs, Keep: activities.Keep{Runs: cfg.KeepRuns, Details: cfg.KeepDetails,
				Raw: cfg.KeepRaw},
			Metrics: opener.Metrics, Now: time.Now,
		},
		&activities.Logins{Store: store},
		&activities.Follow{Store: store, Opener: opener, Temporal: temporal, Language: cfg.Language},
		&activities.Deliveries{
			Store: store, Box: opener.Box, Sender: webhook.NewSender(webhook.Guard{Allowed: cfg.WebhookNetworks}),
			Hooks: names, Metrics: opener.Metrics, Language: cfg.Language,
			FirstPause: firstPause, LongestPause: longestPause, GiveUpAfter: giveUpAfter,
		},
		&activities.Schedules{Store: store, Temporal: temporal, Language: cfg.Language},
	}
	worker.SetStickyWorkflowCacheSize(cachedWorkflows)
	main := worker.New(temporal, taskQueue, options(cfg.ApplyConcurrency))
	workflows.Register(main)
	fetch := options(cfg.FetchConcurrency)
	fetch.DisableWorkflowWorker = true
	fetching := worker.New(temporal, workflows.FetchQueue(taskQueue), fetch)
	for _, w := range []worker.Worker{main, fetching} {
		for _, a := range all {
			w.RegisterActivityWithOptions(a, activity.RegisterOptions{})
		}
	}
	intake := newWorkerIntake(temporal, taskQueue, store, opener)
	return &Worker{
		workers: []worker.Worker{main, fetching, newStreamWorker(temporal, taskQueue, store, opener, intake)},
		intake:  intake, presence: newPresence(store.Providers, opener.Box, opener.Log),
		announcer: announcer{store: store, temporal: temporal, taskQueue: taskQueue, log: opener.Log},
	}
}

// How long a webhook that does not take a delivery is left alone: firstPause after the first attempt,
// then twice as long each time, up to longestPause. After giveUpAfter it is paused.
const (
	firstPause   = 5 * time.Second
	longestPause = time.Hour
	giveUpAfter  = 3 * 24 * time.Hour
)

// hooksOf are the configured webhooks and their names.
func hooksOf(configured []config.Webhook) (hooks []notify.Hook, names []string) {
	for _, w := range configured {
		hook := notify.Hook{Format: w.Format, URL: w.URL.Reveal(), Secret: w.Secret.Reveal()}
		hooks, names = append(hooks, hook), append(names, hook.Name())
	}
	return hooks, names
}

// cachedWorkflows is how many workflows a worker keeps in memory between their tasks.
// A worker is not told that a workflow was terminated and keeps it until others take
// its place; a run needs half a dozen places, and one that lost its place is replayed.
const cachedWorkflows = 500

func options(concurrency int) worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize:          concurrency,
		MaxEagerActivityReservationsPerWorkflowTask: &eager,
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(
			worker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior:  worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
		WorkerStopTimeout:           stopTimeout,
		DisableRegistrationAliasing: true,
	}
}

// Ready returns nil from when the worker has started until it is told to stop.
func (w *Worker) Ready(context.Context) error {
	if !w.started.Load() {
		return errors.New("the worker has not started, or is stopping")
	}
	return nil
}

// Run works until ctx is done and then stops gracefully.
func (w *Worker) Run(ctx context.Context) error {
	var leave func()
	err := AwaitConnection(ctx, w.presence.log, func() (err error) {
		leave, err = w.presence.begin(ctx) // first, so that no worker opens secrets unknown
		return err
	})
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	defer leave()
	for i, one := range w.workers {
		if err := one.Start(); err != nil {
			for _, started := range w.workers[:i] {
				started.Stop()
			}
			return fmt.Errorf("start worker: %w", err)
		}
	}
	w.started.Store(true)
	var intake sync.WaitGroup
	intake.Go(func() { w.intake.Run(ctx) })
	w.announce(ctx)        // until it is done
	w.started.Store(false) // first, so that nobody takes it for ready while it stops
	for _, one := range w.workers {
		one.Stop()
	}
	intake.Wait()
	return nil
}
