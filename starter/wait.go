package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// waitFlags say whether a command waits for the run that it starts, and how patiently.
type waitFlags struct {
	// Wait is nil if nothing is said.
	Wait            *bool         `negatable:"" help:"Wait until the run has ended or is held, and print its result; or only start it. By default a command waits on a terminal; in a script only undo does."`
	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the run continues in any case. (${default})"`
}

// waits says whether to wait for a run that was started. On a terminal it is by default:
// somebody is there who wants to know.
func (f waitFlags) waits(s *session, inScripts bool) bool {
	if f.Wait != nil {
		return *f.Wait
	}
	return behind(s.stdout).terminal || inScripts
}

// await shows how the run comes along until it has ended or is held. Interrupted, it
// leaves the run alone.
func (s *session) await(ctx context.Context, store *db.Store, temporal client.Client, run client.WorkflowRun, in workflows.SyncInput, flags waitFlags) (workflows.SyncResult, error) {
	w := wait{
		store: store, run: run, in: in, timeout: flags.TemporalTimeout,
		watch:  newWatch(s.stderr, store, run.GetID(), run.GetRunID(), in.Provider),
		lookup: lookup{temporal: temporal, workflowID: run.GetID(), temporalRunID: run.GetRunID()},
	}
	result, err := w.follow(ctx)
	w.watch.done()
	if ctx.Err() != nil {
		return result, &failure{status: exitInterrupted, err: w.leftAlone()}
	}
	if err != nil {
		return w.afterFailure(ctx, err)
	}
	return result, nil
}

// leftAlone says that the run continues, and how it can be followed or canceled.
func (w *wait) leftAlone() error {
	follow := "orgsync status"
	if w.watch.runID != "" {
		follow = "orgsync runs watch " + shortID(w.watch.runID)
	}
	return fmt.Errorf("stopped waiting; the run continues; follow it with: %s, or cancel it with: orgsync cancel %s", follow, w.in.Provider)
}

// wait follows one run. It goes by the workflow's result, and while Temporal is away by
// what Postgres says of the run.
type wait struct {
	store *db.Store
	run   client.WorkflowRun
	in    workflows.SyncInput
	watch *watch
	// timeout is how long Temporal may be away.
	timeout time.Duration
	lookup  lookup
}

// answer is how a workflow ended, as Temporal says.
type answer struct {
	workflows.SyncResult
	err error
}

// follow waits for the run's result. Meanwhile it shows progress, and says what keeps
// the run from coming along.
func (w *wait) follow(ctx context.Context) (workflows.SyncResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers, troubles := w.ask(ctx), w.lookup.watch(ctx)
	tick := time.NewTicker(w.watch.every)
	defer tick.Stop()
	var last trouble
	var since time.Time
	for {
		select {
		case a := <-answers:
			return a.SyncResult, a.err
		case <-tick.C:
			w.watch.look(ctx)
		case now := <-troubles:
			if now.away && !last.away {
				since = time.Now()
			}
			w.tell(last, now)
			last = now
			if !now.away {
				continue
			}
			if stored, over := w.stored(ctx); over {
				return stored, nil
			}
			if time.Since(since) >= w.timeout {
				return workflows.SyncResult{}, fmt.Errorf("temporal has not answered for %s", length(w.timeout))
			}
		}
	}
}

// tell says what has changed about the run's troubles.
func (w *wait) tell(before, now trouble) {
	if before.away && !now.away {
		w.watch.interject("temporal answers again")
	}
	if now.text != "" && now.kind() != before.kind() {
		w.watch.interject(now.text)
	}
}

// askAgain is the pause between two questions to a Temporal that does not answer.
const askAgain = time.Second

// ask asks Temporal for the workflow's result until there is one.
func (w *wait) ask(ctx context.Context) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		for {
			var a answer
			a.err = w.run.Get(ctx, &a.SyncResult)
			if a.err == nil || ctx.Err() != nil || !passes(a.err) {
				answers <- a
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(askAgain):
			}
		}
	}()
	return answers
}

// stored is the run's result as Postgres has it, and whether it has ended or is held.
func (w *wait) stored(ctx context.Context) (workflows.SyncResult, bool) {
	id, err := w.store.RunByExecution(ctx, w.run.GetID(), w.run.GetRunID())
	if err != nil {
		return workflows.SyncResult{}, false
	}
	stored, err := storedResult(ctx, w.store, id)
	return stored, err == nil && stored.Status != directory.RunRunning
}

// afterFailure makes a result of a workflow that ended without one of its own, or about
// which Temporal cannot be asked.
func (w *wait) afterFailure(ctx context.Context, cause error) (workflows.SyncResult, error) {
	var result workflows.SyncResult
	var application *temporal.ApplicationError
	if errors.As(cause, &application) && application.Type() == workflows.FailureType && application.HasDetails() {
		if err := application.Details(&result); err != nil {
			return result, fmt.Errorf("read the result of workflow %s: %w", w.run.GetID(), err)
		}
		return result, nil
	}
	var execution *temporal.WorkflowExecutionError
	if !errors.As(cause, &execution) {
		if stored, over := w.stored(ctx); over {
			return stored, nil
		}
		return result, fmt.Errorf("wait for workflow %s: %w; the run may go on: see orgsync runs list --provider %s", w.run.GetID(), cause, w.in.Provider)
	}
	status, why := endOf(cause)
	id, err := w.store.RunByExecution(ctx, w.run.GetID(), w.run.GetRunID())
	if errors.Is(err, db.ErrNotFound) {
		return result, notBegun(cause, why)
	}
	if err == nil {
		result, err = storedResult(ctx, w.store, id)
	}
	if err == nil && result.Status == directory.RunRunning {
		result.Status, result.Errors = status, []string{why}
	}
	return result, err
}

// notBegun is the failure of a workflow that ended before its run began: another run is
// at work, say, or the provider was removed meanwhile.
func notBegun(cause error, why string) error {
	status := exitFailed
	var application *temporal.ApplicationError
	if errors.As(cause, &application) {
		status = exitOfType(application.Type())
	}
	return &failure{status: status, err: errors.New(why)}
}

// endOf tells how a workflow ended that returned nothing, and why.
func endOf(cause error) (status, why string) {
	var application *temporal.ApplicationError
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	switch {
	case errors.As(cause, &canceled):
		return directory.RunCanceled, "the workflow was canceled"
	case errors.As(cause, &terminated):
		return directory.RunCanceled, "the workflow was terminated"
	case errors.As(cause, &application):
		return directory.RunFailed, application.Message()
	default:
		return directory.RunFailed, cause.Error()
	}
}
