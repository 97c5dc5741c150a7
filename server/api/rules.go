package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Rules are what belongs in a provider's directory, and what is made of members' fields.
type Rules struct {
	Provider string     `json:"provider"`
	Version  int        `json:"version" doc:"Counts from 1; 0: the provider never had any rules."`
	Document string     `json:"document" doc:"In YAML or JSON, as it was set; empty: there are no rules."`
	SetAt    *time.Time `json:"set_at"`
	SetBy    string     `json:"set_by"`
	// UnknownDepartments is told where rules are set.
	UnknownDepartments []string `json:"unknown_departments,omitempty" doc:"Departments that the scope names and no run ever met: likely misspelt."`
	DetailsUnused      bool     `json:"details_unused,omitempty" doc:"Whether scope.details has no effect at this provider."`
}

func rulesOf(r service.Rules) Rules {
	out := Rules{
		Provider: r.Provider, Version: r.Version, Document: r.Document, SetBy: r.SetBy,
		UnknownDepartments: r.UnknownDepartments, DetailsUnused: r.DetailsUnused,
	}
	if r.Version > 0 {
		out.SetAt = &r.SetAt
	}
	return out
}

type setRulesInput struct {
	Named
	Body struct {
		Document string `json:"document" minLength:"1" maxLength:"200000" doc:"YAML or JSON."`
	}
}

type rulesOutput struct{ Body Rules }

func (a *API) registerRules() {
	const tag, path = "Rules", "/providers/{name}/rules"
	register(a, operation{id: "get-rules", method: http.MethodGet, path: path, tag: tag,
		summary: "Show a provider's rules", errors: notFound},
		func(ctx context.Context, in *Named) (*rulesOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			shown, err := a.service.ShowRules(ctx, in.Name)
			return &rulesOutput{rulesOf(shown.Rules)}, err
		})
	register(a, operation{id: "set-rules", method: http.MethodPut, path: path, tag: tag,
		summary: "Put rules in force, for runs that begin from now on", errors: notFound},
		func(ctx context.Context, in *setRulesInput) (*rulesOutput, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			set, err := a.service.SetRules(ctx, service.SetRulesInput{
				Provider: in.Name, Document: []byte(in.Body.Document), By: by(ctx),
			})
			return &rulesOutput{rulesOf(set)}, err
		})
	register(a, operation{id: "delete-rules", method: http.MethodDelete, path: path, tag: tag,
		summary: "Leave a provider without rules", errors: notFound},
		func(ctx context.Context, in *Named) (*struct{}, error) {
			if _, err := a.view(ctx).GetProvider(ctx, in.Name); err != nil {
				return nil, err
			}
			_, err := a.service.RemoveRules(ctx, in.Name, by(ctx))
			return nil, err
		})
}
