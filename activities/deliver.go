package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/webhooks"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/metrics"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/webhook"
)

// Deliveries bring the change feed to webhooks.
type Deliveries struct {
	Store  *db.Store
	Box    *secret.Box
	Sender *webhook.Sender
	// Hooks are the names of what is notified when a webhook is paused.
	Hooks    []string
	Metrics  *metrics.Metrics
	Language message.Language
	// FirstPause is how long to wait after the first attempt that failed, then twice as long each time,
	// up to LongestPause. A webhook is paused once all attempts have failed for GiveUpAfter.
	FirstPause, LongestPause, GiveUpAfter time.Duration
}

const (
	// MostEvents is how many events one delivery has at most.
	MostEvents = 100
	// mostBytes is how long the events of one delivery may be together, unless one alone is longer.
	mostBytes = 1 << 20
	// deliverFor is how long one activity delivers, well within its time-out.
	deliverFor = time.Minute
)

// DeliverInput names a webhook.
type DeliverInput struct {
	Webhook string `json:"webhook"`
}

// DeliverResult is what came of it.
type DeliverResult struct {
	// Deliveries is how many messages were taken.
	Deliveries int `json:"deliveries,omitempty"`
	// More says that time was up before all was delivered.
	More bool `json:"more,omitempty"`
	// Paused is why the webhook was paused by this, and Hooks whom to notify of it.
	Paused   string           `json:"paused,omitempty"`
	Hooks    []string         `json:"hooks,omitempty"`
	Language message.Language `json:"language,omitempty"`
}

// Deliver delivers what a webhook has not been told, one message after the other, until there is
// nothing left, time is up or a message is not taken. It may be repeated: a message that may
// have arrived is sent again with the same id.
func (a *Deliveries) Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error) {
	defer heartbeat(ctx)()
	var out DeliverResult
	for began := time.Now(); time.Since(began) < deliverFor; {
		w, sealed, err := a.Store.Webhooks.Take(ctx, in.Webhook)
		if errors.Is(err, webhooks.ErrNotFound) || err == nil && w.PausedAt != nil {
			return out, nil // removed or paused
		}
		if err != nil {
			return out, classify(err)
		}
		d, body, err := a.next(ctx, w)
		switch {
		case errors.Is(err, webhooks.ErrChanged):
			continue
		case errors.Is(err, feed.ErrExpired):
			return a.fail(ctx, out, w, d, webhooks.Failure{Pause: webhooks.PausedExpired, Problem: err.Error()}, 0)
		case err != nil:
			return out, classify(err)
		case d == nil:
			return out, nil
		case body == nil:
			continue // there was nothing to tell
		}
		if out, err = a.send(ctx, out, w, *d, body, sealed); err != nil || out.Paused != "" {
			return out, err
		}
	}
	out.More = true
	return out, nil
}

// next returns the delivery that is due and its body: the one that was begun, or a new one. It
// returns no delivery where nothing is left, and no body where nothing is to be told.
func (a *Deliveries) next(ctx context.Context, w webhooks.Webhook) (*webhooks.Delivery, []byte, error) {
	d, err := a.Store.Webhooks.FindDelivery(ctx, w.ID)
	if err != nil {
		return nil, nil, err
	}
	m, err := a.read(ctx, w, d)
	if err != nil {
		return d, nil, err
	}
	if m.events == 0 {
		if d == nil && m.to == w.Delivered {
			return nil, nil, nil
		}
		return &webhooks.Delivery{}, nil, a.Store.Webhooks.Pass(ctx, w, d, m.to)
	}
	if d == nil {
		if d, err = a.Store.Webhooks.AddDelivery(ctx, w, m.to, m.events); err != nil {
			return nil, nil, err
		}
	}
	d.Events = m.events
	body, err := m.encode(w, *d)
	return d, body, err
}

// content is what lies behind the position of a webhook.
type content struct {
	to     feed.Position
	events int
	items  []feed.Document
	counts map[string]int
}

// read reads what is to be delivered: of a delivery that was begun, what it was begun with.
func (a *Deliveries) read(ctx context.Context, w webhooks.Webhook, d *webhooks.Delivery) (content, error) {
	of := feed.Filter{TenantID: w.TenantID, ProviderID: w.ProviderID}
	of.Types, _ = feed.ExpandTypes(w.Types)
	if w.Content == webhooks.Ping {
		return a.count(ctx, of, w, d)
	}
	page, err := a.Store.Feed.Read(ctx, of, w.Delivered, MostEvents)
	if err != nil {
		return content{}, err
	}
	c := content{to: page.Next}
	if d != nil {
		c.to = d.To
	}
	size := 0
	for i, e := range page.Events {
		if c.to.Before(e.Position) {
			break
		}
		size += len(e.Object) + len(e.Previous)
		if d == nil && i > 0 && size > mostBytes {
			c.to = page.Events[i-1].Position
			break
		}
		c.items = append(c.items, e.Document())
	}
	c.events = len(c.items)
	return c, nil
}

func (a *Deliveries) count(ctx context.Context, of feed.Filter, w webhooks.Webhook, d *webhooks.Delivery) (content,
	error) {
	var c content
	var err error
	if d != nil {
		c.to = d.To
	} else if c.to, err = a.Store.Feed.FindNewest(ctx); err != nil {
		return c, err
	}
	if !w.Delivered.Before(c.to) {
		return content{to: w.Delivered}, nil
	}
	c.counts, err = a.Store.Feed.Count(ctx, of, w.Delivered, c.to.Publication)
	for _, n := range c.counts {
		c.events += n
	}
	return c, err
}

// Types of messages.
const (
	// PingMessage says that the feed has grown.
	PingMessage = "changes.published"
	// EventsMessage holds events of the feed.
	EventsMessage = "changes.events"
)

// payload is the body of a delivery, as Standard Webhooks advise.
type payload struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      payloadData `json:"data"`
}

type payloadData struct {
	Webhook string `json:"webhook"`
	// After and Cursor are the positions between which lies what is told.
	After  string          `json:"after"`
	Cursor string          `json:"cursor"`
	Counts map[string]int  `json:"counts,omitempty"`
	Items  []feed.Document `json:"items,omitempty"`
}

func (c content) encode(w webhooks.Webhook, d webhooks.Delivery) ([]byte, error) {
	m := payload{Type: EventsMessage, Timestamp: d.CreatedAt.UTC(), Data: payloadData{
		Webhook: w.ID, After: d.After.Cursor(), Cursor: d.To.Cursor(), Counts: c.counts, Items: c.items,
	}}
	if w.Content == webhooks.Ping {
		m.Type = PingMessage
	}
	return json.Marshal(m)
}

// anotherTries is after how long to look again where another attempt may be under way.
const anotherTries = 2 * time.Second

// send makes one attempt and notes what came of it.
func (a *Deliveries) send(ctx context.Context, out DeliverResult, w webhooks.Webhook, d webhooks.Delivery, body []byte,
	sealed webhooks.Sealed) (DeliverResult, error) {
	key, err := a.Box.Open(sealed.Value, webhooks.SealedFor(w.ID))
	if err != nil {
		return out, classify(fmt.Errorf("webhook %s: its secret cannot be opened with this worker's ORGSYNC_KEYSET: %w",
			w.ID, err))
	}
	attempt, err := a.Store.Webhooks.BeginAttempt(ctx, d.ID, webhook.LongestAttempt)
	if err != nil {
		return out, classify(err)
	}
	if attempt == 0 {
		return out, temporal.NewApplicationErrorWithOptions("another attempt may be under way", TypeBusy,
			temporal.ApplicationErrorOptions{NextRetryDelay: anotherTries,
				Category: temporal.ApplicationErrorCategoryBenign})
	}
	status, err := a.Sender.Send(ctx, webhook.Message{URL: w.URL, ID: d.ID, Secret: string(key), Body: body})
	var untaken *webhook.Error
	switch {
	case errors.As(err, &untaken):
		a.Metrics.Delivery(w.ID, untaken.Reason)
		f := webhooks.Failure{HTTPStatus: untaken.Status, Problem: untaken.Problem}
		if untaken.Reason == webhook.ReasonGone {
			f.Pause = webhooks.PausedGone
		}
		return a.fail(ctx, out, w, &d, f, max(untaken.RetryAfter, a.pause(attempt)))
	case err != nil:
		return out, classify(err)
	}
	if err := a.Store.Webhooks.Finish(ctx, w, d, status); err != nil {
		return out, classify(err)
	}
	out.Deliveries++
	a.Metrics.Delivery(w.ID, webhooks.Delivered)
	ages, err := a.Store.Webhooks.ListAges(ctx, w, d)
	if err != nil {
		activity.GetLogger(ctx).Warn("it is not known how long a delivery waited", "webhook", w.ID, "error", err)
	}
	for _, one := range ages {
		a.Metrics.Delivered(one.Provider, one.Age)
	}
	return out, nil
}

// fail notes that an attempt failed. It returns the error that has Temporal try again, unless the
// webhook is paused.
func (a *Deliveries) fail(ctx context.Context, out DeliverResult, w webhooks.Webhook, d *webhooks.Delivery,
	f webhooks.Failure, pause time.Duration) (DeliverResult, error) {
	f.GiveUpAfter = a.GiveUpAfter
	paused, err := a.Store.Webhooks.Fail(ctx, w, d, f)
	if err != nil {
		return out, classify(err)
	}
	if paused {
		if out.Paused = f.Pause; out.Paused == "" {
			out.Paused = webhooks.PausedFailing
		}
		out.Hooks, out.Language = a.Hooks, a.Language
		return out, nil
	}
	return out, temporal.NewApplicationErrorWithOptions("webhook "+w.ID+": "+f.Problem, TypeNotification,
		temporal.ApplicationErrorOptions{NextRetryDelay: pause})
}

// pause is how long to wait after so many attempts, give or take a tenth, so that receivers that
// were down together are not all called at once.
func (a *Deliveries) pause(attempts int) time.Duration {
	pause := a.FirstPause
	for ; attempts > 1 && pause < a.LongestPause; attempts-- {
		pause *= 2
	}
	pause = min(pause, a.LongestPause)
	return pause - pause/10 + rand.N(pause/5+1)
}
