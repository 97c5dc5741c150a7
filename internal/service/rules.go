package service

import (
	"context"
	"slices"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/rules"
)

// Rules are one version of what belongs in a provider's directory and of what is made of
// members' fields.
type Rules struct {
	Provider string
	// Version counts from 1; 0: the provider never had any rules.
	Version int
	// Document is as it was set, in YAML or JSON; empty: there are no rules.
	Document string
	SetAt    time.Time
	// SetBy is who set it, empty where that is not known.
	SetBy string
	// UnknownDepartments are those that the scope names and no run ever met, which are likely
	// misspelt. They are told where rules are set.
	UnknownDepartments []string
	// DetailsUnused says that the scope asks for lookups of single objects although the
	// provider's listings lack nothing. It is told where rules are set.
	DetailsUnused bool
}

// ShowRulesResult are the rules in force and the versions before them, the newest first.
type ShowRulesResult struct {
	Rules
	Earlier []Rules
}

// maxEarlier is how many earlier versions of rules are shown.
const maxEarlier = 20

// ShowRules returns a provider's rules. Where it has none the document is empty.
func (s *Service) ShowRules(ctx context.Context, provider string) (ShowRulesResult, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return ShowRulesResult{}, err
	}
	history, err := store.Providers.RulesHistory(ctx, p.ID, 1+maxEarlier)
	if err != nil || len(history) == 0 {
		return ShowRulesResult{Rules: Rules{Provider: p.Name}}, err
	}
	result := ShowRulesResult{Rules: rulesOf(p, history[0])}
	for _, earlier := range history[1:] {
		result.Earlier = append(result.Earlier, rulesOf(p, earlier))
	}
	return result, nil
}

func rulesOf(p providers.Provider, r providers.Rules) Rules {
	return Rules{Provider: p.Name, Version: r.Version, Document: r.Document, SetAt: r.CreatedAt, SetBy: r.CreatedBy}
}

// SetRulesInput sets a provider's rules.
type SetRulesInput struct {
	Provider string
	// Document is the rules in YAML or JSON.
	Document []byte
	// By is who sets them.
	By By
}

// SetRules puts rules in force, for runs that begin from now on. Rules that are in force
// already keep their version.
func (s *Service) SetRules(ctx context.Context, in SetRulesInput) (Rules, error) {
	return s.storeRules(ctx, in, false)
}

// PlanRules starts a dry run that goes by rules which are not in force, and leaves those that
// are as they are.
func (s *Service) PlanRules(ctx context.Context, in SetRulesInput) (PlanRulesResult, error) {
	draft, err := s.storeRules(ctx, in, true)
	if err != nil {
		return PlanRulesResult{}, err
	}
	started, err := s.StartSync(ctx, StartSyncInput{
		Provider: draft.Provider, Mode: ModePlan, Rules: draft.Version, By: in.By,
	})
	return PlanRulesResult{Execution: started, Rules: draft}, err
}

// PlanRulesResult is a dry run that was started, and the draft that it goes by.
type PlanRulesResult struct {
	Execution Execution
	Rules     Rules
}

func (s *Service) storeRules(ctx context.Context, in SetRulesInput, draft bool) (Rules, error) {
	parsed, err := rules.Parse(in.Document)
	if err != nil {
		return Rules{}, &Error{Code: RulesInvalid, Err: err}
	}
	store, p, err := s.openProvider(ctx, in.Provider)
	if err == nil && draft && !p.Active {
		err = &Error{Code: ProviderInactive, Args: Args{Provider: p.Name}}
	}
	if err != nil {
		return Rules{}, err
	}
	stored, err := store.Providers.SetRules(ctx, p.ID, providers.NewRules{
		Document: string(in.Document), Included: parsed.Scope.Include, Excluded: parsed.Scope.Exclude,
		Draft: draft, By: in.By,
	})
	if err != nil {
		return Rules{}, err
	}
	set := rulesOf(p, stored)
	set.DetailsUnused = parsed.Scope.Details && !p.Type.Traits().DetailsByLookup
	set.UnknownDepartments, err = store.Providers.UnknownDepartments(ctx, p.ID,
		slices.Concat(parsed.Scope.Include, parsed.Scope.Exclude))
	return set, err
}

// RemoveRules leaves a provider without rules: every member belongs in the directory, and fields
// are as the provider sends them.
func (s *Service) RemoveRules(ctx context.Context, provider string, by By) (Rules, error) {
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return Rules{}, err
	}
	current, err := store.Providers.Rules(ctx, p.ID)
	if err == nil && current.Document == "" {
		err = &Error{Code: RulesNone, Args: Args{Provider: p.Name}}
	}
	if err != nil {
		return Rules{}, err
	}
	stored, err := store.Providers.SetRules(ctx, p.ID, providers.NewRules{By: by})
	return rulesOf(p, stored), err
}
