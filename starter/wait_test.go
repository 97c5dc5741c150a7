package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/workflows"
)

// fakeTemporal is a Temporal whose workflows end as get says; without it they never do.
type fakeTemporal struct {
	client.Client
	get func(ctx context.Context) (workflows.SyncResult, error)
	// started is the input of the workflow that was started last.
	started any
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, _ client.StartWorkflowOptions, _ any,
	args ...any) (client.WorkflowRun, error) {
	f.started = args[0]
	return endedRun{get: f.get}, nil
}

func (f *fakeTemporal) GetWorkflow(context.Context, string, string) client.WorkflowRun {
	return endedRun{get: f.get}
}

// endedRun is an execution of such a workflow.
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

// undying is a client that a command does not close.
type undying struct{ client.Client }

func (undying) Close() {}

// runWith runs a command line on the installation with this Temporal and returns its exit
// status. What it writes can be read meanwhile.
func (in installation) runWith(ctx context.Context, temporal client.Client, stdout, stderr io.Writer,
	args ...string) int {
	getenv := func(name string) string { return in.env[name] }
	s := cli.NewSession(strings.NewReader(""), stdout, stderr, getenv, wantsJSON(args))
	s.Service = service.New(service.Connections{
		DatabaseURL:  func() (string, error) { return in.env["DATABASE_URL"], nil },
		DialTemporal: func(context.Context) (client.Client, error) { return undying{temporal}, nil },
	})
	defer s.Close()
	parser, err := newParser(&commands{}, kong.BindTo(ctx, (*context.Context)(nil)))
	require.NoError(in.t, err)
	parsed, err := parser.Parse(args)
	require.NoError(in.t, err)
	return s.Exit(ctx, parsed.Run(s))
}

func TestStatusOfARunIsTheExitStatus(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	for status, want := range map[string]int{
		directory.RunSucceeded: cli.ExitDone, directory.RunHeld: cli.ExitHeld, directory.RunPartial: cli.ExitPartial,
		directory.RunFailed:   cli.ExitFailed,
		directory.RunRejected: cli.ExitFailed, directory.RunSuperseded: cli.ExitFailed,
		directory.RunCanceled: cli.ExitFailed,
	} {
		result := workflows.SyncResult{RunID: "4f1c", Provider: "acme", Mode: "apply", Status: status,
			HoldReason: "31 removals"}
		temporal := &fakeTemporal{get: func(context.Context) (workflows.SyncResult, error) { return result, nil }}
		for _, output := range []string{"json", "text"} {
			stdout, stderr := &lines{}, &lines{}
			require.Equal(t, want, in.runWith(t.Context(), temporal, stdout, stderr, "sync", "acme", "--wait",
				"--output", output), status)
			require.Empty(t, stderr.String())
			if output == "text" {
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
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	result := workflows.SyncResult{RunID: "4f1c", Provider: "acme", Status: directory.RunFailed, Calls: 7,
		Errors: []string{"the app secret is wrong"}}
	cause := temporal.NewApplicationErrorWithOptions("failed", workflows.FailureType,
		temporal.ApplicationErrorOptions{Details: []any{result}})
	failing := &fakeTemporal{get: func(context.Context) (workflows.SyncResult, error) {
		return workflows.SyncResult{}, cause
	}}
	stdout, stderr := &lines{}, &lines{}
	require.Equal(t, cli.ExitFailed, in.runWith(t.Context(), failing, stdout, stderr, "sync", "acme", "--wait",
		"--output", "json"))
	var printed workflows.SyncResult
	require.NoError(t, json.Unmarshal([]byte(stdout.String()), &printed))
	require.Equal(t, result, printed, "what the workflow returns is what the command prints")
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

func (in installation) await(name, timeout string) *atWork {
	in.t.Helper()
	in.add(name, feishuConfig())
	w := &atWork{wire: newWire(in.t), store: in.store(), stdout: &lines{}, stderr: &lines{}, status: make(chan int, 1)}
	temporal := w.wire.dial(stack.Namespace)
	var err error
	w.run, err = temporal.ExecuteWorkflow(in.t.Context(),
		client.StartWorkflowOptions{ID: "orgsync/" + name, TaskQueue: workflows.TaskQueue}, workflows.SyncOrgName)
	require.NoError(in.t, err)
	w.id = in.begin(w.store, name, w.run.GetRunID())
	go func() {
		w.status <- in.runWith(in.t.Context(), temporal, w.stdout, w.stderr, "runs", "watch", w.id,
			"--temporal-timeout", timeout)
	}()
	return w
}

const gone = "orgsync: temporal does not answer; still waiting\n"

// A run that goes on while Temporal cannot be reached ends for who waits as it does.
func TestWaitingGoesOnByTheDatabaseWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for status, want := range map[string]int{directory.RunSucceeded: cli.ExitDone,
		directory.RunPartial: cli.ExitPartial, directory.RunHeld: cli.ExitHeld} {
		w := in.await("away-"+status, "1h")
		w.wire.cut()
		w.stderr.wait(t, gone, 30*time.Second)
		counts := directory.Counts{Members: directory.MemberCounts{Read: 4321}}
		if status == directory.RunHeld {
			require.NoError(t, w.store.HoldRun(t.Context(), w.id, "too many", "hold", counts))
		} else {
			require.NoError(t, w.store.FinishRun(t.Context(), w.id, status, "", counts, true))
		}
		require.Equal(t, want, <-w.status, w.stderr)
		require.Contains(t, w.stdout.String(), "away-"+status+": "+status+" (apply)")
		require.Contains(t, w.stdout.String(), "4,321")
	}
}

func TestWaitingGoesOnOnceTemporalAnswersAgain(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.await("back", "1h")
	w.wire.cut()
	w.stderr.wait(t, gone, 30*time.Second)
	w.wire.join()
	w.stderr.wait(t, "orgsync: temporal answers again\n", time.Minute)
	require.NoError(t, dial(t).TerminateWorkflow(t.Context(), w.run.GetID(), w.run.GetRunID(), ""))
	require.Equal(t, cli.ExitFailed, <-w.status)
	require.Contains(t, w.stdout.String(), "back: canceled (apply)")
}

func TestWaitingEndsWhenTemporalIsAwayForTooLong(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	w := in.await("lost", "1s")
	w.wire.cut()
	require.Equal(t, cli.ExitFailed, <-w.status)
	require.Contains(t, w.stderr.String(),
		"temporal has not answered for 1s; the run may go on: see orgsync runs list --provider lost\n")
}

// A workflow that ends before its run has begun has no result: the command says why.
func TestRunThatMayNotBegin(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	for failure, want := range map[string]int{
		workflows.BusyType: cli.ExitBusy, workflows.InactiveType: cli.ExitBusy, workflows.UndecidedType: cli.ExitHeld,
		workflows.NothingType: cli.ExitNothing,
		workflows.InvalidType: cli.ExitUsage, workflows.UnknownType: cli.ExitUsage, "Storage": cli.ExitFailed,
	} {
		cause := errors.Join(new(temporal.WorkflowExecutionError),
			temporal.NewNonRetryableApplicationError("this is why", failure, nil))
		ending := &fakeTemporal{get: func(context.Context) (workflows.SyncResult, error) {
			return workflows.SyncResult{}, cause
		}}
		stdout, stderr := &lines{}, &lines{}
		require.Equal(t, want, in.runWith(t.Context(), ending, stdout, stderr, "sync", "acme", "--wait", "--output",
			"json"), failure)
		require.Equal(t, "orgsync: this is why\n", stderr.String())
		var document struct{ Error string }
		outcome{t: t, stdout: stdout.String()}.json(&document)
		require.Equal(t, "this is why", document.Error)
	}
}

func TestInterruptionLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	ctx, interrupt := context.WithCancel(t.Context())
	endless := &fakeTemporal{get: func(ctx context.Context) (workflows.SyncResult, error) {
		interrupt()
		<-ctx.Done()
		return workflows.SyncResult{}, ctx.Err()
	}}
	stdout, stderr := &lines{}, &lines{}
	require.Equal(t, cli.ExitInterrupted, in.runWith(ctx, endless, stdout, stderr, "sync", "acme", "--wait"))
	require.Contains(t, stderr.String(), "the run continues; follow it with: orgsync status")
	require.Contains(t, stderr.String(), "orgsync cancel acme")
	require.Empty(t, stdout.String())
}
