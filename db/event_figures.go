package db

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// EventFigures are how a provider's events stand.
type EventFigures struct {
	Waiting, SetAside int64
	// OldestWaiting is when the event came that has waited longest, nil if none waits.
	OldestWaiting *time.Time
	Refused       []EventRefusal
	// GivenUp are the latest that were set aside.
	GivenUp []GivenUpEvent
}

// EventRefusal is how many messages were refused for a reason.
type EventRefusal struct {
	Reason  string
	Refused int64
	LastAt  time.Time
}

// GivenUpEvent is one whose object could not be read.
type GivenUpEvent struct {
	Kind, ObjectType, ObjectID string
	At                         time.Time
}

// GetEventFigures returns how a provider's events stand.
func (s *Store) GetEventFigures(ctx context.Context, providerID string) (EventFigures, error) {
	row, err := s.q.GetEventFigures(ctx, s.pool, providerID)
	if err != nil {
		return EventFigures{}, interpret("count events", err)
	}
	out := EventFigures{Waiting: row.Waiting, SetAside: row.SetAside}
	if row.Waiting > 0 {
		out.OldestWaiting = &row.Oldest
	}
	refused, err := s.q.ListEventRefusals(ctx, s.pool, providerID)
	if err != nil {
		return EventFigures{}, interpret("list refused messages", err)
	}
	for _, r := range refused {
		out.Refused = append(out.Refused, EventRefusal(r))
	}
	givenUp, err := s.q.ListSetAsideEvents(ctx, s.pool, providerID)
	for _, e := range givenUp {
		out.GivenUp = append(out.GivenUp, GivenUpEvent{Kind: e.Kind, ObjectType: e.ObjectType, ObjectID: e.ObjectID,
			At: *e.SetAsideAt})
	}
	return out, interpret("list events set aside", err)
}

// AddEventRefusals counts messages that were refused.
func (s *Store) AddEventRefusals(ctx context.Context, providerID, reason string, refused int64) error {
	return interpret("count refused messages", s.q.AddEventRefusals(ctx, s.pool, dbsqlc.AddEventRefusalsParams{
		ProviderID: providerID, Reason: reason, Refused: refused,
	}))
}

// ListProvidersWithWaitingEvents returns providers whose events have waited for so long.
func (s *Store) ListProvidersWithWaitingEvents(ctx context.Context, longer time.Duration) ([]string, error) {
	names, err := s.q.ListProvidersWithWaitingEvents(ctx, s.pool, longer)
	return names, interpret("find waiting events", err)
}
