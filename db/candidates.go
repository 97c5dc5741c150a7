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

// Sight is how much of a company a run can see.
type Sight struct {
	// Limited is true if only part of the company is visible.
	Limited bool
	// Standing are earlier runs that saw no more: what they missed, and could not confirm
	// as gone, counts as missed before.
	Standing []string
}

// EarlierRun is a run that missed something, with what it could see.
type EarlierRun struct {
	ID    string
	Range json.RawMessage
}

// CandidateRuns returns the earlier runs whose candidates for removal are on record. There
// are none for a run that is limited: it neither uses nor forgets them.
func (s *Store) CandidateRuns(ctx context.Context, runID string) ([]EarlierRun, error) {
	rows, err := s.q.CandidateRuns(ctx, s.pool, runID)
	out := make([]EarlierRun, len(rows))
	for i, r := range rows {
		out[i] = EarlierRun{ID: r.RunID, Range: r.VisibleRange}
	}
	return out, interpret("find candidates for removal", err)
}

// Candidates returns up to limit objects of a type that these earlier runs missed and of
// which the present run knows nothing yet, in the order of their ids, from the first after
// the given one on; "" is before all of them.
func (s *Store) Candidates(ctx context.Context, runID, objectType string, standing []string, after string,
	limit int) ([]Candidate, error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	rows, err := s.q.CandidatesNext(ctx, s.pool, dbsqlc.CandidatesNextParams{
		RunID: runID, ObjectType: objectType, Standing: standing, After: after, MaxRows: int32(limit),
	})
	known := make([]Candidate, len(rows))
	for i, r := range rows {
		known[i] = Candidate{ID: r.ObjectID, ExternalID: r.ExternalID, OpenID: pg.OrZero(r.OpenID),
			UnionID: pg.OrZero(r.Unionid)}
	}
	return known, interpret("list candidates for removal", err)
}

// WholeIsRead reports whether a run has read all departments, and everybody in them, to
// the end.
func (s *Store) WholeIsRead(ctx context.Context, runID string) (bool, error) {
	read, err := s.q.EverythingIsRead(ctx, s.pool, runID)
	return read, interpret("read ledger", err)
}

// Apart is the listing of one person who is read by themselves in a run of the whole
// company. No department's id begins like it.
func Apart(externalID string) string { return "member " + externalID }

// ApplyApart applies the people whom the run has read by themselves, like the listings of
// departments.
func (s *Store) ApplyApart(ctx context.Context, runID string) error {
	return interpret("apply people read apart", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) error {
		if run.Mode == "plan" {
			return nil
		}
		return s.applyApart(ctx, tx, run, runID)
	}))
}

func (s *Store) applyApart(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string) error {
	listings, err := s.q.ListByIDListings(ctx, tx, runID)
	if err != nil || len(listings) == 0 {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if err := s.q.ApartDrop(ctx, tx, dbsqlc.ApartDropParams{RunID: runID, ProviderID: &run.ProviderID}); err != nil {
		return fmt.Errorf("drop who is listed: %w", err)
	}
	if listings, err = s.q.ListByIDListings(ctx, tx, runID); err != nil || len(listings) == 0 {
		return err
	}
	return s.applyListings(ctx, tx, run, runID, listings)
}

// StageApart writes a department that no listing showed, which was read by itself, and that
// it is there: without the latter it would pass for one that a listing shows again.
func (s *Store) StageApart(ctx context.Context, runID, candidate string, found StagedDepartment) error {
	return interpret("stage department", s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.FenceHoldRow) error {
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
func (s *Store) keepCandidates(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string, sight Sight,
	m missed) error {
	if run.Singly {
		return nil
	}
	if exist, err := s.q.CandidatesExist(ctx, tx, run.ProviderID); err != nil {
		return fmt.Errorf("find candidates: %w", err)
	} else if exist {
		if err := s.reviewCandidates(ctx, tx, run, runID); err != nil {
			return fmt.Errorf("review candidates: %w", err)
		}
	}
	if len(m.ids) == 0 {
		return nil
	}
	if err := s.q.CandidatesKeep(ctx, tx, dbsqlc.CandidatesKeepParams{
		ProviderID: run.ProviderID, RunID: runID, Types: m.types, Ids: m.ids, Results: m.results,
		Standing: pg.NonNil(sight.Standing),
	}); err != nil {
		return fmt.Errorf("keep candidates: %w", err)
	}
	return nil
}

// reviewCandidates forgets what listings show again, and notes what look-ups show.
func (s *Store) reviewCandidates(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string) error {
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if err := s.q.CandidatesForgetListed(ctx, tx, dbsqlc.CandidatesForgetListedParams{
		RunID: runID, ProviderID: run.ProviderID,
	}); err != nil {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, batch); err != nil { // one by one: mostly they are few
		return err
	}
	if err := s.q.CandidatesForgetRecognised(ctx, tx, dbsqlc.CandidatesForgetRecognisedParams{
		RunID: runID, ProviderID: run.ProviderID,
	}); err != nil {
		return err
	}
	if err := s.q.CandidatesFound(ctx, tx, dbsqlc.CandidatesFoundParams{
		ProviderID: run.ProviderID, RunID: runID,
	}); err != nil {
		return err
	}
	return s.setPlannerHints(ctx, tx, fullScan)
}
