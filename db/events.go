package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// Event is a change that a provider told of, reduced to the one object that is to be read again.
type Event struct {
	// ID is the provider's, or made of kind, object and time.
	ID string
	// Kind is the provider's own word.
	Kind string
	// ObjectType is what is to be read again: EventMember and so on.
	ObjectType string
	ObjectID   string
	// HappenedAt is zero where the provider does not say.
	HappenedAt time.Time
}

// What an event asks to be read again.
const (
	EventMember        = "member"
	EventDepartment    = "department"
	EventGroup         = "group"
	EventAdministrator = "administrator"
	EventScope         = "scope"
	EventOther         = "other"
)

// ErrNothingWaits: a run by events has nothing to do.
var ErrNothingWaits = errors.New("no event waits")

// AddEvents stores events of a provider, each once however often it is told of. It returns
// how many are new.
func (s *Store) AddEvents(ctx context.Context, providerID string, events []Event) (int, error) {
	rows := dbsqlc.AddEventsParams{ProviderID: providerID}
	for _, e := range events {
		rows.EventIds = append(rows.EventIds, e.ID)
		rows.Kinds = append(rows.Kinds, e.Kind)
		rows.ObjectTypes = append(rows.ObjectTypes, e.ObjectType)
		rows.ObjectIds = append(rows.ObjectIds, e.ObjectID)
		rows.HappenedAt = append(rows.HappenedAt, e.HappenedAt)
	}
	var added int64
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if added, err = s.q.AddEvents(ctx, tx, rows); err != nil {
			return err
		}
		return s.q.SetLastEvent(ctx, tx, providerID)
	})
	return int(added), interpret("store events", err)
}

// WaitingEvents are the events of a provider that are due.
type WaitingEvents struct {
	// Waiting is how many there are, Members, Departments and Groups how many objects they are
	// about (administrators count as one more group), Scopes how many say that the visible range
	// has changed.
	Waiting, Members, Departments, Groups, Scopes int
	// People is how many people the directory has.
	People int
	// Held says that a run waits for a decision.
	Held bool
	// NextIn is when the next event is due that is not yet, 0: there is none.
	NextIn time.Duration
}

// CountWaitingEvents returns what waits. It returns ErrNotFound if there is no such provider
// or it is switched off.
func (s *Store) CountWaitingEvents(ctx context.Context, provider string) (WaitingEvents, error) {
	if err := s.q.FinishOtherEvents(ctx, s.pool, provider); err != nil {
		return WaitingEvents{}, interpret("finish events", err)
	}
	row, err := s.q.SumUpWaitingEvents(ctx, s.pool, provider)
	w := WaitingEvents{
		Waiting: int(row.Waiting), Members: int(row.Members), Departments: int(row.Departments),
		Groups: int(row.Groups), Scopes: int(row.Scopes), People: int(row.People), Held: row.Held,
	}
	if row.NextIn > 0 {
		w.NextIn = max(time.Second, time.Duration(row.NextIn*float64(time.Second)))
	}
	return w, interpret("sum up waiting events", err)
}

// claim is what a run by events reads, by external ids.
type claim struct {
	departments, members, groups []string
	administrators               bool
}

// readsGroups reports whether there are lists of groups or administrators to be read.
func (c claim) readsGroups() bool { return len(c.groups) > 0 || c.administrators }

// planClaim returns the objects that have waited longest, for a run that begins. It returns
// ErrNothingWaits if there are none.
func (s *Store) planClaim(ctx context.Context, tx pgx.Tx, providerID string, most int) (c claim, err error) {
	objects, err := s.q.ListDueObjects(ctx, tx, dbsqlc.ListDueObjectsParams{
		ProviderID: providerID, MaxObjects: int32(most),
	})
	if err == nil && len(objects) == 0 {
		err = ErrNothingWaits
	}
	for _, o := range objects {
		switch o.ObjectType {
		case EventMember:
			c.members = append(c.members, o.ObjectID)
		case EventDepartment:
			c.departments = append(c.departments, o.ObjectID)
		case EventGroup:
			c.groups = append(c.groups, o.ObjectID)
		case EventAdministrator:
			c.administrators = true
		}
	}
	return c, err
}

// finishEvents says what became of the events that a run which ends, or is held, was to do.
func (s *Store) finishEvents(ctx context.Context, tx pgx.Tx, runID string) error {
	for _, do := range []func(context.Context, dbsqlc.DBTX, string) error{
		s.q.FinishRunEvents, s.q.PostponeRunEvents, s.q.RejoinEvents, s.q.CoverEvents,
	} {
		if err := do(ctx, tx, runID); err != nil {
			return fmt.Errorf("finish events: %w", err)
		}
	}
	return nil
}

// ListEventAges returns how long after they were stored the events were done that a run followed.
func (s *Store) ListEventAges(ctx context.Context, runID string) ([]time.Duration, error) {
	seconds, err := s.q.ListEventAges(ctx, s.pool, &runID)
	ages := make([]time.Duration, len(seconds))
	for i, age := range seconds {
		ages[i] = time.Duration(age * float64(time.Second))
	}
	return ages, interpret("list ages of events", err)
}

// WithholdRemovals leaves a run by events without removals, and has the next full run held.
func (s *Store) WithholdRemovals(ctx context.Context, runID string) error {
	return interpret("withhold removals", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		return s.q.WithholdRemovals(ctx, tx, runID)
	}))
}

// FinishMemberEvents notes that events of a member ask a run for nothing, and reports whether it was to
// follow some.
func (s *Store) FinishMemberEvents(ctx context.Context, runID, member string) (bool, error) {
	done, err := s.q.FinishMemberEvents(ctx, s.pool, dbsqlc.FinishMemberEventsParams{RunID: &runID, Member: member})
	return done > 0, interpret("finish events", err)
}

// addEventFigures adds to a plan what runs by events removed or left.
func (s *Store) addEventFigures(ctx context.Context, tx dbsqlc.DBTX, runID string, plan *RemovalPlan) error {
	run, err := s.q.RunRemovesByEvents(ctx, tx, runID)
	if err != nil {
		return err
	}
	plan.ByEvents = run.ByEvents
	if run.Whole {
		plan.Withheld, err = s.q.RemovalsWereWithheld(ctx, tx, run.ProviderID)
	}
	if !run.ByEvents || err != nil {
		return err
	}
	removed, err := s.q.CountRemovedByEvents(ctx, tx, run.ProviderID)
	for _, r := range removed {
		*plan.RemovedToday.Of(directory.Kind(r.ObjectType)) = int(r.Removed)
	}
	return err
}
