// Package webhooks stores addresses that are told of the change feed, how far each has been told,
// and what was delivered.
package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: there is no such webhook.
	ErrNotFound = pg.ErrNotFound
	// ErrChanged: it was changed since it was read.
	ErrChanged = errors.New("was changed meanwhile")
)

// What a webhook is told.
const (
	// Ping: where the feed stands and how much is new.
	Ping = "ping"
	// Events: the events themselves.
	Events = "events"
)

// Why a webhook is paused.
const (
	PausedByPerson = "person"
	// PausedFailing: all attempts failed for too long.
	PausedFailing = "failing"
	// PausedGone: the receiver says that it is there no more.
	PausedGone = "gone"
	// PausedExpired: what is to be delivered is not kept any more.
	PausedExpired = "expired"
)

// Webhook is a stored webhook.
type Webhook struct {
	ID      string
	URL     string
	Content string
	// TenantID and ProviderID say whose changes it is told, empty: all; Provider is the
	// provider's name, empty also once it is removed.
	TenantID, ProviderID, Provider string
	// Types are the types of events that it is told, none: all.
	Types     []string
	CreatedAt time.Time
	CreatedBy string
	// Version is a number that rises with each change that a person makes.
	Version int
	// Delivered is the position up to which it has been told everything.
	Delivered feed.Position
	// PausedAt is nil unless it is paused; PauseReason is PausedByPerson and so on.
	PausedAt    *time.Time
	PauseReason string
	// FailingSince is nil unless the last attempt failed.
	FailingSince *time.Time
	// Waiting is how many publications are not delivered, OldestWaiting when the first of
	// them was published.
	Waiting       int
	OldestWaiting *time.Time
}

// States of a webhook.
const (
	Active  = "active"
	Failing = "failing"
	Paused  = "paused"
)

// State is Active, Failing or Paused.
func (w Webhook) State() string {
	switch {
	case w.PausedAt != nil:
		return Paused
	case w.FailingSince != nil:
		return Failing
	default:
		return Active
	}
}

// Sealed is a webhook's secret as only the key set opens it.
type Sealed struct {
	Value []byte
	KeyID uint32
}

// SealedFor is what the secret of a webhook is bound to: it opens for no other.
func SealedFor(id string) []byte { return []byte("webhook/" + id) }

// Store gives access to the webhooks. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// Add stores a webhook, which is told of what is published from now on.
func (s *Store) Add(ctx context.Context, w Webhook, secret Sealed, by audit.By) (added Webhook, err error) {
	err = s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.InsertWebhook(ctx, tx, dbsqlc.InsertWebhookParams{
			ID: w.ID, Url: w.URL, Content: w.Content, TenantID: pg.NullIfEmpty(w.TenantID),
			ProviderID: pg.NullIfEmpty(w.ProviderID), Types: pg.NonNil(w.Types), Secret: secret.Value,
			KeyID: int64(secret.KeyID), EndOfPublication: feed.EndOf(0).Change, CreatedBy: pg.NullIfEmpty(by.Name),
		}); err != nil {
			return err
		}
		if added, err = s.get(ctx, tx, w.ID); err != nil {
			return err
		}
		return write(ctx, tx, "webhook.add", Webhook{}, added, by)
	})
	return added, pg.Interpret("add webhook", err)
}

// Get returns a webhook. It returns ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (Webhook, error) {
	w, err := s.get(ctx, s.pool, id)
	return w, pg.Interpret("find webhook", err)
}

func (s *Store) get(ctx context.Context, on dbsqlc.DBTX, id string) (Webhook, error) {
	rows, err := s.q.ListWebhooks(ctx, on, dbsqlc.ListWebhooksParams{ID: &id, AfterID: firstID, MaxRows: 1})
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Webhook{}, err
	}
	return webhookOf(rows[0]), nil
}

// firstID is before every id.
const firstID = "00000000-0000-0000-0000-000000000000"

// List returns the webhooks behind one, the oldest first. Empty tenant and provider limit nothing.
func (s *Store) List(ctx context.Context, tenantID, providerID string, after Webhook, limit int) ([]Webhook, error) {
	if after.ID == "" {
		after.ID = firstID
	}
	rows, err := s.q.ListWebhooks(ctx, s.pool, dbsqlc.ListWebhooksParams{
		TenantID: pg.NullIfEmpty(tenantID), ProviderID: pg.NullIfEmpty(providerID), AfterTime: after.CreatedAt,
		AfterID: after.ID, MaxRows: int32(limit),
	})
	out := make([]Webhook, len(rows))
	for i, r := range rows {
		out[i] = webhookOf(r)
	}
	return out, pg.Interpret("list webhooks", err)
}

// Change is what a person changes of a webhook.
type Change struct {
	// Action is the change's name in the audit log, such as webhook.pause.
	Action string
	By     audit.By
	// IfVersion, if not 0, is the version that must have been read: ErrChanged otherwise.
	IfVersion int
	// Do changes the webhook: its address, content, types, position, and whether it is paused.
	Do func(*Webhook)
}

// Update changes a webhook. A delivery that is under way is dropped: what it was about is
// delivered anew, as the webhook is then. It returns ErrNotFound and ErrChanged.
func (s *Store) Update(ctx context.Context, id string, c Change) (after Webhook, err error) {
	err = s.pool.InTx(ctx, func(tx pgx.Tx) error {
		version, err := s.q.LockWebhook(ctx, tx, id)
		if err == nil && c.IfVersion != 0 && int(version) != c.IfVersion {
			err = ErrChanged
		}
		if err != nil {
			return err
		}
		before, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		changed := before
		c.Do(&changed)
		if err := s.q.UpdateWebhook(ctx, tx, dbsqlc.UpdateWebhookParams{
			ID: id, Url: changed.URL, Content: changed.Content, Types: pg.NonNil(changed.Types),
			Paused:      changed.PausedAt != nil,
			Publication: changed.Delivered.Publication, Change: changed.Delivered.Change,
		}); err != nil {
			return err
		}
		if err := s.q.DropDelivery(ctx, tx, id); err != nil {
			return err
		}
		if after, err = s.get(ctx, tx, id); err != nil {
			return err
		}
		return write(ctx, tx, c.Action, before, after, c.By)
	})
	return after, pg.Interpret("change webhook", err)
}

// Remove removes a webhook with the record of its deliveries. It returns ErrNotFound.
func (s *Store) Remove(ctx context.Context, id string, by audit.By) error {
	return pg.Interpret("remove webhook", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := s.q.LockWebhook(ctx, tx, id); err != nil {
			return err
		}
		before, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.q.DeleteWebhook(ctx, tx, id); err != nil {
			return err
		}
		return write(ctx, tx, "webhook.remove", before, Webhook{}, by)
	}))
}

// OpenSecret returns a webhook's sealed secret. It returns ErrNotFound.
func (s *Store) OpenSecret(ctx context.Context, id string) (Sealed, error) {
	r, err := s.q.GetWebhookSecret(ctx, s.pool, id)
	return Sealed{r.Secret, uint32(r.KeyID)}, pg.Interpret("read secret of webhook", err)
}

// ResealSecrets replaces every stored secret by what reseal makes of it, in one transaction. It
// returns how many there were.
func (s *Store) ResealSecrets(ctx context.Context, reseal func(id string, old Sealed) (Sealed, error)) (int, error) {
	var n int
	err := s.pool.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.ListWebhookSecrets(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			fresh, err := reseal(row.ID, Sealed{row.Secret, uint32(row.KeyID)})
			if err != nil {
				return err
			}
			if err := s.q.PutWebhookSecret(ctx, tx, dbsqlc.PutWebhookSecretParams{
				ID: row.ID, Secret: fresh.Value, KeyID: int64(fresh.KeyID),
			}); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	return n, pg.Interpret("reseal secrets of webhooks", err)
}

func webhookOf(r dbsqlc.ListWebhooksRow) Webhook {
	w := r.Webhook
	out := Webhook{
		ID: w.ID, URL: w.Url, Content: w.Content, TenantID: pg.OrZero(w.TenantID), ProviderID: pg.OrZero(w.ProviderID),
		Provider: r.Provider, Types: w.Types, CreatedAt: w.CreatedAt, CreatedBy: pg.OrZero(w.CreatedBy),
		Version: int(w.Version), Delivered: feed.Position{Publication: w.Publication, Change: w.Change},
		PausedAt: w.PausedAt, PauseReason: pg.OrZero(w.PauseReason), FailingSince: w.FailingSince,
		Waiting: int(r.Waiting),
	}
	if r.Waiting > 0 {
		out.OldestWaiting = &r.OldestWaiting
	}
	return out
}

// write adds what became of a webhook to the audit log.
func write(ctx context.Context, tx pgx.Tx, action string, before, after Webhook, by audit.By) error {
	about := before
	if about.ID == "" {
		about = after
	}
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "webhook/" + about.ID, TenantID: about.TenantID, ProviderID: about.ProviderID,
		Before: logged(before), After: logged(after),
	})
}

// logged is a webhook as the audit log has it, nil of none. Of the address it has the host alone:
// the rest may be as good as a password.
func logged(w Webhook) json.RawMessage {
	if w.ID == "" {
		return nil
	}
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	text, err := json.Marshal(struct {
		Host     string   `json:"host"`
		Content  string   `json:"content"`
		Provider string   `json:"provider,omitempty"`
		Types    []string `json:"types"`
		Paused   bool     `json:"paused"`
		Cursor   string   `json:"cursor"`
	}{host, w.Content, w.Provider, slices.Clone(pg.NonNil(w.Types)), w.PausedAt != nil, w.Delivered.Cursor()})
	if err != nil {
		panic(err) // plain data
	}
	return text
}
