package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
)

// StreamInput is KeepStream's input.
type StreamInput struct {
	Provider string `json:"provider"`
}

// longestListening is after how many connections of changed settings it starts afresh.
const longestListening = 100

// KeepStream keeps a connection on which a provider tells of changes: one long activity, which
// Temporal gives to another worker where its own dies. It completes once events are switched
// off, come by callback, or the provider is gone.
func KeepStream(ctx workflow.Context, in StreamInput) error {
	if blank(in.Provider) {
		return temporal.NewNonRetryableApplicationError(
			`input: provider is missing; give the name of a stored provider: {"provider":"NAME"}`, activities.TypeInvalid,
			nil)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeProvider.ValueSet(in.Provider)); err != nil {
		return err
	}
	for range longestListening {
		var result activities.ListenResult
		err := workflow.ExecuteActivity(listenOptions(ctx, in.Provider), listen.ListenToProvider,
			activities.ListenInput{Provider: in.Provider}).Get(ctx, &result)
		if err != nil || result.Over {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, KeepStream, in)
}
