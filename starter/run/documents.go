package run

import (
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Started is a run that a command does not wait for.
type Started struct {
	// RunID is empty where no worker has begun the run yet.
	RunID         string `json:"run_id,omitempty"`
	Provider      string `json:"provider"`
	WorkflowID    string `json:"workflow_id"`
	TemporalRunID string `json:"temporal_run_id"`
}

// Canceling is a run that was told to stop and that the command does not wait for.
type Canceling struct {
	Provider   string `json:"provider"`
	RunID      string `json:"run_id,omitempty"`
	WorkflowID string `json:"workflow_id"`
}

// Result is how a run ended.
type Result struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	Mode     string `json:"mode"`
	Status   string `json:"status"`
	directory.Counts
	Calls          int64      `json:"calls"`
	DurationMS     int64      `json:"duration_ms"`
	Errors         []string   `json:"errors"`
	HoldWorkflowID string     `json:"hold_workflow_id,omitempty"`
	HoldReason     string     `json:"hold_reason,omitempty"`
	HoldExpiresAt  *time.Time `json:"hold_expires_at,omitempty"`
	Undoes         string     `json:"undoes,omitempty"`
	LeftAlone      int        `json:"left_alone,omitempty"`
}

// Run is one run of the run history.
type Run struct {
	ID              string           `json:"run_id"`
	Provider        string           `json:"provider"`
	WorkflowID      string           `json:"workflow_id"`
	TemporalRunID   string           `json:"temporal_run_id"`
	Mode            string           `json:"mode"`
	OnlyDepartments []string         `json:"only_departments,omitempty"`
	OnlyMembers     []string         `json:"only_members,omitempty"`
	Retries         string           `json:"retries,omitempty"`
	Status          string           `json:"status"`
	Phase           string           `json:"phase"`
	Counts          directory.Counts `json:"counts"`
	Calls           int64            `json:"calls"`
	Undoes          string           `json:"undoes,omitempty"`
	HoldReason      string           `json:"hold_reason,omitempty"`
	HoldWorkflowID  string           `json:"hold_workflow_id,omitempty"`
	HoldExpiresAt   *time.Time       `json:"hold_expires_at,omitempty"`
	Error           string           `json:"failure,omitempty"`
	StartedBy       string           `json:"started_by,omitempty"`
	DecidedBy       string           `json:"decided_by,omitempty"`
	StartedAt       time.Time        `json:"started_at"`
	FinishedAt      *time.Time       `json:"finished_at,omitempty"`
	// DetailsDroppedAt is when departments, errors, removals and change log were cleaned up.
	DetailsDroppedAt *time.Time `json:"details_dropped_at,omitempty"`
}

func documentOf(run service.Run) Run { return Run(run) }

// Shown is one run with what is on record of it.
type Shown struct {
	Run
	Errors      []string         `json:"errors"`
	Departments []ReadDepartment `json:"ledger"`
	// Removals is what a held run would remove, in figures and ids, and Planned by name.
	Removals *directory.Removals `json:"removals,omitempty"`
	Planned  *PlannedRemovals    `json:"leavers,omitempty"`
	WebURL   string              `json:"web_url,omitempty"`
}

// ReadDepartment is how completely a run read one department.
type ReadDepartment struct {
	ExternalID       string `json:"external_id"`
	ChildrenComplete bool   `json:"children_complete"`
	MembersComplete  bool   `json:"members_complete"`
	Pages            int    `json:"pages"`
	MembersRead      int    `json:"members_read"`
	MembersDeclared  *int32 `json:"members_declared,omitempty"`
	Error            string `json:"problem,omitempty"`
	Skipped          bool   `json:"skipped,omitempty"`
}

// PlannedRemovals are what a held run would remove, by name.
type PlannedRemovals struct {
	// People are grouped by their department, the one first that loses most.
	People []PlannedMember `json:"leaving_members"`
	// Departments come with the largest first.
	Departments []PlannedDepartment `json:"leaving_departments"`
	// Places are those that people lose who stay.
	Places []PlannedMembership `json:"lost_memberships"`
	// Groups come with the largest first.
	Groups []PlannedGroup `json:"leaving_groups"`
	// GroupPlaces are those of members and departments who stay, in groups that stay.
	GroupPlaces    []PlannedGroupMembership `json:"lost_group_memberships"`
	Administrators []PlannedAdministrator   `json:"leaving_administrators"`
}

// PlannedMember is a member who would be removed.
type PlannedMember struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Department string `json:"department"`
	Path       string `json:"department_path"`
	Reason     string `json:"reason"`
}

// PlannedDepartment is a department that would be removed.
type PlannedDepartment struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Path       string `json:"path"`
	Members    int    `json:"member_count"`
	Reason     string `json:"reason"`
}

// PlannedMembership is a place in a department that a member who stays would lose.
type PlannedMembership struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Department string `json:"department"`
	Path       string `json:"department_path"`
	Reason     string `json:"reason"`
}

// PlannedGroup is a group that would be removed.
type PlannedGroup struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Members    int    `json:"member_count"`
	Reason     string `json:"reason"`
}

// PlannedGroupMembership is the place of a member or a department in a group that stays.
type PlannedGroupMembership struct {
	Kind       directory.Kind `json:"object_type"`
	ExternalID string         `json:"external_id"`
	Name       string         `json:"name"`
	Group      string         `json:"group"`
	GroupName  string         `json:"group_name"`
	Reason     string         `json:"reason"`
}

// PlannedAdministrator is a member who is no administrator any more.
type PlannedAdministrator struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Level      string `json:"level"`
	Reason     string `json:"reason"`
}

func plannedRemovalsOf(l service.PlannedRemovals) *PlannedRemovals {
	return &PlannedRemovals{
		People: cli.Each(l.People, func(p service.PlannedMember) PlannedMember {
			return PlannedMember{ExternalID: p.ExternalID, Name: p.Name, Department: p.Department, Path: p.Path,
				Reason: p.Reason}
		}),
		Departments: cli.Each(l.Departments, func(d service.PlannedDepartment) PlannedDepartment {
			return PlannedDepartment(d)
		}),
		Places: cli.Each(l.Places, func(p service.LostMembership) PlannedMembership { return PlannedMembership(p) }),
		Groups: cli.Each(l.Groups, func(g service.PlannedGroup) PlannedGroup { return PlannedGroup(g) }),
		GroupPlaces: cli.Each(l.GroupPlaces, func(p service.LostGroupMembership) PlannedGroupMembership {
			return PlannedGroupMembership(p)
		}),
		Administrators: cli.Each(l.Administrators, func(a service.PlannedAdministrator) PlannedAdministrator {
			return PlannedAdministrator(a)
		}),
	}
}

// Change is one line of a run's change log.
type Change struct {
	ObjectType     string          `json:"object_type"`
	ObjectID       string          `json:"object_id"`
	DepartmentID   string          `json:"department_id,omitempty"`
	ExternalID     string          `json:"external_id"`
	Name           string          `json:"name,omitempty"`
	Department     string          `json:"department,omitempty"`
	DepartmentName string          `json:"department_name,omitempty"`
	DepartmentPath string          `json:"department_path,omitempty"`
	Kind           string          `json:"kind"`
	Before         json.RawMessage `json:"before,omitempty"`
	After          json.RawMessage `json:"after,omitempty"`
	// Names are the objects that before and after name by id: name and external id, by id.
	Names     map[string]string `json:"names,omitempty"`
	ChangedAt time.Time         `json:"changed_at,omitzero"`
	// Planned is true for what a held run would remove once it is approved.
	Planned bool `json:"only_planned,omitempty"`
}
