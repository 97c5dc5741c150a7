package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/workflows"
)

// Execution is one execution of a provider's workflow.
type Execution struct {
	Provider      string
	WorkflowID    string
	TemporalRunID string
}

// StartSyncInput asks for a sync. Only Provider is required.
type StartSyncInput struct {
	Provider string
	// Mode is ModeApply (default) or ModePlan.
	Mode string
	// Departments and Members limit the run, by external ids; given but empty they are refused.
	Departments []string
	Members     []string
	// OnRemovals is what to do beyond the guard's limits: RemovalsHold (default) and so on.
	OnRemovals string
	// Rules is the version of the rules that a plan goes by; 0: those in force.
	Rules int
	// By is who starts it.
	By By
}

// StartSync starts a sync of a provider.
func (s *Service) StartSync(ctx context.Context, in StartSyncInput) (Execution, error) {
	input := workflows.SyncInput{
		Provider: in.Provider, Mode: in.Mode, Departments: in.Departments, Members: in.Members,
		OnRemovals: in.OnRemovals,
		Rules:      in.Rules,
	}
	if problem := input.Normalize(); problem != nil {
		return Execution{}, &Error{Code: InputInvalid, Err: problem}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return Execution{}, err
	}
	p, err := activeProvider(ctx, store, in.Provider)
	if err != nil {
		return Execution{}, err
	}
	return s.startSync(ctx, p, input, in.By)
}

// RetryRunInput asks for what failed in a run to be read again.
type RetryRunInput struct {
	// RunID is the run's id, or as much of its beginning as is unique.
	RunID string
	// Mode, OnRemovals and By are those of StartSyncInput.
	Mode       string
	OnRemovals string
	By         By
}

// RetryRun starts a run that reads again what failed in another.
func (s *Service) RetryRun(ctx context.Context, in RetryRunInput) (Execution, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Execution{}, err
	}
	run, err := findRun(ctx, store, in.RunID)
	if err != nil {
		return Execution{}, err
	}
	p, err := activeProvider(ctx, store, run.Provider)
	if err != nil {
		return Execution{}, err
	}
	// The workflow checks it as well; here it is said without waiting for that.
	if err := store.CheckRetry(ctx, p.ID, run.ID); err != nil {
		return Execution{}, refusalError(run, err)
	}
	input := workflows.SyncInput{Provider: p.Name, Mode: in.Mode, Retry: run.ID, OnRemovals: in.OnRemovals}
	if problem := input.Normalize(); problem != nil {
		return Execution{}, &Error{Code: InputInvalid, Err: problem}
	}
	return s.startSync(ctx, p, input, in.By)
}

func (s *Service) startSync(ctx context.Context, p providers.Provider, input workflows.SyncInput,
	by By) (_ Execution, err error) {
	if input.Request, err = s.request(ctx, by); err != nil {
		return Execution{}, err
	}
	started, err := s.start(ctx, p.Name, client.StartWorkflowOptions{
		StaticSummary: input.Summary(s.connect.Language) + " (" + p.Type.Traits().DisplayName + ")",
		StaticDetails: input.Details(s.connect.Language),
	}, workflows.SyncOrgName, input)
	if err != nil && Classify(err).Code == Internal {
		return started, fmt.Errorf("start sync of %s: %w", p.Name, err)
	}
	return started, err
}

// UndoRunInput asks for a run to be taken back. Only RunID is required.
type UndoRunInput struct {
	// RunID is the run's id, or as much of its beginning as is unique.
	RunID string
	// Mode is ModeApply (default) or ModePlan.
	Mode string
	// Departments and Members limit what is taken back, by external ids.
	Departments []string
	Members     []string
	// OnRemovals is "refuse" (default) or RemovalsApply.
	OnRemovals string
	// By is who starts it.
	By By
}

// UndoRunResult is what was started to take a run back.
type UndoRunResult struct {
	Execution
	// Undone is the run that is taken back.
	Undone Run
}

// UndoRun starts a run that takes back what another changed.
func (s *Service) UndoRun(ctx context.Context, in UndoRunInput) (UndoRunResult, error) {
	var result UndoRunResult
	input := workflows.UndoInput{
		Run: in.RunID, Mode: in.Mode, Departments: in.Departments, Members: in.Members, OnRemovals: in.OnRemovals,
	}
	if problem := input.Normalize(); problem != nil {
		return result, &Error{Code: InputInvalid, Err: problem}
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return result, err
	}
	if result.Undone, err = findRun(ctx, store, in.RunID); err != nil {
		return result, err
	}
	input.Run = result.Undone.ID
	// The worker finds out whether a run that has not ended is still at work.
	if _, err := store.FindUndoTarget(ctx, input.Run); err != nil {
		if err := refusalError(result.Undone, err); !HasCode(err, RunInProgress) {
			return result, err
		}
	}
	if input.Request, err = s.request(ctx, in.By); err != nil {
		return result, err
	}
	summary := message.UndoSummary
	if input.Mode == workflows.ModePlan {
		summary = message.UndoSummaryPlan
	}
	result.Execution, err = s.start(ctx, result.Undone.Provider,
		client.StartWorkflowOptions{StaticSummary: s.connect.Language.Text(
			summary, message.Args{"Run": shortID(input.Run), "Provider": result.Undone.Provider})},
		workflows.UndoRunName, input)
	if err != nil && Classify(err).Code == Internal {
		err = fmt.Errorf("start undoing run %s: %w", input.Run, err)
	}
	return result, err
}

// start starts a workflow of a provider, of which one works at a time.
func (s *Service) start(ctx context.Context, provider string, options client.StartWorkflowOptions, workflow string,
	input any) (Execution, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return Execution{}, err
	}
	options.ID, options.TaskQueue = workflows.SyncWorkflowID(provider), s.taskQueue()
	options.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowExecutionErrorWhenAlreadyStarted = true
	run, err := temporal.ExecuteWorkflow(ctx, options, workflow, input)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		other := Args{Provider: provider, WorkflowID: options.ID, TemporalRunID: running.RunId}
		other.RunID = s.findRunID(ctx, Execution{WorkflowID: options.ID, TemporalRunID: running.RunId})
		return Execution{}, &Error{Code: RunInProgress, Args: other}
	}
	if err != nil {
		return Execution{}, err
	}
	return Execution{Provider: provider, WorkflowID: run.GetID(), TemporalRunID: run.GetRunID()}, nil
}

// findRunID returns the id of the run that a workflow was started for, or "" if that is not
// known yet.
func (s *Service) findRunID(ctx context.Context, of Execution) string {
	store, err := s.openStore(ctx)
	if err != nil {
		return ""
	}
	id, err := store.FindRunByExecution(ctx, of.WorkflowID, of.TemporalRunID)
	if err != nil {
		return ""
	}
	return id
}

// AwaitBegin returns the id of the run that a workflow was started for as soon as a worker
// has begun it, or "" if none has within so long.
func (s *Service) AwaitBegin(ctx context.Context, of Execution, within time.Duration) string {
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	tick := time.NewTicker(within / 20)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
			if id := s.findRunID(ctx, of); id != "" {
				return id
			}
		}
	}
}

// shortID is as much of a run's id as people need to tell runs apart.
func shortID(id string) string { return id[:min(8, len(id))] }
