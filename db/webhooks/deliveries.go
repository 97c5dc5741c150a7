package webhooks

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// States of a delivery.
const (
	Sending   = "sending"
	Delivered = "delivered"
	// Dropped: a person changed the webhook before it was delivered.
	Dropped = "dropped"
)

// Delivery is a part of the feed that is sent as one message.
type Delivery struct {
	// ID is sent with each attempt.
	ID        string
	WebhookID string
	// After and To are the positions between which lies what is delivered.
	After, To feed.Position
	// Events is how many there are.
	Events   int
	Status   string
	Attempts int
	// CreatedAt is when it was put together, FinishedAt when it was delivered or dropped.
	CreatedAt   time.Time
	AttemptedAt *time.Time
	FinishedAt  *time.Time
	// HTTPStatus is what was answered to the last attempt, 0: nothing. Problem is empty if
	// that was well.
	HTTPStatus int
	Problem    string
}

// Wake returns the webhooks for which there is something new that nobody has been woken for, or
// in vain for so long, and notes that a caller is now.
func (s *Store) Wake(ctx context.Context, againAfter time.Duration) ([]string, error) {
	ids, err := s.q.WakeWebhooks(ctx, s.pool, dbsqlc.WakeWebhooksParams{
		AgainAfter: againAfter, EndOfPublication: feed.EndOf(0).Change,
	})
	return ids, pg.Interpret("wake webhooks", err)
}

// Take returns a webhook that is looked after from now on: it is woken again for what is published
// after this. It returns ErrNotFound.
func (s *Store) Take(ctx context.Context, id string) (Webhook, Sealed, error) {
	w, err := s.q.TakeWebhook(ctx, s.pool, id)
	return webhookOf(dbsqlc.ListWebhooksRow{Webhook: w}), Sealed{w.Secret, uint32(w.KeyID)},
		pg.Interpret("take webhook", err)
}

// FindDelivery returns the delivery that a webhook is at, nil if it is at none.
func (s *Store) FindDelivery(ctx context.Context, webhookID string) (*Delivery, error) {
	row, err := s.q.GetDeliveryAtWork(ctx, s.pool, webhookID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	d := deliveryOf(row)
	return &d, pg.Interpret("find delivery", err)
}

// AddDelivery notes that what follows up to a position is being delivered. What is delivered is
// fixed by that: a message that is sent again holds what it held before. It returns ErrChanged.
func (s *Store) AddDelivery(ctx context.Context, w Webhook, to feed.Position, events int) (*Delivery, error) {
	row, err := s.q.InsertDelivery(ctx, s.pool, dbsqlc.InsertDeliveryParams{
		WebhookID: w.ID, Version: int32(w.Version), Publication: to.Publication, Change: to.Change,
		Events: int64(events),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrChanged
	}
	d := deliveryOf(row)
	return &d, pg.Interpret("add delivery", err)
}

// BeginAttempt takes a delivery for an attempt of so long at most and returns which attempt it is.
// It returns 0 while another attempt may be under way, and where the delivery has ended.
func (s *Store) BeginAttempt(ctx context.Context, id string, longest time.Duration) (int, error) {
	attempt, err := s.q.BeginAttempt(ctx, s.pool, dbsqlc.BeginAttemptParams{ID: id, Longest: longest})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return int(attempt), pg.Interpret("begin attempt", err)
}

// Finish notes that a delivery was taken.
func (s *Store) Finish(ctx context.Context, w Webhook, d Delivery, httpStatus int) error {
	status := int32(httpStatus)
	return pg.Interpret("finish delivery", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.FinishDelivery(ctx, tx, dbsqlc.FinishDeliveryParams{
			ID: d.ID, HttpStatus: &status, Events: int64(d.Events),
		})
		if err != nil || n == 0 { // a person changed the webhook meanwhile
			return err
		}
		return s.advance(ctx, tx, w, d.To)
	}))
}

// Pass notes that nothing is to be delivered up to a position, and ends the delivery about it if
// there is one.
func (s *Store) Pass(ctx context.Context, w Webhook, d *Delivery, to feed.Position) error {
	return pg.Interpret("advance webhook", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if d != nil {
			if err := s.q.DropDelivery(ctx, tx, w.ID); err != nil {
				return err
			}
		}
		return s.advance(ctx, tx, w, to)
	}))
}

func (s *Store) advance(ctx context.Context, tx pgx.Tx, w Webhook, to feed.Position) error {
	return s.q.AdvanceWebhook(ctx, tx, dbsqlc.AdvanceWebhookParams{
		ID: w.ID, Version: int32(w.Version), Publication: to.Publication, Change: to.Change,
	})
}

// Failure is an attempt that failed.
type Failure struct {
	// HTTPStatus is what was answered, 0: nothing.
	HTTPStatus int
	Problem    string
	// Pause, if not empty, is why no further attempt is to be made.
	Pause string
	// GiveUpAfter is for how long all attempts must have failed for the webhook to be paused.
	GiveUpAfter time.Duration
}

// Fail notes that an attempt failed and reports whether the webhook is paused for it. d is nil
// where there was nothing to attempt yet.
func (s *Store) Fail(ctx context.Context, w Webhook, d *Delivery, f Failure) (paused bool, err error) {
	err = s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if d != nil {
			status := int32(f.HTTPStatus)
			if err := s.q.FailAttempt(ctx, tx, dbsqlc.FailAttemptParams{
				ID: d.ID, HttpStatus: nullIfZero(status), Problem: f.Problem,
			}); err != nil {
				return err
			}
		}
		paused, err = s.q.FailWebhook(ctx, tx, dbsqlc.FailWebhookParams{
			ID: w.ID, Version: int32(w.Version), Reason: f.Pause, GiveUpAfter: f.GiveUpAfter,
		})
		if errors.Is(err, pgx.ErrNoRows) { // a person changed it meanwhile
			return nil
		}
		return err
	})
	return paused, pg.Interpret("note failure of webhook", err)
}

func nullIfZero(n int32) *int32 {
	if n == 0 {
		return nil
	}
	return &n
}

// ListDeliveries returns a webhook's deliveries before one (zero: from the latest on), the latest
// first.
func (s *Store) ListDeliveries(ctx context.Context, webhookID string, before Delivery,
	limit int) ([]Delivery, error) {
	if before.ID == "" {
		before.ID, before.CreatedAt = firstID, lastTime
	}
	rows, err := s.q.ListDeliveries(ctx, s.pool, dbsqlc.ListDeliveriesParams{
		WebhookID: webhookID, BeforeTime: before.CreatedAt, BeforeID: before.ID, MaxRows: int32(limit),
	})
	out := make([]Delivery, len(rows))
	for i, r := range rows {
		out[i] = deliveryOf(r)
	}
	return out, pg.Interpret("list deliveries", err)
}

// lastTime is after every delivery.
var lastTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Age is how long ago a publication was published.
type Age struct {
	Provider string
	Age      time.Duration
}

// ListAges returns how long ago the publications of a delivery were published.
func (s *Store) ListAges(ctx context.Context, w Webhook, d Delivery) ([]Age, error) {
	rows, err := s.q.ListDeliveryAges(ctx, s.pool, dbsqlc.ListDeliveryAgesParams{
		First: d.After.Publication + 1, Last: d.To.Publication, ProviderID: pg.NullIfEmpty(w.ProviderID),
		TenantID: pg.NullIfEmpty(w.TenantID),
	})
	out := make([]Age, len(rows))
	for i, r := range rows {
		out[i] = Age{r.Provider, time.Duration(r.Seconds * float64(time.Second))}
	}
	return out, pg.Interpret("list ages of publications", err)
}

func deliveryOf(r dbsqlc.WebhookDelivery) Delivery {
	return Delivery{
		ID: r.ID, WebhookID: r.WebhookID,
		After:  feed.Position{Publication: r.AfterPublication, Change: r.AfterChange},
		To:     feed.Position{Publication: r.Publication, Change: r.Change},
		Events: int(r.Events), Status: r.Status, Attempts: int(r.Attempts), CreatedAt: r.CreatedAt,
		AttemptedAt: r.AttemptedAt, FinishedAt: r.FinishedAt, HTTPStatus: int(pg.OrZero(r.HttpStatus)),
		Problem: pg.OrZero(r.Problem),
	}
}
