package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
)

// UpkeepResult is how many rows the upkeep deleted or stripped, by part.
type UpkeepResult struct {
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

// Upkeep cleans up what the settings no longer keep, part after part, each in bounded
// transactions. It may be started at any time, also beside another one.
func Upkeep(ctx workflow.Context) (UpkeepResult, error) {
	var result UpkeepResult
	var ended activities.EndedRuns
	if err := workflow.ExecuteActivity(write(ctx, "runs whose workflow is gone"), upkeep.EndDeadRuns).Get(ctx, &ended); err != nil {
		return result, err
	}
	result.EndedRuns = ended.Ended
	rows := map[string]*int{
		activities.PartStaging: &result.Staging, activities.PartRaw: &result.Raw, activities.PartDetails: &result.Details,
		activities.PartRuns: &result.Runs, activities.PartCalls: &result.Calls,
	}
	for _, part := range activities.Parts {
		for more := true; more; {
			var cleaned activities.CleanedUp
			err := workflow.ExecuteActivity(write(ctx, part), upkeep.CleanUp, activities.CleanUp{Part: part}).Get(ctx, &cleaned)
			if err != nil {
				return result, err
			}
			*rows[part] += cleaned.Rows
			more = cleaned.More
		}
	}
	return result, nil
}
