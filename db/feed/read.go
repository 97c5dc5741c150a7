package feed

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ErrExpired: changes behind the position were dropped by retention before they were read.
var ErrExpired = errors.New("what follows the cursor is not kept any more")

// Event is one change as applications are told of it.
type Event struct {
	Position Position
	// Type is what changed and how, such as member.moved.
	Type string
	Time time.Time
	// Provider is a name; RunID is empty where a provider was removed.
	Provider   string
	ProviderID string
	RunID      string
	// Object is the object as it is now, with an id; Previous are the changed columns as they were.
	Object   json.RawMessage
	Previous json.RawMessage
}

// Filter says which events are wanted; what is empty limits nothing.
type Filter struct {
	TenantID, ProviderID string
	Types                []string
	// Raw are the providers' records among an object's columns.
	Raw bool
}

// Page is a part of the feed.
type Page struct {
	Events []Event
	// Next is the position behind all that was looked at, whether it was wanted or not.
	Next Position
	// More says that there is more behind it.
	More bool
}

// Store reads the feed. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// FindNewest returns the position behind everything that is published.
func (s *Store) FindNewest(ctx context.Context) (Position, error) {
	state, err := s.q.GetChangeFeed(ctx, s.pool)
	return EndOf(state.Newest), pg.Interpret("read the change feed", err)
}

// FindOldest returns the position before everything that is kept.
func (s *Store) FindOldest(ctx context.Context) (Position, error) {
	state, err := s.q.GetChangeFeed(ctx, s.pool)
	return droppedOf(state), pg.Interpret("read the change feed", err)
}

func droppedOf(state dbsqlc.GetChangeFeedRow) Position {
	return Position{state.DroppedPublication, state.DroppedChange}
}

// Read returns the events behind a position, at most limit. It returns ErrExpired.
func (s *Store) Read(ctx context.Context, of Filter, after Position, limit int) (Page, error) {
	before, err := s.q.GetChangeFeed(ctx, s.pool)
	if err != nil {
		return Page{}, pg.Interpret("read the change feed", err)
	}
	end := EndOf(before.Newest)
	if !after.Before(end) { // whatever was dropped, it was read
		return Page{Next: after}, nil
	}
	rows, err := s.q.ListEvents(ctx, s.pool, params(of, after, before.Newest, limit))
	if err != nil {
		return Page{}, pg.Interpret("read the change feed", err)
	}
	// Afterwards: what is dropped while it is read is missing above.
	now, err := s.q.GetChangeFeed(ctx, s.pool)
	if err != nil {
		return Page{}, pg.Interpret("read the change feed", err)
	}
	if after.Before(droppedOf(now)) {
		return Page{}, ErrExpired
	}
	page := Page{Next: end, Events: make([]Event, len(rows)), More: len(rows) == limit}
	for i, r := range rows {
		page.Events[i] = Event{
			Position: Position{r.Publication, r.ChangeID}, Type: r.Type, Time: r.ChangedAt, Provider: r.Provider,
			ProviderID: r.ProviderID, RunID: pg.OrZero(r.RunID), Object: r.Object, Previous: r.Previous,
		}
	}
	if page.More {
		page.Next = page.Events[limit-1].Position
	}
	return page, nil
}

// Count returns how many events of each type follow a position, up to the end of a publication. It
// returns ErrExpired.
func (s *Store) Count(ctx context.Context, of Filter, after Position, publication int64) (map[string]int, error) {
	p := params(of, after, publication, 0)
	rows, err := s.q.CountEvents(ctx, s.pool, dbsqlc.CountEventsParams{
		Publication: p.Publication, Change: p.Change, Newest: p.Newest, Types: p.Types, ProviderID: p.ProviderID,
		TenantID: p.TenantID,
	})
	if err != nil {
		return nil, pg.Interpret("count changes", err)
	}
	oldest, err := s.FindOldest(ctx)
	if err != nil {
		return nil, err
	}
	if after.Before(oldest) {
		return nil, ErrExpired
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Type] = int(r.Events)
	}
	return counts, nil
}

// FindDelay returns how long the change waited that waited longest for a run's latest publication,
// and false where the run has published nothing within the last minute.
func (s *Store) FindDelay(ctx context.Context, runID string) (time.Duration, bool, error) {
	seconds, err := s.q.GetPublicationDelay(ctx, s.pool, &runID)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return time.Duration(seconds * float64(time.Second)), err == nil, pg.Interpret("read publication", err)
}

func params(of Filter, after Position, newest int64, limit int) dbsqlc.ListEventsParams {
	hidden := []string{}
	if !of.Raw {
		hidden = append(hidden, "raw_data")
	}
	return dbsqlc.ListEventsParams{
		Publication: after.Publication, Change: after.Change, Newest: newest,
		Types: pg.NonNil(of.Types), Hidden: hidden,
		ProviderID: pg.NullIfEmpty(of.ProviderID), TenantID: pg.NullIfEmpty(of.TenantID), MaxRows: int32(limit),
	}
}
