package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/workflows"
)

// delivering returns an environment in which each call of Deliver is answered by deliver.
func delivering(t *testing.T, deliver func(call int) (activities.DeliverResult, error)) (
	env *testsuite.TestWorkflowEnvironment, calls *int) {
	t.Helper()
	env = newEnvironment()
	env.RegisterActivity(&activities.Deliveries{})
	calls = new(int)
	var a *activities.Deliveries
	env.OnActivity(a.Deliver, mock.Anything, activities.DeliverInput{Webhook: "w1"}).Return(
		func(context.Context, activities.DeliverInput) (activities.DeliverResult, error) {
			*calls++
			return deliver(*calls)
		})
	return env, calls
}

var delivered = workflows.DeliverInput{Webhook: "w1"}

func TestDeliverChangesGoesOnAndEndsWhenIdle(t *testing.T) {
	t.Parallel()
	env, calls := delivering(t, func(call int) (activities.DeliverResult, error) {
		return activities.DeliverResult{More: call == 1}, nil
	})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.PublishedSignal, nil) }, time.Minute)
	began := env.Now()
	env.ExecuteWorkflow(workflows.DeliverChangesName, delivered)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 3, *calls, "two at once, one when something was published")
	require.Equal(t, 11*time.Minute, env.Now().Sub(began).Round(time.Minute))
}

// A person who changes a webhook does not have to wait for the next attempt.
func TestAChangedWebhookIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	env, calls := delivering(t, func(call int) (activities.DeliverResult, error) {
		if call == 1 {
			return activities.DeliverResult{}, temporal.NewApplicationErrorWithOptions("no answer",
				activities.TypeNotification, temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
		}
		return activities.DeliverResult{}, nil
	})
	var retried time.Duration
	began := env.Now()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.ChangedSignal, nil) }, time.Minute)
	env.RegisterDelayedCallback(func() { retried = time.Duration(*calls) }, 2*time.Minute)
	env.ExecuteWorkflow(workflows.DeliverChangesName, delivered)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, time.Duration(2), retried)
	require.Less(t, env.Now().Sub(began), 20*time.Minute)
}

// That a webhook was paused is told, and the workflow waits for a person.
func TestAPausedWebhookIsTold(t *testing.T) {
	t.Parallel()
	env, calls := delivering(t, func(call int) (activities.DeliverResult, error) {
		if call == 1 {
			return activities.DeliverResult{Paused: "gone", Hooks: hooks}, nil
		}
		return activities.DeliverResult{}, nil
	})
	var told []workflows.NotifyInput
	env.OnWorkflow(workflows.NotifyRun, mock.Anything, mock.Anything).Return(
		func(_ workflow.Context, in workflows.NotifyInput) (*workflows.NotifyResult, error) {
			told = append(told, in)
			return &workflows.NotifyResult{}, nil
		})
	env.ExecuteWorkflow(workflows.DeliverChangesName, delivered)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []workflows.NotifyInput{{Webhook: "w1", Status: "gone", Hooks: hooks}}, told)
	require.Equal(t, 1, *calls)
}

// A week of changes does not make a history without end.
func TestDeliverChangesBeginsAnew(t *testing.T) {
	t.Parallel()
	env, calls := delivering(t, func(int) (activities.DeliverResult, error) {
		return activities.DeliverResult{More: true}, nil
	})
	env.SetCurrentHistoryLength(5000)
	env.ExecuteWorkflow(workflows.DeliverChangesName, delivered)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, 1, *calls)
}

func TestDeliverChangesNeedsAWebhook(t *testing.T) {
	t.Parallel()
	env, _ := delivering(t, func(int) (activities.DeliverResult, error) { return activities.DeliverResult{}, nil })
	env.ExecuteWorkflow(workflows.DeliverChangesName, workflows.DeliverInput{})
	require.ErrorContains(t, env.GetWorkflowError(), "webhook is missing")
}
