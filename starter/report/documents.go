package report

import (
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Standing is how a provider stands.
type Standing struct {
	Provider     string     `json:"provider"`
	Type         string     `json:"provider_type"`
	Active       bool       `json:"is_active"`
	LastSyncedAt *time.Time `json:"last_synced_at"`
	// Running is the run at work, Held the one that waits for a decision, Newest the last
	// sync of the whole company that has ended; nil if there is none.
	Running *RunningRun `json:"running"`
	Held    *WaitingRun `json:"held"`
	Newest  *EndedRun   `json:"newest"`
	// FailingSince is when the first sync of the whole company ended failed or partial since
	// the last that was complete, FailingRuns how many there were.
	FailingSince *time.Time `json:"failing_since"`
	FailingRuns  int        `json:"failing_runs"`
	// NextRunAt is when its schedule is due next: null if it has none, if it is paused, or
	// while Temporal is away.
	NextRunAt *time.Time `json:"next_run_at"`
	// SchedulePaused says that it has a schedule which starts nothing.
	SchedulePaused bool `json:"schedule_paused"`
}

// RunningRun is a run at work.
type RunningRun struct {
	RunID     string    `json:"run_id"`
	Phase     string    `json:"phase"`
	StartedAt time.Time `json:"started_at"`
}

// WaitingRun is a run that waits for a decision.
type WaitingRun struct {
	RunID         string     `json:"run_id"`
	HoldReason    string     `json:"hold_reason"`
	HoldExpiresAt *time.Time `json:"hold_expires_at"`
}

// EndedRun is how a run has ended.
type EndedRun struct {
	RunID  string `json:"run_id"`
	Status string `json:"status"`
	// Failure says why a run failed.
	Failure string `json:"failure,omitempty"`
}

func standingOf(p service.ProviderStatus) Standing {
	return Standing{
		Provider: p.Provider, Type: p.Type, Active: p.Active, LastSyncedAt: p.LastSyncedAt,
		Running: (*RunningRun)(p.Running), Held: (*WaitingRun)(p.Held), Newest: (*EndedRun)(p.Newest),
		FailingSince: p.FailingSince, FailingRuns: p.FailingRuns, NextRunAt: p.NextRunAt,
		SchedulePaused: p.SchedulePaused,
	}
}

// Branch is a department with what is below it.
type Branch struct {
	ID            string    `json:"id"`
	ExternalID    string    `json:"external_id"`
	ParentID      string    `json:"parent_id,omitempty"`
	Name          string    `json:"name"`
	Path          string    `json:"path"`
	Depth         int       `json:"depth"`
	MemberCount   int       `json:"member_count"`
	DirectMembers int       `json:"direct_member_count"`
	Children      []*Branch `json:"children"`
}

func branchOf(d service.Department) *Branch {
	return &Branch{
		ID: d.ID, ExternalID: d.ExternalID, ParentID: d.ParentID, Name: d.Name, Path: d.Path, Depth: d.Depth,
		MemberCount: d.MemberCount, DirectMembers: d.DirectMembers, Children: []*Branch{},
	}
}

// Found is a person or a department that a text was found in.
type Found struct {
	// ObjectType is "member" or "department".
	ObjectType     string `json:"object_type"`
	ID             string `json:"id"`
	ExternalID     string `json:"external_id"`
	Name           string `json:"name"`
	Status         string `json:"status"`
	Email          string `json:"email,omitempty"`
	Phone          string `json:"phone,omitempty"`
	EmployeeNo     string `json:"employee_no,omitempty"`
	Title          string `json:"title,omitempty"`
	DepartmentPath string `json:"department_path,omitempty"`
	// Path and MemberCount are a department's.
	Path        string `json:"path,omitempty"`
	MemberCount *int   `json:"member_count,omitempty"`
}

func foundOf(people []service.MemberRow, departments []service.FoundDepartment) []Found {
	all := []Found{}
	for _, m := range people {
		all = append(all, Found{
			ObjectType: "member", ID: m.ID, ExternalID: m.ExternalID, Name: m.Name, Status: m.Status,
			Email: orEmpty(m.Email), Phone: orEmpty(m.Phone), EmployeeNo: orEmpty(m.EmployeeNo),
			Title: orEmpty(m.Title), DepartmentPath: m.DepartmentPath,
		})
	}
	for _, d := range departments {
		all = append(all, Found{
			ObjectType: "department", ID: d.ID, ExternalID: d.ExternalID, Name: d.Name,
			Status: string(directory.Active),
			Path:   d.Path, MemberCount: &d.MemberCount,
		})
	}
	return all
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// ObjectHistory is everything on record of one object.
type ObjectHistory struct {
	cli.Object
	// Now is its row, without the provider's record.
	Now json.RawMessage `json:"now"`
	// Runs are the runs that changed it or planned to, or put on record why not, the
	// oldest first.
	Runs []ObjectRun `json:"runs"`
	// Presence is why it is still there, nil of what is deleted or was changed since.
	Presence *Presence `json:"presence,omitempty"`
}

// Presence is what the newest run that read the whole company says of something that is
// still there.
type Presence struct {
	Run      ObjectRunHead `json:"run"`
	Listings []Listing     `json:"listings"`
}

// ObjectRun is what one run did to the object.
type ObjectRun struct {
	Run ObjectRunHead `json:"run"`
	// Changes are those of the object and, of a member, of their places.
	Changes []ObjectChange `json:"changes"`
	// Notes are what the run put on record of the object.
	Notes []string `json:"notes,omitempty"`
	// LookUp is what the provider said when the run missed the object and asked for it alone.
	LookUp string `json:"look_up,omitempty"`
	// Evidence is what removals rest on, nil if nothing was removed by a sync.
	Evidence *Evidence `json:"evidence,omitempty"`
}

// ObjectRunHead is a run as far as it matters to an object.
type ObjectRunHead struct {
	ID            string    `json:"run_id"`
	WorkflowID    string    `json:"workflow_id"`
	TemporalRunID string    `json:"temporal_run_id"`
	Status        string    `json:"status"`
	StartedAt     time.Time `json:"started_at"`
	Undoes        string    `json:"undoes,omitempty"`
	StartedBy     string    `json:"started_by,omitempty"`
	DecidedBy     string    `json:"decided_by,omitempty"`
	HoldReason    string    `json:"hold_reason,omitempty"`
	ByID          bool      `json:"single_people,omitempty"`
}

// ObjectChange is one change, or a removal that was planned.
type ObjectChange struct {
	ObjectType     string          `json:"object_type"`
	Department     string          `json:"department,omitempty"`
	DepartmentName string          `json:"department_name,omitempty"`
	Kind           string          `json:"kind"`
	Before         json.RawMessage `json:"before,omitempty"`
	After          json.RawMessage `json:"after,omitempty"`
	At             time.Time       `json:"changed_at"`
	Reason         string          `json:"reason,omitempty"`
	Decision       string          `json:"decision,omitempty"`
	Planned        bool            `json:"only_planned,omitempty"`
}

// Evidence is what a removal rests on.
type Evidence struct {
	Departments int        `json:"departments_known"`
	Complete    int        `json:"departments_complete"`
	Skipped     int        `json:"departments_skipped,omitempty"`
	Listings    []Listing  `json:"listings"`
	DroppedAt   *time.Time `json:"details_dropped_at,omitempty"`
}

// Listing is one listing of a run, with how completely it was read.
type Listing struct {
	Department string     `json:"department"`
	Group      string     `json:"group,omitempty"`
	Of         string     `json:"of"`
	Complete   bool       `json:"complete"`
	Pages      int        `json:"pages"`
	Read       int        `json:"read"`
	Declared   *int32     `json:"declared,omitempty"`
	Request    string     `json:"request,omitempty"`
	ReadAt     *time.Time `json:"read_at,omitempty"`
	Error      string     `json:"problem,omitempty"`
}

func historyOf(h service.ObjectHistory) ObjectHistory {
	history := ObjectHistory{Object: cli.Object(h.Object), Now: h.Now, Runs: cli.Each(h.Runs, objectRunOf)}
	if h.Presence != nil {
		history.Presence = &Presence{
			Run: ObjectRunHead(h.Presence.Run), Listings: cli.Each(h.Presence.Listings, listingOf),
		}
	}
	return history
}

func objectRunOf(r service.ObjectRun) ObjectRun {
	run := ObjectRun{
		Run: ObjectRunHead(r.Run), Notes: r.Notes, LookUp: string(r.LookUp),
		Changes: cli.Each(r.Changes, func(c service.ObjectChange) ObjectChange { return ObjectChange(c) }),
	}
	if e := r.Evidence; e != nil {
		run.Evidence = &Evidence{
			Departments: e.Departments, Complete: e.Complete, Skipped: e.Skipped, DroppedAt: e.DroppedAt,
			Listings: cli.Each(e.Listings, listingOf),
		}
	}
	return run
}

func listingOf(l service.Listing) Listing { return Listing(l) }
