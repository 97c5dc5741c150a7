package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

const (
	// maxReasons is how many reasons of a run are told apart; all are in its completeness record.
	maxReasons = 10
	// idsOfReason is how many of the objects that share a reason are named.
	idsOfReason = 3
	// callOfMessage is what provider.Error ends a message with, as a regular expression.
	callOfMessage = ` \([^()]*\)$`
)

// ListReasons returns what went wrong in a run, each reason once with the objects that it
// concerns: what ended the run, then departments, people and warnings.
func (s *Store) ListReasons(ctx context.Context, run report.Run) ([]directory.Reason, error) {
	rows, err := s.q.ListRunReasons(ctx, s.pool, dbsqlc.ListRunReasonsParams{RunID: run.ID, Call: callOfMessage,
		Ids: idsOfReason, MaxRows: maxReasons})
	if err != nil {
		return nil, interpret("read reasons", err)
	}
	out := make([]directory.Reason, 0, len(rows)+1)
	if run.Error != "" {
		out = append(out, directory.Reason{Text: run.Error, Count: 1})
	}
	for _, row := range rows {
		reason := directory.Reason{Type: row.ObjectType, Text: row.Message, Count: int(row.Objects), IDs: row.FirstIds}
		if row.ObjectType == "warning" || row.FirstIds[0] == "" { // the text says what it is about
			reason.Type, reason.IDs = "", nil
		}
		if row.ObjectType == "rule" {
			reason.Type = "member"
		}
		out = append(out, reason)
	}
	return out, nil
}

// CountPartials tells of a run that ended partial how many runs in a row have.
type Partials struct {
	// InARow counts runs with the same limits up to this one since the last that
	// succeeded; 0: the run did not end partial, is a plan, or mends another run.
	InARow int
	// MostUnread is true if this one read less than half of the departments.
	MostUnread bool
}

// CountPartials returns how often in a row the run's provider could not be read in full.
func (s *Store) CountPartials(ctx context.Context, run report.Run) (Partials, error) {
	row, err := s.q.CountPartialRuns(ctx, s.pool, run.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Partials{}, nil
	}
	if err != nil {
		return Partials{}, interpret("count partial runs", err)
	}
	out := Partials{InARow: int(row.Partials)}
	if len(run.OnlyDepartments) == 0 && len(run.OnlyMembers) == 0 {
		// Where the tree itself could not be read, the directory knows of more than was listed.
		d := run.Counts.Departments
		out.MostUnread = 2*(d.Read-d.Failed) < max(d.Read, int(row.Departments))
	}
	return out, nil
}
