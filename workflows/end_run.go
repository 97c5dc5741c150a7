package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
)

// endedBy completes how a run ends by what ended it; failed is nil if it went through.
func endedBy(ctx workflow.Context, failed error, end activities.FinishRunInput) activities.FinishRunInput {
	switch {
	case failed == nil:
	case ctx.Err() != nil || temporal.IsCanceledError(failed):
		end.Status, end.Problem = directory.RunCanceled, "the workflow was canceled"
	default:
		end.Status, end.Problem = directory.RunFailed, reasonOf(failed)
	}
	return end
}

// finishRun gives a run its final status.
func finishRun(ctx workflow.Context, provider string,
	end activities.FinishRunInput) (result *SyncResult, report activities.RunReport, err error) {
	err = workflow.ExecuteActivity(finalizeOptions(ctx, provider), runs.FinishRun, end).Get(ctx, &report)
	return resultOf(end.RunID, report), report, err
}

// outcomeOf is what a workflow returns of a run that has ended so.
func outcomeOf(result *SyncResult, end activities.FinishRunInput) (*SyncResult, error) {
	switch end.Status {
	case directory.RunCanceled:
		return nil, temporal.NewCanceledError(result)
	case directory.RunFailed:
		return nil, temporal.NewApplicationErrorWithOptions(end.Problem, FailureType, temporal.ApplicationErrorOptions{
			NonRetryable: true, Details: []any{result},
		})
	}
	return result, nil
}

func resultOf(runID string, r activities.RunReport) *SyncResult {
	return &SyncResult{
		RunID: runID, Provider: r.Provider, Mode: r.Mode, Status: r.Status, Counts: r.Counts, Calls: r.Calls,
		DurationMS: r.DurationMS, Errors: append([]string{}, r.Errors...), // a list in JSON, too
	}
}
