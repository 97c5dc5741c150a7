package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// describing is a Temporal that answers about every workflow alike.
type describing struct {
	client.Client
	status enums.WorkflowExecutionStatus
	err    error
}

func (d describing) DescribeWorkflowExecution(context.Context, string,
	string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: d.status},
	}, d.err
}

// An unfinished run gets the end that its workflow had.
func TestEndOfAnUnfinishedRun(t *testing.T) {
	t.Parallel()
	for status, want := range map[enums.WorkflowExecutionStatus]string{
		enums.WORKFLOW_EXECUTION_STATUS_RUNNING:    "",
		enums.WORKFLOW_EXECUTION_STATUS_CANCELED:   directory.RunCanceled,
		enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: directory.RunCanceled,
		enums.WORKFLOW_EXECUTION_STATUS_FAILED:     directory.RunFailed,
		enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  directory.RunFailed,
		enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:  directory.RunFailed,
	} {
		runs := &Runs{Temporal: describing{status: status}}
		ended, err := runs.endedStatus(t.Context(), db.OpenRun{})
		require.NoError(t, err)
		require.Equal(t, want, ended, status)
	}
	ended, err := (&Runs{Temporal: describing{err: serviceerror.NewNotFound("no such workflow")}}).endedStatus(
		t.Context(), db.OpenRun{})
	require.NoError(t, err)
	require.Equal(t, directory.RunFailed, ended)
	_, err = (&Runs{Temporal: describing{err: errors.New("no shard")}}).endedStatus(t.Context(),
		db.OpenRun{WorkflowID: "orgsync/acme"})
	require.ErrorContains(t, err, "ask Temporal about workflow orgsync/acme: no shard")
}

// A run whose workflow is at work, or may be, stops the next; one whose workflow is
// gone does not.
func TestUnfinishedRunStopsTheNextOnlyWhileAtWork(t *testing.T) {
	t.Parallel()
	d := departments(0)
	b := newBench(t, database(t), d, d)
	earlier := b.runID
	status := func() string {
		run, err := b.store.Report.GetRun(t.Context(), earlier)
		require.NoError(t, err)
		return run.Status
	}
	next := BeginRunInput{Provider: b.provider.Name, Mode: "apply", OnRemovals: "hold"}
	b.runs.Temporal = describing{status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING}
	failed := b.fails(b.runs.BeginRun, next)
	require.Equal(t, TypeBusy, failed.Type())
	require.True(t, failed.NonRetryable())
	b.runs.Temporal = describing{err: errors.New("no shard")}
	require.False(t, b.fails(b.runs.BeginRun, next).NonRetryable())
	require.Equal(t, directory.RunRunning, status())

	b.runs.Temporal = describing{status: enums.WORKFLOW_EXECUTION_STATUS_TERMINATED}
	begun := must[BeginRunResult](b, b.runs.BeginRun, next)
	require.NotEqual(t, earlier, begun.RunID)
	require.Equal(t, directory.RunCanceled, status())
	require.Equal(t, begun, must[BeginRunResult](b, b.runs.BeginRun, next),
		"asked again by the same workflow: the same run")
}

func TestRunOfNoProviderSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := departments(0)
	b := newBench(t, database(t), d, d)
	failed := b.fails(b.runs.BeginRun, BeginRunInput{Provider: "acmee", Mode: "apply", OnRemovals: "hold"})
	require.Equal(t, TypeNotFound, failed.Type())
	require.True(t, failed.NonRetryable())
	require.Equal(t, `there is no provider named "acmee"; stored are: `+b.provider.Name+
		`; add one with: orgsync provider add`, failed.Message())

	off := false
	require.NoError(t, b.store.Providers.Update(t.Context(), b.provider.ID, providers.Change{Active: &off}, nil))
	failed = b.fails(b.runs.BeginRun, BeginRunInput{Provider: b.provider.Name, Mode: "apply", OnRemovals: "hold"})
	require.Equal(t, TypeInactive, failed.Type())
	require.Contains(t, failed.Message(), "is switched off; switch it on with: orgsync provider update "+
		b.provider.Name+" --active")
}

// The first end stands, however often and however differently it is asked for.
func TestRunEndsOnce(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, d)
	all := b.tree()
	must[ReadMembersResult](b, b.pull.ReadMembers, all)
	must[any](b, b.apply.ApplyDepartments, ApplyDepartmentsInput{RunID: b.runID})
	must[any](b, b.apply.ApplyMembers, all)
	report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, directory.RunSucceeded, report.Status)
	require.Equal(t, 3, report.Departments.Created)
	require.Equal(t, 4, report.Members.Created)
	require.Equal(t, 4, report.Memberships.Created)
	require.EqualValues(t, 1+3+5, report.Calls, "roots, children, members")
	require.Empty(t, report.Errors)

	again := must[RunReport](b, b.runs.FinishRun,
		FinishRunInput{RunID: b.runID, Status: directory.RunFailed, Problem: "too late"})
	require.Equal(t, report, again)
	p, err := b.store.Providers.FindByName(t.Context(), b.provider.Name)
	require.NoError(t, err)
	require.NotNil(t, p.LastSyncedAt)
}

func TestOnlyACompleteRunCountsAsSynced(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		end    FinishRunInput
		status string
	}{
		"incomplete": {FinishRunInput{Incomplete: true}, directory.RunSucceeded},
		"failed": {FinishRunInput{Status: directory.RunFailed, Problem: "the secret is wrong"},
			directory.RunFailed},
		"dry run": {FinishRunInput{Incomplete: true,
			Counts: &directory.Counts{Members: directory.MemberCounts{Created: 9}}}, directory.RunSucceeded},
		"partial": {FinishRunInput{Counts: &directory.Counts{Departments: directory.DepartmentCounts{Failed: 1}}},
			directory.RunPartial},
		"odd people": {FinishRunInput{Counts: &directory.Counts{Members: directory.MemberCounts{Failed: 1}}},
			directory.RunPartial},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(0)
			b := newBench(t, store, d, d)
			c.end.RunID = b.runID
			report := must[RunReport](b, b.runs.FinishRun, c.end)
			require.Equal(t, c.status, report.Status)
			if c.end.Counts != nil {
				require.Equal(t, *c.end.Counts, report.Counts)
			}
			if c.end.Problem != "" {
				require.Equal(t, []string{c.end.Problem}, report.Errors)
			}
			p, err := store.Providers.FindByName(t.Context(), b.provider.Name)
			require.NoError(t, err)
			require.Nil(t, p.LastSyncedAt)
		})
	}
}

// A report names so many problems and no more, what ended the run first.
func TestReportBoundsItsErrors(t *testing.T) {
	t.Parallel()
	d := departments(0)
	b := newBench(t, database(t), d, d)
	for n := range maxErrors + 5 {
		require.NoError(t, b.store.AddRunError(t.Context(), b.runID, "warning", "", fmt.Sprintf("oddity %d", n)))
	}
	report := must[RunReport](b, b.runs.FinishRun,
		FinishRunInput{RunID: b.runID, Status: directory.RunFailed, Problem: "the end"})
	require.Len(t, report.Errors, maxErrors)
	require.Equal(t, "the end", report.Errors[0])
}

// Holding twice is holding once, and what was read before the hold stays counted.
func TestHoldingARun(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, d)
	all := b.tree()
	must[ReadMembersResult](b, b.pull.ReadMembers, all)
	must[any](b, b.apply.ApplyDepartments, ApplyDepartmentsInput{RunID: b.runID})
	must[any](b, b.apply.ApplyMembers, all)
	hold := HoldRunInput{RunID: b.runID, Reason: "it would remove 30 of 40 members",
		HoldWorkflowID: "orgsync/acme/removals/r1"}
	held := must[HoldRunResult](b, b.runs.HoldRun, hold)
	require.Equal(t, directory.RunHeld, held.Status)
	require.Equal(t, 4, held.Members.Read)
	require.Equal(t, held.Counts, must[HoldRunResult](b, b.runs.HoldRun, hold).Counts)
	require.WithinDuration(t, time.Now().Add(72*time.Hour), *held.ExpiresAt, time.Minute)
	require.InDelta(t, 72*time.Hour, held.ExpiresIn, float64(time.Minute))
	require.Equal(t, 4, held.Removals.Members.There)
	ended := must[RunReport](b, b.runs.FinishRun,
		FinishRunInput{RunID: b.runID, Status: directory.RunRejected, Problem: "rejected", DecidedBy: "ann@host"})
	require.Equal(t, directory.RunRejected, ended.Status)
	run, err := b.store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.Equal(t, "ann@host", run.DecidedBy)
	require.Equal(t, 4, ended.Members.Read, "its staging is gone, its figures are not")
	require.Equal(t, TypeSuperseded, b.fails(b.runs.HoldRun, hold).Type(), "an ended run is not held again")
}

// Where Postgres' clock is ahead of the worker's, or is set back, no run lasts less than no
// time, and none is held for longer than its provider says.
func TestRunsWithClocksThatDiffer(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	d := departments(0)
	b := newBench(t, store, d, d)
	set := func(column string) {
		_, err := conn.Exec(t.Context(), "UPDATE sync_runs SET "+column+
			" = now() + interval '100 hours' WHERE id = $1", b.runID)
		require.NoError(t, err)
	}
	set("started_at")
	hold := HoldRunInput{RunID: b.runID, Reason: "why", HoldWorkflowID: "orgsync/acme/removals/r1"}
	require.Zero(t, must[HoldRunResult](b, b.runs.HoldRun, hold).DurationMS)
	set("hold_expires_at")
	require.Equal(t, 72*time.Hour, must[HoldRunResult](b, b.runs.HoldRun, hold).ExpiresIn)
	require.Zero(t, must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID}).DurationMS)
	run, err := store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.Equal(t, run.StartedAt, *run.FinishedAt)

	b.begin()
	set("started_at")
	ended, err := store.EndDeadRun(t.Context(), b.runID, directory.RunFailed)
	require.NoError(t, err)
	require.True(t, ended)
	run, err = store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.Equal(t, run.StartedAt, *run.FinishedAt)
}

// Removals that were approved wait until no other run is at work. What was counted when
// the run was held stays counted.
func TestAnApprovedRunTakesItsTurn(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, d)
	b.read()
	must[HoldRunResult](b, b.runs.HoldRun, HoldRunInput{RunID: b.runID, Reason: "why",
		HoldWorkflowID: "orgsync/acme/removals/r1"})
	b.runs.Temporal = describing{status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING}
	other := must[BeginRunResult](b, b.runs.BeginRun,
		BeginRunInput{Provider: b.provider.Name, Mode: "plan", OnRemovals: "hold"})
	require.Empty(t, other.Superseded)
	busy := b.fails(b.runs.ResumeRun, ResumeRunInput{RunID: b.runID, DecidedBy: "ann@host"})
	require.Equal(t, TypeBusy, busy.Type())
	require.False(t, busy.NonRetryable())
	require.Contains(t, busy.Message(), "the removals are approved; they are carried out when run "+other.RunID)
	waiting, err := b.store.Report.GetRun(t.Context(), b.runID)
	require.NoError(t, err)
	require.Equal(t, "ann@host", waiting.DecidedBy, "on record before its turn comes")
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: other.RunID})

	must[any](b, b.runs.ResumeRun, ResumeRunInput{RunID: b.runID, DecidedBy: "ann@host"})
	ended := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	require.Equal(t, directory.RunSucceeded, ended.Status)
	require.Equal(t, 4, ended.Members.Read)
	late := b.fails(b.runs.ResumeRun, ResumeRunInput{RunID: b.runID, DecidedBy: "ann@host"})
	require.Equal(t, TypeSuperseded, late.Type())
	require.True(t, late.NonRetryable())
}
