package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// RunResult is how a run ended, or how far it has come until it was held.
type RunResult struct {
	RunID    string
	Provider string
	Mode     string
	Status   string
	directory.Counts
	// Calls is how many provider calls were made.
	Calls      int64
	DurationMS int64
	// Errors are up to maxErrors, without personal data.
	Errors []string
	// HoldWorkflowID is the workflow that waits for a decision, HoldReason why it waits and
	// HoldExpiresAt until when.
	HoldWorkflowID string
	HoldReason     string
	HoldExpiresAt  *time.Time
	// Undoes is the run that this one took back, LeftAlone how many objects it left as they are.
	Undoes    string
	LeftAlone int
}

// resultOf makes a result of what a workflow returned.
func resultOf(r workflows.SyncResult) RunResult { return RunResult(r) }

// maxErrors is how many errors a result and a run that is shown have.
const maxErrors = 20

// maxRows is the most rows that a caller may ask for at once.
const maxRows = 100_000

func checkLimit(limit int) error {
	if limit < 1 || limit > maxRows {
		return &Error{Code: RowLimitInvalid, Args: Args{Field: "limit", Number: float64(limit), Most: maxRows}}
	}
	return nil
}

// ListRuns returns the newest runs first, of one provider or (empty) of all.
func (s *Service) ListRuns(ctx context.Context, provider string, limit int) ([]Run, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if provider != "" {
		if _, err := findProvider(ctx, store.Providers, provider); err != nil {
			return nil, err
		}
	}
	return store.Report.ListRuns(ctx, provider, limit)
}

// FindRun returns the run whose id begins with prefix.
func (s *Service) FindRun(ctx context.Context, prefix string) (Run, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Run{}, err
	}
	return findRun(ctx, store, prefix)
}

func findRun(ctx context.Context, store *db.Store, prefix string) (Run, error) {
	run, err := store.Report.FindRunByPrefix(ctx, prefix)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return Run{}, &Error{Code: RunUnknown, Args: Args{RunID: prefix}}
	case errors.Is(err, report.ErrAmbiguous):
		return Run{}, &Error{Code: RunAmbiguous, Args: Args{RunID: prefix}}
	}
	return run, err
}

// GetRunInput says which run is wanted, and how much of it.
type GetRunInput struct {
	// RunID is the run's id, or as much of its beginning as is unique.
	RunID string
	// Departments is how many departments are wanted, Removals how many of those that a held run would carry out.
	Departments int
	Removals    RemovalsLimit
}

// GetRunResult is a run with what is on record of it.
type GetRunResult struct {
	Run
	Errors      []string
	Departments []RunDepartment
	// Removals is what a held run would remove, nil of one that is not held.
	Removals *RemovalPlan
}

// RemovalPlan is what a held run would remove, in figures and by name.
type RemovalPlan struct {
	Figures directory.Removals
	ByName  PlannedRemovals
}

// GetRun returns a run with its errors and departments and, of a held one, what it would
// remove.
func (s *Service) GetRun(ctx context.Context, in GetRunInput) (GetRunResult, error) {
	var result GetRunResult
	store, err := s.openStore(ctx)
	if err != nil {
		return result, err
	}
	if result.Run, err = findRun(ctx, store, in.RunID); err != nil {
		return result, err
	}
	if result.Errors, err = store.ListProblems(ctx, result.ID, maxErrors); err != nil {
		return result, err
	}
	if result.Departments, err = store.ListCompleteness(ctx, result.ID, false, in.Departments); err != nil {
		return result, err
	}
	if result.Status == directory.RunHeld {
		result.Removals, err = removalPlan(ctx, store, result.ID, in.Removals)
	}
	return result, err
}

// GetRemovalPlan returns what a held run would remove.
func (s *Service) GetRemovalPlan(ctx context.Context, runID string, limit RemovalsLimit) (*RemovalPlan, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return removalPlan(ctx, store, runID, limit)
}

func removalPlan(ctx context.Context, store *db.Store, runID string, limit RemovalsLimit) (*RemovalPlan, error) {
	var plan RemovalPlan
	var err error
	if plan.Figures, err = store.ListHeldRemovals(ctx, runID); err != nil {
		return nil, err
	}
	plan.ByName, err = store.ListPlannedRemovals(ctx, runID, limit)
	return &plan, err
}

// GetRunResult returns how a run ended, as the database has it.
func (s *Service) GetRunResult(ctx context.Context, runID string) (RunResult, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return RunResult{}, err
	}
	return storedResult(ctx, store, runID)
}

func storedResult(ctx context.Context, store *db.Store, runID string) (RunResult, error) {
	run, err := store.Report.GetRun(ctx, runID)
	if err != nil {
		return RunResult{}, err
	}
	result := RunResult{
		RunID: run.ID, Provider: run.Provider, Mode: run.Mode, Status: run.Status, Counts: run.Counts, Calls: run.Calls,
		DurationMS: Lasted(run).Milliseconds(), Undoes: run.Undoes,
	}
	if run.Status == directory.RunHeld {
		result.HoldWorkflowID, result.HoldReason = run.HoldWorkflowID, run.HoldReason
		result.HoldExpiresAt = run.HoldExpiresAt
	}
	if run.Error != "" {
		result.Errors = []string{run.Error}
	}
	problems, err := store.ListProblems(ctx, runID, maxErrors-len(result.Errors))
	result.Errors = append(result.Errors, problems...)
	return result, err
}

// Lasted is how long a run took or, if it has not ended, takes so far.
func Lasted(run Run) time.Duration {
	if run.FinishedAt != nil {
		return run.FinishedAt.Sub(run.StartedAt)
	}
	return max(0, time.Since(run.StartedAt))
}

// RunChanged reports whether a run changed anything at all, or in plan mode would.
func (s *Service) RunChanged(ctx context.Context, runID string) (bool, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return false, err
	}
	return store.HasChanges(ctx, runID)
}

var (
	changeKinds = []string{"created", "updated", "moved", "restored", "deactivated", "deleted", "linked",
		"account_created"}
	changeTypes = kindNames()
)

func kindNames() (names []string) {
	for _, kind := range directory.Kinds() {
		names = append(names, string(kind.Kind))
	}
	return names
}

// CheckChangeFilter returns what is wrong with a filter.
func CheckChangeFilter(filter ChangeFilter) error {
	for _, list := range []struct {
		field        string
		given, known []string
	}{{"kind", filter.Kinds, changeKinds}, {"type", filter.Types, changeTypes}} {
		for _, one := range list.given {
			if !slices.Contains(list.known, one) {
				return &Error{Code: ChangeFilterInvalid, Args: Args{Field: list.field, Text: one, Allowed: list.known}}
			}
		}
	}
	if slices.Contains(filter.Members, "") {
		return &Error{Code: ChangeFilterInvalid, Args: Args{Field: "members"}}
	}
	return nil
}

// ListChanges calls each for what the run changed and, if it is held, for what it would
// remove, without holding them all: there may be millions.
func (s *Service) ListChanges(ctx context.Context, run Run, filter ChangeFilter, each func(Change) error) error {
	if err := CheckChangeFilter(filter); err != nil {
		return err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	err = store.Report.StreamChanges(ctx, run.ID, filter, each)
	if err != nil || run.Status != directory.RunHeld {
		return err
	}
	return store.Report.StreamRemovals(ctx, run.ID, filter, each)
}

// GetProgress returns how far a run has come.
func (s *Service) GetProgress(ctx context.Context, runID string) (Progress, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Progress{}, err
	}
	progress, err := store.Report.ReadProgress(ctx, runID)
	if errors.Is(err, db.ErrNotFound) {
		err = &Error{Code: RunUnknown, Args: Args{RunID: runID}}
	}
	return progress, err
}
