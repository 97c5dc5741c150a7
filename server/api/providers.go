package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// Provider is a stored provider.
type Provider struct {
	ID       string  `json:"id" format:"uuid"`
	TenantID *string `json:"tenant_id" format:"uuid"`
	Name     string  `json:"name" example:"acme"`
	Type     string  `json:"provider_type" enum:"feishu,dingtalk,wecom"`
	Active   bool    `json:"is_active" doc:"false: no sync is started."`
	// Config is null for readers.
	Config       map[string]string `json:"config" nullable:"true" doc:"Secrets are \"***\". Null for the role reader."`
	LastSyncedAt *time.Time        `json:"last_synced_at" doc:"When the last run ended that was complete and applied."`
	CreatedAt    time.Time         `json:"created_at"`
	UpdatedAt    time.Time         `json:"updated_at"`
	UpdatedBy    string            `json:"updated_by"`
	Guard
}

// Guard are the limits beyond which removals are held.
type Guard struct {
	directory.GuardFigures
	HoldSeconds int64 `json:"hold_seconds" doc:"How long a held run waits for a decision."`
}

// GuardChange are limits to be set; what is left out stays, or is the default.
type GuardChange struct {
	RemovalLimitCount           *int     `json:"removal_limit_count,omitempty" minimum:"0"`
	RemovalLimitPercent         *float64 `json:"removal_limit_percent,omitempty" minimum:"0" maximum:"100"`
	DepartmentLimitCount        *int     `json:"department_limit_count,omitempty" minimum:"0"`
	DepartmentLimitPercent      *float64 `json:"department_limit_percent,omitempty" minimum:"0" maximum:"100"`
	GroupLimitCount             *int     `json:"group_limit_count,omitempty" minimum:"0"`
	GroupLimitPercent           *float64 `json:"group_limit_percent,omitempty" minimum:"0" maximum:"100"`
	GroupMembershipLimitCount   *int     `json:"group_membership_limit_count,omitempty" minimum:"0"`
	GroupMembershipLimitPercent *float64 `json:"group_membership_limit_percent,omitempty" minimum:"0" maximum:"100"`
	AdministratorLimitCount     *int     `json:"administrator_limit_count,omitempty" minimum:"0"`
	AdministratorLimitPercent   *float64 `json:"administrator_limit_percent,omitempty" minimum:"0" maximum:"100"`
	HoldSeconds                 *int64   `json:"hold_seconds,omitempty" minimum:"1" maximum:"31536000"`
}

func (g GuardChange) input() service.GuardInput {
	type limit = directory.LimitChange
	in := service.GuardInput{Limits: directory.GuardChange{
		Members:          limit{Count: g.RemovalLimitCount, Percent: g.RemovalLimitPercent},
		Departments:      limit{Count: g.DepartmentLimitCount, Percent: g.DepartmentLimitPercent},
		Groups:           limit{Count: g.GroupLimitCount, Percent: g.GroupLimitPercent},
		GroupMemberships: limit{Count: g.GroupMembershipLimitCount, Percent: g.GroupMembershipLimitPercent},
		Administrators:   limit{Count: g.AdministratorLimitCount, Percent: g.AdministratorLimitPercent},
	}}
	if g.HoldSeconds != nil {
		d := time.Duration(*g.HoldSeconds) * time.Second
		in.HoldFor = &d
	}
	return in
}

func providerOf(ctx context.Context, p service.Provider) Provider {
	out := Provider{
		ID: p.ID, TenantID: p.TenantID, Name: p.Name, Type: string(p.Type), Active: p.Active, Config: p.Config,
		LastSyncedAt: p.LastSyncedAt,
		CreatedAt:    p.CreatedAt, UpdatedAt: p.UpdatedAt, UpdatedBy: p.UpdatedBy,
		Guard: Guard{directory.FiguresOf(p.Guard), int64(p.HoldFor / time.Second)},
	}
	if callerOf(ctx).Role == access.Reader {
		out.Config = nil
	}
	return out
}

// tagOf names the state of a provider. What runs write does not change it.
func tagOf(p service.Provider) string {
	return strconv.Quote(strconv.FormatInt(p.UpdatedAt.UnixMicro(), 36))
}

// Named is the input that names a provider.
type Named struct {
	Name string `path:"name" maxLength:"100" example:"acme" doc:"The provider's name."`
}

type providerOutput struct {
	ETag string `header:"ETag" doc:"For If-Match, when it is changed."`
	Body Provider
}

// ProviderCreate is a provider to be stored.
type ProviderCreate struct {
	Name     string            `json:"name" minLength:"1" maxLength:"100" example:"acme"`
	Type     string            `json:"provider_type" enum:"feishu,dingtalk,wecom"`
	TenantID *string           `json:"tenant_id,omitempty" format:"uuid"`
	Config   map[string]string `json:"config" doc:"The settings of the provider's type, secrets among them."`
	GuardChange
}

// ProviderPatch are changes of a stored provider; what is left out stays.
type ProviderPatch struct {
	TenantID *string           `json:"tenant_id,omitempty" format:"uuid"`
	Active   *bool             `json:"is_active,omitempty"`
	Config   map[string]string `json:"config,omitempty" doc:"A secret given as \"***\" stays; what is empty goes."`
	GuardChange
}

func (a *API) registerProviders() {
	registerList(a, operation{id: "list-providers", method: http.MethodGet, path: "/providers", tag: "Providers",
		summary: "List providers"}, a.listProviders)
	register(a, operation{
		id: "create-provider", method: http.MethodPost, path: "/providers", tag: "Providers",
		summary: "Store a provider",
		status:  http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createProvider)
	register(a, operation{
		id: "get-provider", method: http.MethodGet, path: "/providers/{name}", tag: "Providers",
		summary: "Show a provider",
		errors:  notFound,
	}, func(ctx context.Context, in *Named) (*providerOutput, error) {
		p, err := a.view(ctx).GetProvider(ctx, in.Name)
		return &providerOutput{ETag: tagOf(p), Body: providerOf(ctx, p)}, err
	})
	register(a, operation{
		id: "update-provider", method: http.MethodPatch, path: "/providers/{name}", tag: "Providers",
		summary: "Change a provider",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed,
			http.StatusPreconditionRequired},
	}, a.updateProvider)
	register(a, operation{
		id: "delete-provider", method: http.MethodDelete, path: "/providers/{name}", tag: "Providers",
		summary: "Remove a provider with its secrets, runs and schedule; its people and departments get the status " +
			"deleted",
		errors: notFound,
	}, func(ctx context.Context, in *Named) (*struct{}, error) {
		if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
			return nil, err
		}
		_, err := a.service.RemoveProvider(ctx, in.Name, by(ctx))
		return nil, err
	})
	register(a, operation{
		id: "test-provider", method: http.MethodPost, path: "/providers/{name}/test", tag: "Providers",
		summary: "Try credentials, permissions and visible range against the provider's own API", errors: notFound,
		slow: true,
	}, a.testProvider)
	a.registerInstallations()
}

var notFound = []int{http.StatusNotFound}

type listProvidersInput struct{ Paged }

func (a *API) listProviders(ctx context.Context, _ *listProvidersInput, page service.Page) (List[Provider], string,
	error) {
	rows, err := a.view(ctx).ListProviders(ctx, page)
	return listOf(rows, func(p service.Provider) Provider { return providerOf(ctx, p) }), "", err
}

type createProviderInput struct{ Body ProviderCreate }

type createdProvider struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     Provider
}

func (a *API) createProvider(ctx context.Context, in *createProviderInput) (*createdProvider, error) {
	tenant, err := a.tenantFor(ctx, in.Body.TenantID)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(in.Body.Config)
	if err != nil {
		return nil, err
	}
	added, err := a.service.AddProvider(ctx, service.AddProviderInput{
		Name: in.Body.Name, Type: in.Body.Type, Config: config, TenantID: tenant, Guard: in.Body.input(), By: by(ctx),
		Reach: callerOf(ctx).Reach,
	})
	if err != nil {
		return nil, err
	}
	return &createdProvider{
		Location: prefix + "/providers/" + added.Provider.Name, ETag: tagOf(added.Provider), Body: providerOf(ctx,
			added.Provider),
	}, nil
}

// tenantFor is the tenant that a caller's provider gets: one who is bound gives it to no other.
func (a *API) tenantFor(ctx context.Context, wanted *string) (string, error) {
	reach := callerOf(ctx).Reach
	switch {
	case wanted == nil:
		return reach.TenantID, nil
	case !reach.Unlimited() && *wanted != reach.TenantID:
		return "", &refusal{http.StatusForbidden, reachTooNarrow, nil}
	}
	return *wanted, nil
}

type updateProviderInput struct {
	Named
	IfMatch string `header:"If-Match" doc:"The ETag of what was read."`
	Body    ProviderPatch
}

func (a *API) updateProvider(ctx context.Context, in *updateProviderInput) (*providerOutput, error) {
	p, err := a.view(ctx).GetProvider(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if err := requireTag(in.IfMatch); err != nil {
		return nil, err
	}
	if in.IfMatch != tagOf(p) {
		return nil, &service.Error{Code: service.ProviderChanged, Args: service.Args{Provider: p.Name}}
	}
	change := service.UpdateProviderInput{Name: p.Name, Active: in.Body.Active, Guard: in.Body.input(),
		IfChangedAt: &p.UpdatedAt, By: by(ctx), Reach: callerOf(ctx).Reach}
	if in.Body.TenantID != nil {
		if change.TenantID, err = a.tenantFor(ctx, in.Body.TenantID); err != nil {
			return nil, err
		}
	}
	if in.Body.Config != nil {
		if change.Config, err = json.Marshal(in.Body.Config); err != nil {
			return nil, err
		}
	}
	updated, err := a.service.UpdateProvider(ctx, change)
	return &providerOutput{ETag: tagOf(updated.Provider), Body: providerOf(ctx, updated.Provider)}, err
}

// ProviderTest is what trying a provider told.
type ProviderTest struct {
	Provider string    `json:"provider"`
	Type     string    `json:"provider_type"`
	OK       bool      `json:"ok" doc:"A sync can run."`
	Company  string    `json:"company"`
	Findings []Finding `json:"findings"`
}

// Finding is one thing that was tried.
type Finding struct {
	Level  string `json:"level" enum:"pass,warn,fail"`
	Code   string `json:"code" example:"whole_company" doc:"Names what came of it; it does not change."`
	Check  string `json:"check" doc:"What was tried, in the reader's language."`
	Detail string `json:"detail"`
	Action string `json:"action,omitempty" doc:"What to grant, and where."`
}

type testOutput struct{ Body ProviderTest }

func (a *API) testProvider(ctx context.Context, in *Named) (*testOutput, error) {
	if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
		return nil, err
	}
	tried, err := a.service.TestProvider(ctx, in.Name)
	out := &testOutput{ProviderTest{
		Provider: tried.Provider, Type: string(tried.Type), OK: tried.OK, Company: tried.Company,
		Findings: make([]Finding,
			len(tried.Findings)),
	}}
	for i, f := range tried.Findings {
		l := languageIn(ctx)
		out.Body.Findings[i] = Finding{
			Level: string(f.Level), Code: f.Code(),
			Check: f.Check.In(l), Detail: f.Detail.In(l), Action: f.Action.In(l),
		}
	}
	return out, err
}
