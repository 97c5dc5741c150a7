package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// ErrAmbiguous: more than one run's id begins like that.
var ErrAmbiguous = errors.New("more than one run's id begins like that")

// FindRunByExecution returns the id of the run that a workflow execution opened, or
// ErrNotFound while it has not begun.
func (s *Store) FindRunByExecution(ctx context.Context, workflowID, temporalRunID string) (runID string, err error) {
	row, err := s.q.RunByExecution(ctx, s.pool, dbsqlc.RunByExecutionParams{
		WorkflowID: workflowID, TemporalRunID: temporalRunID,
	})
	return row.ID, interpret("find run of workflow", err)
}

// FindRunByPrefix returns the run whose id begins with prefix, in either case of
// letters. It returns ErrNotFound and ErrAmbiguous.
func (s *Store) FindRunByPrefix(ctx context.Context, prefix string) (Run, error) {
	prefix = strings.ToLower(prefix)
	if prefix == "" || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return Run{}, fmt.Errorf("find run: %w", ErrNotFound)
	}
	ids, err := s.q.RunIDsByPrefix(ctx, s.pool, dbsqlc.RunIDsByPrefixParams{Prefix: prefix, MaxRows: 2})
	switch {
	case err != nil:
		return Run{}, interpret("find run", err)
	case len(ids) == 0:
		return Run{}, fmt.Errorf("find run: %w", ErrNotFound)
	case len(ids) > 1:
		return Run{}, fmt.Errorf("find run: %w", ErrAmbiguous)
	}
	return s.Run(ctx, ids[0])
}

// ListHeldRuns returns the provider's runs that wait for a decision, the newest first: one
// of the whole company at most, and any number of limited ones.
func (s *Store) ListHeldRuns(ctx context.Context, providerID string) ([]Run, error) {
	ids, err := s.q.RunsHeld(ctx, s.pool, providerID)
	if err != nil {
		return nil, interpret("find held runs", err)
	}
	runs := make([]Run, len(ids))
	for i, id := range ids {
		if runs[i], err = s.Run(ctx, id); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// StreamRemovals calls each for everything that the run planned to remove and has not, in
// the form of the change that removing it would be, without holding them all.
func (s *Store) StreamRemovals(ctx context.Context, runID string, of ChangeFilter, each func(Change) error) error {
	const page = 1000
	if len(of.Kinds) > 0 && !slices.Contains(of.Kinds, "deleted") {
		return nil
	}
	after := dbsqlc.RemovalListParams{
		RunID: runID, AfterObject: uuid.Nil.String(), AfterDepartment: uuid.Nil.String(),
		Types: listed(of.Types), Members: listed(of.Members), MaxRows: page,
	}
	for {
		rows, err := s.q.RemovalList(ctx, s.pool, after)
		if err != nil {
			return interpret("read planned removals", err)
		}
		for _, r := range rows {
			removal := Change{ObjectType: r.ObjectType, ObjectID: r.ObjectID, ExternalID: r.ExternalID, Name: r.Name, Kind: "deleted", Before: r.Before, Planned: true}
			if r.ObjectType == "membership" {
				removal.DepartmentID, removal.Department, removal.DepartmentName, removal.DepartmentPath = r.DepartmentID, r.Department, r.DepartmentName, r.DepartmentPath
			}
			if err := each(removal); err != nil {
				return err
			}
			after.AfterType, after.AfterObject, after.AfterDepartment = r.ObjectType, r.ObjectID, r.DepartmentID
		}
		if len(rows) < page {
			return nil
		}
	}
}
