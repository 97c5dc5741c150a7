package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/internal/directory"
)

// Progress is SyncOrg's and HoldRemovals' answer to ProgressQuery. People and
// departments are counted when a shard has ended; figures exact to the page stand in
// the run's completeness record.
type Progress struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	TenantID string `json:"tenant_id,omitempty"`
	Mode     string `json:"mode,omitempty"`
	// Status is running, held or how the run has ended.
	Status string `json:"status,omitempty"`
	Phase  string `json:"phase"`
	// Departments is how many the run reads the people of; 0 until all have been listed.
	Departments int `json:"departments"`
	// DepartmentsDone is in how many the reading of people has ended, well or not.
	DepartmentsDone   int `json:"departments_done"`
	DepartmentsFailed int `json:"departments_failed"`
	// MembersRead is how many people they list; who is in several counts in each.
	MembersRead int `json:"members_read"`
	// Removals are planned, once that has been done.
	Removals *directory.PerKind `json:"removals,omitempty"`
	// HoldReason says why a person must decide on them; HoldWorkflowID waits for that,
	// until HoldExpiresAt.
	HoldReason     string        `json:"hold_reason,omitempty"`
	HoldWorkflowID string        `json:"hold_workflow_id,omitempty"`
	HoldExpiresAt  *time.Time    `json:"hold_expires_at,omitempty"`
	StartedAt      *time.Time    `json:"started_at,omitempty"`
	Phases         []PhaseRecord `json:"phases,omitempty"`
}

// PhaseRecord is when a phase began and, unless it is the one at work, ended.
type PhaseRecord struct {
	Phase      string     `json:"phase"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// enter ends the phase at work and begins another.
func (p *Progress) enter(ctx workflow.Context, phase string) {
	now := workflow.Now(ctx).UTC()
	p.leave(now)
	p.Phase = phase
	p.Phases = append(p.Phases, PhaseRecord{Phase: phase, StartedAt: now})
}

// end notes the run's outcome.
func (p *Progress) end(ctx workflow.Context, status string) {
	p.leave(workflow.Now(ctx).UTC())
	p.Phase, p.Status = "done", status
}

func (p *Progress) leave(now time.Time) {
	if n := len(p.Phases); n > 0 && p.Phases[n-1].FinishedAt == nil {
		p.Phases[n-1].FinishedAt = &now
	}
}

// ShardProgress is SyncDepartments' answer to ProgressQuery.
type ShardProgress struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	// First and Last are the shard's departments in the run's order, FirstID and
	// LastID their external ids.
	First   int    `json:"first"`
	Last    int    `json:"last"`
	FirstID string `json:"first_id,omitempty"`
	LastID  string `json:"last_id,omitempty"`
	// DepartmentsDone is how many have been read and applied, well or not.
	DepartmentsDone   int `json:"departments_done"`
	DepartmentsFailed int `json:"departments_failed"`
	// MembersRead is how many people they list; who is in several counts in each.
	MembersRead int `json:"members_read"`
}
