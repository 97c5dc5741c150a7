package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/metrics"
)

// Runs opens, holds and ends runs.
type Runs struct {
	Store *db.Store
	// Temporal answers whether the workflow of an unfinished run is still at work.
	Temporal client.Client
	// Hooks are the names of the webhooks that are to be told of runs.
	Hooks []string
	// TellPartial says when they are told of partial ones.
	TellPartial TellPartial
	// Metrics counts what came of runs.
	Metrics *metrics.Metrics
	// Language is that of what is shown to people.
	Language message.Language
}

// BeginRunInput says which run is to begin.
type BeginRunInput struct {
	Provider    string   `json:"provider"`
	Mode        string   `json:"mode"`
	OnRemovals  string   `json:"on_removals"`
	Departments []string `json:"departments,omitempty"`
	Members     []string `json:"members,omitempty"`
	// Retry is the run of which this one is to read what failed.
	Retry string `json:"retry,omitempty"`
	// Rules is the version of the rules that a plan goes by; 0: those in force.
	Rules int `json:"rules,omitempty"`
	// Events limits the run to what waiting events are about.
	Events bool `json:"events,omitempty"`
	// Task is what a run does that reads nothing, empty for a sync.
	Task string `json:"task,omitempty"`
	// StartedBy is who started it.
	StartedBy string `json:"started_by,omitempty"`
	// Request is the row of run_requests that says who started it, from where; it goes before
	// StartedBy.
	Request string `json:"request,omitempty"`
}

// BeginRunResult is a run that has begun.
type BeginRunResult struct {
	RunID string `json:"run_id"`
	// Members is how many single people the run is limited to; 0: it reads departments.
	Members int `json:"members,omitempty"`
	// Groups is true if it is one by events that reads groups or administrators.
	Groups bool `json:"groups,omitempty"`
	// Superseded are the workflows that held for a decision which is now moot.
	Superseded []string `json:"superseded,omitempty"`
	// Vendor is what kind of provider it is, for people.
	Vendor string `json:"vendor,omitempty"`
	// TenantID is the platform's tenant that the provider belongs to, empty if none.
	TenantID string `json:"tenant_id,omitempty"`
	// Language is that of what is shown to people.
	Language message.Language `json:"language,omitempty"`
}

// BeginRun opens the run and takes the provider's fence. Repeated for the same
// workflow execution it returns the same run.
func (a *Runs) BeginRun(ctx context.Context, in BeginRunInput) (BeginRunResult, error) {
	defer heartbeat(ctx)()
	execution := activity.GetInfo(ctx).WorkflowExecution
	begun, err := a.Store.BeginRun(ctx, db.NewRun{
		Provider: in.Provider, WorkflowID: execution.ID, TemporalRunID: execution.RunID,
		Mode: in.Mode, OnRemovals: in.OnRemovals,
		Departments: in.Departments, Members: in.Members, Retries: in.Retry, RulesVersion: in.Rules, Task: in.Task,
		StartedBy: in.StartedBy, Request: in.Request, Events: objectsOf(in),
	}, a.endedStatus)
	var busy *db.RunBusyError
	switch {
	case errors.As(err, &busy) && busy.Run.ByEvents && !in.Events:
		return BeginRunResult{}, awaitEvents(busy)
	case errors.Is(err, db.ErrNothingWaits):
		return BeginRunResult{}, refuse(TypeNothing, message.NoEventWaits, message.Args{"Provider": in.Provider})
	case errors.Is(err, db.ErrNotFound):
		return BeginRunResult{}, a.unknownProvider(ctx, in.Provider)
	case errors.Is(err, db.ErrNoRules):
		return BeginRunResult{}, refuse(TypeInvalid, message.RulesVersionUnknown,
			message.Args{"Provider": in.Provider, "Version": in.Rules})
	case errors.Is(err, db.ErrInactive):
		return BeginRunResult{}, refuse(TypeInactive, message.ProviderSwitchedOff,
			message.Args{"Provider": in.Provider})
	case err != nil:
		return BeginRunResult{}, classify(err)
	}
	if _, err := a.setAccountPolicy(ctx, begun.RunID); err != nil {
		return BeginRunResult{}, err
	}
	out := BeginRunResult{RunID: begun.RunID, Members: begun.Members, Groups: begun.Groups,
		Superseded: begun.Superseded, Vendor: begun.Provider.Type.Traits().DisplayName, Language: a.Language}
	if begun.Provider.TenantID != nil {
		out.TenantID = *begun.Provider.TenantID
	}
	logStart(ctx, in.Provider, out.RunID, in.Mode)
	return out, nil
}

// MostEventObjects is how many objects a run by events reads.
const MostEventObjects = 300

// objectsOf is how many objects a run may read that is limited to events, 0 for others.
func objectsOf(in BeginRunInput) int {
	if in.Events {
		return MostEventObjects
	}
	return 0
}

// awaitEvents has a run begin once the run by events has ended that is at work: that is short,
// and no other begins meanwhile.
func awaitEvents(busy *db.RunBusyError) error {
	return temporal.NewApplicationErrorWithOptions(busy.Error(), TypeBusy, temporal.ApplicationErrorOptions{
		NextRetryDelay: time.Second, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

func (a *Runs) unknownProvider(ctx context.Context, name string) error {
	stored, err := a.Store.Providers.List(ctx)
	if err != nil {
		return classify(err)
	}
	names := make([]string, len(stored))
	for i, p := range stored {
		names[i] = p.Name
	}
	return refuse(TypeNotFound, message.ProviderNotStored,
		message.Args{"Provider": name, "Providers": strings.Join(names, ", ")})
}

// endedStatus tells how the workflow of an unfinished run ended, or "" if it is at work.
func (a *Runs) endedStatus(ctx context.Context, run db.OpenRun) (string, error) {
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.TemporalRunID)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return directory.RunFailed, nil
	}
	if err != nil {
		return "", fmt.Errorf("ask Temporal about workflow %s: %w", run.WorkflowID, err)
	}
	switch described.GetWorkflowExecutionInfo().GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "", nil
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return directory.RunCanceled, nil
	default:
		return directory.RunFailed, nil
	}
}

// countPublication counts what a run that ended or was held has published.
func (a *Runs) countPublication(ctx context.Context, runID, provider string) {
	delay, published, err := a.Store.Feed.FindDelay(ctx, runID)
	if err != nil {
		activity.GetLogger(ctx).Warn("publication not counted", "run_id", runID, "error", err)
	}
	if published {
		a.Metrics.Published(provider, delay)
	}
}
