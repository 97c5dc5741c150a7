package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// CountRun computes what a run did from its change log and snapshot. It must be
// asked before the run's staging is dropped.
func (s *Store) CountRun(ctx context.Context, runID string) (directory.Counts, error) {
	var counts directory.Counts
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		counts, err = s.counts(ctx, tx, runID)
		return err
	})
	return counts, interpret("count", err)
}

func (s *Store) counts(ctx context.Context, tx dbsqlc.DBTX, runID string) (directory.Counts, error) {
	read, err := s.q.CountRead(ctx, tx, runID)
	if err != nil {
		return directory.Counts{}, err
	}
	counts, err := s.changed(ctx, tx, runID)
	if err != nil {
		return directory.Counts{}, err
	}
	d, m := &counts.Departments, &counts.Members
	d.Read, d.Failed = int(read.Departments), int(read.DepartmentsFailed)
	// A run that undoes another one reads nothing and yet changes.
	d.Unchanged = max(0, d.Read-d.Created-d.Updated-d.Moved-d.Restored)
	m.Read, m.Failed = int(read.Members), int(read.MemberErrors)
	m.Unchanged = max(0, m.Read-int(read.MembersUndecided)-m.Created-m.Updated-m.Moved-m.Restored-m.Deactivated)
	g, a := &counts.Groups, &counts.Administrators
	g.Read, g.Failed = int(read.Groups), int(read.GroupsFailed)
	g.Unchanged = max(0, g.Read-g.Created-g.Updated-g.Restored)
	a.Read, a.Failed = int(read.Administrators), int(read.AdministratorsFailed)
	return counts, nil
}

// CountChanges returns what a run has changed so far, by its change log alone: what was
// read and what stayed unchanged are zero.
func (s *Store) CountChanges(ctx context.Context, runID string) (directory.Counts, error) {
	counts, err := s.changed(ctx, s.pool, runID)
	return counts, interpret("count changes", err)
}

// HasChanges reports whether a run changed anything at all, or in plan mode would.
func (s *Store) HasChanges(ctx context.Context, runID string) (bool, error) {
	changed, err := s.q.HasChanges(ctx, s.pool, runID)
	return changed, interpret("look for changes", err)
}

func (s *Store) changed(ctx context.Context, tx dbsqlc.DBTX, runID string) (directory.Counts, error) {
	changes, err := s.q.CountChanges(ctx, tx, runID)
	if err != nil {
		return directory.Counts{}, err
	}
	var counts directory.Counts
	for _, c := range changes {
		counts.Set(directory.Kind(c.ObjectType), c.Kind, int(c.N))
	}
	return counts, nil
}

// ListProblems returns up to limit of what went wrong in a run, in words without
// personal data: failed departments first, then single objects and warnings.
func (s *Store) ListProblems(ctx context.Context, runID string, limit int) ([]string, error) {
	failed, err := s.ListCompleteness(ctx, runID, true, limit)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, limit)
	for _, d := range failed {
		out = append(out, "department "+d.ExternalID+": "+d.Error)
	}
	notes, err := s.q.ListRunErrors(ctx, s.pool,
		dbsqlc.ListRunErrorsParams{RunID: runID, MaxRows: int32(limit - len(out))})
	if err != nil {
		return nil, interpret("read errors", err)
	}
	for _, note := range notes {
		text := note.Message
		if note.ObjectType != "warning" && note.ExternalID != "" {
			text = note.ObjectType + " " + note.ExternalID + ": " + text
		}
		out = append(out, text)
	}
	return out, nil
}
