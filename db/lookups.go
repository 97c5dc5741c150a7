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

// Fate is what is known of a single object once it was looked up.
type Fate string

// Fates. Gone, There, Unseen and Taken are what a provider says of an object
// (provider.Fate). Unnamed: the list of everybody, asked for once more, does not name the
// person. Failed: the answer was none. Unasked: there was nobody to ask, or too much.
const (
	Gone    Fate = "gone"
	There   Fate = "there"
	Unseen  Fate = "unseen"
	Taken   Fate = "taken"
	Unnamed Fate = "unnamed"
	Failed  Fate = "failed"
	Unasked Fate = "unasked"
)

// Doubt is a planned removal that a look-up is to confirm.
type Doubt struct {
	ID         string
	ExternalID string
	OpenID     string
	UnionID    string
}

// DoubtsOf says which of a run's doubts are meant.
type DoubtsOf struct {
	// Type is "member" or "department".
	Type string
	// Unlisted are those that no listing shows although everything was read, Unread those
	// that may be where nothing was.
	Unlisted, Unread bool
}

// Doubts returns up to limit planned removals that are still to be looked up, in the
// order of their ids, from the first after the given one on; "" is before all of them.
func (s *Store) Doubts(ctx context.Context, runID string, of DoubtsOf, after string, limit int) ([]Doubt, error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	rows, err := s.q.LookUpsNext(ctx, s.pool, dbsqlc.LookUpsNextParams{
		RunID: runID, ObjectType: of.Type, After: after, Unlisted: of.Unlisted, Unread: of.Unread,
		MaxRows: int32(limit),
	})
	doubts := make([]Doubt, len(rows))
	for i, r := range rows {
		doubts[i] = Doubt{ID: r.ObjectID, ExternalID: r.ExternalID, OpenID: pg.OrZero(r.OpenID),
			UnionID: pg.OrZero(r.Unionid)}
	}
	return doubts, interpret("list doubtful removals", err)
}

// Stage is when a run looks something up: before it removes anything, or again once
// removals were approved that it had been held for.
type Stage bool

// Stages.
const (
	BeforeRemoving Stage = false
	OnceApproved   Stage = true
)

// at runs do in the fence of a run that is at that stage: whoever lags behind from an
// earlier one notes nothing.
func (s *Store) at(ctx context.Context, stage Stage, runID string, do func(tx pgx.Tx) error) error {
	return s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error {
		if run.Approved != bool(stage) {
			return ErrSuperseded
		}
		return do(tx)
	})
}

// LookedUp notes what became of doubts, by their ids: nobody is asked about them again at
// this stage of the run.
func (s *Store) LookedUp(ctx context.Context, stage Stage, runID, objectType string, fates map[string]Fate) error {
	if len(fates) == 0 {
		return nil
	}
	answer := dbsqlc.LookUpsAnswerParams{RunID: runID, ObjectType: objectType}
	for id, fate := range fates {
		answer.Ids, answer.Fates = append(answer.Ids, id), append(answer.Fates, string(fate))
	}
	return interpret("note look-ups", s.at(ctx, stage, runID, func(tx pgx.Tx) error {
		return s.q.LookUpsAnswer(ctx, tx, answer)
	}))
}

// LookUpsEnd says that nobody can be asked about the doubts that are left.
func (s *Store) LookUpsEnd(ctx context.Context, stage Stage, runID string) error {
	return interpret("end look-ups", s.at(ctx, stage, runID, func(tx pgx.Tx) error {
		return s.q.LookUpsEnd(ctx, tx, runID)
	}))
}

// namedSpared is how many of those who were spared are named one by one.
const namedSpared = 1000

// Spare takes out of an approved plan who is there again, and who could not be looked up,
// and puts both on record: the latter as failed. Repeated, it changes nothing.
func (s *Store) Spare(ctx context.Context, runID string) error {
	return interpret("spare", s.at(ctx, OnceApproved, runID, func(tx pgx.Tx) error {
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		spared, err := s.q.RemovalsSpare(ctx, tx, dbsqlc.RemovalsSpareParams{RunID: runID, Objects: objectKinds()})
		if err != nil {
			return err
		}
		for _, x := range spared[:min(len(spared), namedSpared)] {
			note := dbsqlc.AddRunErrorParams{RunID: runID, ObjectType: x.ObjectType, ExternalID: x.ExternalID,
				Message: "its removal was approved, but the lookup that checks whether it is back failed; it was " +
					"left as it is, and the next sync decides"}
			if Fate(x.Fate) == There {
				note.ObjectType, note.Message = "warning", x.ObjectType+" "+x.ExternalID+
					": its removal was approved, but the provider shows it again; it was left as it is"
			}
			if err := s.q.AddRunError(ctx, tx, note); err != nil {
				return err
			}
		}
		if more := len(spared) - namedSpared; more > 0 {
			return s.q.AddRunError(ctx, tx, dbsqlc.AddRunErrorParams{RunID: runID, ObjectType: "warning",
				Message: fmt.Sprintf("%d more were left as they are, since the provider shows them again "+
					"or they could not be looked up", more)})
		}
		return nil
	}))
}

// doubts are what is to be looked up before a plan stands.
type doubts struct {
	// needed are not written down yet; open is how many are and were not looked up.
	needed []dbsqlc.LookUpsNeededRow
	open   int32
}

func (d doubts) any() bool { return len(d.needed)+int(d.open) > 0 }

// doubt returns what of a plan is to be looked up and was not yet. More than the guard
// lets pass are not: where all was read a person decides about them, else they stay.
func (s *Store) doubt(ctx context.Context, tx pgx.Tx, runID string, plan RemovalPlan) (d doubts, err error) {
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
		if *plan.Planned.Of(kind.Kind) <= plan.Limit(kind.Kind) {
			listed = append(listed, string(kind.Kind))
		}
		if plan.read && !plan.beyond(kind.Kind) || !plan.read && few {
			unread = append(unread, string(kind.Kind))
		}
	}
	if d.needed, err = s.q.LookUpsNeeded(ctx, tx, dbsqlc.LookUpsNeededParams{
		RunID: runID, Listed: listed, Unread: unread,
	}); err != nil {
		return d, fmt.Errorf("find doubts: %w", err)
	}
	d.open, err = s.q.LookUpsOpen(ctx, tx, runID)
	return d, err
}

// noteDoubts writes down what is to be looked up and returns how much that is.
func (s *Store) noteDoubts(ctx context.Context, tx pgx.Tx, runID string, d doubts) (int, error) {
	note := dbsqlc.LookUpsNoteParams{RunID: runID}
	for _, n := range d.needed {
		note.Types, note.Ids, note.Unlisted = append(note.Types, n.ObjectType), append(note.Ids,
			n.ObjectID), append(note.Unlisted, n.Unlisted)
	}
	if err := s.q.LookUpsNote(ctx, tx, note); err != nil {
		return 0, fmt.Errorf("note doubts: %w", err)
	}
	return len(d.needed) + int(d.open), nil
}

// judge makes the plan what it is to be by what was looked up: it confirms what is gone,
// and what was missed twice, takes out what stays, with the reason on record, and what
// nobody could be asked about, and adds what goes with the confirmed. Of a run that read
// the whole company it keeps what was missed, for the next one. It returns the figures.
// Judging again changes nothing.
func (s *Store) judge(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string,
	sight Sight) (RemovalPlan, error) {
	scope, err := s.q.Completeness(ctx, tx, runID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("completeness: %w", err)
	}
	if _, err := s.q.RemovalsJudgeGone(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("confirm: %w", err)
	}
	read := listingsEnded(run, scope)
	whole := read && run.Whole
	standing := []string{}
	if whole {
		standing = pg.NonNil(sight.Standing)
		if _, err := s.q.RemovalsJudgeTwice(ctx, tx, dbsqlc.RemovalsJudgeTwiceParams{
			RunID: runID, ProviderID: run.ProviderID, Standing: standing,
		}); err != nil {
			return RemovalPlan{}, fmt.Errorf("confirm what was missed twice: %w", err)
		}
	}
	stays, err := s.q.RemovalsJudgeStays(ctx, tx, dbsqlc.RemovalsJudgeStaysParams{
		RunID: runID, ProviderID: run.ProviderID, LimitedRange: sight.Limited, KeepPlaces: read, Standing: standing,
	})
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("withdraw: %w", err)
	}
	n := noting{s: s, tx: tx, runID: runID, targeted: run.Singly || scope.Excluded > 0 && !run.Whole}
	var kept missed
	for _, stay := range stays {
		fate := Fate(stay.Fate)
		switch {
		case !whole, fate == Failed:
		case fate == Unnamed:
			kept.add(stay.ObjectType, stay.ObjectID, Unseen)
		default:
			kept.add(stay.ObjectType, stay.ObjectID, fate)
		}
		if err := n.stays(ctx, stay.ObjectType, stay.ExternalID, fate, whole, stay.MissedBefore); err != nil {
			return RemovalPlan{}, err
		}
	}
	if run.Mode == "apply" {
		if err := s.keepCandidates(ctx, tx, run, runID, sight, kept); err != nil {
			return RemovalPlan{}, err
		}
	}
	if read {
		if err := s.leaveToAPerson(ctx, tx, run, runID); err != nil {
			return RemovalPlan{}, fmt.Errorf("confirm what a person decides: %w", err)
		}
	}
	dropped, err := s.q.RemovalsDropUnconfirmed(ctx, tx, runID)
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

// leaveToAPerson keeps in the plan what nobody was asked about since it is more than the
// guard lets pass, so that the run is held for it.
func (s *Store) leaveToAPerson(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string) error {
	plan, err := s.removalFigures(ctx, tx, run.ProviderID, runID)
	if err != nil {
		return err
	}
	for _, kind := range directory.Kinds() {
		if kind.LookedUp && plan.beyond(kind.Kind) {
			if err := s.q.RemovalsLeaveToAPerson(ctx, tx, dbsqlc.RemovalsLeaveToAPersonParams{
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
	// targeted: departments were left out on purpose, and what is in doubt may well be
	// in one of them. That is no failure.
	targeted bool
}

// stays says why something stays that no listing shows. What was missed before, and was or
// is there all the same, is known to be so, and is no failure.
func (n noting) stays(ctx context.Context, kind, externalID string, fate Fate, whole, missedBefore bool) error {
	if fate == There && missedBefore {
		n.targeted = true
		return n.note(ctx, kind, externalID, "no listing shows it, but a lookup finds it; it was left as it is")
	}
	if missedBefore && fate != Failed {
		n.targeted = true
		return n.note(ctx, kind, externalID,
			"no listing shows it, and a lookup, which found it so far, does not either; it was left as it is; "+
				"if the next run that reads everything does not find it, it is removed")
	}
	why, next := "the provider did not confirm that it is gone", "; if the next run that reads everything does not "+
		"find it either, it is removed"
	if fate == There {
		why = "a lookup still finds it: it was moved while the company was being read, or a listing left it out"
		next = "; if the next run that reads everything misses it, too, it is placed by its own record"
	}
	if !whole || fate == Failed {
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
	return n.s.q.AddRunError(ctx, n.tx, dbsqlc.AddRunErrorParams{RunID: n.runID, ObjectType: kind,
		ExternalID: externalID, Message: message})
}
