package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// RunStart asks for a run, as the workflow SyncOrg does.
type RunStart struct {
	Mode        string   `json:"mode,omitempty" enum:"apply,plan" default:"apply"`
	Departments []string `json:"departments,omitempty" minItems:"1" doc:"Only these and what is below, by external ids."`
	Members     []string `json:"members,omitempty" minItems:"1" maxItems:"300" doc:"Only these people, by external ids."`
	OnRemovals  string   `json:"on_removals,omitempty" enum:"hold,apply,skip" default:"hold" doc:"Beyond the removal limits."`
}

// RunRepeat asks for what failed in a run to be read again.
type RunRepeat struct {
	Mode       string `json:"mode,omitempty" enum:"apply,plan" default:"apply"`
	OnRemovals string `json:"on_removals,omitempty" enum:"hold,apply,skip" default:"hold"`
}

// RunUndo asks for a run to be taken back.
type RunUndo struct {
	Mode        string   `json:"mode,omitempty" enum:"apply,plan" default:"apply"`
	Departments []string `json:"departments,omitempty" minItems:"1" doc:"Takes back these alone, by external ids."`
	Members     []string `json:"members,omitempty" minItems:"1" doc:"Takes back these alone, by external ids."`
	OnRemovals  string   `json:"on_removals,omitempty" enum:"refuse,apply" default:"refuse"`
}

// RunStarted is a run that was asked for.
type RunStarted struct {
	Provider      string  `json:"provider"`
	RunID         *string `json:"run_id" format:"uuid" doc:"Null while no worker has begun it."`
	WorkflowID    string  `json:"workflow_id"`
	TemporalRunID string  `json:"temporal_run_id"`
}

type startedOutput struct {
	Location string `header:"Location" doc:"The run or, while no worker has begun it, the provider's runs."`
	Body     RunStarted
}

// Decision is what becomes of a held run.
type Decision struct {
	Decision string `json:"decision" enum:"approve,reject"`
	Note     string `json:"note,omitempty" minLength:"1" maxLength:"2000" doc:"Why; it stands in the audit log."`
}

type startRunInput struct {
	Named
	Body RunStart `required:"false"`
}

type retryRunInput struct {
	OfRun
	Body RunRepeat `required:"false"`
}

type undoRunInput struct {
	OfRun
	Body RunUndo `required:"false"`
}

type decideRunInput struct {
	OfRun
	IfMatch string `header:"If-Match" doc:"The ETag of the removals that were looked at."`
	Body    Decision
}

var conflicting = []int{http.StatusNotFound, http.StatusConflict}

func (a *API) registerDecisions() {
	const tag = "Runs"
	register(a, operation{
		id: "start-run", method: http.MethodPost, path: "/providers/{name}/runs", tag: tag,
		summary: "Start a run of a provider",
		status:  http.StatusAccepted, errors: conflicting,
	}, func(ctx context.Context, in *startRunInput) (*startedOutput, error) {
		if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
			return nil, err
		}
		b := in.Body
		started, err := a.service.StartSync(ctx, service.StartSyncInput{
			Provider: in.Name, Mode: b.Mode, Departments: b.Departments, Members: b.Members, OnRemovals: b.OnRemovals,
			By: by(ctx),
		})
		return a.begun(ctx, started, err)
	})
	register(a, operation{
		id: "retry-run", method: http.MethodPost, path: "/runs/{id}/retry", tag: tag,
		summary: "Read again what failed in a run",
		status:  http.StatusAccepted, errors: conflicting,
	}, func(ctx context.Context, in *retryRunInput) (*startedOutput, error) {
		if _, err := a.view(ctx).GetRun(ctx, in.ID); err != nil {
			return nil, err
		}
		started, err := a.service.RetryRun(ctx, service.RetryRunInput{
			RunID: in.ID, Mode: in.Body.Mode, OnRemovals: in.Body.OnRemovals, By: by(ctx),
		})
		return a.begun(ctx, started, err)
	})
	register(a, operation{
		id: "undo-run", method: http.MethodPost, path: "/runs/{id}/undo", tag: tag,
		summary: "Take back what a run changed",
		status:  http.StatusAccepted, errors: conflicting,
	}, func(ctx context.Context, in *undoRunInput) (*startedOutput, error) {
		if _, err := a.view(ctx).GetRun(ctx, in.ID); err != nil {
			return nil, err
		}
		b := in.Body
		started, err := a.service.UndoRun(ctx, service.UndoRunInput{
			RunID: in.ID, Mode: b.Mode, Departments: b.Departments, Members: b.Members, OnRemovals: b.OnRemovals,
			By: by(ctx),
		})
		return a.begun(ctx, started.Execution, err)
	})
	register(a, operation{
		id: "cancel-run", method: http.MethodPost, path: "/runs/{id}/cancel", tag: tag,
		summary: "Tell a run that is at work to stop",
		status:  http.StatusAccepted, errors: conflicting,
	}, a.cancelRun)
	register(a, operation{
		id: "decide-run", method: http.MethodPut, path: "/runs/{id}/decision", tag: tag,
		summary: "Approve or reject the removals of a held run: of the very list that was looked at",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed,
			http.StatusPreconditionRequired},
	}, a.decideRun)
}

// beginTimeout is how long an answer waits for a worker to begin the run.
const beginTimeout = 5 * time.Second

// begun is the answer to a run that was asked for.
func (a *API) begun(ctx context.Context, started service.Execution, err error) (*startedOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &startedOutput{Location: prefix + "/runs?provider=" + started.Provider, Body: RunStarted{
		Provider: started.Provider, WorkflowID: started.WorkflowID, TemporalRunID: started.TemporalRunID,
	}}
	if id := a.service.AwaitBegin(ctx, started, beginTimeout); id != "" {
		out.Location, out.Body.RunID = prefix+"/runs/"+id, &id
	}
	return out, nil
}

func (a *API) cancelRun(ctx context.Context, in *OfRun) (*startedOutput, error) {
	run, err := a.view(ctx).GetRun(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	canceled, err := a.service.CancelRun(ctx, service.CancelRunInput{
		Provider: run.ProviderName, RunID: run.ID, By: by(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &startedOutput{Location: prefix + "/runs/" + run.ID, Body: RunStarted{
		Provider: run.ProviderName, RunID: &run.ID, WorkflowID: canceled.WorkflowID,
		TemporalRunID: canceled.TemporalRunID,
	}}, nil
}

func (a *API) decideRun(ctx context.Context, in *decideRunInput) (*runOutput, error) {
	if _, err := a.view(ctx).GetRun(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := requireTag(in.IfMatch); err != nil {
		return nil, err
	}
	run, err := a.view(ctx).DecideListed(ctx, service.DecideListedInput{
		RunID: in.ID, Tag: strings.Trim(in.IfMatch,
			`"`), Approve: in.Body.Decision == "approve", Note: in.Body.Note, By: by(ctx),
	})
	return &runOutput{runOfRow(run)}, err
}
