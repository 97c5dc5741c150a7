package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Group is a role of DingTalk, a user group of Feishu or a tag of WeCom.
type Group struct {
	ID          string          `json:"id" format:"uuid"`
	ProviderID  *string         `json:"provider_id" format:"uuid"`
	Provider    string          `json:"provider"`
	TenantID    *string         `json:"tenant_id" format:"uuid"`
	ExternalID  string          `json:"external_id"`
	Kind        string          `json:"kind" enum:"role,group,tag"`
	Name        string          `json:"name"`
	Category    *string         `json:"category" doc:"DingTalk's role group."`
	MemberCount int32           `json:"member_count" doc:"Active people who belong, directly or through a department."`
	Status      string          `json:"status" enum:"active,deleted"`
	Attributes  json.RawMessage `json:"attributes"`
	SyncedAt    time.Time       `json:"synced_at"`
}

func groupOf(g service.GroupRow) Group {
	return Group{
		ID: g.ID, ProviderID: g.ProviderID, Provider: g.ProviderName, TenantID: g.TenantID, ExternalID: g.ExternalID,
		Kind: g.Kind, Name: g.Name, Category: g.Category, MemberCount: g.MemberCount, Status: g.Status,
		Attributes: g.Attributes, SyncedAt: g.SyncedAt,
	}
}

// GroupMember is a member with how they belong to the group that is asked about.
type GroupMember struct {
	Member
	Direct bool     `json:"is_direct" doc:"false: the person belongs through a department alone."`
	Scope  []string `json:"scope" doc:"The departments that a role holder manages."`
}

// Administrator is a member who administers the company's account, or is named here.
type Administrator struct {
	ProviderID string `json:"provider_id" format:"uuid"`
	Provider   string `json:"provider"`
	MemberID   string `json:"member_id" format:"uuid"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Status     string `json:"status" enum:"active,inactive,deleted" doc:"The member's."`
	Source     string `json:"source" enum:"provider,local"`
	Level      string `json:"level" example:"main" doc:"main, sub, admin (local ones), or the provider's own word."`
}

func administratorOf(a service.AdministratorRow) Administrator {
	return Administrator{
		ProviderID: a.ProviderID, Provider: a.ProviderName, MemberID: a.MemberID, ExternalID: a.ExternalID,
		Name:   a.Name,
		Status: a.Status, Source: a.Source, Level: a.Level,
	}
}

type listOfProvider struct {
	Paged
	Provider string `query:"provider" maxLength:"100" doc:"Of this provider alone."`
}

type pageOfGroup struct {
	ID string `path:"id" format:"uuid" doc:"The group's id."`
	Paged
}

// AdministratorNamed is the input that names a member as an administrator.
type AdministratorNamed struct {
	Member string `path:"member" format:"uuid" doc:"The member's id."`
}

func (a *API) registerGroups() {
	const tag = "Groups and administrators"
	registerList(a, operation{id: "list-groups", method: http.MethodGet, path: "/groups", tag: tag,
		summary: "List roles, user groups and tags, by name", errors: notFound},
		func(ctx context.Context, in *listOfProvider, page service.Page) (List[Group], string, error) {
			rows, err := a.view(ctx).ListGroups(ctx, in.Provider, page)
			return listOf(rows, groupOf), "", err
		})
	registerList(a, operation{id: "list-group-members", method: http.MethodGet, path: "/groups/{id}/members",
		tag:     tag,
		summary: "List who belongs to a group, directly or through a department, by name", errors: notFound},
		func(ctx context.Context, in *pageOfGroup, page service.Page) (List[GroupMember], string, error) {
			rows, err := a.view(ctx).ListGroupMembers(ctx, in.ID, page)
			return listOf(rows, func(m service.MemberRow) GroupMember {
				return GroupMember{Member: memberOf(m), Direct: m.Direct, Scope: m.Scope}
			}), "", err
		})
	registerList(a, operation{id: "list-administrators", method: http.MethodGet, path: "/administrators", tag: tag,
		summary: "List administrators, by name", errors: notFound},
		func(ctx context.Context, in *listOfProvider, page service.Page) (List[Administrator], string, error) {
			rows, err := a.view(ctx).ListAdministrators(ctx, in.Provider, page)
			return listOf(rows, administratorOf), "", err
		})
	const path = "/administrators/{member}"
	register(a, operation{id: "set-administrator", method: http.MethodPut, path: path, tag: tag,
		summary: "Name a member as a local administrator, by a run", status: http.StatusAccepted,
		errors: conflicting},
		func(ctx context.Context, in *AdministratorNamed) (*startedOutput, error) {
			started, err := a.view(ctx).NameAdministrator(ctx, in.Member, true, by(ctx))
			return a.begun(ctx, started, err)
		})
	register(a, operation{id: "delete-administrator", method: http.MethodDelete, path: path, tag: tag,
		summary: "Name a member as a local administrator no longer, by a run", status: http.StatusAccepted,
		errors: conflicting},
		func(ctx context.Context, in *AdministratorNamed) (*startedOutput, error) {
			started, err := a.view(ctx).NameAdministrator(ctx, in.Member, false, by(ctx))
			return a.begun(ctx, started, err)
		})
}
