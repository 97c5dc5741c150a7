package activities

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/notify"
)

func TestNotifying(t *testing.T) {
	t.Parallel()
	d := departments(2)
	b := newBench(t, database(t), d, d)
	b.load()
	var got notify.Message
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = notify.Message{}
		if json.NewDecoder(r.Body).Decode(&got) != nil {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	hook := notify.Hook{Format: "json", URL: server.URL}
	a := &Notifications{
		Store: b.store, Hooks: []notify.Hook{{Format: "json", URL: "http://elsewhere"}, hook},
		Sender: &notify.Sender{HTTP: server.Client(), Now: time.Now},
		Page: func(workflowID, temporalRunID string) string {
			return "http://ui/" + workflowID + "?" + temporalRunID
		},
	}
	b.notify = a
	b.runs.Hooks = []string{hook.Name()}
	name, run := b.provider.Name, b.runID

	// Held: one member is gone.
	d.people["1"] = d.people["1"][:1]
	all := b.tree()
	must[ReadMembersResult](b, b.pull.ReadMembers, all)
	must[any](b, b.apply.ApplyDepartments, ApplyDepartmentsInput{RunID: run})
	must[any](b, b.apply.ApplyMembers, all)
	planned := must[PlanRemovalsResult](b, b.reconcile.PlanRemovals, PlanRemovalsInput{RunID: run})
	held := must[HoldRunResult](b, b.runs.HoldRun,
		HoldRunInput{RunID: run, Reason: "it would remove many", HoldWorkflowID: "orgsync/acme/removals/r1"})
	require.Equal(t, b.runs.Hooks, held.Notify)
	tell := NotifyInput{RunID: run, Status: directory.RunHeld, Hook: hook.Name()}
	require.Equal(t, NotifyResult{}, must[NotifyResult](b, a.Notify, tell))
	require.WithinDuration(t, *held.ExpiresAt, *got.DecideUntil, 0)
	require.Equal(t, notify.Message{
		ID: run + "/held", Event: notify.Held, Provider: name, RunID: run, WorkflowID: "orgsync/acme/removals/r1",
		Mode: "apply", Status: "held",
		Reason: "it would remove many", Counts: held.Counts, StartedAt: got.StartedAt, DecideUntil: got.DecideUntil,
		Planned: &directory.PerKind{Members: planned.Members, Memberships: planned.Memberships},
		Commands: []string{"orgsync runs show " + run, "orgsync approve " + name + " " + run,
			"orgsync reject " + name + " " + run},
		URL: "http://ui/orgsync/acme/removals/r1?",
	}, got)

	// What a webhook refuses is final, what it cannot take now is not.
	status = http.StatusNotFound
	require.True(t, b.fails(a.Notify, tell).NonRetryable())
	status = http.StatusTooManyRequests
	refused := b.fails(a.Notify, tell)
	require.False(t, refused.NonRetryable())
	require.Equal(t, time.Minute, refused.NextRetryDelay())
	require.Equal(t, TypeNotification, refused.Type())
	require.NotContains(t, refused.Message(), server.URL)
	status = http.StatusOK
	require.ErrorContains(t, b.fails(a.Notify,
		NotifyInput{RunID: run, Status: directory.RunHeld, Hook: "json gone 01234567"}),
		"ORGSYNC_NOTIFY has no such webhook")

	// Expired: what was planned stands, and a message about the hold comes too late.
	ended := must[RunReport](b, b.runs.FinishRun,
		FinishRunInput{RunID: run, Status: directory.RunRejected, Problem: "nobody decided"})
	require.Equal(t, b.runs.Hooks, ended.Notify)
	got = notify.Message{}
	require.Equal(t, NotifyResult{Moot: true}, must[NotifyResult](b, a.Notify, tell))
	require.Empty(t, got.ID)
	tell.Status = directory.RunRejected
	require.Equal(t, NotifyResult{}, must[NotifyResult](b, a.Notify, tell))
	require.Equal(t, notify.Expired, got.Event)
	require.Equal(t, "nobody decided", got.Reason)
	require.Equal(t, planned.Members, got.Planned.Members)

	// Failed.
	b.begin()
	failed := must[RunReport](b, b.runs.FinishRun,
		FinishRunInput{RunID: b.runID, Status: directory.RunFailed, Problem: "the secret is wrong"})
	require.Equal(t, b.runs.Hooks, failed.Notify)
	must[NotifyResult](b, a.Notify, NotifyInput{RunID: b.runID, Status: directory.RunFailed, Hook: hook.Name()})
	require.Equal(t, notify.Failed, got.Event)
	require.Equal(t, "the secret is wrong", got.Reason)
	require.Equal(t, "orgsync/"+name, got.WorkflowID)
	require.Nil(t, got.Planned)
	require.Contains(t, got.Commands, "orgsync sync "+name+" --wait")

	// Partial: the second in a row, which names its reason once and what to do next.
	b.runs.TellPartial = TellPartial{AfterMostUnread: 2}
	for n := range 2 {
		b.begin()
		b.tree()
		for _, id := range []string{"1", "2"} {
			require.NoError(t, b.store.FailMembers(t.Context(), b.runID, id,
				fmt.Sprintf("WeCom 60011: no (user/list, request %s)", id), nil))
		}
		partial := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
		require.Equal(t, directory.RunPartial, partial.Status)
		require.Equal(t, n == 1, len(partial.Notify) > 0)
		require.Equal(t,
			[]directory.Reason{{Type: "department", Text: "WeCom 60011: no", Count: 2, IDs: []string{"1", "2"}}},
			partial.Reasons)
	}
	must[NotifyResult](b, a.Notify, NotifyInput{RunID: b.runID, Status: directory.RunPartial, Hook: hook.Name()})
	require.Equal(t, notify.Partial, got.Event)
	require.Equal(t, "2 departments (1, 2): WeCom 60011: no", got.Reason)
	require.Equal(t, 2, got.InARow)
	require.Equal(t, []string{"orgsync runs retry " + b.runID + " --wait", "orgsync runs show " + b.runID},
		got.Commands)

	// Nothing is left unread where only people could not be told apart.
	b.begin()
	b.tree()
	require.NoError(t, b.store.AddRunError(t.Context(), b.runID, "member", "1a", "cannot tell who it is"))
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	must[NotifyResult](b, a.Notify, NotifyInput{RunID: b.runID, Status: directory.RunPartial, Hook: hook.Name()})
	require.Equal(t, "orgsync sync "+name+" --wait", got.Commands[0])

	// Nobody needs to hear of a run that succeeded.
	b.begin()
	require.Empty(t, must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID}).Notify)
}
