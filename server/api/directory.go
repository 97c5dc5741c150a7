package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Department is a department of the directory.
type Department struct {
	ID                string          `json:"id" format:"uuid"`
	ProviderID        *string         `json:"provider_id" format:"uuid"`
	TenantID          *string         `json:"tenant_id" format:"uuid"`
	ExternalID        string          `json:"external_id"`
	ParentID          *string         `json:"parent_id" format:"uuid"`
	Name              string          `json:"name"`
	Path              string          `json:"path" doc:"The names from the top, joined by /."`
	MemberCount       int32           `json:"member_count" doc:"Active people in it and below."`
	DirectMemberCount int32           `json:"direct_member_count" doc:"Active people directly in it."`
	HasChildren       bool            `json:"has_children" doc:"Whether active departments lie below it."`
	Status            string          `json:"status" enum:"active,deleted"`
	SortOrder         *int64          `json:"sort_order"`
	SyncedAt          time.Time       `json:"synced_at"`
	RawData           json.RawMessage `json:"raw_data,omitempty" doc:"The provider's record; for administrators."`
}

func departmentOf(d service.DepartmentRow) Department {
	return Department{
		ID: d.ID, ProviderID: d.ProviderID, TenantID: d.TenantID, ExternalID: d.ExternalID, ParentID: d.ParentID,
		Name: d.Name, Path: d.Path,
		MemberCount: d.MemberCount, DirectMemberCount: d.DirectMemberCount, HasChildren: d.HasChildren,
		Status:    d.Status,
		SortOrder: d.SortOrder, SyncedAt: d.SyncedAt,
	}
}

// Member is a person of a provider's directory.
type Member struct {
	ID              string          `json:"id" format:"uuid"`
	ProviderID      *string         `json:"provider_id" format:"uuid"`
	Provider        string          `json:"provider"`
	TenantID        *string         `json:"tenant_id" format:"uuid"`
	ExternalID      string          `json:"external_id"`
	UnionID         *string         `json:"unionid"`
	OpenID          *string         `json:"open_id"`
	Name            string          `json:"name"`
	TranslitFull    string          `json:"name_translit_full"`
	TranslitInitial string          `json:"name_translit_initial"`
	Email           *string         `json:"email"`
	Phone           *string         `json:"phone"`
	AvatarURL       *string         `json:"avatar_url"`
	Title           *string         `json:"title"`
	EmployeeNo      *string         `json:"employee_no"`
	ManagerID       *string         `json:"manager_id" format:"uuid"`
	DepartmentID    *string         `json:"department_id" format:"uuid" doc:"The primary department."`
	DepartmentPath  string          `json:"department_path"`
	Status          string          `json:"status" enum:"active,inactive,deleted"`
	Activated       bool            `json:"activated" doc:"Whether the person uses the provider's app already."`
	UserID          *string         `json:"user_id" format:"uuid" doc:"The account that the person is linked to."`
	Attributes      json.RawMessage `json:"attributes"`
	SyncedAt        time.Time       `json:"synced_at"`
}

func memberOf(m service.MemberRow) Member {
	return Member{
		ID: m.ID, ProviderID: m.ProviderID, Provider: m.ProviderName, TenantID: m.TenantID, ExternalID: m.ExternalID,
		UnionID: m.Unionid,
		OpenID:  m.OpenID, Name: m.Name, TranslitFull: m.NameTranslitFull, TranslitInitial: m.NameTranslitInitial,
		Email: m.Email,
		Phone: m.Phone, AvatarURL: m.AvatarUrl, Title: m.Title, EmployeeNo: m.EmployeeNo, ManagerID: m.ManagerID,
		DepartmentID: m.DepartmentID, DepartmentPath: m.DepartmentPath, Status: m.Status, Activated: m.Activated,
		UserID:     m.UserID,
		Attributes: m.Attributes, SyncedAt: m.SyncedAt,
	}
}

// DepartmentMember is a member with their place in the department that is asked about.
type DepartmentMember struct {
	Member
	Primary bool `json:"is_primary" doc:"Whether this is the person's primary department."`
	Leader  bool `json:"is_leader"`
}

// Person is a member with everything known of them.
type Person struct {
	Member
	Places    []Place         `json:"departments" doc:"The departments that the person is in, the primary one first."`
	Groups    []PersonGroup   `json:"groups" doc:"The groups to which the person belongs."`
	Manager   *Manager        `json:"manager" doc:"The direct manager; null: the provider names none."`
	Account   *Account        `json:"account" doc:"The platform's account that the person is linked to."`
	OfflineAt *time.Time      `json:"offline_at" doc:"Since when the person is marked as having left here."`
	Signature *Signature      `json:"signature" doc:"The person's signature image."`
	RawData   json.RawMessage `json:"raw_data,omitempty" doc:"The provider's record; for administrators."`
}

// PersonGroup is a group to which a person belongs.
type PersonGroup struct {
	GroupID    string `json:"group_id" format:"uuid"`
	ExternalID string `json:"external_id"`
	Kind       string `json:"kind" enum:"role,group,tag"`
	Name       string `json:"name"`
	Category   string `json:"category"`
	Direct     bool   `json:"is_direct" doc:"false: the person belongs through a department alone."`
}

// Manager is a person's direct manager.
type Manager struct {
	MemberID   *string `json:"member_id" format:"uuid" doc:"Null: they are not in the directory."`
	ExternalID string  `json:"external_id"`
	Name       string  `json:"name"`
}

// Account is an account of the platform.
type Account struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"display_name"`
}

// Place is a department that a person is in.
type Place struct {
	DepartmentID string `json:"department_id" format:"uuid"`
	ExternalID   string `json:"external_id"`
	Name         string `json:"name"`
	Path         string `json:"path"`
	Primary      bool   `json:"is_primary"`
	Leader       bool   `json:"is_leader"`
	SortOrder    *int64 `json:"sort_order"`
}

// MemberChange is what a run changed of a member or their place.
type MemberChange struct {
	RunID          string          `json:"run_id" format:"uuid"`
	ObjectType     string          `json:"object_type"`
	Kind           string          `json:"kind"`
	DepartmentID   *string         `json:"department_id" format:"uuid" doc:"Of a place: the department or group."`
	DepartmentName string          `json:"department_name"`
	Before         json.RawMessage `json:"before"`
	After          json.RawMessage `json:"after"`
	Reason         *string         `json:"reason" doc:"What a removal rests on."`
	StartedBy      *string         `json:"started_by"`
	DecidedBy      *string         `json:"decided_by"`
	ChangedAt      time.Time       `json:"changed_at"`
}

// OfDepartment is the input that names a department.
type OfDepartment struct {
	ID string `path:"id" format:"uuid" doc:"The department's id."`
}

// OfMember is the input that names a member.
type OfMember struct {
	ID string `path:"id" format:"uuid" doc:"The member's id."`
}

type listDepartmentsInput struct {
	Named
	Paged
	Parent string `query:"parent" format:"uuid" doc:"The departments directly below this one; left out: the tops."`
}

type pageOfDepartment struct {
	OfDepartment
	Paged
}

type pageOfMember struct {
	OfMember
	Paged
}

type listMembersInput struct {
	Paged
	Provider     string    `query:"provider" maxLength:"100" doc:"Of this provider alone."`
	Text         string    `query:"q" maxLength:"200" doc:"Name, pinyin, initials, e-mail, phone, employee number or id."`
	Department   string    `query:"department" format:"uuid" doc:"Directly in this department."`
	Group        string    `query:"group" format:"uuid" doc:"In this group, directly or through a department."`
	Status       string    `query:"status" enum:"active,inactive,deleted" doc:"Left out: all that are not deleted."`
	UpdatedSince time.Time `query:"updated_since" doc:"Written since then."`
}

type departmentOutput struct{ Body Department }

type personOutput struct{ Body Person }

func (a *API) registerDirectory() {
	const tag = "Directory"
	registerList(a, operation{
		id: "list-departments", method: http.MethodGet, path: "/providers/{name}/departments", tag: tag,
		summary: "List the top departments of a provider, or those below one", errors: notFound,
	}, func(ctx context.Context, in *listDepartmentsInput, page service.Page) (List[Department], string, error) {
		if in.Parent == "" {
			rows, err := a.view(ctx).ListTopDepartments(ctx, in.Name, page)
			return listOf(rows, departmentOf), "", err
		}
		rows, err := a.view(ctx).ListChildDepartments(ctx, in.Name, in.Parent, page)
		return listOf(rows, departmentOf), "", err
	})
	register(a, operation{id: "get-department", method: http.MethodGet, path: "/departments/{id}", tag: tag,
		summary: "Show a department", errors: notFound},
		func(ctx context.Context, in *OfDepartment) (*departmentOutput, error) {
			found, raw, err := a.view(ctx).GetDepartment(ctx, in.ID)
			out := &departmentOutput{departmentOf(found)}
			out.Body.RawData = raw
			return out, err
		})
	registerList(a, operation{
		id: "list-child-departments", method: http.MethodGet, path: "/departments/{id}/children", tag: tag,
		summary: "List the departments directly below one", errors: notFound,
	}, func(ctx context.Context, in *pageOfDepartment, page service.Page) (List[Department], string, error) {
		rows, err := a.view(ctx).ListChildDepartments(ctx, "", in.ID, page)
		return listOf(rows, departmentOf), "", err
	})
	registerList(a, operation{
		id: "list-department-members", method: http.MethodGet, path: "/departments/{id}/members", tag: tag,
		summary: "List the people directly in a department, by name", errors: notFound,
	}, func(ctx context.Context, in *pageOfDepartment, page service.Page) (List[DepartmentMember], string, error) {
		rows, err := a.view(ctx).ListDepartmentMembers(ctx, in.ID, page)
		return listOf(rows, func(m service.MemberRow) DepartmentMember {
			return DepartmentMember{Member: memberOf(m), Primary: m.Primary, Leader: m.Leader}
		}), "", err
	})
	registerList(a, operation{id: "list-members", method: http.MethodGet, path: "/members", tag: tag,
		summary: "Find people", errors: notFound}, a.listMembers)
	register(a, operation{id: "get-member", method: http.MethodGet, path: "/members/{id}", tag: tag,
		summary: "Show a person", errors: notFound}, a.getMember)
	registerList(a, operation{
		id: "list-member-history", method: http.MethodGet, path: "/members/{id}/history", tag: tag,
		summary: "List what runs changed of a person, the latest first", errors: notFound,
	}, a.listMemberHistory)
}

func (a *API) listMembers(ctx context.Context, in *listMembersInput, page service.Page) (List[Member],
	string, error) {
	of := service.ListMembersInput{Provider: in.Provider, Text: in.Text, DepartmentID: in.Department,
		GroupID: in.Group,
		Status:  in.Status, Page: page}
	if !in.UpdatedSince.IsZero() {
		of.UpdatedSince = &in.UpdatedSince
	}
	rows, err := a.view(ctx).ListMembers(ctx, of)
	return listOf(rows, memberOf), "", err
}

func (a *API) getMember(ctx context.Context, in *OfMember) (*personOutput, error) {
	found, err := a.view(ctx).GetMember(ctx, in.ID)
	return &personOutput{personOf(found)}, err
}

func personOf(m service.MemberResult) Person {
	d := m.Details
	out := Person{
		Member: memberOf(m.MemberRow), Places: make([]Place, len(d.Places)), Groups: make([]PersonGroup,
			len(d.Groups)),
		OfflineAt: d.OfflineAt, Signature: signatureOf(m.Signature), RawData: m.RawData,
	}
	for i, p := range d.Places {
		out.Places[i] = Place{
			DepartmentID: p.ID, ExternalID: p.ExternalID, Name: p.Name, Path: p.Path, Primary: p.Primary,
			Leader:    p.Leader,
			SortOrder: p.SortOrder,
		}
	}
	for i, g := range d.Groups {
		out.Groups[i] = PersonGroup{
			GroupID: g.ID, ExternalID: g.ExternalID, Kind: g.Kind, Name: g.Name, Category: g.Category,
			Direct: g.Direct,
		}
	}
	if d.Manager != nil {
		out.Manager = &Manager{ExternalID: d.Manager.ExternalID, Name: d.Manager.Name}
		if d.Manager.ID != "" {
			out.Manager.MemberID = &d.Manager.ID
		}
	}
	if d.Account != nil {
		out.Account = &Account{ID: d.Account.ID, Name: d.Account.Name}
	}
	return out
}

func (a *API) listMemberHistory(ctx context.Context, in *pageOfMember, page service.Page) (List[MemberChange], string,
	error) {
	id := in.ID
	rows, err := a.view(ctx).ListMemberHistory(ctx, id, page)
	return listOf(rows, func(c service.MemberChangeRow) MemberChange {
		out := MemberChange{
			RunID: c.RunID, ObjectType: c.ObjectType, Kind: c.Kind, DepartmentName: c.DepartmentName,
			Before: c.Before,
			After:  c.After,
			Reason: unlessEmpty(c.Reason), StartedBy: unlessEmpty(c.StartedBy), DecidedBy: unlessEmpty(c.DecidedBy),
			ChangedAt: c.ChangedAt,
		}
		if c.DepartmentID != id {
			out.DepartmentID = &c.DepartmentID
		}
		return out
	}), "", err
}
