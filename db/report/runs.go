package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// ErrAmbiguous: more than one run's id begins like that.
var ErrAmbiguous = errors.New("more than one run's id begins like that")

// Run is one row of the run history.
type Run struct {
	ID            string
	Provider      string
	WorkflowID    string
	TemporalRunID string
	Mode          string
	// OnlyDepartments limits the run to these and what is below them, OnlyMembers to
	// single people; Retries is the run of which this one reads what failed.
	OnlyDepartments []string
	OnlyMembers     []string
	Retries         string
	Status          string
	Phase           string
	Counts          directory.Counts
	Calls           int64
	// Undoes is the run that this one takes back.
	Undoes         string
	HoldReason     string
	HoldWorkflowID string
	// HoldExpiresAt is when a held run that nobody decided counts as rejected.
	HoldExpiresAt *time.Time
	Error         string
	// StartedBy and DecidedBy are actors, empty where nobody is on record.
	StartedBy  string
	DecidedBy  string
	StartedAt  time.Time
	FinishedAt *time.Time
	// DetailsDroppedAt is when ledger, errors, removals and change log were cleaned up.
	DetailsDroppedAt *time.Time
}

func runOf(r dbsqlc.GetRunRow) (Run, error) {
	run := Run{
		ID: r.ID, Provider: r.ProviderName, WorkflowID: r.WorkflowID, TemporalRunID: r.TemporalRunID, Mode: r.Mode,
		Status: r.Status,
		Phase:  r.Phase, Calls: r.Calls, Undoes: pg.OrZero(r.Undoes), HoldReason: pg.OrZero(r.HoldReason),
		HoldWorkflowID: pg.OrZero(r.HoldWorkflowID),
		HoldExpiresAt:  r.HoldExpiresAt, Error: pg.OrZero(r.Error), StartedBy: pg.OrZero(r.StartedBy),
		DecidedBy:       pg.OrZero(r.DecidedBy),
		OnlyDepartments: r.Departments, OnlyMembers: r.Members, Retries: pg.OrZero(r.Retries),
		StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, DetailsDroppedAt: r.DetailsDroppedAt,
	}
	return run, json.Unmarshal(r.Counts, &run.Counts)
}

// GetRun returns one run, or ErrNotFound.
func (s *Store) GetRun(ctx context.Context, id string) (Run, error) {
	row, err := s.q.GetRun(ctx, s.pool, id)
	if err != nil {
		return Run{}, pg.Interpret("find run", err)
	}
	return runOf(row)
}

// ListRuns returns the newest runs first, of one provider or (empty) of all.
func (s *Store) ListRuns(ctx context.Context, provider string, limit int) ([]Run, error) {
	var filter *string
	if provider != "" {
		filter = &provider
	}
	rows, err := s.q.ListRuns(ctx, s.pool, dbsqlc.ListRunsParams{Provider: filter, MaxRows: int32(limit)})
	if err != nil {
		return nil, pg.Interpret("list runs", err)
	}
	out := make([]Run, len(rows))
	for i, row := range rows {
		if out[i], err = runOf(dbsqlc.GetRunRow(row)); err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
	}
	return out, nil
}

// FindRunByPrefix returns the run whose id begins with prefix, in either case of
// letters. It returns ErrNotFound and ErrAmbiguous.
func (s *Store) FindRunByPrefix(ctx context.Context, prefix string) (Run, error) {
	prefix = strings.ToLower(prefix)
	if prefix == "" || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return Run{}, fmt.Errorf("find run: %w", ErrNotFound)
	}
	ids, err := s.q.FindRunIDs(ctx, s.pool, dbsqlc.FindRunIDsParams{Prefix: prefix, MaxRows: 2})
	switch {
	case err != nil:
		return Run{}, pg.Interpret("find run", err)
	case len(ids) == 0:
		return Run{}, fmt.Errorf("find run: %w", ErrNotFound)
	case len(ids) > 1:
		return Run{}, fmt.Errorf("find run: %w", ErrAmbiguous)
	}
	return s.GetRun(ctx, ids[0])
}

// ListHeldRuns returns the provider's runs that wait for a decision, the newest first: one
// of the whole company at most, and any number of limited ones.
func (s *Store) ListHeldRuns(ctx context.Context, providerID string) ([]Run, error) {
	ids, err := s.q.ListHeldRunIDs(ctx, s.pool, providerID)
	if err != nil {
		return nil, pg.Interpret("find held runs", err)
	}
	runs := make([]Run, len(ids))
	for i, id := range ids {
		if runs[i], err = s.GetRun(ctx, id); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// Progress is how far a run has come.
type Progress struct {
	Phase             string
	Status            string
	Calls             int64
	StartedAt         time.Time
	Departments       int
	DepartmentsDone   int
	DepartmentsFailed int
	MembersRead       int
}

// ReadProgress reads it from the completeness record, so that it is exact to the page.
func (s *Store) ReadProgress(ctx context.Context, runID string) (Progress, error) {
	r, err := s.q.GetProgress(ctx, s.pool, runID)
	return Progress{
		Phase: r.Phase, Status: r.Status, Calls: r.Calls, StartedAt: r.StartedAt, Departments: int(r.Departments),
		DepartmentsDone: int(r.DepartmentsDone), DepartmentsFailed: int(r.DepartmentsFailed),
		MembersRead: int(r.MembersRead),
	}, pg.Interpret("read progress", err)
}
