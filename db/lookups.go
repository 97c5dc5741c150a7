package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// LookupResult is what is known of a single object once it was looked up.
type LookupResult string

// Results. The first four are what a provider says of an object (provider.LookupResult).
// Not listed: the list of all members, asked for once more, does not name the member.
// Out of scope: the member is there, and does not belong in the directory by the rules.
// Failed: there was no usable answer. Not asked: no call could ask, or there were too many to ask about.
const (
	LookupNotFound   LookupResult = "not_found"
	LookupExists     LookupResult = "exists"
	LookupNotVisible LookupResult = "not_visible"
	LookupIDReused   LookupResult = "id_reused"
	LookupNotListed  LookupResult = "not_listed"
	LookupFailed     LookupResult = "failed"
	LookupNotAsked   LookupResult = "not_asked"
	LookupOutOfScope LookupResult = "out_of_scope"
)

// Candidate is an object that no complete listing shows any more. A lookup confirms its removal or keeps it.
type Candidate struct {
	ID         string
	ExternalID string
	OpenID     string
	UnionID    string
}

// CandidateFilter says which of a run's candidates are meant.
type CandidateFilter struct {
	// Type is "member" or "department".
	Type string
	// Missing are those that no listing shows although everything was read. Uncertain are those that may be in a
	// department that was not read.
	Missing, Uncertain bool
}

// ListCandidates returns up to limit planned removals that are still to be looked up, in the
// order of their ids, from the first after the given one on; "" is before all of them.
func (s *Store) ListCandidates(ctx context.Context, runID string, of CandidateFilter, after string,
	limit int) ([]Candidate, error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	rows, err := s.q.ListLookups(ctx, s.pool, dbsqlc.ListLookupsParams{
		RunID: runID, ObjectType: of.Type, After: after, Unlisted: of.Missing, Unread: of.Uncertain,
		MaxRows: int32(limit),
	})
	candidates := make([]Candidate, len(rows))
	for i, r := range rows {
		candidates[i] = Candidate{ID: r.ObjectID, ExternalID: r.ExternalID, OpenID: pg.OrZero(r.OpenID),
			UnionID: pg.OrZero(r.Unionid)}
	}
	return candidates, interpret("list candidates", err)
}

// Stage is when a run looks something up: before it removes anything, or again once
// removals were approved that it had been held for.
type Stage bool

// Stages.
const (
	BeforeRemoving Stage = false
	OnceApproved   Stage = true
)

// at runs do in the fence of a run that is at that stage: a worker that lags behind from an
// earlier one notes nothing.
func (s *Store) at(ctx context.Context, stage Stage, runID string, do func(tx pgx.Tx) error) error {
	return s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Approved != bool(stage) {
			return ErrSuperseded
		}
		return do(tx)
	})
}

// RecordLookups writes down the results of lookups, by the objects' ids. At this stage of the run they are not looked
// up again.
func (s *Store) RecordLookups(ctx context.Context, stage Stage, runID, objectType string,
	results map[string]LookupResult) error {
	if len(results) == 0 {
		return nil
	}
	answer := dbsqlc.AnswerLookupsParams{RunID: runID, ObjectType: objectType}
	for id, result := range results {
		answer.Ids, answer.Results = append(answer.Ids, id), append(answer.Results, string(result))
	}
	return interpret("note look-ups", s.at(ctx, stage, runID, func(tx pgx.Tx) error {
		return s.q.AnswerLookups(ctx, tx, answer)
	}))
}

// EndLookups says that the provider cannot be asked about the candidates that are left.
func (s *Store) EndLookups(ctx context.Context, stage Stage, runID string) error {
	return interpret("end look-ups", s.at(ctx, stage, runID, func(tx pgx.Tx) error {
		return s.q.EndLookups(ctx, tx, runID)
	}))
}

// namedReturned is how many of those who were spared are named one by one.
const namedReturned = 1000

// WithdrawReturned takes out of an approved plan who is there again, and who could not be looked up,
// and puts both on record: the latter as failed. Repeated, it changes nothing.
func (s *Store) WithdrawReturned(ctx context.Context, runID string) error {
	return interpret("spare", s.at(ctx, OnceApproved, runID, func(tx pgx.Tx) error {
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		spared, err := s.q.WithdrawReturned(ctx, tx,
			dbsqlc.WithdrawReturnedParams{RunID: runID, Objects: objectKinds()})
		if err != nil {
			return err
		}
		for _, x := range spared[:min(len(spared), namedReturned)] {
			kind, message := x.ObjectType, "its removal was approved, but the lookup that checks whether it is back "+
				"failed; it was left as it is, and the next sync decides"
			if LookupResult(x.Result) == LookupExists {
				kind, message = "warning", x.ObjectType+" "+x.ExternalID+
					": its removal was approved, but the provider shows it again; it was left as it is"
			}
			if err := s.addRunError(ctx, tx, runID, kind, x.ExternalID, message); err != nil {
				return err
			}
		}
		if more := len(spared) - namedReturned; more > 0 {
			return s.addRunError(ctx, tx, runID, "warning", "", fmt.Sprintf(
				"%d more were left as they are, since the provider shows them again or they could not be looked up",
				more))
		}
		return nil
	}))
}

// pendingLookups are what is to be looked up before a plan stands.
type pendingLookups struct {
	// needed are not written down yet; open is how many are and were not looked up.
	needed []dbsqlc.ListNeededLookupsRow
	open   int32
}

func (d pendingLookups) any() bool { return len(d.needed)+int(d.open) > 0 }

// findPendingLookups returns what of a plan is to be looked up and was not yet. More than the guard
// lets pass are not: where all was read a person decides about them, else they stay. Where no
// person decides, since the run may remove all that is gone, all of it is looked up.
func (s *Store) findPendingLookups(ctx context.Context, tx pgx.Tx, runID string,
	plan RemovalPlan) (d pendingLookups, err error) {
	listed, unread := []string{}, []string{}
	candidates, limit := 0, 0
	for _, kind := range directory.Kinds() {
		if kind.LookedUp {
			candidates += *plan.Planned.Of(kind.Kind) + *plan.Unconfirmed.Of(kind.Kind)
			limit = max(limit, plan.Limit(kind.Kind))
		}
	}
	if candidates == 0 {
		return d, nil
	}
	few := directory.Sum(plan.Unconfirmed) <= limit
	for _, kind := range directory.Kinds() {
		if !kind.LookedUp {
			continue
		}
		if plan.unlimited || *plan.Planned.Of(kind.Kind) <= plan.Limit(kind.Kind) {
			listed = append(listed, string(kind.Kind))
		}
		if plan.read && (plan.unlimited || !plan.beyond(kind.Kind)) || !plan.read && few {
			unread = append(unread, string(kind.Kind))
		}
	}
	if d.needed, err = s.q.ListNeededLookups(ctx, tx, dbsqlc.ListNeededLookupsParams{
		RunID: runID, Listed: listed, Unread: unread,
	}); err != nil {
		return d, fmt.Errorf("find lookups: %w", err)
	}
	d.open, err = s.q.CountOpenLookups(ctx, tx, runID)
	return d, err
}

// recordPendingLookups writes down what is to be looked up and returns how much that is.
func (s *Store) recordPendingLookups(ctx context.Context, tx pgx.Tx, runID string, d pendingLookups) (int, error) {
	note := dbsqlc.AddLookupsParams{RunID: runID}
	for _, n := range d.needed {
		note.Types, note.Ids, note.Unlisted = append(note.Types, n.ObjectType), append(note.Ids,
			n.ObjectID), append(note.Unlisted, n.Unlisted)
	}
	if err := s.q.AddLookups(ctx, tx, note); err != nil {
		return 0, fmt.Errorf("note lookups: %w", err)
	}
	return len(d.needed) + int(d.open), nil
}

// confirmRemovals makes the plan what it is to be by what was looked up: it confirms what is gone,
// and what was missed twice, takes out what stays, with the reason on record, and what
// could not be asked about, and adds what goes with the confirmed. Of a run that read
// the whole company it keeps what was missed, for the next one. It returns the figures.
// Confirming again changes nothing.
func (s *Store) confirmRemovals(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	visibility Visibility) (RemovalPlan, error) {
	scope, err := s.q.GetCompleteness(ctx, tx, runID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("completeness: %w", err)
	}
	if _, err := s.q.ConfirmNotFound(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("confirm: %w", err)
	}
	if err := s.q.PlanLookedUpOutOfScope(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("out of scope: %w", err)
	}
	read := listingsEnded(run, scope)
	whole := read && run.Whole
	earlierRuns := []string{}
	if whole {
		earlierRuns = pg.NonNil(visibility.EarlierRuns)
		if _, err := s.q.ConfirmMissedTwice(ctx, tx, dbsqlc.ConfirmMissedTwiceParams{
			RunID: runID, ProviderID: run.ProviderID, EarlierRuns: earlierRuns,
		}); err != nil {
			return RemovalPlan{}, fmt.Errorf("confirm what was missed twice: %w", err)
		}
	}
	stays, err := s.q.WithdrawKept(ctx, tx, dbsqlc.WithdrawKeptParams{
		RunID: runID, ProviderID: run.ProviderID, LimitedRange: visibility.Limited, KeepPlaces: read,
		EarlierRuns: earlierRuns,
	})
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("withdraw: %w", err)
	}
	n := noting{s: s, tx: tx, runID: runID, targeted: run.ByID || scope.Excluded > 0 && !run.Whole}
	var kept missed
	for _, stay := range stays {
		result := LookupResult(stay.Result)
		switch {
		case !whole, result == LookupFailed:
		case result == LookupNotListed:
			kept.add(stay.ObjectType, stay.ObjectID, LookupNotVisible)
		default:
			kept.add(stay.ObjectType, stay.ObjectID, result)
		}
		if err := n.stays(ctx, stay.ObjectType, stay.ExternalID, result, whole, stay.MissedBefore); err != nil {
			return RemovalPlan{}, err
		}
	}
	if run.Mode == "apply" {
		if err := s.keepCandidates(ctx, tx, run, runID, visibility, kept); err != nil {
			return RemovalPlan{}, err
		}
	}
	if read {
		if err := s.leaveToAPerson(ctx, tx, run, runID); err != nil {
			return RemovalPlan{}, fmt.Errorf("confirm what a person decides: %w", err)
		}
	}
	dropped, err := s.q.DropUnconfirmed(ctx, tx, runID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("drop: %w", err)
	}
	if dropped > 0 {
		if err := n.note(ctx, "department", "", fmt.Sprintf(
			"%d members or departments were not found where they used to be, but may be where this run could not "+
				"read; they were left as they are", dropped)); err != nil {
			return RemovalPlan{}, err
		}
	}
	if err := s.planDependents(ctx, tx, run, runID); err != nil {
		return RemovalPlan{}, err
	}
	return s.removalFigures(ctx, tx, run.ProviderID, runID)
}

// leaveToAPerson keeps in the plan what the provider was not asked about since it is more than the
// guard lets pass, so that the run is held for it.
func (s *Store) leaveToAPerson(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	plan, err := s.removalFigures(ctx, tx, run.ProviderID, runID)
	if err != nil {
		return err
	}
	for _, kind := range directory.Kinds() {
		if kind.LookedUp && plan.beyond(kind.Kind) {
			if err := s.q.LeaveRemovalsToAPerson(ctx, tx, dbsqlc.LeaveRemovalsToAPersonParams{
				RunID: runID, ObjectType: string(kind.Kind),
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// noting puts on record why something was left as it is.
type noting struct {
	s     *Store
	tx    pgx.Tx
	runID string
	// targeted: departments were left out on purpose, and what was not found may well be
	// in one of them. That is no failure.
	targeted bool
}

// stays says why something stays that no listing shows. What was missed before, and was or
// is there all the same, is known to be so, and is no failure.
func (n noting) stays(ctx context.Context, kind, externalID string, result LookupResult, whole,
	missedBefore bool) error {
	if result == LookupExists && missedBefore {
		n.targeted = true
		return n.note(ctx, kind, externalID, "no listing shows it, but a lookup finds it; it was left as it is")
	}
	if missedBefore && result != LookupFailed {
		n.targeted = true
		return n.note(ctx, kind, externalID,
			"no listing shows it, and a lookup, which found it so far, does not either; it was left as it is; "+
				"if the next run that reads everything does not find it, it is removed")
	}
	why, next := "the provider did not confirm that it is gone", "; if the next run that reads everything does not "+
		"find it either, it is removed"
	if result == LookupExists {
		why = "a lookup still finds it: it was moved while the company was being read, or a listing left it out"
		next = "; if the next run that reads everything misses it, too, it is placed by its own record"
	}
	if !whole || result == LookupFailed {
		next = ""
	}
	return n.note(ctx, kind, externalID, "no listing shows it any more, but "+why+"; it was left as it is"+next)
}

func (n noting) note(ctx context.Context, kind, externalID, message string) error {
	if n.targeted {
		if externalID != "" {
			message = kind + " " + externalID + ": " + message
		}
		kind = "warning"
	}
	return n.s.addRunError(ctx, n.tx, n.runID, kind, externalID, message)
}
