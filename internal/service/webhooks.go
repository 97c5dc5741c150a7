package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/webhooks"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/webhook"
	"github.com/orgsync/orgsync/workflows"
)

// Webhook is a stored webhook without its secret, Delivery one message to it.
type (
	Webhook  = webhooks.Webhook
	Delivery = webhooks.Delivery
)

// What a webhook is told.
const (
	ContentPing   = webhooks.Ping
	ContentEvents = webhooks.Events
)

// How a webhook stands.
const (
	WebhookActive  = webhooks.Active
	WebhookFailing = webhooks.Failing
	WebhookPaused  = webhooks.Paused
)

// AddWebhookInput asks for a webhook.
type AddWebhookInput struct {
	URL string
	// Content is ContentPing, also if it is empty, or ContentEvents.
	Content string
	// Provider, a provider's name, and TenantID say whose changes it is told; empty: all.
	Provider string
	TenantID string
	// Types limit what it is told; a type may end in ".*".
	Types []string
	// Within is how far the caller reaches: a webhook is told nothing beyond.
	Within access.Reach
	By     By
}

// AddWebhookResult is a webhook that was stored.
type AddWebhookResult struct {
	Webhook
	// Secret is what deliveries are signed with. It is told here and nowhere else.
	Secret string
}

// AddWebhook has an address told of what is published from now on.
func (s *Service) AddWebhook(ctx context.Context, in AddWebhookInput) (AddWebhookResult, error) {
	if in.Content == "" {
		in.Content = ContentPing
	}
	if err := s.checkWebhook(ctx, &in.URL, &in.Content, in.Types); err != nil {
		return AddWebhookResult{}, err
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return AddWebhookResult{}, err
	}
	if err := requireKey(ctx, vault.Store, vault.Box.PrimaryKeyID()); err != nil {
		return AddWebhookResult{}, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return AddWebhookResult{}, err
	}
	reach, err := bind(ctx, store, in.Within, in.TenantID, in.Provider)
	if err != nil {
		return AddWebhookResult{}, err
	}
	result := AddWebhookResult{Secret: webhook.NewSecret()}
	id := uuid.NewString()
	value, keyID, err := vault.Box.Seal([]byte(result.Secret), webhooks.SealedFor(id))
	if err != nil {
		return AddWebhookResult{}, err
	}
	result.Webhook, err = store.Webhooks.Add(ctx, Webhook{
		ID: id, URL: in.URL, Content: in.Content, TenantID: reach.TenantID, ProviderID: reach.ProviderID,
		Types: in.Types,
	}, webhooks.Sealed{Value: value, KeyID: keyID}, in.By)
	return result, err
}

// checkWebhook returns what is wrong with what is given of a webhook.
func (s *Service) checkWebhook(ctx context.Context, url, content *string, types []string) error {
	if content != nil && *content != ContentPing && *content != ContentEvents {
		return &Error{Code: InputInvalid, Err: errors.New("content must be ping or events")}
	}
	if _, err := eventTypes(types); err != nil || url == nil {
		return err
	}
	sender, err := s.connect.NewSender()
	if err != nil {
		return settingsError(err)
	}
	if err := sender.Guard().CheckURL(ctx, *url); err != nil {
		return &Error{Code: InputInvalid, Err: fmt.Errorf("the webhook's address is wrong: %w", err)}
	}
	return nil
}

// UpdateWebhookInput changes a webhook; what is nil stays as it is.
type UpdateWebhookInput struct {
	ID      string
	URL     *string
	Content *string
	// Types replace those that it is told.
	Types *[]string
	// Paused pauses it or has it told again from where it stopped.
	Paused *bool
	// From is a cursor, or ChangesNow, from which on it is told.
	From *string
	// IfVersion, if not 0, is the version that must have been read: WebhookChanged otherwise.
	IfVersion int
	Within    access.Reach
	By        By

	action string
}

// UpdateWebhook changes a webhook. What was not delivered is delivered to it as it is then.
func (s *Service) UpdateWebhook(ctx context.Context, in UpdateWebhookInput) (Webhook, error) {
	var types []string
	if in.Types != nil {
		types = *in.Types
	}
	if err := s.checkWebhook(ctx, in.URL, in.Content, types); err != nil {
		return Webhook{}, err
	}
	store, w, err := s.findWebhook(ctx, in.Within, in.ID)
	if err != nil {
		return Webhook{}, err
	}
	from := w.Delivered
	if in.From != nil {
		if from, err = position(ctx, store, *in.From); err != nil {
			return Webhook{}, err
		}
	}
	change := webhooks.Change{Action: in.action, By: in.By, IfVersion: in.IfVersion, Do: func(w *Webhook) {
		set(&w.URL, in.URL)
		set(&w.Content, in.Content)
		set(&w.Types, in.Types)
		if in.Paused != nil {
			w.PausedAt = nil
			if *in.Paused {
				w.PausedAt = &w.CreatedAt // the database sets the time
			}
		}
		if in.From != nil {
			w.Delivered = from
		}
	}}
	if change.Action == "" {
		change.Action = "webhook.update"
	}
	updated, err := store.Webhooks.Update(ctx, in.ID, change)
	if err != nil {
		return Webhook{}, webhookError(err, in.ID)
	}
	s.wakeWebhook(ctx, in.ID)
	return updated, nil
}

func set[T any](to, given *T) {
	if given != nil {
		*to = *given
	}
}

// PauseWebhook ends what a webhook is told until it is resumed.
func (s *Service) PauseWebhook(ctx context.Context, within access.Reach, id string, by By) (Webhook, error) {
	paused := true
	return s.UpdateWebhook(ctx, UpdateWebhookInput{ID: id, Paused: &paused, Within: within, By: by,
		action: "webhook.pause"})
}

// ResumeWebhook has a webhook told of changes again, from a cursor on, from now on (ChangesNow), or
// if from is empty from where it stopped. Of one that fails it makes the next attempt at once.
func (s *Service) ResumeWebhook(ctx context.Context, within access.Reach, id, from string, by By) (Webhook, error) {
	paused := false
	in := UpdateWebhookInput{ID: id, Paused: &paused, Within: within, By: by, action: "webhook.resume"}
	if from != "" {
		in.From = &from
	}
	return s.UpdateWebhook(ctx, in)
}

// RemoveWebhook removes a webhook with the record of its deliveries.
func (s *Service) RemoveWebhook(ctx context.Context, within access.Reach, id string, by By) (Webhook, error) {
	store, w, err := s.findWebhook(ctx, within, id)
	if err != nil {
		return Webhook{}, err
	}
	if err := store.Webhooks.Remove(ctx, id, by); err != nil {
		return Webhook{}, webhookError(err, id)
	}
	s.wakeWebhook(ctx, id) // which finds that it is gone
	return w, nil
}

// TestWebhookResult is what a test message came to.
type TestWebhookResult struct {
	Webhook Webhook
	// HTTPStatus is that of the answer, 0: there was none. Problem is empty if it was taken.
	HTTPStatus int
	Problem    string
	Took       time.Duration
}

// TestWebhook sends a signed message of type webhook.test, from here and at once. It changes
// nothing about what is delivered.
func (s *Service) TestWebhook(ctx context.Context, within access.Reach, id string) (TestWebhookResult, error) {
	var result TestWebhookResult
	store, w, err := s.findWebhook(ctx, within, id)
	if err != nil {
		return result, err
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return result, err
	}
	sender, err := s.connect.NewSender()
	if err != nil {
		return result, settingsError(err)
	}
	sealed, err := store.Webhooks.OpenSecret(ctx, id)
	if err != nil {
		return result, webhookError(err, id)
	}
	key, err := vault.Box.Open(sealed.Value, webhooks.SealedFor(id))
	if err != nil {
		return result, fmt.Errorf("the secret of webhook %s cannot be opened with this key set: %w", id, err)
	}
	now := time.Now()
	body, err := json.Marshal(map[string]any{
		"type": "webhook.test", "timestamp": now.UTC(), "data": map[string]string{"webhook": id},
	})
	if err != nil {
		return result, err
	}
	result.Webhook = w
	result.HTTPStatus, err = sender.Send(ctx, webhook.Message{URL: w.URL, ID: uuid.NewString(), Secret: string(key),
		Body: body})
	result.Took = time.Since(now)
	var untaken *webhook.Error
	if errors.As(err, &untaken) {
		result.Problem = untaken.Problem
		return result, nil
	}
	return result, err
}

// findWebhook returns a webhook if a caller reaches it.
func (s *Service) findWebhook(ctx context.Context, within access.Reach, id string) (*db.Store, Webhook, error) {
	if err := checkID(WebhookUnknown, id); err != nil {
		return nil, Webhook{}, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, Webhook{}, err
	}
	w, err := store.Webhooks.Get(ctx, id)
	if err == nil && !within.Includes(access.Reach{TenantID: w.TenantID, ProviderID: w.ProviderID}) {
		err = db.ErrNotFound
	}
	return store, w, webhookError(err, id)
}

func webhookError(err error, id string) error {
	switch {
	case errors.Is(err, db.ErrNotFound):
		return &Error{Code: WebhookUnknown, Args: Args{Text: id}}
	case errors.Is(err, webhooks.ErrChanged):
		return &Error{Code: WebhookChanged, Args: Args{Text: id}}
	default:
		return err
	}
}

// wakeWebhook tells DeliverChanges that a webhook was changed. Where that fails, workers find out
// within seconds.
func (s *Service) wakeWebhook(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return
	}
	_, _ = temporal.SignalWithStartWorkflow(ctx, workflows.WebhookWorkflowID(id), workflows.ChangedSignal, nil,
		client.StartWorkflowOptions{TaskQueue: s.taskQueue()}, workflows.DeliverChangesName,
		workflows.DeliverInput{Webhook: id})
}

// resealWebhooks seals the secrets of all webhooks anew and returns how many there are.
func (s *Service) resealWebhooks(ctx context.Context, box *secret.Box) (int, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return 0, err
	}
	return store.Webhooks.ResealSecrets(ctx, func(id string, old webhooks.Sealed) (webhooks.Sealed, error) {
		plain, err := box.Open(old.Value, webhooks.SealedFor(id))
		if err != nil {
			return webhooks.Sealed{}, fmt.Errorf("the secret of webhook %s cannot be opened with this key set: %w", id,
				err)
		}
		value, keyID, err := box.Seal(plain, webhooks.SealedFor(id))
		return webhooks.Sealed{Value: value, KeyID: keyID}, err
	})
}

// ListWebhooks returns webhooks, the oldest first.
func (v View) ListWebhooks(ctx context.Context, page Page) (Rows[Webhook], error) {
	store, err := v.s.openStore(ctx)
	if err != nil {
		return Rows[Webhook]{}, err
	}
	return list(page, func(after Webhook, limit int) ([]Webhook, error) {
		return store.Webhooks.List(ctx, v.within.TenantID, v.within.ProviderID, after, limit)
	}, func(w Webhook) Webhook { return Webhook{ID: w.ID, CreatedAt: w.CreatedAt} })
}

// GetWebhook returns a webhook.
func (v View) GetWebhook(ctx context.Context, id string) (Webhook, error) {
	_, w, err := v.s.findWebhook(ctx, v.within, id)
	return w, err
}

// ListDeliveries returns what was delivered to a webhook, the latest first.
func (v View) ListDeliveries(ctx context.Context, id string, page Page) (Rows[Delivery], error) {
	store, _, err := v.s.findWebhook(ctx, v.within, id)
	if err != nil {
		return Rows[Delivery]{}, err
	}
	return list(page, func(before Delivery, limit int) ([]Delivery, error) {
		return store.Webhooks.ListDeliveries(ctx, id, before, limit)
	}, func(d Delivery) Delivery { return Delivery{ID: d.ID, CreatedAt: d.CreatedAt} })
}
