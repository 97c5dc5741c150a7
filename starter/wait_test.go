package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// endedRun is a workflow that ends as get says.
type endedRun struct {
	client.WorkflowRun
	get func(ctx context.Context) (workflows.SyncResult, error)
}

func (endedRun) GetID() string    { return "orgsync/acme" }
func (endedRun) GetRunID() string { return "execution" }
func (r endedRun) Get(ctx context.Context, into any) error {
	result, err := r.get(ctx)
	*into.(*workflows.SyncResult) = result
	return err
}

func TestStatusOfARunIsTheExitStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]int{
		directory.RunSucceeded: exitDone, directory.RunHeld: exitHeld, directory.RunPartial: exitPartial, directory.RunFailed: exitFailed,
		directory.RunRejected: exitFailed, directory.RunSuperseded: exitFailed, directory.RunCanceled: exitFailed,
	} {
		result := workflows.SyncResult{RunID: "4f1c", Provider: "acme", Mode: "apply", Status: status, HoldReason: "31 removals"}
		for _, asJSON := range []bool{true, false} {
			var stdout, stderr bytes.Buffer
			s := &session{stdout: &stdout, stderr: &stderr, json: asJSON}
			run := endedRun{get: func(context.Context) (workflows.SyncResult, error) { return result, nil }}
			ended, err := s.await(t.Context(), nil, nil, run, workflows.SyncInput{Provider: "acme"}, waitFlags{})
			require.NoError(t, err)
			err = s.conclusion(ended)
			require.Equal(t, want, s.conclude(t.Context(), err), status)
			require.Empty(t, stderr.String())
			if !asJSON {
				require.Contains(t, stdout.String(), "acme: "+status)
				continue
			}
			var printed map[string]any
			outcome{t: t, stdout: stdout.String()}.json(&printed)
			require.Equal(t, status, printed["status"])
			require.Equal(t, []any{}, printed["errors"])
		}
	}
}

func TestFailedRunPrintsItsResult(t *testing.T) {
	t.Parallel()
	result := workflows.SyncResult{RunID: "4f1c", Provider: "acme", Status: directory.RunFailed, Calls: 7, Errors: []string{"the app secret is wrong"}}
	cause := temporal.NewApplicationErrorWithOptions("failed", workflows.FailureType, temporal.ApplicationErrorOptions{Details: []any{result}})
	var stdout, stderr bytes.Buffer
	s := &session{stdout: &stdout, stderr: &stderr, json: true}
	run := endedRun{get: func(context.Context) (workflows.SyncResult, error) { return workflows.SyncResult{}, cause }}
	ended, err := s.await(t.Context(), nil, nil, run, workflows.SyncInput{Provider: "acme"}, waitFlags{})
	require.NoError(t, err)
	err = s.conclusion(ended)
	require.Equal(t, exitFailed, s.conclude(t.Context(), err))
	var printed workflows.SyncResult
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &printed))
	require.Equal(t, result, printed)
	require.Empty(t, stderr.String())
}

// atWork starts a workflow on which nobody works, with a run in the database as its first
// activity makes it, and waits for it by a wire of its own.
type atWork struct {
	run            client.WorkflowRun
	id             string
	store          *db.Store
	wire           *wire
	stdout, stderr *lines
	status         chan int
}

func (in installation) await(name string, timeout time.Duration) *atWork {
	in.t.Helper()
	in.add(name, feishuConfig())
	w := &atWork{wire: newWire(in.t), store: in.store(), stdout: &lines{}, stderr: &lines{}, status: make(chan int, 1)}
	temporal := w.wire.dial(stack.Namespace)
	var err error
	w.run, err = temporal.ExecuteWorkflow(in.t.Context(), client.StartWorkflowOptions{ID: "orgsync/" + name, TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(in.t, err)
	w.id = in.begin(w.store, name, w.run.GetRunID())
	s := &session{stdout: w.stdout, stderr: w.stderr}
	go func() {
		result, err := s.await(in.t.Context(), w.store, temporal, w.run, workflows.SyncInput{Provider: name, Mode: "apply"}, waitFlags{TemporalTimeout: timeout})
		if err == nil {
			err = s.conclusion(result)
		}
		w.status <- s.conclude(in.t.Context(), err)
	}()
	return w
}

const gone = "orgsync: temporal does not answer; still waiting\n"

// A run that goes on while Temporal cannot be reached ends for who waits as it does.
func TestWaitingGoesOnByTheDatabaseWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for status, want := range map[string]int{directory.RunSucceeded: exitDone, directory.RunPartial: exitPartial, directory.RunHeld: exitHeld} {
		w := in.await("away-"+status, time.Hour)
		w.wire.cut()
		w.stderr.wait(t, gone, 30*time.Second)
		counts := directory.Counts{Members: directory.MemberCounts{Read: 4321}}
		if status == directory.RunHeld {
			require.NoError(t, w.store.RunHold(t.Context(), w.id, "too many", "hold", counts))
		} else {
			require.NoError(t, w.store.RunFinish(t.Context(), w.id, status, "", counts, true))
		}
		require.Equal(t, want, <-w.status, w.stderr)
		require.Contains(t, w.stdout.String(), "away-"+status+": "+status+" (apply)")
		require.Contains(t, w.stdout.String(), "4,321")
	}
}

func TestWaitingGoesOnOnceTemporalAnswersAgain(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.await("back", time.Hour)
	w.wire.cut()
	w.stderr.wait(t, gone, 30*time.Second)
	w.wire.join()
	w.stderr.wait(t, "orgsync: temporal answers again\n", time.Minute)
	require.NoError(t, dial(t).TerminateWorkflow(t.Context(), w.run.GetID(), w.run.GetRunID(), ""))
	require.Equal(t, exitFailed, <-w.status)
	require.Contains(t, w.stdout.String(), "back: canceled (apply)")
}

func TestWaitingEndsWhenTemporalIsAwayForTooLong(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.await("lost", time.Second)
	w.wire.cut()
	require.Equal(t, exitFailed, <-w.status)
	require.Contains(t, w.stderr.String(), "temporal has not answered for 1s; the run may go on: see orgsync runs list --provider lost\n")
}

// A workflow that ends before its run has begun has no result: the command says why.
func TestRunThatMayNotBegin(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	store := in.store()
	for failure, want := range map[string]int{
		workflows.BusyType: exitBusy, workflows.InactiveType: exitBusy, workflows.UndecidedType: exitHeld, workflows.NothingType: exitNothing,
		workflows.InvalidType: exitUsage, workflows.UnknownType: exitUsage, "Storage": exitFailed,
	} {
		cause := errors.Join(new(temporal.WorkflowExecutionError), temporal.NewNonRetryableApplicationError("this is why", failure, nil))
		var stdout, stderr bytes.Buffer
		s := &session{stdout: &stdout, stderr: &stderr, json: true}
		run := endedRun{get: func(context.Context) (workflows.SyncResult, error) { return workflows.SyncResult{}, cause }}
		_, err := s.await(t.Context(), store, nil, run, workflows.SyncInput{Provider: "acme"}, waitFlags{})
		require.Equal(t, want, s.conclude(t.Context(), err), failure)
		require.Equal(t, "orgsync: this is why\n", stderr.String())
		var document struct{ Error string }
		outcome{t: t, stdout: stdout.String()}.json(&document)
		require.Equal(t, "this is why", document.Error)
	}
}

func TestInterruptionLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	s := &session{stdout: &stdout, stderr: &stderr}
	run := endedRun{get: func(ctx context.Context) (workflows.SyncResult, error) {
		interrupt()
		<-ctx.Done()
		return workflows.SyncResult{}, ctx.Err()
	}}
	_, err := s.await(ctx, nil, nil, run, workflows.SyncInput{Provider: "acme"}, waitFlags{})
	require.Equal(t, exitInterrupted, s.conclude(ctx, err))
	require.Contains(t, stderr.String(), "the run continues; follow it with: orgsync status")
	require.Contains(t, stderr.String(), "orgsync cancel acme")
	require.Empty(t, stdout.String())
}

func TestHowAWorkflowEndedWithoutAResult(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cause       error
		status, why string
	}{
		{temporal.NewCanceledError(), directory.RunCanceled, "the workflow was canceled"},
		{&temporal.TerminatedError{}, directory.RunCanceled, "the workflow was terminated"},
		{temporal.NewNonRetryableApplicationError("there is no provider", "NotFound", nil), directory.RunFailed, "there is no provider"},
		{errors.New("timed out"), directory.RunFailed, "timed out"},
	} {
		status, why := endOf(tt.cause)
		require.Equal(t, tt.status, status)
		require.Equal(t, tt.why, why)
	}
}

func TestWatchTellsEachPhaseOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store, ctx := in.store(), t.Context()
	var out bytes.Buffer
	w := newWatch(&out, store, "orgsync/acme", "execution", "acme")
	w.look(ctx)
	require.Empty(t, out.String())

	run := in.begin(store, "acme", "execution")
	in.ledger(run, "od-1", 40, nil)
	require.NoError(t, store.RunPhase(ctx, run, "members"))
	w.look(ctx)
	w.look(ctx)
	require.Regexp(t, `^orgsync: acme: members, 1 of 1 department, 40 memberships read, \d+s\n$`, out.String())

	out.Reset()
	require.NoError(t, store.RunPhase(ctx, run, "removals"))
	w.look(ctx)
	w.look(ctx)
	require.Regexp(t, `^orgsync: acme: removals, .*\n$`, out.String())
}

func TestLiveLineIsReplacedAndFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := &watch{out: &out, provider: "acme", live: true, width: 40}
	began := time.Now()
	progress := db.Progress{Phase: "members", StartedAt: began, Departments: 1200, DepartmentsDone: 600, DepartmentsFailed: 3}
	w.draw(progress, began)
	progress.MembersRead = 1000
	w.draw(progress, began.Add(2*time.Second))
	require.Equal(t, "\r\x1b[2Kacme: members, 600 of 1,200 departments"+"\r\x1b[2Kacme: members, 600 of 1,200 departments", out.String())
	require.Equal(t, "acme: members, 600 of 1,200 departments, 1,000 memberships read (500/s), 3 failed, 2s",
		progressLine("acme", progress, 500, began.Add(2*time.Second)))

	out.Reset()
	w.interject("no worker")
	require.Equal(t, "\r\x1b[2Korgsync: no worker\n", out.String())
	w.done()
	require.Equal(t, "\r\x1b[2Korgsync: no worker\n", out.String())
}

func TestRateIsOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	w, began := &watch{}, time.Now()
	require.Zero(t, w.rate(0, began))
	require.InDelta(t, 100, w.rate(100, began.Add(time.Second)), 0.1)
	for second := 2; second <= 20; second++ {
		w.rate(100, began.Add(time.Duration(second)*time.Second))
	}
	require.Zero(t, w.rate(100, began.Add(21*time.Second)))
}
