package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/notify"
)

// Notifications tell people of runs that need them.
type Notifications struct {
	Store  *db.Store
	Hooks  []notify.Hook
	Sender *notify.Sender
	// Page is a workflow's page in the Web UI, or "".
	Page func(workflowID, temporalRunID string) string
	// Language is that of the messages.
	Language message.Language
}

// NotifyInput says what to tell whom.
type NotifyInput struct {
	RunID string `json:"run_id,omitempty"`
	// Webhook, if not empty, is one that was paused: of it is to be told.
	Webhook string `json:"webhook,omitempty"`
	// Status is the run's that is to be told: held, failed, partial, or rejected because
	// nobody decided. Of a webhook it is why it was paused.
	Status string `json:"status"`
	// Hook is a configured webhook's name.
	Hook string `json:"hook"`
}

// NotifyResult is what came of it.
type NotifyResult struct {
	// Moot is true if there was nothing left to tell: the hold, or the pause, was over.
	Moot bool `json:"moot,omitempty"`
}

// Notify sends one message to one webhook. It may be repeated; a message that was sent
// again carries the same id.
func (a *Notifications) Notify(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	if in.Webhook != "" {
		return a.notifyPaused(ctx, in)
	}
	run, err := a.Store.Report.GetRun(ctx, in.RunID)
	if err != nil {
		return NotifyResult{}, classify(err)
	}
	if in.Status == directory.RunHeld && run.Status != directory.RunHeld {
		return NotifyResult{Moot: true}, nil
	}
	told, err := a.message(ctx, in, run)
	if err != nil {
		return NotifyResult{}, classify(err)
	}
	return NotifyResult{}, a.send(ctx, in, told)
}

// notifyPaused tells that a webhook was paused, unless it is resumed.
func (a *Notifications) notifyPaused(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	w, err := a.Store.Webhooks.Get(ctx, in.Webhook)
	if err != nil {
		return NotifyResult{}, classify(err)
	}
	if w.PausedAt == nil {
		return NotifyResult{Moot: true}, nil
	}
	return NotifyResult{}, a.send(ctx, in, notify.Message{
		Language: a.Language, ID: fmt.Sprintf("webhook/%s/%d", w.ID, w.PausedAt.Unix()), Event: notify.WebhookPaused,
		Webhook: w.ID, Status: in.Status, Reason: a.Language.PausedBecause(in.Status), StartedAt: *w.PausedAt,
		Commands: []string{message.ShowWebhookCommand(w.ID), message.ResumeWebhookCommand(w.ID)},
	})
}

// send sends a message to the webhook that is to be told.
func (a *Notifications) send(ctx context.Context, in NotifyInput, told notify.Message) error {
	for _, hook := range a.Hooks {
		if hook.Name() == in.Hook {
			return classify(a.Sender.Send(ctx, hook, told))
		}
	}
	// Another worker may well have it: while settings change they differ.
	return temporal.NewApplicationError(
		fmt.Sprintf("notify %s: this worker's ORGSYNC_NOTIFY has no such webhook", in.Hook), TypeNotification)
}

func (a *Notifications) message(ctx context.Context, in NotifyInput, run report.Run) (notify.Message, error) {
	m := notify.Message{
		Language: a.Language, ID: run.ID + "/" + in.Status, Event: notify.Failed, Provider: run.Provider,
		RunID: run.ID, WorkflowID: run.WorkflowID,
		Mode: run.Mode, Status: run.Status, Reason: run.Error, Counts: run.Counts, StartedAt: run.StartedAt,
		Commands: []string{message.ShowRunCommand(run.ID)}, URL: a.Page(run.WorkflowID, run.TemporalRunID),
	}
	if in.Status == directory.RunFailed {
		m.Commands = append(m.Commands, message.SyncCommand(run.Provider)+" --wait")
		return m, nil
	}
	if in.Status == directory.RunPartial {
		return a.partial(ctx, m, run)
	}
	removals, err := a.Store.ListHeldRemovals(ctx, run.ID)
	if err != nil {
		return m, err
	}
	m.Planned = &directory.PerKind{Members: removals.Members.Planned, Departments: removals.Departments.Planned,
		Memberships: removals.Memberships.Planned}
	m.WorkflowID, m.URL, m.DecideUntil = run.HoldWorkflowID, a.Page(run.HoldWorkflowID, ""), run.HoldExpiresAt
	if in.Status == directory.RunHeld {
		m.Event, m.Reason = notify.Held, run.HoldReason
		m.Commands = append(m.Commands, message.ApproveCommand(run.Provider, run.ID),
			message.RejectCommand(run.Provider, run.ID))
	} else {
		m.Event = notify.Expired
		m.Commands = append(m.Commands, message.SyncCommand(run.Provider)+" --wait")
	}
	return m, nil
}

// partial completes the message about a run that could not read everything.
func (a *Notifications) partial(ctx context.Context, m notify.Message, run report.Run) (notify.Message, error) {
	reasons, err := a.Store.ListReasons(ctx, run)
	if err != nil {
		return m, err
	}
	partials, err := a.Store.CountPartials(ctx, run)
	m.Event, m.Reason, m.InARow = notify.Partial, a.Language.Reasons(reasons), partials.InARow
	next := message.SyncCommand(run.Provider)
	if run.Counts.Departments.Failed > 0 || len(run.OnlyMembers) > 0 { // else nothing is left unread
		next = message.RetryRunCommand(run.ID)
	}
	m.Commands = []string{next + " --wait", message.ShowRunCommand(run.ID)}
	return m, err
}
