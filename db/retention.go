package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// retentionBatch bounds the rows of each table that one transaction of retention
// deletes or changes.
const retentionBatch = 5000

// Cleaned is what one bounded transaction of retention did.
type Cleaned struct {
	// Rows is how many rows were deleted or stripped of their raw records.
	Rows int
	// More says that there may be more to do.
	More bool
}

// The methods below each carry out one transaction and are called until they
// report no more. Runs at work, held runs, and the newest run of each provider
// keep everything. Several retention runs at a time do no harm.

// CleanStaging drops what is left of the snapshots of runs that have ended.
func (s *Store) CleanStaging(ctx context.Context) (Cleaned, error) {
	var cleaned Cleaned
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		changes, err := s.q.DropStaleDryRunChanges(ctx, tx)
		if err != nil {
			return err
		}
		cleaned.Rows = int(changes)
		run, err := s.q.FindRunWithStaging(ctx, tx)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		staged, err := s.q.DropStaging(ctx, tx, dbsqlc.DropStagingParams{RunID: run, MaxRows: retentionBatch})
		cleaned.Rows += int(staged)
		cleaned.More = true
		return err
	})
	return done(cleaned, "clean staging", err)
}

// CleanRaw strips the change logs of runs that ended longer ago of raw records, and
// with them the people and departments that these runs removed and that have not
// come back since.
func (s *Store) CleanRaw(ctx context.Context, olderThan time.Duration) (Cleaned, error) {
	var cleaned Cleaned
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		run, err := s.q.FindRunWithRaw(ctx, tx, olderThan)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		cleaned.More = true
		changes, err := s.q.DropRawChanges(ctx, tx, dbsqlc.DropRawChangesParams{
			RunID: run, MaxRows: retentionBatch,
		})
		if err != nil {
			return err
		}
		members, err := s.q.DropRawMembers(ctx, tx, dbsqlc.DropRawMembersParams{
			RunID: run, OlderThan: olderThan, MaxRows: retentionBatch,
		})
		if err != nil {
			return err
		}
		departments, err := s.q.DropRawDepartments(ctx, tx, dbsqlc.DropRawDepartmentsParams{
			RunID: run, OlderThan: olderThan, MaxRows: retentionBatch,
		})
		if err != nil {
			return err
		}
		cleaned.Rows = int(changes + members + departments)
		if max(changes, members, departments) == retentionBatch {
			return nil
		}
		return s.q.MarkRawDropped(ctx, tx, run)
	})
	return done(cleaned, "clean raw records", err)
}

// CleanDetails drops the completeness record, errors, removals and change log of runs that ended
// longer ago, events received and requests made before, and the record of deliveries that ended
// before. A run that another one is about to take back or to repeat keeps them.
func (s *Store) CleanDetails(ctx context.Context, olderThan time.Duration) (Cleaned, error) {
	var cleaned Cleaned
	events, err := s.q.DropOldEvents(ctx, s.pool, dbsqlc.DropOldEventsParams{
		OlderThan: olderThan, MaxRows: retentionBatch,
	})
	if err != nil || events > 0 {
		return done(Cleaned{Rows: int(events), More: true}, "clean events", err)
	}
	requests, err := s.q.DropOldRunRequests(ctx, s.pool, dbsqlc.DropOldRunRequestsParams{
		OlderThan: olderThan, MaxRows: retentionBatch,
	})
	if err != nil || requests > 0 {
		return done(Cleaned{Rows: int(requests), More: true}, "clean requests", err)
	}
	deliveries, err := s.q.DropOldDeliveries(ctx, s.pool, dbsqlc.DropOldDeliveriesParams{
		OlderThan: olderThan, MaxRows: retentionBatch,
	})
	if err != nil || deliveries > 0 {
		return done(Cleaned{Rows: int(deliveries), More: true}, "clean deliveries", err)
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.DropOldRemovals(ctx, tx, olderThan); err != nil {
			return err
		}
		run, err := s.q.FindRunWithDetails(ctx, tx, olderThan)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		cleaned.More = true
		if marked, err := s.q.MarkDetailsDropped(ctx, tx, run); err != nil || marked == 0 {
			return err
		}
		if err := s.q.DropRunPublications(ctx, tx, &run); err != nil {
			return err
		}
		rows, err := s.q.DropDetails(ctx, tx, dbsqlc.DropDetailsParams{RunID: run, MaxRows: retentionBatch})
		if err != nil {
			return err
		}
		cleaned.Rows = int(rows)
		if rows >= retentionBatch { // of all its tables together: one of them may have more
			return nil
		}
		return s.q.FinishDetails(ctx, tx, run)
	})
	return done(cleaned, "clean run details", err)
}

// CleanRuns deletes the rows of runs that ended longer ago and have no details left.
func (s *Store) CleanRuns(ctx context.Context, olderThan time.Duration) (Cleaned, error) {
	n, err := s.q.DropRuns(ctx, s.pool, dbsqlc.DropRunsParams{OlderThan: olderThan, MaxRows: retentionBatch})
	return done(Cleaned{Rows: int(n), More: n == retentionBatch}, "clean runs", err)
}

// CleanCalls drops access tokens that have expired, call slots long past, and what logins brought
// that no run has dealt with for a day: the next login brings it again.
func (s *Store) CleanCalls(ctx context.Context) (Cleaned, error) {
	tokens, err := s.q.DropExpiredTokens(ctx, s.pool)
	if err != nil {
		return done(Cleaned{}, "clean tokens", err)
	}
	slots, err := s.q.DropOldCallSlots(ctx, s.pool)
	if err != nil {
		return done(Cleaned{}, "clean call slots", err)
	}
	logins, err := s.q.DropOldLoginMembers(ctx, s.pool)
	return done(Cleaned{Rows: int(tokens + slots + logins)}, "clean logins", err)
}

func done(cleaned Cleaned, doing string, err error) (Cleaned, error) {
	if err != nil {
		return Cleaned{}, interpret(doing, err)
	}
	return cleaned, nil
}

// ReadClock is what time Postgres has: all ages of what is stored are told by it.
func (s *Store) ReadClock(ctx context.Context) (time.Time, error) {
	now, err := s.q.ReadClock(ctx, s.pool)
	return now, interpret("ask Postgres for the time", err)
}

// FinishRetentionStep notes that a part of retention was done to its end just now.
func (s *Store) FinishRetentionStep(ctx context.Context, part string) error {
	return interpret("note retention", s.q.FinishRetentionStep(ctx, s.pool, part))
}

// ListUnfinishedRuns are the runs that began longer ago and are still marked as running.
func (s *Store) ListUnfinishedRuns(ctx context.Context, longerThan time.Duration) ([]OpenRun, error) {
	rows, err := s.q.ListUnfinishedRuns(ctx, s.pool, longerThan)
	if err != nil {
		return nil, interpret("list unfinished runs", err)
	}
	open := make([]OpenRun, len(rows))
	for i, r := range rows {
		open[i] = OpenRun{ID: r.ID, WorkflowID: r.WorkflowID, TemporalRunID: r.TemporalRunID, Status: r.Status}
	}
	return open, nil
}

// whyGone is the error of a run that was ended since its workflow had.
const whyGone = "its workflow was gone before it could finish"

// EndDeadRun ends a run whose workflow is gone; it can write nothing more. Its
// snapshot is left to CleanStaging. A run that is held or has ended meanwhile stays
// as it is; ended says whether it was not.
func (s *Store) EndDeadRun(ctx context.Context, runID, status string) (ended bool, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.EndDeadRun(ctx, tx, dbsqlc.EndDeadRunParams{Status: status, Error: whyGone, ID: runID})
		if ended = n > 0; err != nil || !ended {
			return err
		}
		if err := s.q.CloseFence(ctx, tx, runID); err != nil {
			return err
		}
		return feed.PublishRun(ctx, tx, runID)
	})
	return ended, interpret("end dead run", err)
}
