package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Visibility is how much of a company a run can see.
type Visibility struct {
	// Limited is true if only part of the company is visible.
	Limited bool
	// EarlierRuns are those runs that saw no more: what they missed, and could not confirm
	// as gone, counts as missed before.
	EarlierRuns []string
}

// EarlierRun is a run that missed something, with what it could see.
type EarlierRun struct {
	ID    string
	Range json.RawMessage
}

// ListCandidateRuns returns the earlier runs whose candidates for removal are on record. There
// are none for a run that is limited: it neither uses nor forgets them.
func (s *Store) ListCandidateRuns(ctx context.Context, runID string) ([]EarlierRun, error) {
	rows, err := s.q.ListCandidateRuns(ctx, s.pool, runID)
	out := make([]EarlierRun, len(rows))
	for i, r := range rows {
		out[i] = EarlierRun{ID: r.RunID, Range: r.VisibleRange}
	}
	return out, interpret("find candidates for removal", err)
}

// ListCandidatesOf returns up to limit objects of a type that these earlier runs missed and of
// which the present run knows nothing yet, in the order of their ids, from the first after
// the given one on; "" is before all of them.
func (s *Store) ListCandidatesOf(ctx context.Context, runID, objectType string, earlierRuns []string, after string,
	limit int) ([]Candidate, error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	rows, err := s.q.ListNextCandidates(ctx, s.pool, dbsqlc.ListNextCandidatesParams{
		RunID: runID, ObjectType: objectType, EarlierRuns: earlierRuns, After: after, MaxRows: int32(limit),
	})
	known := make([]Candidate, len(rows))
	for i, r := range rows {
		known[i] = Candidate{ID: r.ObjectID, ExternalID: r.ExternalID, OpenID: pg.OrZero(r.OpenID),
			UnionID: pg.OrZero(r.Unionid)}
	}
	return known, interpret("list candidates for removal", err)
}

// HasReadEverything reports whether a run has read all departments, and the members in them, to
// the end.
func (s *Store) HasReadEverything(ctx context.Context, runID string) (bool, error) {
	read, err := s.q.EverythingIsRead(ctx, s.pool, runID)
	return read, interpret("read what was read to the end", err)
}

// SingleListing is the listing of one person who is read by themselves in a run of the whole
// company. No department's id begins like it.
func SingleListing(externalID string) string { return "member " + externalID }

// ApplyReread applies the people whom the run has read by themselves, like the listings of
// departments.
func (s *Store) ApplyReread(ctx context.Context, runID string) error {
	return interpret("apply members read anew", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Mode == "plan" {
			return nil
		}
		return s.applyReread(ctx, tx, run, runID)
	}))
}

func (s *Store) applyReread(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	listings, err := s.q.ListByIDListings(ctx, tx, runID)
	if err != nil || len(listings) == 0 {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if err := s.q.DropListedRereads(ctx, tx, dbsqlc.DropListedRereadsParams{
		RunID: runID, ProviderID: &run.ProviderID,
	}); err != nil {
		return fmt.Errorf("drop who is listed: %w", err)
	}
	if listings, err = s.q.ListByIDListings(ctx, tx, runID); err != nil || len(listings) == 0 {
		return err
	}
	return s.applyListings(ctx, tx, run, runID, listings)
}

// StageReread writes a department that no listing showed, which was read by itself, and that
// it is there: without the latter it would pass for one that a listing shows again.
func (s *Store) StageReread(ctx context.Context, runID, candidate string, found StagedDepartment) error {
	return interpret("stage department", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
		if err := s.q.AnswerLookups(ctx, tx, dbsqlc.AnswerLookupsParams{
			RunID: runID, ObjectType: "department", Ids: []string{candidate}, Results: []string{string(LookupExists)},
		}); err != nil {
			return err
		}
		return s.putDepartments(ctx, tx, runID, []StagedDepartment{found})
	}))
}

// missed is what a run could not confirm as gone.
type missed struct {
	types, ids, results []string
}

func (m *missed) add(objectType, id string, result LookupResult) {
	m.types, m.ids, m.results = append(m.types, objectType), append(m.ids, id), append(m.results, string(result))
}

// keepCandidates puts on record what a run that read everything missed and could not
// confirm as gone; of others that is nothing. Whatever was read, what a listing shows again
// is forgotten: it has not been missed twice in a row. What a run of single people finds
// was not listed.
func (s *Store) keepCandidates(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	visibility Visibility, m missed) error {
	if run.ByID {
		return nil
	}
	if exist, err := s.q.HasCandidates(ctx, tx, run.ProviderID); err != nil {
		return fmt.Errorf("find candidates: %w", err)
	} else if exist {
		if err := s.reviewCandidates(ctx, tx, run, runID); err != nil {
			return fmt.Errorf("review candidates: %w", err)
		}
	}
	if len(m.ids) == 0 {
		return nil
	}
	if err := s.q.KeepCandidates(ctx, tx, dbsqlc.KeepCandidatesParams{
		ProviderID: run.ProviderID, RunID: runID, Types: m.types, Ids: m.ids, Results: m.results,
		EarlierRuns: pg.NonNil(visibility.EarlierRuns),
	}); err != nil {
		return fmt.Errorf("keep candidates: %w", err)
	}
	return nil
}

// reviewCandidates forgets what listings show again, and notes what look-ups show.
func (s *Store) reviewCandidates(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if err := s.q.ForgetListedCandidates(ctx, tx, dbsqlc.ForgetListedCandidatesParams{
		RunID: runID, ProviderID: run.ProviderID,
	}); err != nil {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, batch); err != nil { // one by one: mostly they are few
		return err
	}
	if err := s.q.ForgetUnchangedCandidates(ctx, tx, dbsqlc.ForgetUnchangedCandidatesParams{
		RunID: runID, ProviderID: run.ProviderID,
	}); err != nil {
		return err
	}
	if err := s.q.MarkCandidatesFound(ctx, tx, dbsqlc.MarkCandidatesFoundParams{
		ProviderID: run.ProviderID, RunID: runID,
	}); err != nil {
		return err
	}
	return s.setPlannerHints(ctx, tx, fullScan)
}
