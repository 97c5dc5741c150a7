package service

import (
	"context"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/workflows"
)

// CancelRunResult is the run that was told to stop.
type CancelRunResult struct {
	Execution
	// RunID is empty where no worker has begun the run yet.
	RunID string
}

// CancelRunInput says which run is to stop.
type CancelRunInput struct {
	Provider string
	// RunID is a run of the provider's: no other one is stopped. Empty: whichever is at work.
	RunID string
	By    By
}

// CancelRun tells a provider's run that is at work to stop.
func (s *Service) CancelRun(ctx context.Context, in CancelRunInput) (CancelRunResult, error) {
	store, p, err := s.openProvider(ctx, in.Provider)
	if err != nil {
		return CancelRunResult{}, err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return CancelRunResult{}, err
	}
	found, err := findRunAtWork(ctx, store, temporal, p.Name)
	if err == nil && in.RunID != "" && found.RunID != in.RunID {
		err = &Error{Code: NoRunAtWork, Args: Args{Provider: p.Name}}
	}
	if err != nil {
		return CancelRunResult{}, err
	}
	entry := audit.Entry{
		By: in.By, Action: "run.cancel", Object: "run/" + found.RunID, ProviderID: p.ID, TenantID: textOf(p.TenantID),
	}
	if found.RunID == "" {
		entry.Object = "provider/" + p.Name
	}
	err = store.Audit.During(ctx, entry, func(ctx context.Context) error {
		return temporal.CancelWorkflow(ctx, found.WorkflowID, found.TemporalRunID)
	})
	if err != nil {
		return CancelRunResult{}, fmt.Errorf("cancel the run of %s: %w", p.Name, err)
	}
	return found, nil
}

// findRunAtWork finds the provider's run that is at work. One that no worker has taken up
// yet is known to Temporal alone.
func findRunAtWork(ctx context.Context, store *db.Store, temporal client.Client, provider string) (
	CancelRunResult, error) {
	run, held, err := openRuns(ctx, store, provider)
	if err != nil {
		return CancelRunResult{}, err
	}
	known := run.ID != ""
	if !known {
		run = Run{Provider: provider, WorkflowID: workflows.SyncWorkflowID(provider)}
	}
	described, err := temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.TemporalRunID)
	if err != nil && !isMissing(err) {
		return CancelRunResult{}, fmt.Errorf("look for the run of %s: %w", provider, err)
	}
	info := described.GetWorkflowExecutionInfo()
	switch {
	case err == nil && info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return CancelRunResult{RunID: run.ID, Execution: Execution{
			Provider: provider, WorkflowID: run.WorkflowID, TemporalRunID: info.GetExecution().GetRunId(),
		}}, nil
	case known:
		return CancelRunResult{}, &Error{Code: RunHasNoWorkflow, Args: Args{Provider: provider, Run: run}}
	case held != "":
		return CancelRunResult{}, &Error{Code: NoRunAtWork, Args: Args{Provider: provider, Held: []Run{{ID: held}}}}
	default:
		return CancelRunResult{}, &Error{Code: NoRunAtWork, Args: Args{Provider: provider}}
	}
}

// openRuns returns the provider's run that is marked as running, if there is one, and the
// id of the one that is held.
func openRuns(ctx context.Context, store *db.Store, provider string) (run Run, held string, err error) {
	statuses, err := store.Report.ListProviderStatuses(ctx)
	for _, status := range statuses {
		if status.Provider != provider {
			continue
		}
		if status.Held != nil {
			held = status.Held.RunID
		}
		if status.Running != nil {
			run, err = store.Report.GetRun(ctx, status.Running.RunID)
		}
	}
	return run, held, err
}
