package service

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// AwaitsDecision reports whether the run waits for a decision: one that was approved may
// still wait for its turn.
func AwaitsDecision(run Run) bool { return run.Status == directory.RunHeld && run.DecidedBy == "" }

// FindHeldRun returns the run of a provider that is to be decided: the one whose id begins
// with prefix or, if that is empty, the only one that waits for a decision.
func (s *Service) FindHeldRun(ctx context.Context, provider, prefix string) (Run, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Run{}, err
	}
	if prefix != "" {
		run, err := findRun(ctx, store, prefix)
		switch {
		case err != nil:
			return run, err
		case run.Provider != p.Name:
			return run, &Error{Code: RunOfOther, Args: Args{Provider: p.Name, Run: run}}
		case !AwaitsDecision(run):
			return run, notHeldError(ctx, store, p, run)
		}
		return run, nil
	}
	waiting, err := waitingRuns(ctx, store, p)
	switch {
	case err != nil:
		return Run{}, err
	case len(waiting) == 0:
		return Run{}, &Error{Code: NothingHeld, Args: Args{Provider: p.Name}}
	case len(waiting) > 1:
		return Run{}, &Error{Code: HeldAmbiguous, Args: Args{Provider: p.Name, Held: waiting}}
	}
	return waiting[0], nil
}

func waitingRuns(ctx context.Context, store *db.Store, p providers.Provider) ([]Run, error) {
	held, err := store.Report.ListHeldRuns(ctx, p.ID)
	var waiting []Run
	for _, run := range held {
		if AwaitsDecision(run) {
			waiting = append(waiting, run)
		}
	}
	return waiting, err
}

// notHeldError is the error for deciding a run that waits for no decision. It names what
// does.
func notHeldError(ctx context.Context, store *db.Store, p providers.Provider, run Run) error {
	waiting, err := waitingRuns(ctx, store, p)
	if err != nil {
		return err
	}
	code := NotHeld
	if run.DecidedBy != "" {
		code = AlreadyDecided
	}
	return &Error{Code: code, Args: Args{Provider: p.Name, Run: run, Held: waiting}}
}

// DecideRunInput is the decision on a held run.
type DecideRunInput struct {
	// Run is as FindHeldRun returned it: the decision is for it and for no other one that
	// takes its place meanwhile.
	Run Run
	// Approve removes what the run planned to, else it is left as it is.
	Approve bool
	// By is who decides.
	By By
	// TemporalTimeout is how long Temporal may be away.
	TemporalTimeout time.Duration
	// Trouble is told what keeps the decision from being carried out; it may be nil.
	Trouble func(Trouble)
}

// DecideRun sends a decision to the workflow that holds the run and waits for the outcome.
func (s *Service) DecideRun(ctx context.Context, in DecideRunInput) (RunResult, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return RunResult{}, err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return RunResult{}, err
	}
	request, err := s.request(ctx, in.By)
	if err != nil {
		return RunResult{}, err
	}
	defer reportTrouble(ctx, &workerWatch{temporal: temporal, workflowID: in.Run.HoldWorkflowID}, in.Trouble)()
	d := decision{DecideRunInput: in, request: request, store: store, temporal: temporal}
	result, err := d.send(ctx)
	if err != nil {
		return result, d.failure(ctx, err)
	}
	return result, nil
}

// decision is one that is being sent.
type decision struct {
	DecideRunInput
	// request says who decides.
	request  string
	store    *db.Store
	temporal client.Client
}

// send sends the decision and waits for the outcome. While Temporal is away it is sent
// again, which counts once by its id, and Postgres may tell what came of it.
func (d decision) send(ctx context.Context) (RunResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := make(chan answer, 1)
	go func() { answers <- d.ask(ctx) }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ended := false; ; {
		select {
		case a := <-answers:
			return resultOf(a.SyncResult), a.err
		case <-tick.C:
			now, err := d.store.Report.GetRun(ctx, d.Run.ID)
			over := err == nil && now.FinishedAt != nil && now.DecidedBy == d.By.Name
			if over && ended { // Temporal had time to say so
				return storedResult(ctx, d.store, d.Run.ID)
			}
			ended = over
		}
	}
}

// ask sends the decision to Temporal until it is answered.
func (d decision) ask(ctx context.Context) (a answer) {
	update := client.UpdateWorkflowOptions{
		UpdateID: uuid.NewString(), WorkflowID: d.Run.HoldWorkflowID, UpdateName: workflows.RejectUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted,
		Args:         []any{workflows.Decision{RunID: d.Run.ID, Request: d.request}},
	}
	if d.Approve {
		update.UpdateName = workflows.ApproveUpdate
	}
	var away time.Time
	for {
		var handle client.WorkflowUpdateHandle
		if handle, a.err = d.temporal.UpdateWorkflow(ctx, update); a.err == nil {
			a.err = handle.Get(ctx, &a.SyncResult)
		}
		if a.err == nil || ctx.Err() != nil || !passes(a.err) {
			return a
		}
		if away.IsZero() {
			away = time.Now()
		}
		if time.Since(away) >= d.TemporalTimeout {
			a.err = &Error{Code: DecisionUnproven, Args: Args{Duration: d.TemporalTimeout, Run: d.Run}}
			return a
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

// failure says why a decision did not come about. The run may have been decided, or have
// been overtaken, since it was looked at.
func (d decision) failure(ctx context.Context, cause error) error {
	args := Args{Provider: d.Run.Provider, Run: d.Run}
	if now, err := d.store.Report.GetRun(ctx, d.Run.ID); err == nil && !AwaitsDecision(now) {
		p, err := findProvider(ctx, d.store.Providers, d.Run.Provider)
		if err != nil {
			return err
		}
		return notHeldError(ctx, d.store, p, now)
	}
	var refused *temporal.ApplicationError
	if errors.As(cause, &refused) && refused.Type() == workflows.NothingType {
		return &Error{Code: DecisionRefused, Args: args, Err: errors.New(refused.Message())}
	}
	if errors.As(cause, new(*serviceerror.NotFound)) {
		return &Error{Code: HoldGone, Args: args, Err: cause}
	}
	return &Error{Code: DecisionFailed, Args: args, Err: cause}
}

// reportTrouble reports what keeps a caller waiting, until the function that it returns is called.
func reportTrouble(ctx context.Context, w *workerWatch, tell func(Trouble)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last Trouble
		for now := range w.watch(ctx) {
			if now.Kind != "" && !now.same(last) && tell != nil {
				tell(now)
			}
			last = now
		}
	}()
	return func() { cancel(); <-done }
}
