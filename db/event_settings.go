package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// EventSettings say how a provider tells of changes.
type EventSettings struct {
	ProviderID, Provider string
	Type                 directory.ProviderType
	// Mode is EventsByStream or EventsByCallback.
	Mode      string
	EnabledAt time.Time
	EnabledBy string
	// ConnectedSince is when a stream was connected, nil if it is not; StreamProblem says why.
	ConnectedSince *time.Time
	StreamProblem  string
	LastEventAt    *time.Time
}

// Ways in which events come.
const (
	EventsByStream   = "stream"
	EventsByCallback = "callback"
)

// ListEventSettings returns the providers whose events are on, by name.
func (s *Store) ListEventSettings(ctx context.Context, activeOnly bool) ([]EventSettings, error) {
	rows, err := s.q.ListEventSettings(ctx, s.pool, activeOnly)
	out := make([]EventSettings, len(rows))
	for i, r := range rows {
		out[i] = EventSettings{
			ProviderID: r.ProviderID, Provider: r.Name, Type: directory.ProviderType(r.ProviderType), Mode: r.Mode,
			EnabledAt: r.EnabledAt, EnabledBy: pg.OrZero(r.EnabledBy), LastEventAt: r.LastEventAt,
			StreamProblem: r.StreamProblem,
		}
		if r.Connected {
			out[i].ConnectedSince = &r.ConnectedSince
		}
	}
	return out, interpret("list event settings", err)
}

// EnableEvents says that a provider tells of changes from now on, and how.
func (s *Store) EnableEvents(ctx context.Context, p providers.Provider, mode string, by audit.By) error {
	return interpret("enable events", s.inTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.SetEventSettings(ctx, tx, dbsqlc.SetEventSettingsParams{
			ProviderID: p.ID, Mode: mode, EnabledBy: pg.NullIfEmpty(by.Name),
		}); err != nil {
			return err
		}
		after, err := json.Marshal(map[string]string{"mode": mode})
		if err != nil {
			return err
		}
		return s.auditEvents(ctx, tx, "events.enable", p, by, after)
	}))
}

// DisableEvents ends that. It returns ErrNotFound if they were off.
func (s *Store) DisableEvents(ctx context.Context, p providers.Provider, by audit.By) error {
	return interpret("disable events", s.inTx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.DeleteEventSettings(ctx, tx, p.ID)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.auditEvents(ctx, tx, "events.disable", p, by, nil)
	}))
}

// RecordListening says that a provider's stream is being kept, whether it is connected, and why
// it is not. It returns ErrNotFound if no worker is to listen to it any more, else when the
// provider's settings were changed last.
func (s *Store) RecordListening(ctx context.Context, providerID string, connected bool,
	problem string) (changed time.Time, err error) {
	changed, err = s.q.NoteListening(ctx, s.pool, dbsqlc.NoteListeningParams{
		ProviderID: providerID, Connected: connected, Problem: pg.NullIfEmpty(problem),
	})
	return changed, interpret("note connection", err)
}

// ListUnheardStreams returns the providers whose stream no worker keeps.
func (s *Store) ListUnheardStreams(ctx context.Context) ([]string, error) {
	names, err := s.q.ListUnheardStreams(ctx, s.pool)
	return names, interpret("list streams", err)
}

// auditEvents writes down that an administrator switched a provider's events.
func (s *Store) auditEvents(ctx context.Context, tx pgx.Tx, action string, p providers.Provider, by audit.By,
	after json.RawMessage) error {
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "provider/" + p.Name, TenantID: pg.OrZero(p.TenantID), ProviderID: p.ID,
		After: after,
	})
}
