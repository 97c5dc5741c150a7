package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
)

// RetentionResult is how many rows retention deleted or stripped, by part.
type RetentionResult struct {
	// EndedRuns were marked as running though their workflow was gone.
	EndedRuns int `json:"ended_runs"`
	// Staging are rows of snapshots that ended runs had left.
	Staging int `json:"staging"`
	// Raw are entries of change logs, and removed people and departments, that lost
	// their raw records.
	Raw int `json:"raw"`
	// Details are rows of ledgers, errors, removals and change logs.
	Details int `json:"details"`
	Runs    int `json:"runs"`
	// Calls are expired access tokens and call slots long past.
	Calls int `json:"calls"`
}

// Retention cleans up what the settings no longer keep, part after part, each in bounded
// transactions. It may be started at any time, also beside another one.
func Retention(ctx workflow.Context) (RetentionResult, error) {
	var result RetentionResult
	var ended activities.EndDeadRunsResult
	if err := workflow.ExecuteActivity(writeOptions(ctx, "runs whose workflow is gone"),
		retention.EndDeadRuns).Get(ctx, &ended); err != nil {
		return result, err
	}
	result.EndedRuns = ended.Ended
	rows := map[string]*int{
		activities.PartStaging: &result.Staging, activities.PartRaw: &result.Raw,
		activities.PartDetails: &result.Details,
		activities.PartRuns:    &result.Runs, activities.PartCalls: &result.Calls,
	}
	for _, part := range activities.Parts {
		for more := true; more; {
			var cleaned activities.CleanUpResult
			err := workflow.ExecuteActivity(writeOptions(ctx, part), retention.CleanUp,
				activities.CleanUpInput{Part: part}).Get(ctx, &cleaned)
			if err != nil {
				return result, err
			}
			*rows[part] += cleaned.Rows
			more = cleaned.More
		}
	}
	return result, nil
}
