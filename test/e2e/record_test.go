//go:build record

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/workflows"
)

// Endpoints of the simulated Feishu that faults are aimed at.
const (
	childrenCall = "departments/children"
	membersCall  = "users/find_by_department"
)

// TestRecord runs a sync of every kind and writes the histories that the replay tests
// of package workflows keep. It is built with -tags record only ("make record").
func TestRecord(t *testing.T) {
	w := newWorld(t)
	t.Run("small", func(t *testing.T) { recordSmall(t, w) })
	t.Run("large", func(t *testing.T) { recordLarge(t, w) })
	t.Run("held", func(t *testing.T) { recordHeld(t, w) })
	t.Run("decided", func(t *testing.T) { recordDecided(t) })
	t.Run("canceled", func(t *testing.T) { recordCanceled(t, w) })
	t.Run("scheduled", func(t *testing.T) { recordScheduled(t, w) })
	t.Run("undo", func(t *testing.T) { recordUndo(t, w) })
	t.Run("targets", func(t *testing.T) { recordTargets(t, w) })
	t.Run("unchanged", func(t *testing.T) { recordUnchanged(t, w) })
	t.Run("retention", func(t *testing.T) { recordRetention(t, w) })
	t.Run("others", func(t *testing.T) { recordOthers(t, w) })
	t.Run("stream", func(t *testing.T) { recordStream(t, w) })
	t.Run("deliveries", func(t *testing.T) { recordDeliveries(t, w) })
}

func recordRetention(t *testing.T, w *world) {
	run, err := w.temporal.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: workflows.RetentionID, TaskQueue: w.queue}, workflows.RetentionName)
	require.NoError(t, err)
	require.NoError(t, run.Get(t.Context(), nil))
	record(t, w, "retention", run)
}

// recordOthers has the runs that read nothing, or only what they are told of.
func recordOthers(t *testing.T, w *world) {
	s := small(w)
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	task := w.linkAccounts(s, workflows.ModeApply)
	require.Equal(t, directory.RunSucceeded, w.wait(task).Status)
	record(t, w, "task-run", task)

	set, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(s.name), TaskQueue: w.queue,
	}, workflows.SetAdministratorsName, workflows.SetAdministratorsInput{
		Provider: s.name, Add: []string{s.member(1)},
	})
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, w.wait(set).Status)
	record(t, w, "set-administrators", set)

	p, err := w.store.Providers.FindByName(t.Context(), s.name)
	require.NoError(t, err)
	_, err = w.store.Logins.AddMember(t.Context(), p.ID, s.member(2), nil)
	require.NoError(t, err)
	id := workflows.LoginsWorkflowID(s.name)
	logins, err := w.temporal.SignalWithStartWorkflow(t.Context(), id, workflows.LoginSignal, nil,
		client.StartWorkflowOptions{ID: id, TaskQueue: w.queue}, workflows.RecordLoginsName,
		workflows.LoginsInput{Provider: s.name})
	require.NoError(t, err)
	require.NoError(t, logins.Get(t.Context(), nil))
	record(t, w, "record-logins", logins)

	// Ended by canceling it: by itself it does after ten quiet minutes.
	require.NoError(t, w.store.EnableEvents(t.Context(), p, db.EventsByCallback, audit.By{Name: "test"}))
	require.NoError(t, s.company.SetTitle(3, "Chief"))
	_, err = w.store.AddEvents(t.Context(), p.ID, []db.Event{
		{ID: "one", Kind: "contact.user.updated_v3", ObjectType: db.EventMember, ObjectID: s.member(3)},
	})
	require.NoError(t, err)
	id = workflows.EventsWorkflowID(s.name)
	follow, err := w.temporal.SignalWithStartWorkflow(t.Context(), id, workflows.EventsSignal, nil,
		client.StartWorkflowOptions{ID: id, TaskQueue: w.queue}, workflows.FollowChangesName,
		workflows.FollowInput{Provider: s.name})
	require.NoError(t, err)
	w.followed(s)
	record(t, w, "follow-changes", w.canceled(follow.GetID()))
}

// recordStream has a stream that ends since events are switched off.
func recordStream(t *testing.T, w *world) {
	s := small(w)
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	w.stream(s, simulator.Stream{})
	require.NoError(t, w.service().DisableEvents(t.Context(), s.name, service.By{Name: "test"}))
	good := record(t, w, "keep-stream", w.ended(workflows.StreamWorkflowID(s.name)))
	write(t, "bad-keep-stream", otherActivity(t, good))
}

// recordDeliveries has a webhook that is told of two runs, and of both once more since a person
// asked for that. It is ended by canceling it: by itself it does after ten quiet minutes.
func recordDeliveries(t *testing.T, w *world) {
	use := w.service()
	s := small(w)
	beginning, err := w.store.Feed.FindNewest(t.Context())
	require.NoError(t, err)
	hook := w.hook(use, newReceiver(t), service.AddWebhookInput{Provider: s.name}).ID
	for range 2 {
		require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
		w.delivered(use, hook)
		leave(t, s.company, 1)
	}
	_, err = use.ResumeWebhook(t.Context(), access.Reach{}, hook, beginning.Cursor(), service.By{})
	require.NoError(t, err)
	w.delivered(use, hook)
	good := record(t, w, "deliver-changes", w.canceled(workflows.WebhookWorkflowID(hook)))
	write(t, "bad-deliver-changes", otherActivity(t, good))
}

func small(w *world) *source {
	spec := simulator.TypicalSpec(21, 40)
	spec.Departments = 8
	return w.simulate(directory.Feishu, simulator.Generate(spec))
}

// fault strikes one kind of call in a department, or everywhere.
func fault(endpoint, department string, times int, action simulator.Action) simulator.Fault {
	return simulator.Fault{Endpoint: endpoint, Department: department, Times: times, Action: action}
}

func recordSmall(t *testing.T, w *world) {
	s := small(w)
	planned := w.start(workflows.SyncInput{Provider: s.name, Mode: workflows.ModePlan})
	require.Equal(t, directory.RunSucceeded, w.wait(planned).Status)
	record(t, w, "sync-org-plan", planned)

	run := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
	good := record(t, w, "sync-org-small", run)
	recordShard(t, w, "sync-departments-small", run, 1)
	write(t, "bad-reordered", reordered(t, good))
	write(t, "bad-missing", withoutFinish(t, good))
	write(t, "bad-other-child", otherChild(t, good))

	targeted := w.start(workflows.SyncInput{Provider: s.name, Departments: []string{s.id(2)}})
	require.Equal(t, directory.RunSucceeded, w.wait(targeted).Status)
	record(t, w, "sync-org-targeted", targeted)

	// Throttled, unavailable for a moment, one department tried alone.
	s.faults.Add(
		fault(childrenCall, "", 2, simulator.Action{Kind: simulator.HTTPStatus, Status: http.StatusBadGateway}),
		fault(membersCall, s.id(2), 1, simulator.Action{Kind: simulator.Truncate}),
		fault(membersCall, s.id(3), 1, simulator.Action{Kind: simulator.Throttle, Delay: time.Second}))
	retried := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunSucceeded, w.wait(retried).Status)
	record(t, w, "sync-org-retries", retried)
	recordShard(t, w, "sync-departments-retries", retried, 1)

	// Not one that the preflight reads.
	s.faults.Add(fault(membersCall, s.id(7), simulator.Forever, simulator.Action{Kind: simulator.Forbidden}))
	failed := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunFailed, w.wait(failed).Status)
	record(t, w, "sync-org-failed", failed)
	recordShard(t, w, "sync-departments-failed", failed, 1)
	s.faults.Clear()

	s.faults.Add(fault(childrenCall, "", simulator.Forever, simulator.Action{Kind: simulator.Forbidden}))
	refused := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunFailed, w.wait(refused).Status)
	record(t, w, "sync-org-refused", refused)
	s.faults.Clear()

	unknown := w.start(workflows.SyncInput{Provider: "nobody"})
	require.Error(t, unknown.Get(t.Context(), nil))
	record(t, w, "sync-org-unknown", unknown)
}

// recordLarge has more than one shard, batches of several departments, and in its
// second run departments that fail alone and a batch that fails as a whole.
func recordLarge(t *testing.T, w *world) {
	spec := simulator.TypicalSpec(22, 450)
	spec.Departments = 425
	s := w.simulate(directory.Feishu, simulator.Generate(spec))
	run := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
	record(t, w, "sync-org-large", run)
	recordShard(t, w, "sync-departments-batches", run, 214)

	for position, action := range map[int]simulator.Action{
		214: {Kind: simulator.OutOfRange}, 219: {Kind: simulator.Truncate},
		222: {Kind: simulator.HTTPStatus, Status: http.StatusInternalServerError},
		223: {Kind: simulator.HTTPStatus, Status: http.StatusInternalServerError},
		224: {Kind: simulator.HTTPStatus, Status: http.StatusInternalServerError},
		225: {Kind: simulator.HTTPStatus, Status: http.StatusInternalServerError},
	} {
		s.faults.Add(fault(membersCall, w.departmentAt(s.name, position), simulator.Forever, action))
	}
	partial := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunPartial, w.wait(partial).Status)
	record(t, w, "sync-org-partial", partial)
	recordShard(t, w, "sync-departments-partial", partial, 214)
}

func recordHeld(t *testing.T, w *world) {
	hold := func() (*source, client.WorkflowRun, workflows.SyncResult) {
		s := small(w)
		require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
		leave(t, s.company, 25)
		run := w.start(workflows.SyncInput{Provider: s.name})
		result := w.wait(run)
		require.Equal(t, directory.RunHeld, result.Status)
		return s, run, result
	}
	decide := func(update, id, want string) {
		handle, err := w.temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		require.NoError(t, err)
		var result workflows.SyncResult
		require.NoError(t, handle.Get(t.Context(), &result))
		require.Equal(t, want, result.Status)
	}
	_, run, result := hold()
	record(t, w, "sync-org-held", run)
	decide(workflows.ApproveUpdate, result.HoldWorkflowID, directory.RunSucceeded)
	record(t, w, "hold-removals-approved", w.ended(result.HoldWorkflowID))

	_, _, result = hold()
	decide(workflows.RejectUpdate, result.HoldWorkflowID, directory.RunRejected)
	record(t, w, "hold-removals-rejected", w.ended(result.HoldWorkflowID))

	_, _, result = hold()
	require.NoError(t, w.temporal.CancelWorkflow(t.Context(), result.HoldWorkflowID, ""))
	record(t, w, "hold-removals-canceled", w.ended(result.HoldWorkflowID))

	s, _, result := hold()
	skipped := w.start(workflows.SyncInput{Provider: s.name, OnRemovals: workflows.RemovalsSkip})
	require.Equal(t, directory.RunSucceeded, w.wait(skipped).Status)
	record(t, w, "sync-org-supersedes-and-skips", skipped)
	record(t, w, "hold-removals-superseded", w.ended(result.HoldWorkflowID))

	applied := w.start(workflows.SyncInput{Provider: s.name, OnRemovals: workflows.RemovalsApply})
	require.Equal(t, directory.RunSucceeded, w.wait(applied).Status)
	record(t, w, "sync-org-removes", applied)
}

// recordDecided has holds that expire or are decided in time, and runs of which somebody
// is told.
func recordDecided(t *testing.T) {
	w := emptyWorld(t, dbtest.New(t), server)
	mail := newMailbox(t)
	w.configure(map[string]string{"ORGSYNC_NOTIFY": mail.setting()})
	w.startWorker()
	s := small(w)
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	leave(t, s.company, 25)
	w.holdFor(s, time.Second)
	run := w.start(workflows.SyncInput{Provider: s.name})
	result := w.wait(run)
	record(t, w, "sync-org-held-told", run)
	record(t, w, "hold-removals-expired", w.ended(result.HoldWorkflowID))
	record(t, w, "notify-run", w.ended(workflows.NotifyWorkflowID(s.name, result.RunID, directory.RunRejected)))

	w.holdFor(s, time.Hour)
	result = w.sync(s.name)
	handle, err := w.temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: result.HoldWorkflowID, UpdateName: workflows.ApproveUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), &result))
	require.Equal(t, directory.RunSucceeded, result.Status)
	record(t, w, "hold-removals-approved-in-time", w.ended(workflows.HoldWorkflowID(s.name, result.RunID)))

	s.faults.Add(fault("", "", simulator.Forever, simulator.Action{Kind: simulator.Forbidden}))
	failed := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunFailed, w.wait(failed).Status)
	record(t, w, "sync-org-failed-told", failed)
	s.faults.Clear()

	gone := newReceiver(t)
	gone.answer = func(_ int, rw http.ResponseWriter) { rw.WriteHeader(http.StatusGone) }
	use := w.service()
	hook := w.hook(use, gone, service.AddWebhookInput{}).ID
	leave(t, s.company, 1)
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	require.Eventually(t, func() bool {
		shown, err := use.ViewFor(everybody).GetWebhook(t.Context(), hook)
		return err == nil && shown.PauseReason != ""
	}, time.Minute, 20*time.Millisecond)
	record(t, w, "deliver-changes-paused", w.canceled(workflows.WebhookWorkflowID(hook)))
}

func recordUndo(t *testing.T, w *world) {
	s := small(w)
	loaded := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, loaded.Status)
	leave(t, s.company, 5)
	left := w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, left.Status)
	w.guard(s, 10) // fewer than the first run brought
	for _, c := range []struct {
		name, status string
		in           workflows.UndoInput
	}{
		{"undo-run-plan", directory.RunSucceeded, workflows.UndoInput{Run: left.RunID, Mode: workflows.ModePlan}},
		{"undo-run", directory.RunSucceeded, workflows.UndoInput{Run: left.RunID}},
		{"undo-run-refused", directory.RunFailed, workflows.UndoInput{Run: loaded.RunID}},
	} {
		run := w.startUndo(s.name, c.in)
		require.Equal(t, c.status, w.wait(run).Status)
		record(t, w, c.name, run)
	}
}

func recordCanceled(t *testing.T, w *world) {
	s := small(w)
	s.faults.Add(fault(membersCall, s.id(7), simulator.Forever,
		simulator.Action{Kind: simulator.Throttle, Delay: time.Hour}))
	run := w.start(workflows.SyncInput{Provider: s.name})
	require.Eventually(t, func() bool {
		value, err := w.temporal.QueryWorkflow(t.Context(), run.GetID(), run.GetRunID(), workflows.ProgressQuery)
		var p workflows.Progress
		return err == nil && value.Get(&p) == nil && p.Phase == "members"
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, w.temporal.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	require.Error(t, run.Get(t.Context(), nil))
	record(t, w, "sync-org-canceled", run)
	recordShard(t, w, "sync-departments-canceled", run, 1)
}

func recordScheduled(t *testing.T, w *world) {
	s := small(w)
	handle := w.schedule(workflows.ScheduleID(s.name), s.name)
	done := w.scheduled(handle, 1)
	require.NoError(t, done.Get(t.Context(), nil))
	record(t, w, "scheduled-sync-done", done)

	s.stall()
	w.trigger(handle)
	canceled := w.scheduled(handle, 2)
	w.stalled(s.name)
	// By another schedule: this one starts nothing while what it started is at work.
	skipped := w.scheduled(w.schedule("second of "+s.name, s.name), 1)
	require.NoError(t, skipped.Get(t.Context(), nil))
	record(t, w, "scheduled-sync-skipped", skipped)
	require.NoError(t, w.temporal.CancelWorkflow(t.Context(), canceled.GetID(), canceled.GetRunID()))
	require.Error(t, canceled.Get(t.Context(), nil))
	record(t, w, "scheduled-sync-canceled", canceled)
	s.faults.Clear()

	s.faults.Add(fault(childrenCall, "", simulator.Forever, simulator.Action{Kind: simulator.Forbidden}))
	w.trigger(handle)
	failed := w.scheduled(handle, 3)
	require.Error(t, failed.Get(t.Context(), nil))
	record(t, w, "scheduled-sync-failed", failed)

	gone := w.scheduled(w.schedule("orgsync/nobody", "nobody"), 1)
	require.NoError(t, gone.Get(t.Context(), nil))
	record(t, w, "scheduled-sync-gone", gone)
}

// recordTargets has runs of single people, planned, applied, with one who cannot be
// looked up, and the retries of that and of a department that failed.
func recordTargets(t *testing.T, w *world) {
	s := small(w)
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	require.NoError(t, s.company.Leave(3))
	require.NoError(t, s.company.SetTitle(4, "New"))
	in := workflows.SyncInput{Provider: s.name, Members: []string{s.member(3), s.member(4)}}
	for _, mode := range []string{workflows.ModePlan, workflows.ModeApply} {
		in.Mode = mode
		run := w.start(in)
		require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
		record(t, w, "sync-org-members-"+mode, run)
	}
	in.Members = append(in.Members, "nobody")
	some := w.start(in)
	partial := w.wait(some)
	require.Equal(t, directory.RunPartial, partial.Status)
	record(t, w, "sync-org-members-partial", some)
	again := w.start(workflows.SyncInput{Provider: s.name, Retry: partial.RunID})
	require.Equal(t, directory.RunPartial, w.wait(again).Status)
	record(t, w, "sync-org-retry-members", again)

	s.faults.Add(fault(membersCall, s.id(7), simulator.Forever, simulator.Action{Kind: simulator.OutOfRange}))
	partial = w.sync(s.name)
	require.Equal(t, directory.RunPartial, partial.Status)
	s.faults.Clear()
	retry := w.start(workflows.SyncInput{Provider: s.name, Retry: partial.RunID})
	require.Equal(t, directory.RunSucceeded, w.wait(retry).Status)
	record(t, w, "sync-org-retry", retry)
	recordShard(t, w, "sync-departments-retry", retry, 1)
}

// recordUnchanged has a shard whose batches have nothing to apply, and one that has.
func recordUnchanged(t *testing.T, w *world) {
	s := small(w)
	require.Equal(t, directory.RunSucceeded, w.wait(w.start(workflows.SyncInput{Provider: s.name})).Status)
	leave(t, s.company, 1)
	run := w.start(workflows.SyncInput{Provider: s.name})
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
	record(t, w, "sync-org-unchanged", run)
	recordShard(t, w, "sync-departments-unchanged", run, 1)
}

// leave lets people leave until so many have.
func leave(t *testing.T, c *simulator.Company, people int) {
	t.Helper()
	for p := simulator.PersonID(0); people > 0; p++ {
		if c.Leave(p) == nil {
			people--
		}
		require.Less(t, int(p), 1000, "not so many work there")
	}
}

// id is the vendor's id of a department.
func (s *source) id(d simulator.Dept) string { return s.company.DepartmentID(s.kind, d) }

// departmentAt is the department with that place in the newest run's order.
func (w *world) departmentAt(provider string, position int) (id string) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(),
		`SELECT l.external_id FROM sync_run_departments l JOIN sync_runs r ON r.id = l.run_id
		JOIN identity_providers p ON p.id = r.provider_id WHERE p.name = $1 AND l.position = $2
		ORDER BY r.started_at DESC LIMIT 1`,
		provider, position).Scan(&id))
	return id
}

// ended waits for a workflow's end.
func (w *world) ended(id string) client.WorkflowRun {
	w.t.Helper()
	run := w.temporal.GetWorkflow(w.t.Context(), id, "")
	require.NoError(w.t, run.Get(w.t.Context(), nil))
	return w.temporal.GetWorkflow(w.t.Context(), id, run.GetRunID())
}

// canceled cancels a workflow and waits for its end.
func (w *world) canceled(id string) client.WorkflowRun {
	w.t.Helper()
	run := w.temporal.GetWorkflow(w.t.Context(), id, "")
	require.NoError(w.t, w.temporal.CancelWorkflow(w.t.Context(), id, ""))
	require.Error(w.t, run.Get(w.t.Context(), nil))
	return w.temporal.GetWorkflow(w.t.Context(), id, run.GetRunID())
}

// record writes a closed workflow's history and returns it.
func record(t *testing.T, w *world, name string, run client.WorkflowRun) *historypb.History {
	t.Helper()
	history := &historypb.History{}
	events := w.temporal.GetWorkflowHistory(context.Background(), run.GetID(), run.GetRunID(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	write(t, name, history)
	return history
}

// recordShard writes the history of the child that began with a department.
func recordShard(t *testing.T, w *world, name string, run client.WorkflowRun, first int) {
	t.Helper()
	events := w.temporal.GetWorkflowHistory(context.Background(), run.GetID(), run.GetRunID(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution()
		if strings.Contains(child.GetWorkflowId(), "/departments-"+itoa(first)+"-") {
			record(t, w, name, w.temporal.GetWorkflow(context.Background(), child.GetWorkflowId(), child.GetRunId()))
			return
		}
	}
	require.Fail(t, "no such shard")
}
