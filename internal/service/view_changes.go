package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/feed"
)

// ChangeEvent is one change as applications are told of it.
type ChangeEvent = feed.Event

// ChangesNow stands for the newest position of the feed.
const ChangesNow = "now"

// MaxChangesWait is how long a reader may wait for changes.
const MaxChangesWait = time.Minute

// EventTypes are all types of events of the change feed.
var EventTypes = feed.Types

// ReadChangesInput says which part of the change feed is wanted.
type ReadChangesInput struct {
	// After is a cursor, ChangesNow, or empty for the oldest that is kept.
	After string
	Limit int
	// Wait is how long to wait where there is nothing yet.
	Wait time.Duration
	// Provider and Types limit what is told; a type may end in ".*".
	Provider string
	Types    []string
}

// ReadChangesResult is a part of the change feed.
type ReadChangesResult struct {
	Events []ChangeEvent
	// Next is the cursor behind what was looked at: the After of the next call.
	Next string
	// More says that there is more behind it already.
	More bool
}

// ReadChanges returns the events behind a cursor, as soon as there are any.
func (v View) ReadChanges(ctx context.Context, in ReadChangesInput) (ReadChangesResult, error) {
	var result ReadChangesResult
	if err := checkLimit(in.Limit); err != nil {
		return result, err
	}
	types, err := eventTypes(in.Types)
	if err != nil {
		return result, err
	}
	store, of, err := v.bounds(ctx, in.Provider)
	if err != nil {
		return result, err
	}
	at, err := position(ctx, store, in.After)
	if err != nil {
		return result, err
	}
	filter := feed.Filter{TenantID: of.TenantID, ProviderID: of.ProviderID, Types: types, Raw: v.raw}
	end := time.NewTimer(min(in.Wait, MaxChangesWait))
	defer end.Stop()
	for {
		var woken <-chan struct{}
		if in.Wait > 0 { // before reading, so that nothing is missed between the two
			woken = v.s.changes.next(store.Feed)
		}
		page, err := store.Feed.Read(ctx, filter, at, in.Limit)
		if errors.Is(err, feed.ErrExpired) {
			return result, &Error{Code: CursorExpired}
		}
		if err != nil || len(page.Events) > 0 || in.Wait <= 0 {
			return ReadChangesResult{Events: page.Events, Next: page.Next.Cursor(), More: page.More}, err
		}
		at = page.Next
		select {
		case <-woken:
		case <-end.C:
			return ReadChangesResult{Next: at.Cursor()}, nil
		case <-v.s.changes.ctx.Done():
			return ReadChangesResult{Next: at.Cursor()}, nil
		case <-ctx.Done():
			return ReadChangesResult{Next: at.Cursor()}, ctx.Err()
		}
	}
}

// position is where reading begins.
func position(ctx context.Context, store *db.Store, after string) (feed.Position, error) {
	switch after {
	case "":
		return store.Feed.FindOldest(ctx)
	case ChangesNow:
		return store.Feed.FindNewest(ctx)
	}
	at, err := feed.ParseCursor(after)
	if err != nil {
		return at, errCursor
	}
	return at, nil
}

// eventTypes are the types that texts such as member.* stand for.
func eventTypes(wanted []string) (types []string, err error) {
	types, unknown := feed.ExpandTypes(wanted)
	if unknown != "" {
		return nil, &Error{Code: EventTypeUnknown, Args: Args{Text: unknown, Allowed: slices.Clone(EventTypes)}}
	}
	return types, nil
}
