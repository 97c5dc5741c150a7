package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// linkAccounts starts a run of accounts.
func (w *world) linkAccounts(s *source, mode string) client.WorkflowRun {
	w.t.Helper()
	run, err := w.temporal.ExecuteWorkflow(w.t.Context(), client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(s.name), TaskQueue: w.queue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.TaskRunName, workflows.TaskInput{Provider: s.name, Task: workflows.TaskAccounts, Mode: mode})
	require.NoError(w.t, err)
	return run
}

// newUnlinked is a company of which one member is linked to an account, and whose rules create
// accounts from now on.
func newUnlinked(w *world) *source {
	w.t.Helper()
	s := w.simulate(directory.Feishu, simulator.Generate(simulator.TypicalSpec(71, 130)))
	w.succeed(s)
	w.statement(`WITH one AS (
			SELECT m.id, m.email, m.tenant_id, m.name FROM org_members m WHERE m.email IS NOT NULL
			ORDER BY m.external_id LIMIT 1
		), identity AS (
			INSERT INTO identities (email) SELECT email FROM one RETURNING id
		)
		INSERT INTO users (tenant_id, identity_id, display_name)
		SELECT one.tenant_id, identity.id, one.name FROM one, identity`)
	w.succeed(s)
	require.Equal(w.t, 1, w.count("SELECT count(*) FROM org_members WHERE user_id IS NOT NULL"))
	w.rules(s, "accounts: { policy: link_or_create }", false)
	return s
}

// More accounts than go unasked wait for a person, whom no sync takes the decision from.
// Approved, the run creates what its plan showed, and undone nothing of it is left.
func TestHeldAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newUnlinked(w)
	users := func() int { return w.count("SELECT count(*) FROM users") }
	plan := w.wait(w.linkAccounts(s, workflows.ModePlan))
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Greater(t, plan.Members.AccountCreated, 50)
	held := w.wait(w.linkAccounts(s, workflows.ModeApply))
	require.Equal(t, directory.RunHeld, held.Status, held.Errors)
	require.Zero(t, held.Members.AccountCreated)
	require.Contains(t, held.HoldReason, "accounts are to be created for")

	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	require.Equal(t, directory.RunHeld, w.status(held.RunID), "a schedule takes no decision away")
	require.Equal(t, 1, users())
	approved, err := w.decide(held, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
	require.Equal(t, plan.Members.AccountCreated, approved.Members.AccountCreated)
	require.Equal(t, 1+plan.Members.AccountCreated, users())

	undone := w.undo(s.name, workflows.UndoInput{Run: held.RunID})
	require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
	require.Equal(t, 1, users())

	again := w.wait(w.linkAccounts(s, workflows.ModeApply))
	require.Equal(t, directory.RunHeld, again.Status, again.Errors)
	rejected, err := w.decide(again, workflows.RejectUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunRejected, rejected.Status)
	require.Equal(t, 1, users())
}

// Of two runs of accounts at the same time one is refused: nobody gets two accounts.
func TestAccountsTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.WeCom, simulator.Generate(simulator.TypicalSpec(73, 60)))
	w.succeed(s)
	w.rules(s, "accounts: { policy: link_or_create }", false)
	run := w.linkAccounts(s, workflows.ModeApply)
	_, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: run.GetID() + "/other", TaskQueue: w.queue,
	}, workflows.TaskRunName, workflows.TaskInput{Provider: s.name, Task: workflows.TaskAccounts})
	require.NoError(t, err)
	_ = w.temporal.GetWorkflow(t.Context(), run.GetID()+"/other", "").Get(t.Context(), nil)
	w.wait(run)
	require.Zero(t, w.count(`SELECT count(*) FROM (
		SELECT user_id FROM org_members WHERE user_id IS NOT NULL GROUP BY user_id HAVING count(*) > 1) twice`))
	require.Equal(t, w.count("SELECT count(*) FROM users"),
		w.count("SELECT count(*) FROM org_members WHERE user_id IS NOT NULL"))
	require.Positive(t, w.count("SELECT count(*) FROM users"))
}

// A worker that is killed while it creates accounts leaves none behind, and the next one creates
// each once.
func TestKilledWorkerCreatesNoAccountTwice(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	victim := w.spawn()
	s := w.simulate(directory.DingTalk, simulator.Generate(simulator.TypicalSpec(79, 60)))
	w.succeed(s)
	w.rules(s, "accounts: { policy: link_or_create }", false)
	linking := w.barrier("org_members", s.name,
		"NEW.provider_id = %s AND NEW.user_id IS NOT NULL AND OLD.user_id IS NULL")
	run := w.linkAccounts(s, workflows.ModeApply)
	linking.await()
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	linking.open()
	w.spawn()
	result := w.wait(run)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Positive(t, result.Members.AccountCreated)
	require.Equal(t, result.Members.AccountCreated, w.count("SELECT count(*) FROM users"))
	require.Equal(t, result.Members.AccountCreated, w.count("SELECT count(*) FROM identities"))
	require.Equal(t, result.Members.AccountCreated,
		w.count("SELECT count(DISTINCT user_id) FROM org_members WHERE user_id IS NOT NULL"))
}
