package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// detailsShare is how many full runs it takes to look everything up that has not changed.
const detailsShare = 20

// Detail is an object that a run looks up for facts which no listing tells.
type Detail struct {
	// Kind is that of a department or of a member.
	Kind       directory.Kind
	ExternalID string
	UnionID    string
}

// DetailAnswer is what the provider told of one.
type DetailAnswer struct {
	Detail
	// Told is false where it said nothing of the object, which then keeps what it has.
	Told      bool
	Manager   string
	SortOrder *int64
}

// detailsDue are the objects that a run looks up: those that are new, or are stored otherwise
// than when they were last looked up, and, in a run of the whole company, a share of the
// others, longest not looked up first.
const detailsDue = `-- name: DetailsDue
WITH objects AS (
    SELECT o.object_type, o.external_id, coalesce(o.unionid, '') AS unionid, r.read_at,
        coalesce(r.content_hash = o.content_hash, false) AS unchanged
    FROM detailed_objects o
    LEFT JOIN detail_reads r ON r.object_type = o.object_type AND r.object_id = o.id
    WHERE o.provider_id = $2
      AND ($3
          OR EXISTS (SELECT 1 FROM member_matches x WHERE x.run_id = $1 AND x.member_id = o.id)
          OR EXISTS (
              SELECT 1 FROM staged_departments x
              WHERE x.run_id = $1 AND o.object_type = 'department' AND x.external_id = o.external_id))
), ranked AS (
    SELECT o.*,
        row_number() OVER (PARTITION BY o.object_type, o.unchanged ORDER BY o.read_at, o.external_id) AS place,
        count(*) OVER (PARTITION BY o.object_type, o.unchanged) AS objects
    FROM objects o
)
SELECT DISTINCT $1::uuid, r.object_type, r.external_id, r.unionid
FROM ranked r
WHERE NOT r.unchanged OR $3 AND (r.place - 1) * $4 < r.objects`

// NeedsDetails reports whether a run that is, or is not, to look up details has anything to
// do for it: where it is not, facts of earlier runs go.
func (s *Store) NeedsDetails(ctx context.Context, providerID string, wanted bool) (bool, error) {
	if wanted {
		return true, nil
	}
	stored, err := s.q.DetailsWereRead(ctx, s.pool, providerID)
	return stored, interpret("find details", err)
}

// ForgetDetails lets the facts go that earlier runs looked up.
func (s *Store) ForgetDetails(ctx context.Context, runID string) error {
	return interpret("forget details", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		return s.q.ForgetDetails(ctx, tx, dbsqlc.ForgetDetailsParams{RunID: runID, ProviderID: run.ProviderID})
	}))
}

// StageDetails writes down, once, what the run is to look up. A dry run, which has applied
// nothing so far, does that first and takes it back, so that it comes to the same.
func (s *Store) StageDetails(ctx context.Context, runID string, limitedRange bool) error {
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if staged, err := s.q.DetailsAreStaged(ctx, tx, runID); err != nil || staged {
			return err
		}
		if run.Mode == "plan" {
			if err := s.rehearseListings(ctx, tx, run, runID, limitedRange); err != nil {
				return err
			}
		}
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		due, err := tx.Query(ctx, detailsDue, runID, run.ProviderID, run.Whole, detailsShare)
		if err != nil {
			return err
		}
		defer due.Close()
		err = s.pool.InTxApart(ctx, func(to pgx.Tx) error {
			_, err := to.CopyFrom(ctx, pgx.Identifier{"staged_details"},
				[]string{"run_id", "object_type", "external_id", "unionid"}, due)
			return err
		})
		if err != nil {
			return err
		}
		return errRollBack
	})
	if errors.Is(err, errRollBack) {
		err = nil
	}
	return interpret("find what to look up", err)
}

// rehearseListings applies what the run has listed.
func (s *Store) rehearseListings(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	limitedRange bool) error {
	if err := s.applyDepartments(ctx, tx, run, runID, limitedRange); err != nil {
		return err
	}
	departments, err := s.q.CountRunDepartments(ctx, tx, runID)
	if err != nil {
		return err
	}
	return s.applyMembers(ctx, tx, run, runID, 1, int(departments))
}

// ListOpenDetails returns up to limit objects that are still to be looked up, in a fixed order,
// from the first after the given one on.
func (s *Store) ListOpenDetails(ctx context.Context, runID string, after Detail, limit int) ([]Detail, error) {
	rows, err := s.q.ListOpenDetails(ctx, s.pool, dbsqlc.ListOpenDetailsParams{
		RunID: runID, AfterType: string(after.Kind), AfterID: after.ExternalID, AfterUnionid: after.UnionID,
		MaxRows: int32(limit),
	})
	open := make([]Detail, len(rows))
	for i, r := range rows {
		open[i] = Detail{Kind: directory.Kind(r.ObjectType), ExternalID: r.ExternalID, UnionID: r.Unionid}
	}
	return open, interpret("list what to look up", err)
}

// AnswerDetails writes what the provider told.
func (s *Store) AnswerDetails(ctx context.Context, runID string, answers []DetailAnswer) error {
	type row struct {
		ObjectType string `json:"object_type"`
		ExternalID string `json:"external_id"`
		UnionID    string `json:"unionid"`
		Told       bool   `json:"told"`
		Manager    string `json:"manager"`
		SortOrder  *int64 `json:"sort_order"`
	}
	if len(answers) == 0 {
		return nil
	}
	rows := make([]row, len(answers))
	for i, a := range answers {
		rows[i] = row{string(a.Kind), a.ExternalID, a.UnionID, a.Told, a.Manager, a.SortOrder}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return errors.New("a lookup's answer could not be encoded")
	}
	return interpret("keep what was looked up",
		s.inFence(ctx, runID, func(tx pgx.Tx, _ dbsqlc.HoldFenceRow) error {
			return s.q.AnswerDetails(ctx, tx, dbsqlc.AnswerDetailsParams{RunID: runID, Answers: body})
		}))
}

// CountOpenDetails returns how many objects are still to be looked up.
func (s *Store) CountOpenDetails(ctx context.Context, runID string) (int, error) {
	n, err := s.q.CountOpenDetails(ctx, s.pool, runID)
	return int(n), interpret("count what to look up", err)
}

// applyDetails makes the directory hold what the run has looked up. Whom or what the provider
// said nothing of keeps what it has.
func (s *Store) applyDetails(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if staged, err := s.q.DetailsAreStaged(ctx, tx, runID); err != nil || !staged {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func() (int64, error)
	}{
		{"managers", func() (int64, error) {
			return s.q.UpdateManagersOfDetails(ctx, tx, dbsqlc.UpdateManagersOfDetailsParams{RunID: runID,
				ProviderID: &run.ProviderID})
		}},
		{"order", func() (int64, error) {
			return s.q.UpdateOrderOfDetails(ctx, tx, dbsqlc.UpdateOrderOfDetailsParams{RunID: runID,
				ProviderID: &run.ProviderID})
		}},
		{"note lookups", func() (int64, error) {
			return s.q.RecordDetailReads(ctx, tx, dbsqlc.RecordDetailReadsParams{RunID: runID,
				ProviderID: &run.ProviderID})
		}},
		{"drop lookups", func() (int64, error) {
			return s.q.DropDetailReads(ctx, tx, dbsqlc.DropDetailReadsParams{RunID: runID,
				ProviderID: run.ProviderID})
		}},
	} {
		if err := discardCount(step.do()); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}
