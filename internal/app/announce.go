package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/workflows"
)

// announcer tells DeliverChanges of each webhook that something was published. Every worker does
// that; Postgres says which of them does it for a webhook.
type announcer struct {
	store     *db.Store
	temporal  client.Client
	taskQueue string
	log       *slog.Logger
}

const (
	// lookForNews is how often the feed is looked at where no notification came.
	lookForNews = 2 * time.Second
	// announceAgain is after what time a webhook is told again that has not looked for news: the signal
	// was lost, or the worker that was to send it.
	announceAgain   = 15 * time.Second
	announceTimeout = 10 * time.Second
)

// announce works until ctx is done.
func (a *announcer) announce(ctx context.Context) {
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			if err := a.store.Feed.Listen(ctx, lookForNews, func() { a.wake(ctx) }); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "the change feed cannot be listened to; it is looked at instead", "error", err)
			}
			pause(ctx, lookForNews)
		}
	})
	for ctx.Err() == nil {
		a.wake(ctx)
		pause(ctx, announceAgain)
	}
	ended.Wait()
}

// wake tells those webhooks of news that nobody has told.
func (a *announcer) wake(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	ids, err := a.store.Webhooks.Wake(ctx, announceAgain)
	for _, id := range ids {
		if err == nil {
			_, err = a.temporal.SignalWithStartWorkflow(ctx, workflows.WebhookWorkflowID(id),
				workflows.PublishedSignal, nil, client.StartWorkflowOptions{TaskQueue: a.taskQueue},
				workflows.DeliverChangesName, workflows.DeliverInput{Webhook: id})
		}
	}
	if err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "webhooks are told of changes later", "error", err)
	}
}
