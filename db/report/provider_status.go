package report

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Health is how an installation stands, for monitoring.
type Health struct {
	Providers []ProviderHealth
	Webhooks  []WebhookHealth
	// Retention is how long ago each step of retention was last done to its end.
	Retention map[string]time.Duration
}

// ProviderHealth is how one provider stands.
type ProviderHealth struct {
	Name   string
	Active bool
	// SinceSuccess is the time since the last complete, applied run; before the first
	// since the provider was stored.
	SinceSuccess time.Duration
	// RunsSinceSuccess are the applied runs of the whole company that ended since.
	RunsSinceSuccess int
	// HasEvents says that the provider ever told of a change, SinceEvent how long ago. Of
	// EventsWaiting the oldest has waited for EventWaits.
	HasEvents     bool
	SinceEvent    time.Duration
	EventsWaiting int
	EventWaits    time.Duration
	// EventsMissed says that a full run found people or departments that came, went or moved
	// after the last event, StreamDown that a stream should be connected and is not.
	EventsMissed, StreamDown bool
	// HasTicket says that the provider is one of a suite that has a ticket, SinceTicket how old the newest is.
	HasTicket   bool
	SinceTicket time.Duration

	Running int
	Held    int
	// HeldFor is the time since the oldest held run began; zero if none is held.
	HeldFor time.Duration
}

// WebhookHealth is how one webhook stands. Of the publications that wait for it, the oldest has
// waited for Waits.
type WebhookHealth struct {
	ID      string
	Paused  bool
	Waiting int
	Waits   time.Duration
}

// mostWebhooks is how many of them are told of.
const mostWebhooks = 200

// noID is before every id.
const noID = "00000000-0000-0000-0000-000000000000"

// ReadHealth reads it, for all providers at once.
func (s *Store) ReadHealth(ctx context.Context) (Health, error) {
	rows, err := s.q.ListProviderHealth(ctx, s.pool)
	if err != nil {
		return Health{}, pg.Interpret("read health", err)
	}
	out := Health{Providers: make([]ProviderHealth, len(rows)), Retention: map[string]time.Duration{}}
	for i, r := range rows {
		out.Providers[i] = ProviderHealth{
			Name: r.Name, Active: r.IsActive, SinceSuccess: seconds(r.SinceSuccess),
			RunsSinceSuccess: int(r.RunsSinceSuccess),
			Running:          int(r.Running), Held: int(r.Held), HeldFor: seconds(r.HeldFor),
			HasEvents: r.HasEvents, SinceEvent: seconds(r.SinceEvent), EventsWaiting: int(r.EventsWaiting),
			EventWaits: seconds(r.EventWaits), EventsMissed: r.EventsMissed, StreamDown: r.StreamDown,
			HasTicket: r.HasTicket, SinceTicket: seconds(r.SinceTicket),
		}
	}
	hooks, err := s.q.ListWebhooks(ctx, s.pool, dbsqlc.ListWebhooksParams{AfterID: noID, MaxRows: mostWebhooks})
	if err != nil {
		return Health{}, pg.Interpret("read health", err)
	}
	for _, r := range hooks {
		h := WebhookHealth{ID: r.Webhook.ID, Paused: r.Webhook.PausedAt != nil, Waiting: int(r.Waiting)}
		if h.Waiting > 0 {
			h.Waits = max(0, time.Since(r.OldestWaiting))
		}
		out.Webhooks = append(out.Webhooks, h)
	}
	parts, err := s.q.ListRetentionSteps(ctx, s.pool)
	if err != nil {
		return Health{}, pg.Interpret("read health", err)
	}
	for _, r := range parts {
		out.Retention[r.Name] = seconds(r.Age)
	}
	return out, nil
}

// ProviderStatus is how one provider stands, for people.
type ProviderStatus struct {
	Provider     string
	Type         string
	Active       bool
	LastSyncedAt *time.Time
	// Running is the run at work, Held the one that waits for a decision, Newest the last
	// sync of the whole company that has ended; nil if there is none.
	Running *RunningRun
	Held    *WaitingRun
	Newest  *EndedRun
	// FailingSince is when the first sync of the whole company ended failed or partial since
	// the last that was complete, FailingRuns how many there were.
	FailingSince *time.Time
	FailingRuns  int
}

// RunningRun is a run at work.
type RunningRun struct {
	RunID     string
	Phase     string
	StartedAt time.Time
}

// WaitingRun is a run that waits for a decision.
type WaitingRun struct {
	RunID         string
	HoldReason    string
	HoldExpiresAt *time.Time
}

// EndedRun is how a run has ended.
type EndedRun struct {
	RunID  string
	Status string
	// Failure says why a run failed.
	Failure string
}

// ListProviderStatuses reads how all providers stand, by name.
func (s *Store) ListProviderStatuses(ctx context.Context) ([]ProviderStatus, error) {
	rows, err := s.q.ListProviderStatuses(ctx, s.pool)
	if err != nil {
		return nil, pg.Interpret("read status", err)
	}
	out := make([]ProviderStatus, len(rows))
	for i, r := range rows {
		status := ProviderStatus{Provider: r.Name, Type: r.ProviderType, Active: r.IsActive,
			LastSyncedAt: r.LastSyncedAt, FailingRuns: int(r.FailingRuns)}
		if r.RunningID != "" {
			status.Running = &RunningRun{RunID: r.RunningID, Phase: r.RunningPhase, StartedAt: r.RunningSince}
		}
		if r.HeldID != "" {
			status.Held = &WaitingRun{RunID: r.HeldID, HoldReason: r.HoldReason, HoldExpiresAt: r.HoldExpiresAt}
		}
		if r.NewestID != "" {
			status.Newest = &EndedRun{RunID: r.NewestID, Status: r.NewestStatus, Failure: r.NewestError}
		}
		if r.FailingRuns > 0 {
			status.FailingSince = &r.FailingSince
		}
		out[i] = status
	}
	return out, nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
