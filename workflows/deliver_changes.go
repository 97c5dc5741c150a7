package workflows

import (
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/message"
)

// DeliverInput is DeliverChanges' input.
type DeliverInput struct {
	// Webhook is the id of a stored webhook.
	Webhook string `json:"webhook"`
}

const (
	// PublishedSignal tells DeliverChanges that there may be something new.
	PublishedSignal = "published"
	// ChangedSignal tells it that a person changed the webhook: it begins anew at once, even
	// while it waits for the next attempt.
	ChangedSignal = "changed"
)

// webhookWorkflowPrefix is not that of providers' workflows: a provider can have any name.
const webhookWorkflowPrefix = "orgsync-webhook/"

// WebhookWorkflowID is the id of a webhook's DeliverChanges.
func WebhookWorkflowID(webhook string) string { return webhookWorkflowPrefix + webhook }

// deliverIdle is after how long without news DeliverChanges completes.
const deliverIdle = 10 * time.Minute

// DeliverChanges delivers the change feed to one webhook, in its order, one message after the
// other: it delivers what there is and waits for more. Workers start it with a signal when
// something was published; it completes when nothing has come for a while, or when the webhook
// is paused or removed. How far the webhook has been told stands in Postgres, and so does
// whether it is paused.
func DeliverChanges(ctx workflow.Context, in DeliverInput) error {
	if blank(in.Webhook) {
		return temporal.NewNonRetryableApplicationError(
			`input: webhook is missing; give the id of a stored webhook: {"webhook":"ID"}`, activities.TypeInvalid, nil)
	}
	d := deliverer{
		in: in, published: workflow.GetSignalChannel(ctx, PublishedSignal),
		changed: workflow.GetSignalChannel(ctx, ChangedSignal),
	}
	for {
		more, err := d.deliver(ctx)
		if err != nil {
			return err
		}
		if !more && !d.await(ctx) {
			return ctx.Err()
		}
		if historyIsLong(ctx) {
			d.drain()
			return workflow.NewContinueAsNewError(ctx, DeliverChanges, in)
		}
	}
}

// deliverer is the state of DeliverChanges.
type deliverer struct {
	in                 DeliverInput
	published, changed workflow.ReceiveChannel
}

// deliver delivers what there is and reports whether there is more at once.
func (d *deliverer) deliver(ctx workflow.Context) (more bool, err error) {
	d.drain()
	attempts, stop := workflow.WithCancel(ctx)
	defer stop()
	future := workflow.ExecuteActivity(deliverOptions(attempts, d.in.Webhook), deliveries.Deliver,
		activities.DeliverInput{Webhook: d.in.Webhook})
	restart := false
	for !future.IsReady() {
		workflow.NewSelector(ctx).
			AddFuture(future, func(workflow.Future) {}).
			AddReceive(d.changed, func(c workflow.ReceiveChannel, _ bool) {
				c.Receive(ctx, nil)
				restart = true
				stop()
			}).
			Select(ctx)
	}
	var result activities.DeliverResult
	err = future.Get(ctx, &result)
	if restart && ctx.Err() == nil {
		return true, nil
	}
	if err == nil && result.Paused != "" {
		tellPaused(ctx, d.in.Webhook, result)
	}
	return result.More, err
}

// await waits for the next signal and returns false if none came for long.
func (d *deliverer) await(ctx workflow.Context) (came bool) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	receive := func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		came = true
	}
	workflow.NewSelector(ctx).
		AddReceive(d.published, receive).
		AddReceive(d.changed, receive).
		AddFuture(workflow.NewTimer(timerCtx, deliverIdle), func(workflow.Future) {}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
		Select(ctx)
	return came || d.drain()
}

// drain takes the signals that are there and reports whether there were any.
func (d *deliverer) drain() (came bool) {
	for d.published.ReceiveAsync(nil) || d.changed.ReceiveAsync(nil) {
		came = true
	}
	return came
}

// tellPaused has people notified that a webhook was paused.
func tellPaused(ctx workflow.Context, webhook string, paused activities.DeliverResult) {
	id := WebhookWorkflowID(webhook) + "/notify/" + strconv.FormatInt(workflow.Now(ctx).Unix(), 10)
	startNotify(ctx, id, paused.Language.Text(message.PausedSummary, message.Args{"Webhook": webhook}),
		NotifyInput{Webhook: webhook, Status: paused.Paused, Hooks: paused.Hooks})
}
