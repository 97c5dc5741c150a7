package service

import (
	"context"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
)

// Rows of the lists about runs.
type (
	RunRow           = pages.Run
	RunErrorRow      = pages.RunError
	RunDepartmentRow = pages.RunDepartment
	RemovalRow       = pages.Removal
	ChangeRow        = pages.Change
)

// ListRunsInput says which runs are wanted; what is empty limits nothing.
type ListRunsInput struct {
	Provider string
	Status   string
	Page
}

// ListRuns returns runs, the newest first.
func (v View) ListRuns(ctx context.Context, in ListRunsInput) (Rows[RunRow], error) {
	store, of, err := v.bounds(ctx, in.Provider)
	if err != nil {
		return Rows[RunRow]{}, err
	}
	return list(in.Page, func(after RunRow, limit int) ([]RunRow, error) {
		return store.Pages.ListRuns(ctx, of, in.Status, after, limit)
	}, func(r RunRow) RunRow { return RunRow{ID: r.ID, StartedAt: r.StartedAt} })
}

// GetRun returns one run.
func (v View) GetRun(ctx context.Context, id string) (RunRow, error) {
	_, run, err := v.run(ctx, id)
	return run, err
}

func (v View) run(ctx context.Context, id string) (*db.Store, RunRow, error) {
	if err := checkID(RunUnknown, id); err != nil {
		return nil, RunRow{}, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, RunRow{}, err
	}
	run, err := store.Pages.GetRun(ctx, id)
	return store, run, v.unlessForeign(err, RunUnknown, id, run.TenantID, run.ProviderID)
}

// ListRunErrors returns what went wrong in a run with single objects.
func (v View) ListRunErrors(ctx context.Context, id string, page Page) (Rows[RunErrorRow], error) {
	store, _, err := v.run(ctx, id)
	if err != nil {
		return Rows[RunErrorRow]{}, err
	}
	return list(page, func(after RunErrorRow, limit int) ([]RunErrorRow, error) {
		return store.Pages.ListRunErrors(ctx, id, after.ID, limit)
	}, func(r RunErrorRow) RunErrorRow { return RunErrorRow{ID: r.ID} })
}

// ListRunDepartments returns how completely a run read each department.
func (v View) ListRunDepartments(ctx context.Context, id string, page Page) (Rows[RunDepartmentRow], error) {
	store, _, err := v.run(ctx, id)
	if err != nil {
		return Rows[RunDepartmentRow]{}, err
	}
	return list(page, func(after RunDepartmentRow, limit int) ([]RunDepartmentRow, error) {
		return store.Pages.ListRunDepartments(ctx, id, after.ExternalID, limit)
	}, func(r RunDepartmentRow) RunDepartmentRow { return RunDepartmentRow{ExternalID: r.ExternalID} })
}

// ListRunRemovals returns what a run planned to remove. tag names the whole list: a decision is for
// the list with that tag and no other.
func (v View) ListRunRemovals(ctx context.Context, id string, page Page) (rows Rows[RemovalRow], tag string,
	err error) {
	store, _, err := v.run(ctx, id)
	if err != nil {
		return rows, "", err
	}
	if _, tag, err = store.Pages.HashRemovals(ctx, id); err != nil {
		return rows, "", err
	}
	rows, err = list(page, func(after RemovalRow, limit int) ([]RemovalRow, error) {
		return store.Pages.ListRemovals(ctx, id, after, limit)
	}, func(r RemovalRow) RemovalRow {
		return RemovalRow{ObjectType: r.ObjectType, ObjectID: r.ObjectID, DepartmentID: r.DepartmentID}
	})
	return rows, tag, err
}

// ListRunChanges returns a run's change log.
func (v View) ListRunChanges(ctx context.Context, id string, filter ChangeFilter, page Page) (Rows[ChangeRow], error) {
	if err := CheckChangeFilter(filter); err != nil {
		return Rows[ChangeRow]{}, err
	}
	store, _, err := v.run(ctx, id)
	if err != nil {
		return Rows[ChangeRow]{}, err
	}
	of := pages.ChangesOf{RunID: id, Kinds: filter.Kinds, Types: filter.Types, Raw: v.raw}
	return list(page, func(after ChangeRow, limit int) ([]ChangeRow, error) {
		return store.Pages.ListChanges(ctx, of, after.ID, limit)
	}, func(r ChangeRow) ChangeRow { return ChangeRow{ID: r.ID} })
}
