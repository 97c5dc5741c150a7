package workflows

import (
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/message"
)

// NotifyInput says of which run, or of which webhook that was paused, whom to tell.
type NotifyInput struct {
	RunID    string `json:"run_id,omitempty"`
	Provider string `json:"provider,omitempty"`
	Webhook  string `json:"webhook,omitempty"`
	// Status is the run's that is to be told: held, failed, partial, or rejected because
	// nobody decided. Of a webhook it is why it was paused.
	Status string `json:"status"`
	// Hooks are the names of the webhooks that were configured when the run got there.
	Hooks []string `json:"hooks"`
}

// NotifyResult says who was told.
type NotifyResult struct {
	Told []string `json:"told"`
	// Moot are those that were not told since the run was no longer held.
	Moot []string `json:"moot,omitempty"`
}

// NotifyRun tells every webhook of one run, each on its own: one that does not answer
// keeps no other webhook from being told, and tells none twice. It fails in the end if
// one could not be told, naming it and why, with the result in the failure's details.
func NotifyRun(ctx workflow.Context, in NotifyInput) (*NotifyResult, error) {
	sent := make([]workflow.Future, len(in.Hooks))
	for i, hook := range in.Hooks {
		sent[i] = workflow.ExecuteActivity(notifyOptions(ctx, hook), notifications.Notify,
			activities.NotifyInput{RunID: in.RunID, Webhook: in.Webhook, Status: in.Status, Hook: hook})
	}
	result := &NotifyResult{Told: []string{}}
	var problems []string
	for i, hook := range in.Hooks {
		var notified activities.NotifyResult
		switch err := sent[i].Get(ctx, &notified); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			problems = append(problems, reasonOf(err))
		case notified.Moot:
			result.Moot = append(result.Moot, hook)
		default:
			result.Told = append(result.Told, hook)
		}
	}
	if len(problems) > 0 {
		return nil, temporal.NewApplicationErrorWithOptions(strings.Join(problems, "; "), activities.TypeNotification,
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{result}})
	}
	return result, nil
}

// startNotification has people notified of a run.
func startNotification(ctx workflow.Context, l message.Language, in NotifyInput) {
	startNotify(ctx, NotifyWorkflowID(in.Provider, in.RunID, in.Status), l.Text(message.NotificationSummary,
		message.Args{"Provider": in.Provider, "Status": l.Status(in.Status)}), in)
}

// startNotify starts NotifyRun and waits only until it has started. Whatever becomes of it, who
// starts it is not touched by it.
func startNotify(ctx workflow.Context, id, summary string, in NotifyInput) {
	if len(in.Hooks) == 0 {
		return
	}
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, // after a reset none is told again
		StaticSummary:         summary,
	}
	if in.Provider != "" {
		options.TypedSearchAttributes = temporal.NewSearchAttributes(AttributeProvider.ValueSet(in.Provider))
	}
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), NotifyRun, in).
		GetChildWorkflowExecution().Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("people were not notified", "run", in.RunID, "webhook", in.Webhook,
			"status", in.Status, "error", err)
	}
}
