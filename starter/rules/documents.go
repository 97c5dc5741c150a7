package rules

import (
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/internal/rules"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Version is one version of a provider's rules.
type Version struct {
	Provider string `json:"provider"`
	// Version counts from 1; 0: the provider never had any rules.
	Version int `json:"rules_version"`
	// Document is as it was set, in YAML or JSON; null: there are no rules.
	Document *string `json:"document"`
	// SetAt is null where there never were any rules, SetBy is empty where it is not known.
	SetAt *time.Time `json:"set_at"`
	SetBy string     `json:"set_by,omitempty"`
	// UnknownDepartments are those that the scope names and no run ever met, told by "rules set".
	UnknownDepartments []string `json:"unknown_departments,omitempty"`
	// DetailsUnused says that scope.details has no effect at this provider, told by "rules set".
	DetailsUnused bool `json:"details_unused,omitempty"`
}

// Shown are the rules in force, with the versions before them, the newest first.
type Shown struct {
	Version
	Earlier []Version `json:"earlier"`
}

// Tried is what rules come to for one person.
type Tried struct {
	Provider string `json:"provider"`
	// Version is that of the rules, 0 if they are from a file.
	Version    int    `json:"rules_version"`
	ExternalID string `json:"external_id"`
	// Fresh says that the person was read from the provider; if not, Stale says why the
	// stored one was taken.
	Fresh bool   `json:"fresh"`
	Stale string `json:"stale,omitempty"`
	// Inputs are the variables that the rules refer to, null where the provider did not send one.
	Inputs json.RawMessage `json:"inputs"`
	// InScope is null if the expression failed.
	InScope    *bool   `json:"in_scope"`
	ScopeError string  `json:"scope_error,omitempty"`
	Fields     []Field `json:"mapped"`
}

// Field is what one mapping comes to.
type Field struct {
	Target string `json:"maps_to"`
	// Value is what the field is set to, null if it is cleared or stays as it is.
	Value *string `json:"value"`
	// Error says why the expression failed; the stored value stays then.
	Error string `json:"error,omitempty"`
	// OnCreate says that the field is set only where the person is new.
	OnCreate bool `json:"on_create,omitempty"`
}

func versionOf(r service.Rules) Version {
	out := Version{
		Provider: r.Provider, Version: r.Version, SetBy: r.SetBy, UnknownDepartments: r.UnknownDepartments,
		DetailsUnused: r.DetailsUnused,
	}
	if r.Version > 0 {
		out.SetAt = &r.SetAt
	}
	if r.Document != "" {
		out.Document = &r.Document
	}
	return out
}

func triedOf(r service.TryRulesResult) (Tried, error) {
	inputs := map[string]any{}
	for _, input := range r.Inputs {
		inputs[input.Name] = input.Value
	}
	document, err := json.Marshal(inputs)
	out := Tried{
		Provider: r.Provider, Version: r.Version, ExternalID: r.ExternalID, Fresh: r.Fresh, Stale: r.Stale,
		Inputs: document,
		Fields: cli.Each(r.Fields, func(f rules.Field) Field {
			field := Field{Target: f.Target, OnCreate: f.OnCreate}
			switch {
			case f.Err != nil:
				field.Error = textOf(f.Err)
			case f.Value != "":
				field.Value = &f.Value
			}
			return field
		}),
	}
	if r.ScopeError != nil {
		out.ScopeError = textOf(r.ScopeError)
	} else {
		out.InScope = &r.InScope
	}
	return out, err
}

// textOf says why an expression failed, with the evaluator's own word.
func textOf(err *rules.EvalError) string {
	return err.Reason + cli.Prefixed(": ", err.Detail)
}
