package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Run is one run of the history.
type Run struct {
	ID               string          `json:"id" format:"uuid"`
	ProviderID       string          `json:"provider_id" format:"uuid"`
	Provider         string          `json:"provider" example:"acme"`
	WorkflowID       string          `json:"workflow_id"`
	TemporalRunID    string          `json:"temporal_run_id"`
	Mode             string          `json:"mode" enum:"apply,plan"`
	OnRemovals       string          `json:"on_removals" enum:"hold,apply,skip"`
	Departments      []string        `json:"only_departments" doc:"Limited to these, by external ids; empty: not."`
	Members          []string        `json:"only_members" doc:"Limited to these, by external ids; empty: not."`
	Retries          *string         `json:"retries" format:"uuid" doc:"The run of which it reads again what failed."`
	Undoes           *string         `json:"undoes" format:"uuid" doc:"The run that it takes back."`
	Status           string          `json:"status" enum:"running,held,succeeded,partial,failed,rejected,superseded,canceled"`
	Phase            string          `json:"phase"`
	Counts           json.RawMessage `json:"counts" doc:"What it did, or would do: departments, members, memberships."`
	Calls            int64           `json:"calls" doc:"Calls of the provider."`
	HoldReason       *string         `json:"hold_reason"`
	HoldExpiresAt    *time.Time      `json:"hold_expires_at" doc:"When a held run counts as rejected."`
	Error            *string         `json:"error"`
	StartedBy        *string         `json:"started_by"`
	DecidedBy        *string         `json:"decided_by"`
	StartedAt        time.Time       `json:"started_at"`
	FinishedAt       *time.Time      `json:"finished_at"`
	DetailsDroppedAt *time.Time      `json:"details_dropped_at" doc:"When its details were deleted."`
}

func runOfRow(r service.RunRow) Run {
	return Run{
		ID: r.ID, ProviderID: r.ProviderID, Provider: r.ProviderName, WorkflowID: r.WorkflowID,
		TemporalRunID: r.TemporalRunID,
		Mode:          r.Mode, OnRemovals: r.OnRemovals, Departments: r.Departments, Members: r.Members,
		Retries: r.Retries,
		Undoes:  r.Undoes,
		Status:  r.Status, Phase: r.Phase, Counts: r.Counts, Calls: r.Calls, HoldReason: r.HoldReason,
		HoldExpiresAt: r.HoldExpiresAt,
		Error:         r.Error, StartedBy: r.StartedBy, DecidedBy: r.DecidedBy, StartedAt: r.StartedAt,
		FinishedAt:       r.FinishedAt,
		DetailsDroppedAt: r.DetailsDroppedAt,
	}
}

// RunDepartment is how completely a run read one department.
type RunDepartment struct {
	ExternalID       string  `json:"external_id"`
	DepartmentID     *string `json:"department_id" format:"uuid" doc:"Null while it is not in the directory."`
	Name             string  `json:"name"`
	Path             string  `json:"path"`
	ChildrenComplete bool    `json:"children_complete"`
	MembersComplete  bool    `json:"members_complete"`
	State            string  `json:"state" enum:"wanted,excluded,unread" doc:"excluded: left out on purpose."`
	MembersUnchanged bool    `json:"members_unchanged" doc:"Its listing is the one last applied."`
	ChildrenPages    int32   `json:"children_pages"`
	Pages            int32   `json:"pages" doc:"Pages of members."`
	MembersRead      int32   `json:"members_read"`
	MembersDeclared  *int32  `json:"members_declared" doc:"How many the provider itself counts."`
	Error            *string `json:"error" doc:"Why it could not be read."`
}

// Removal is one thing that a run planned to remove.
type Removal struct {
	ObjectType     string  `json:"object_type" doc:"department, member, membership, group and so on."`
	ObjectID       string  `json:"object_id" format:"uuid" doc:"Of a place: the member or department that is in it."`
	DepartmentID   *string `json:"department_id" format:"uuid" doc:"Of a place: the department or group."`
	DepartmentName string  `json:"department_name"`
	ExternalID     string  `json:"external_id"`
	Name           string  `json:"name"`
	Path           string  `json:"path" doc:"The department's, or where the person works."`
	Reason         string  `json:"reason" doc:"What the removal rests on."`
	Applied        bool    `json:"applied"`
	UserID         *string `json:"user_id" format:"uuid" doc:"The account that the person is linked to."`
}

// Change is one line of a run's change log.
type Change struct {
	ObjectType     string          `json:"object_type"`
	ObjectID       string          `json:"object_id" format:"uuid"`
	DepartmentID   *string         `json:"department_id" format:"uuid" doc:"Of a place: the department or group."`
	DepartmentName string          `json:"department_name"`
	DepartmentPath string          `json:"department_path"`
	ExternalID     string          `json:"external_id"`
	Name           string          `json:"name"`
	Kind           string          `json:"kind"`
	Before         json.RawMessage `json:"before"`
	After          json.RawMessage `json:"after"`
	ChangedAt      time.Time       `json:"changed_at"`
}

// RunError is what went wrong with one object.
type RunError struct {
	ObjectType string `json:"object_type" doc:"An object type, rule or warning."`
	ExternalID string `json:"external_id"`
	Message    string `json:"message"`
}

// OfRun is the input that names a run.
type OfRun struct {
	ID string `path:"id" format:"uuid" doc:"The run's id."`
}

type listRunsInput struct {
	Paged
	Provider string `query:"provider" maxLength:"100" doc:"Of this provider alone."`
	Status   string `query:"status" enum:"running,held,succeeded,partial,failed,rejected,superseded,canceled"`
}

type pageOfRun struct {
	OfRun
	Paged
}

type changesOfRun struct {
	OfRun
	Paged
	Kinds []string `query:"kind" doc:"created, updated, moved and so on, separated by commas."`
	Types []string `query:"type" doc:"Object types, separated by commas."`
}

type runOutput struct{ Body Run }

func (a *API) registerRuns() {
	const tag = "Runs"
	registerList(a, operation{id: "list-runs", method: http.MethodGet, path: "/runs", tag: tag,
		summary: "List runs, the newest first", errors: notFound},
		func(ctx context.Context, in *listRunsInput, page service.Page) (List[Run], string, error) {
			rows, err := a.view(ctx).ListRuns(ctx,
				service.ListRunsInput{Provider: in.Provider, Status: in.Status, Page: page})
			return listOf(rows, runOfRow), "", err
		})
	register(a, operation{id: "get-run", method: http.MethodGet, path: "/runs/{id}", tag: tag, summary: "Show a run",
		errors: notFound},
		func(ctx context.Context, in *OfRun) (*runOutput, error) {
			run, err := a.view(ctx).GetRun(ctx, in.ID)
			return &runOutput{runOfRow(run)}, err
		})
	registerList(a, operation{
		id: "list-run-changes", method: http.MethodGet, path: "/runs/{id}/changes", tag: tag,
		summary: "List what a run changed, or would change",
		errors:  notFound,
	}, a.listRunChanges)
	registerList(a, operation{
		id: "list-run-departments", method: http.MethodGet, path: "/runs/{id}/departments", tag: tag,
		summary: "List how completely a run read each department", errors: notFound,
	}, func(ctx context.Context, in *pageOfRun, page service.Page) (List[RunDepartment], string, error) {
		rows, err := a.view(ctx).ListRunDepartments(ctx, in.ID, page)
		return listOf(rows, func(d service.RunDepartmentRow) RunDepartment {
			return RunDepartment{
				ExternalID: d.ExternalID, DepartmentID: d.DepartmentID, Name: d.Name, Path: d.Path,
				ChildrenComplete: d.ChildrenComplete,
				MembersComplete:  d.MembersComplete, State: d.State, MembersUnchanged: d.MembersUnchanged,
				ChildrenPages: d.ChildrenPages, Pages: d.Pages, MembersRead: d.MembersRead,
				MembersDeclared: d.MembersDeclared,
				Error:           unlessEmpty(d.Error),
			}
		}), "", err
	})
	registerList(a, operation{
		id: "list-run-removals", method: http.MethodGet, path: "/runs/{id}/removals", tag: tag,
		summary: "List what a run planned to remove; the ETag names the list for a decision", errors: notFound,
	}, a.listRunRemovals)
	registerList(a, operation{
		id: "list-run-errors", method: http.MethodGet, path: "/runs/{id}/errors", tag: tag,
		summary: "List what went wrong with single objects",
		errors:  notFound,
	}, func(ctx context.Context, in *pageOfRun, page service.Page) (List[RunError], string, error) {
		rows, err := a.view(ctx).ListRunErrors(ctx, in.ID, page)
		return listOf(rows, func(e service.RunErrorRow) RunError {
			return RunError{ObjectType: e.ObjectType, ExternalID: e.ExternalID, Message: e.Message}
		}), "", err
	})
}

func (a *API) listRunChanges(ctx context.Context, in *changesOfRun, page service.Page) (List[Change], string, error) {
	rows, err := a.view(ctx).ListRunChanges(ctx, in.ID, service.ChangeFilter{Kinds: in.Kinds, Types: in.Types}, page)
	return listOf(rows, func(c service.ChangeRow) Change {
		out := Change{
			ObjectType: c.ObjectType, ObjectID: c.ObjectID, DepartmentName: c.DepartmentName,
			DepartmentPath: c.DepartmentPath,
			ExternalID:     c.ExternalID, Name: c.Name, Kind: c.Kind, Before: c.Before, After: c.After,
			ChangedAt: c.ChangedAt,
		}
		if c.DepartmentID != c.ObjectID { // a place
			out.DepartmentID = &c.DepartmentID
		}
		return out
	}), "", err
}

func (a *API) listRunRemovals(ctx context.Context, in *pageOfRun, page service.Page) (List[Removal], string, error) {
	rows, tag, err := a.view(ctx).ListRunRemovals(ctx, in.ID, page)
	return listOf(rows, func(r service.RemovalRow) Removal {
		out := Removal{
			ObjectType: r.ObjectType, ObjectID: r.ObjectID, DepartmentName: r.DepartmentName, ExternalID: r.ExternalID,
			Name: r.Name,
			Path: r.Path, Reason: r.Reason, Applied: r.Applied, UserID: r.UserID,
		}
		if r.DepartmentID != r.ObjectID { // a place
			out.DepartmentID = &r.DepartmentID
		}
		return out
	}), quoted(tag), err
}

// quoted is a tag as HTTP has it.
func quoted(tag string) string { return `"` + tag + `"` }
