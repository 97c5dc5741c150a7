package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/internal/directory"
)

// OutcomeMemo is the key of the memo that says in words what came of a run. Temporal
// calls a workflow whose run is held or partial completed, like one that succeeded.
const OutcomeMemo = "outcome"

// publish tells Temporal what came of a run that has ended or is held: by search
// attributes, for queries and for columns of lists, and by a memo, for people.
func publish(ctx workflow.Context, result *SyncResult) error {
	if err := workflow.UpsertTypedSearchAttributes(ctx,
		AttributePhase.ValueSet("done"), AttributeOutcome.ValueSet(result.Status),
		AttributeFailed.ValueSet(int64(result.Departments.Failed)),
		AttributeRemoved.ValueSet(int64(result.Members.Deleted+result.Departments.Deleted)),
	); err != nil {
		return err
	}
	return workflow.UpsertMemo(ctx, map[string]any{OutcomeMemo: result.outcome()})
}

// outcome says in a line what came of the run.
func (r *SyncResult) outcome() string {
	d, m := r.Departments, r.Members
	switch {
	case r.Status == directory.RunHeld:
		return r.Status + ": " + r.HoldReason
	case r.Status == directory.RunPartial && d.Failed > 0:
		return fmt.Sprintf("%s: %d of %d departments could not be read in full", r.Status, d.Failed,
			max(d.Read, d.Failed))
	case r.Status == directory.RunPartial && m.Failed > 0:
		return fmt.Sprintf("%s: %d people could not be read or told apart", r.Status, m.Failed)
	default:
		return r.Status
	}
}
