package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Change is one line of a run's change log.
type Change struct {
	ObjectType   string
	ObjectID     string
	DepartmentID string
	ExternalID   string
	// Name is the person's or department's, also of one who is gone.
	Name string
	// Department, of a membership, is where it is, by the department's external id.
	Department     string
	DepartmentName string
	DepartmentPath string
	Kind           string
	Before         json.RawMessage
	After          json.RawMessage
	// Names are the objects that Before and After name by id: name and external id, by id.
	Names map[string]string
	// ChangedAt is zero for a planned change.
	ChangedAt time.Time
	// Planned is true for what a held run would remove once it is approved.
	Planned bool
}

// ChangeFilter limits which changes are told; what is empty limits nothing.
type ChangeFilter struct {
	Kinds []string
	// Types are member, department and membership.
	Types []string
	// Members are external ids; their memberships belong to them.
	Members []string
}

// StreamChanges calls each for every change of a run, in order, without holding them all.
func (s *Store) StreamChanges(ctx context.Context, runID string, of ChangeFilter, each func(Change) error) error {
	const page = 1000
	next := dbsqlc.ListChangesParams{RunID: runID, Kinds: pg.NonNil(of.Kinds), Types: pg.NonNil(of.Types),
		Members: pg.NonNil(of.Members), MaxRows: page}
	for {
		rows, err := s.q.ListChanges(ctx, s.pool, next)
		if err != nil {
			return pg.Interpret("read changes", err)
		}
		for _, r := range rows {
			change := Change{
				ObjectType: r.ObjectType, ObjectID: r.ObjectID, ExternalID: r.ExternalID, Name: r.Name, Kind: r.Kind,
				Department: r.Department, DepartmentName: r.DepartmentName, DepartmentPath: r.DepartmentPath,
				Before: r.Before, After: r.After, ChangedAt: r.ChangedAt,
			}
			if err := json.Unmarshal(r.Names, &change.Names); err != nil {
				return fmt.Errorf("read changes: %w", err)
			}
			if r.DepartmentID != r.ObjectID { // a place
				change.DepartmentID = r.DepartmentID
			}
			if err := each(change); err != nil {
				return err
			}
			next.AfterID = r.ID
		}
		if len(rows) < page {
			return nil
		}
	}
}

// StreamRemovals calls each for everything that the run planned to remove and has not, in
// the form of the change that removing it would be, without holding them all.
func (s *Store) StreamRemovals(ctx context.Context, runID string, of ChangeFilter, each func(Change) error) error {
	const page = 1000
	if len(of.Kinds) > 0 && !slices.Contains(of.Kinds, "deleted") {
		return nil
	}
	after := dbsqlc.ListRemovalsParams{
		RunID: runID, AfterObject: uuid.Nil.String(), AfterDepartment: uuid.Nil.String(),
		Types: pg.NonNil(of.Types), Members: pg.NonNil(of.Members), MaxRows: page,
	}
	for {
		rows, err := s.q.ListRemovals(ctx, s.pool, after)
		if err != nil {
			return pg.Interpret("read planned removals", err)
		}
		for _, r := range rows {
			removal := Change{ObjectType: r.ObjectType, ObjectID: r.ObjectID, ExternalID: r.ExternalID, Name: r.Name,
				Kind: "deleted", Before: r.Before, Planned: true}
			if r.DepartmentID != r.ObjectID { // a place
				removal.DepartmentID, removal.Department = r.DepartmentID, r.Department
				removal.DepartmentName, removal.DepartmentPath = r.DepartmentName, r.DepartmentPath
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
