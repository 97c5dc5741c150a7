package db

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// ListSingleDepartments returns the departments that a run reads by themselves.
func (s *Store) ListSingleDepartments(ctx context.Context, runID string) ([]string, error) {
	ids, err := s.q.ListSingleDepartments(ctx, s.pool, runID)
	return ids, interpret("list departments to read", err)
}

// ListDepartmentParents returns the parents of departments that the directory has, of those above them and
// of the tops, which have none.
func (s *Store) ListDepartmentParents(ctx context.Context, providerID string, ids []string) (map[string]string, error) {
	rows, err := s.q.ListWithDepartmentsAbove(ctx, s.pool, dbsqlc.ListWithDepartmentsAboveParams{
		ProviderID: &providerID, Departments: ids,
	})
	parents := make(map[string]string, len(rows))
	for _, row := range rows {
		parents[row.ExternalID] = pg.OrZero(row.Parent)
	}
	return parents, interpret("find what is above departments", err)
}

// ListCreatedDepartments returns the departments of a run by events that a provider told were created.
func (s *Store) ListCreatedDepartments(ctx context.Context, runID string) ([]string, error) {
	ids, err := s.q.ListCreatedDepartments(ctx, s.pool, &runID)
	return ids, interpret("list created departments", err)
}

// StageSingleDepartments stages departments that were read by themselves, each below its
// parent as far as that is one of them or stored, and notes those that the provider says
// are gone.
func (s *Store) StageSingleDepartments(ctx context.Context, runID string, found []directory.Department,
	gone []string) error {
	return interpret("stage departments", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		for _, id := range gone {
			if err := s.q.NoteGoneDepartment(ctx, tx, dbsqlc.NoteGoneDepartmentParams{
				RunID: runID, ProviderID: &run.ProviderID, ExternalID: id,
			}); err != nil {
				return err
			}
		}
		if len(found) == 0 {
			return nil
		}
		return s.stageWithAbove(ctx, tx, run, runID, found)
	}))
}

func (s *Store) stageWithAbove(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	found []directory.Department) error {
	var wanted []string
	for _, d := range found {
		wanted = append(wanted, d.ExternalID, d.ParentID)
	}
	stored, err := s.q.ListWithDepartmentsAbove(ctx, tx, dbsqlc.ListWithDepartmentsAboveParams{
		ProviderID: &run.ProviderID, Departments: wanted,
	})
	if err != nil {
		return err
	}
	tops := map[string]bool{}
	rows := make([]foundDepartment, 0, len(found)+len(stored))
	for _, d := range stored {
		tops[d.ExternalID] = d.Parent == nil
	}
	for _, d := range found {
		row := foundDepartment{ExternalID: d.ExternalID, Parent: &d.ParentID, Name: d.Name, SortOrder: d.SortOrder,
			Leaders: d.Leaders, Raw: d.Raw}
		if tops[d.ExternalID] {
			row.Parent = nil
		}
		rows = append(rows, row)
	}
	for _, d := range stored {
		rows = append(rows, foundDepartment{ExternalID: d.ExternalID, Parent: d.Parent})
	}
	document, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return s.q.StageSingleDepartments(ctx, tx, dbsqlc.StageSingleDepartmentsParams{RunID: runID, Departments: document})
}
