package service

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

// Observer is told how a run comes along. Its functions may be nil; they are called one at
// a time.
type Observer struct {
	// Every is how often Progress is called.
	Every    time.Duration
	Progress func(Progress)
	// Trouble is told of each trouble once, until another takes its place.
	Trouble func(Trouble)
}

// FollowRunInput says which run is followed, and how patiently.
type FollowRunInput struct {
	Execution
	// TemporalTimeout is how long Temporal may be away.
	TemporalTimeout time.Duration
	Observer
}

// defaultEvery is how often progress is looked at where nobody says.
const defaultEvery = time.Second

// FollowRun waits until a run has ended or is held and returns its result. It goes by the
// workflow's result, and while Temporal is away by what Postgres says of the run. The run
// goes on where ctx ends; the error is then that of ctx, and the result holds at most the
// run's id.
func (s *Service) FollowRun(ctx context.Context, in FollowRunInput) (RunResult, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return RunResult{}, err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return RunResult{}, err
	}
	if in.Every <= 0 {
		in.Every = defaultEvery
	}
	f := &follower{
		FollowRunInput: in, store: store, run: temporal.GetWorkflow(ctx, in.WorkflowID, in.TemporalRunID),
		workers: workerWatch{temporal: temporal, workflowID: in.WorkflowID, temporalRunID: in.TemporalRunID},
	}
	result, err := f.follow(ctx)
	if ctx.Err() != nil {
		return RunResult{RunID: f.runID}, ctx.Err()
	}
	if err != nil {
		return f.afterFailure(ctx, err)
	}
	return result, nil
}

// follower follows one run.
type follower struct {
	FollowRunInput
	store   *db.Store
	run     client.WorkflowRun
	workers workerWatch
	// runID is the run, empty while it has not begun; blind is set once progress could not be
	// read.
	runID string
	blind bool
}

// answer is how a workflow ended, as Temporal says.
type answer struct {
	workflows.SyncResult
	err error
}

// follow waits for the run's result. Meanwhile it tells of progress, and of what keeps the
// run from coming along.
func (f *follower) follow(ctx context.Context) (RunResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers, troubles := f.ask(ctx), f.workers.watch(ctx)
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	var last Trouble
	var since time.Time
	for {
		select {
		case a := <-answers:
			return resultOf(a.SyncResult), a.err
		case <-tick.C:
			f.observe(ctx)
		case now := <-troubles:
			away := now.Kind == TemporalAway
			if away && last.Kind != TemporalAway {
				since = time.Now()
			}
			f.tell(last, now)
			last = now
			if !away {
				continue
			}
			if stored, over := f.stored(ctx); over {
				return stored, nil
			}
			if time.Since(since) >= f.TemporalTimeout {
				return RunResult{}, &Error{Code: TemporalSilent, Args: Args{Duration: f.TemporalTimeout}}
			}
		}
	}
}

// tell tells what has changed about the run's troubles.
func (f *follower) tell(before, now Trouble) {
	if f.Trouble == nil {
		return
	}
	if before.Kind == TemporalAway && now.Kind != TemporalAway {
		f.Trouble(Trouble{Kind: TemporalBack})
	}
	if now.Kind != "" && !now.same(before) {
		f.Trouble(now)
	}
}

// observe tells where the run is. Trouble with the database is told once: the run may well
// go on without this.
func (f *follower) observe(ctx context.Context) {
	if f.Progress == nil {
		return
	}
	progress, err := f.progress(ctx)
	switch {
	case err == nil:
		f.Progress(progress)
	case errors.Is(err, db.ErrNotFound) || ctx.Err() != nil || f.blind:
	default:
		f.blind = true
		if f.Trouble != nil {
			f.Trouble(Trouble{Kind: ProgressUnknown, Err: err})
		}
	}
}

// progress is how far the run has come. It returns db.ErrNotFound of one that has not
// begun, or is gone with its provider.
func (f *follower) progress(ctx context.Context) (Progress, error) {
	if f.runID == "" {
		id, err := f.store.FindRunByExecution(ctx, f.WorkflowID, f.TemporalRunID)
		if err != nil {
			return Progress{}, err
		}
		f.runID = id
	}
	return f.store.Report.ReadProgress(ctx, f.runID)
}

// askAgain is the pause between two questions to a Temporal that does not answer.
const askAgain = time.Second

// ask asks Temporal for the workflow's result until there is one.
func (f *follower) ask(ctx context.Context) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		for {
			var a answer
			a.err = f.run.Get(ctx, &a.SyncResult)
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
func (f *follower) stored(ctx context.Context) (RunResult, bool) {
	id, err := f.store.FindRunByExecution(ctx, f.WorkflowID, f.TemporalRunID)
	if err != nil {
		return RunResult{}, false
	}
	result, err := storedResult(ctx, f.store, id)
	return result, err == nil && result.Status != directory.RunRunning
}

// afterFailure makes a result of a workflow that ended without one of its own, or about
// which Temporal cannot be asked.
func (f *follower) afterFailure(ctx context.Context, cause error) (RunResult, error) {
	var application *temporal.ApplicationError
	if errors.As(cause, &application) && application.Type() == workflows.FailureType && application.HasDetails() {
		var result workflows.SyncResult
		if err := application.Details(&result); err != nil {
			return RunResult{}, fmt.Errorf("read the result of workflow %s: %w", f.WorkflowID, err)
		}
		return resultOf(result), nil
	}
	var execution *temporal.WorkflowExecutionError
	if !errors.As(cause, &execution) {
		if stored, over := f.stored(ctx); over {
			return stored, nil
		}
		return RunResult{}, &Error{Code: FollowFailed, Args: Args{Provider: f.Provider, WorkflowID: f.WorkflowID},
			Err: cause}
	}
	status, why := endOf(cause)
	id, err := f.store.FindRunByExecution(ctx, f.WorkflowID, f.TemporalRunID)
	if errors.Is(err, db.ErrNotFound) {
		return RunResult{}, notBegunError(cause, why)
	}
	if err != nil {
		return RunResult{}, err
	}
	result, err := storedResult(ctx, f.store, id)
	if err == nil && result.Status == directory.RunRunning {
		result.Status, result.Errors = status, []string{why}
	}
	return result, err
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
