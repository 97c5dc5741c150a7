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
	"github.com/orgsync/orgsync/internal/directory"
)

// HoldRun marks the run as held, stores what it did so far, notes until when it waits
// and drops its staged rows: the plan of removals is all that a decision needs.
// Holding again changes nothing. It returns ErrSuperseded if the run has ended
// meanwhile.
func (s *Store) HoldRun(ctx context.Context, runID, reason, holdWorkflowID string, counts directory.Counts) error {
	body, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("hold run: %w", err)
	}
	return interpret("hold run", s.inTx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.HoldRun(ctx, tx, dbsqlc.HoldRunParams{
			HoldReason: &reason, HoldWorkflowID: &holdWorkflowID, ID: runID,
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSuperseded
		}
		if err := s.q.SetCounts(ctx, tx, dbsqlc.SetCountsParams{Counts: body, ID: runID}); err != nil {
			return err
		}
		if err := s.finishEvents(ctx, tx, runID); err != nil {
			return err
		}
		return s.closeFence(ctx, tx, runID)
	}))
}

// GetTimeLeft returns how long a held run still waits for its decision, below 0 if that is
// over.
func (s *Store) GetTimeLeft(ctx context.Context, runID string) (time.Duration, error) {
	seconds, err := s.q.HoldLeft(ctx, s.pool, runID)
	return time.Duration(seconds * float64(time.Second)), interpret("ask how long the hold lasts", err)
}

// ResumeRun lets a held run go on, whose removals were approved: it takes the provider's
// fence back from whatever run began since and left the hold as it was, and marks the run
// as at work, so that no other run can begin until it has ended. Asking again changes
// nothing. It returns *RunBusyError while another run is at work, which is asked about
// with ended as BeginRun does, and ErrSuperseded if the run is no longer held. All that is
// to go is in doubt again from here on.
func (s *Store) ResumeRun(ctx context.Context, runID string,
	ended func(context.Context, OpenRun) (string, error)) error {
	return interpret("resume run", s.inTx(ctx, func(tx pgx.Tx) error {
		providerID, err := s.q.LockProviderOfRun(ctx, tx, runID)
		if err != nil {
			return err
		}
		hold, err := s.q.GetHoldState(ctx, tx, runID)
		switch {
		case err != nil:
			return err
		case hold.Status == directory.RunRunning && hold.WasHeld:
			return nil // resumed already
		case hold.Status != directory.RunHeld:
			return ErrSuperseded
		}
		open, err := s.openRuns(ctx, tx, providerID)
		if err != nil {
			return err
		}
		if err := s.endDeadRuns(ctx, tx, open, ended); err != nil {
			return err
		}
		if err := s.q.TakeFenceBack(ctx, tx, dbsqlc.TakeFenceBackParams{
			RunID: &runID, ProviderID: providerID,
		}); err != nil {
			return err
		}
		if err := s.q.ResumeRun(ctx, tx, runID); err != nil {
			return err
		}
		if err := s.q.SetRulesApplied(ctx, tx, runID); err != nil {
			return err
		}
		// What was said before the hold may be true no longer.
		if err := s.q.ForgetLookups(ctx, tx, runID); err != nil {
			return err
		}
		return s.q.AddLookupsOfRemovals(ctx, tx,
			dbsqlc.AddLookupsOfRemovalsParams{RunID: runID, Kinds: lookedUpKinds()})
	}))
}

// RecordDecision notes who decided a held run, in the audit log too: what the request says, else
// decidedBy. The first decision stands.
func (s *Store) RecordDecision(ctx context.Context, runID, decidedBy, request string, approved bool) error {
	return interpret("note who decided", s.inTx(ctx, func(tx pgx.Tx) error {
		by, err := audit.Requester(ctx, tx, request, decidedBy)
		if err != nil {
			return err
		}
		run, err := s.q.SetDecidedBy(ctx, tx, dbsqlc.SetDecidedByParams{DecidedBy: &by.Name, ID: runID})
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil || by.Name == directory.ByExpiry:
			return err
		}
		decision := "reject"
		if approved {
			decision = "approve"
		}
		return audit.Write(ctx, tx, audit.Entry{
			By: by, Action: "run.decide", Object: "run/" + runID, TenantID: pg.OrZero(run.TenantID),
			ProviderID: run.ProviderID, After: fmt.Appendf(nil, `{"decision":%q,"removals":%d}`, decision, run.Removals),
		})
	}))
}

// How much of a plan is shown: so much a person reads, and Temporal carries easily
// however long the ids are.
const (
	shownRemovals = 50
	shownBytes    = 8 << 10
)

// ListHeldRemovals sums up what a run planned to remove, with the first external ids of
// each type.
func (s *Store) ListHeldRemovals(ctx context.Context, runID string) (directory.Removals, error) {
	var out directory.Removals
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) (err error) {
			out, err = s.heldRemovals(ctx, tx, runID)
			return err
		})
	return out, interpret("sum up planned removals", err)
}

func (s *Store) heldRemovals(ctx context.Context, tx pgx.Tx, runID string) (directory.Removals, error) {
	p, err := s.q.GetProviderByRun(ctx, tx, runID)
	if err != nil {
		return directory.Removals{}, err
	}
	plan, err := s.removalFigures(ctx, tx, p.ID, runID)
	if err != nil {
		return directory.Removals{}, err
	}
	there, err := s.countActive(ctx, tx, p.ID, true)
	if err != nil {
		return directory.Removals{}, err
	}
	var out directory.Removals
	for _, kind := range directory.Kinds() {
		ids, err := s.q.ListRemovedIDs(ctx, tx, dbsqlc.ListRemovedIDsParams{
			RunID: runID, ObjectType: string(kind.Kind), MaxRows: shownRemovals,
		})
		if err != nil {
			return out, err
		}
		removal := directory.Removal{
			Planned: *plan.Planned.Of(kind.Kind), There: *there.Of(kind.Kind), IDs: fitting(ids),
		}
		if kind.Limited {
			removal.Limit = new(plan.Limit(kind.Kind))
		}
		*out.Of(kind.Kind) = removal
	}
	return out, nil
}

// fitting returns the first ids that are together no longer than is shown.
func fitting(ids []string) []string {
	fit, size := []string{}, 0
	for _, id := range ids {
		if size += len(id); size > shownBytes {
			break
		}
		fit = append(fit, id)
	}
	return fit
}
