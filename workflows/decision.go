package workflows

import (
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Decision is the input of ApproveUpdate and RejectUpdate. It may be left out: the
// workflow that is told holds one run.
type Decision struct {
	// RunID is the run that is meant; a decision for another than the held one is refused.
	RunID string `json:"run_id,omitempty"`
	// DecidedBy is the login name of the person who decides.
	DecidedBy string `json:"decided_by,omitempty"`
	// Request is the id of the row of run_requests that says who decides, from where. It goes
	// before DecidedBy.
	Request string `json:"request,omitempty"`
}

// UnmarshalJSON refuses unknown keys, as SyncInput's does.
func (d *Decision) UnmarshalJSON(data []byte) error {
	type plain Decision
	return decodeStrictly(data, (*plain)(d), `{"run_id":"ID","decided_by":"LOGIN"}, or nothing at all`)
}

// by is who decided.
func (d Decision) by() string {
	if d.DecidedBy == "" {
		return directory.ByTemporal
	}
	return d.DecidedBy
}

// check refuses a decision that is not for this run, says in no usable way by whom it
// is, or comes second.
func (h *hold) check(d Decision) error {
	problem := actorProblem("decided_by", d.DecidedBy)
	switch {
	case d.RunID != "" && d.RunID != h.in.RunID:
		problem = say(message.InputOtherRun, message.Args{"Run": d.RunID, "Held": h.in.RunID})
	case h.decision != "":
		return temporal.NewApplicationError("the removals are already "+h.decision, activities.TypeNothing)
	}
	if problem == nil {
		return nil
	}
	return temporal.NewApplicationError(problem.Error(), activities.TypeInvalid)
}
