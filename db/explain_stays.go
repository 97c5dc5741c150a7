package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// stayed adds why runs left the object as it is: what they put on record of it, and what
// came of looking it up.
func (t *historyBuilder) stayed(ctx context.Context) error {
	from, until := t.span()
	within := func(at time.Time) bool { return !at.Before(from) && (until.IsZero() || !at.After(until)) }
	notes, err := t.s.q.ListObjectNotes(ctx, t.s.pool, dbsqlc.ListObjectNotesParams{
		Ids: t.ids(), ObjectID: t.history.ID, ObjectType: t.history.Type, Others: otherTypes(t.history.Type),
	})
	if err != nil {
		return err
	}
	for _, n := range notes {
		if !within(n.StartedAt) { // another member's, who had the id before or has it now
			continue
		}
		c, err := t.run(ctx, n.RunID)
		if err != nil {
			return err
		}
		c.Notes = append(c.Notes, n.Message)
	}
	lookUps, err := t.s.q.ListObjectLookups(ctx, t.s.pool, t.history.ID)
	for _, l := range lookUps {
		c, err := t.run(ctx, l.RunID)
		if err != nil {
			return err
		}
		c.LookUp = LookupResult(l.Result)
	}
	return err
}

// span is when the object was there, as far as its changes tell: since it was created and,
// if it is deleted, until its last change. Zero where they do not tell.
func (t *historyBuilder) span() (from, until time.Time) {
	for _, c := range t.history.Runs {
		for _, change := range c.Changes {
			if change.ObjectType == t.history.Type && change.Kind == "created" {
				from = c.Run.StartedAt
			}
		}
		if t.history.Status == "deleted" && c.Run.StartedAt.After(until) {
			until = c.Run.StartedAt
		}
	}
	return from, until
}

// ids are the external ids that the object has or had.
func (t *historyBuilder) ids() []string { return append([]string{t.history.ExternalID}, t.former...) }

// otherTypes are how warnings about objects of other types begin.
func otherTypes(objectType string) []string {
	var others []string
	for _, name := range objectKinds() {
		if name != objectType {
			others = append(others, name+" %")
		}
	}
	return others
}

// presence adds why the object is still there, unless a run or a person changed it after
// the whole company was read last.
func (t *historyBuilder) presence(ctx context.Context) error {
	if t.history.Status == "deleted" {
		return nil
	}
	id, err := t.s.q.GetNewestFullRun(ctx, t.s.pool, t.history.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := t.s.q.GetRun(ctx, t.s.pool, id)
	if err != nil {
		return err
	}
	if n := len(t.history.Runs); n > 0 && t.history.Runs[n-1].Run.StartedAt.After(r.StartedAt) {
		return nil
	}
	places, err := t.s.q.ListObjectPlaces(ctx, t.s.pool, t.history.ID)
	if err != nil || len(places) == 0 {
		return err
	}
	listings, err := t.listings(ctx, places, id)
	t.history.Presence = &Presence{Run: objectRunHeadOf(r), Listings: listings}
	return err
}
