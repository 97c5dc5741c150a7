package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/simulator"
	"github.com/orgsync/orgsync/workflows"
)

// exodus is a company that has been loaded and which a third of its people then left.
type exodus struct {
	*world
	*source
	leavers int
}

func newExodus(t *testing.T) *exodus {
	t.Helper()
	w := newWorld(t)
	spec := simulator.TypicalSpec(51, 90)
	s := w.simulate(directory.WeCom, simulator.Generate(spec))
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	e := &exodus{world: w, source: s, leavers: 30}
	for p := range simulator.PersonID(e.leavers) {
		require.NoError(t, s.company.Leave(p+1))
	}
	_, err := s.company.Hire("Somebody New", simulator.Root)
	require.NoError(t, err)
	return e
}

// deleted is how many of the provider's people are marked as gone.
func (e *exodus) deleted() (n int) {
	e.t.Helper()
	require.NoError(e.t, e.pool.QueryRow(e.t.Context(), `SELECT count(*) FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		WHERE p.name = $1 AND m.status = 'deleted'`, e.name).Scan(&n))
	return n
}

// hold syncs and expects the guard to have held the removals.
func (e *exodus) hold() workflows.SyncResult {
	e.t.Helper()
	held := e.sync(e.name)
	require.Equal(e.t, directory.RunHeld, held.Status, held.Errors)
	require.Contains(e.t, held.HoldReason, "it would remove 30 of")
	require.Equal(e.t, workflows.HoldWorkflowID(e.name, held.RunID), held.HoldWorkflowID)
	require.Zero(e.t, held.Members.Deleted)
	require.Zero(e.t, e.deleted())
	return held
}

// decide sends an update as "temporal workflow update execute" does.
func (e *exodus) decide(held workflows.SyncResult, update string) (workflows.SyncResult, error) {
	e.t.Helper()
	var result workflows.SyncResult
	handle, err := e.temporal.UpdateWorkflow(e.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: held.HoldWorkflowID, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return result, err
	}
	return result, handle.Get(e.t.Context(), &result)
}

func (e *exodus) status(runID string) string {
	e.t.Helper()
	run, err := e.store.Run(e.t.Context(), runID)
	require.NoError(e.t, err)
	return run.Status
}

func TestApprovingRemovesExactlyWhatWasHeld(t *testing.T) {
	t.Parallel()
	e := newExodus(t)
	held := e.hold()
	require.Equal(t, 1, held.Members.Created, "additions are in before anybody decides")
	// Gone only after the run planned: not among what is approved.
	require.NoError(t, e.company.Leave(simulator.PersonID(e.leavers+1)))

	result, err := e.decide(held, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Equal(t, e.leavers, result.Members.Deleted)
	require.Equal(t, e.leavers, e.deleted())

	_, err = e.decide(held, workflows.RejectUpdate)
	require.Error(t, err, "a second decision is refused")

	// The one who left meanwhile is the next run's business, and within its limits.
	require.Equal(t, directory.RunSucceeded, e.sync(e.name).Status)
	e.requireEqual(e.source)
}

func TestRejectingLeavesEverybody(t *testing.T) {
	t.Parallel()
	e := newExodus(t)
	held := e.hold()
	result, err := e.decide(held, workflows.RejectUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunRejected, result.Status)
	require.Zero(t, e.deleted())
	require.Equal(t, directory.RunRejected, e.status(held.RunID))
	e.hold() // the reason is still there
}

func TestNextRunSupersedesAHeldOne(t *testing.T) {
	t.Parallel()
	e := newExodus(t)
	first := e.hold()
	_, err := e.company.Hire("Somebody Newer", simulator.Root)
	require.NoError(t, err)
	second := e.sync(e.name)
	require.Equal(t, directory.RunHeld, second.Status, "a held run does not stop the next, which is held itself")
	require.Equal(t, 1, second.Members.Created, "and brings its own additions")
	require.Equal(t, directory.RunSuperseded, e.status(first.RunID))

	_, err = e.decide(first, workflows.ApproveUpdate)
	require.Error(t, err, "the overtaken run can remove nobody")
	require.Zero(t, e.deleted())

	_, err = e.decide(second, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, e.leavers, e.deleted())
	e.requireEqual(e.source)
}

func TestRemovalsCanBeSkippedAppliedOrPlanned(t *testing.T) {
	t.Parallel()
	e := newExodus(t)

	before := e.writes()
	planned := e.wait(e.start(workflows.SyncInput{Provider: e.name, Mode: workflows.ModePlan, OnRemovals: workflows.RemovalsApply}))
	require.Equal(t, directory.RunSucceeded, planned.Status, planned.Errors)
	require.Equal(t, workflows.ModePlan, planned.Mode)
	require.Equal(t, before, e.writes(), "planning writes nothing")

	skipped := e.wait(e.start(workflows.SyncInput{Provider: e.name, OnRemovals: workflows.RemovalsSkip}))
	require.Equal(t, directory.RunSucceeded, skipped.Status, skipped.Errors)
	require.Equal(t, planned.Members.Created, skipped.Members.Created)
	require.Zero(t, e.deleted())

	applied := e.wait(e.start(workflows.SyncInput{Provider: e.name, OnRemovals: workflows.RemovalsApply}))
	require.Equal(t, directory.RunSucceeded, applied.Status, applied.Errors)
	require.Equal(t, planned.Members.Deleted, applied.Members.Deleted)
	require.Equal(t, planned.Departments.Deleted, applied.Departments.Deleted)
	require.Equal(t, planned.Memberships.Deleted, applied.Memberships.Deleted)
	require.Equal(t, e.leavers, applied.Members.Deleted)
	e.requireEqual(e.source)
}
