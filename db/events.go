package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
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
	// Waiting is how many there are, Members and Departments how many objects they are about,
	// Scopes how many say that the visible range has changed.
	Waiting, Members, Departments, Scopes int
	// People is how many people the directory has.
	People int
	// Held says that a run waits for a decision.
	Held bool
	// NextIn is when the next event is due that is not yet, 0: there is none.
	NextIn time.Duration
}

// SumUpWaitingEvents returns what waits. It returns ErrNotFound if there is no such provider
// or it is switched off.
func (s *Store) SumUpWaitingEvents(ctx context.Context, provider string) (WaitingEvents, error) {
	if err := s.q.FinishOtherEvents(ctx, s.pool, provider); err != nil {
		return WaitingEvents{}, interpret("finish events", err)
	}
	row, err := s.q.SumUpWaitingEvents(ctx, s.pool, provider)
	w := WaitingEvents{
		Waiting: int(row.Waiting), Members: int(row.Members), Departments: int(row.Departments),
		Scopes: int(row.Scopes), People: int(row.People), Held: row.Held,
	}
	if row.NextIn > 0 {
		w.NextIn = max(time.Second, time.Duration(row.NextIn*float64(time.Second)))
	}
	return w, interpret("sum up waiting events", err)
}

// planClaim returns the objects that have waited longest, for a run that begins. It returns
// ErrNothingWaits if there are none.
func (s *Store) planClaim(ctx context.Context, tx pgx.Tx, providerID string,
	most int) (departments, members []string, err error) {
	objects, err := s.q.ListDueObjects(ctx, tx, dbsqlc.ListDueObjectsParams{
		ProviderID: providerID, MaxObjects: int32(most),
	})
	if err == nil && len(objects) == 0 {
		err = ErrNothingWaits
	}
	for _, o := range objects {
		if o.ObjectType == EventMember {
			members = append(members, o.ObjectID)
		} else {
			departments = append(departments, o.ObjectID)
		}
	}
	return departments, members, err
}

// What an event asks to be read again.
const (
	EventMember     = "member"
	EventDepartment = "department"
	EventScope      = "scope"
	EventOther      = "other"
)

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
	return interpret("withhold removals", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.FenceHoldRow) error {
		return s.q.WithholdRemovals(ctx, tx, runID)
	}))
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

// ListSingleDepartments returns the departments that a run reads by themselves.
func (s *Store) ListSingleDepartments(ctx context.Context, runID string) ([]string, error) {
	ids, err := s.q.ListSingleDepartments(ctx, s.pool, runID)
	return ids, interpret("list departments to read", err)
}

// StageSingleDepartments stages departments that were read by themselves, each below its
// parent as far as that is one of them or stored, and notes those that the provider says
// are gone.
func (s *Store) StageSingleDepartments(ctx context.Context, runID string, found []directory.Department,
	gone []string) error {
	return interpret("stage departments", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error {
		for _, id := range gone {
			if err := s.q.NoteGoneDepartment(ctx, tx, dbsqlc.NoteGoneDepartmentParams{
				RunID: runID, ProviderID: &run.ProviderID, ExternalID: id,
			}); err != nil {
				return err
			}
		}
		if len(found) == 0 {
			return nil
		}
		return s.stageWithAbove(ctx, tx, run, runID, found)
	}))
}

func (s *Store) stageWithAbove(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string,
	found []directory.Department) error {
	var wanted []string
	for _, d := range found {
		wanted = append(wanted, d.ExternalID, d.ParentID)
	}
	stored, err := s.q.ListWithDepartmentsAbove(ctx, tx, dbsqlc.ListWithDepartmentsAboveParams{
		ProviderID: &run.ProviderID, Departments: wanted,
	})
	if err != nil {
		return err
	}
	tops := map[string]bool{}
	rows := make([]foundDepartment, 0, len(found)+len(stored))
	for _, d := range stored {
		tops[d.ExternalID] = d.Parent == nil
	}
	for _, d := range found {
		row := foundDepartment{ExternalID: d.ExternalID, Parent: &d.ParentID, Name: d.Name, SortOrder: d.SortOrder,
			Leaders: d.Leaders, Raw: d.Raw}
		if tops[d.ExternalID] {
			row.Parent = nil
		}
		rows = append(rows, row)
	}
	for _, d := range stored {
		rows = append(rows, foundDepartment{ExternalID: d.ExternalID, Parent: d.Parent})
	}
	document, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return s.q.StageSingleDepartments(ctx, tx, dbsqlc.StageSingleDepartmentsParams{RunID: runID, Departments: document})
}

// EventSettings say how a provider tells of changes.
type EventSettings struct {
	ProviderID, Provider string
	Type                 directory.ProviderType
	// Mode is EventsByStream or EventsByCallback.
	Mode      string
	EnabledAt time.Time
	EnabledBy string
	// ConnectedSince is when a stream was connected, nil if it is not.
	ConnectedSince *time.Time
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
			EnabledAt: r.EnabledAt, EnabledBy: pg.OrZero(r.EnabledBy), ConnectedSince: r.ConnectedSince,
			LastEventAt: r.LastEventAt,
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

// SetEventsConnected notes that a provider's stream is connected, or is not.
func (s *Store) SetEventsConnected(ctx context.Context, providerID string, connected bool) error {
	return interpret("note connection", s.q.SetEventsConnected(ctx, s.pool, dbsqlc.SetEventsConnectedParams{
		Connected: connected, ProviderID: providerID,
	}))
}

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

// ErrNothingWaits: a run by events has nothing to do.
var ErrNothingWaits = errors.New("no event waits")

// auditEvents writes down that an administrator switched a provider's events.
func (s *Store) auditEvents(ctx context.Context, tx pgx.Tx, action string, p providers.Provider, by audit.By,
	after json.RawMessage) error {
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "provider/" + p.Name, TenantID: pg.OrZero(p.TenantID), ProviderID: p.ID,
		After: after,
	})
}
