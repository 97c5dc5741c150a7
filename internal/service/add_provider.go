package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// GuardInput are the parts of a provider's removal guard that are given; nil leaves a part
// as it is, or at its default in a new provider.
type GuardInput struct {
	Limits directory.GuardChange
	// HoldFor is how long a held run waits for a decision, in whole seconds.
	HoldFor *time.Duration
}

const (
	// maxRemovals is the most that a Postgres integer holds.
	maxRemovals = 1<<31 - 1
	// maxHold is far longer than anybody should take to decide.
	maxHold = 365 * 24 * time.Hour
)

// change returns what is asked for, or what is wrong with it.
func (g GuardInput) change() (providers.GuardChange, error) {
	for _, kind := range directory.Kinds() {
		name := strings.ReplaceAll(string(kind.Kind), "_", "-") + "-removal"
		if kind.Kind == directory.KindMember {
			name = "removal"
		}
		limit := g.Limits.Of(kind.Kind)
		if n := limit.Count; n != nil && (*n < 0 || *n > maxRemovals) {
			return providers.GuardChange{}, &Error{Code: RemovalLimitInvalid,
				Args: Args{Field: name + "-limit", Number: float64(*n)}}
		}
		if p := limit.Percent; p != nil && !(*p >= 0 && *p <= 100) { // so that NaN is refused too
			return providers.GuardChange{}, &Error{Code: RemovalPercentInvalid,
				Args: Args{Field: name + "-percent", Number: *p}}
		}
	}
	if d := g.HoldFor; d != nil && (*d < time.Second || *d > maxHold || *d%time.Second != 0) {
		return providers.GuardChange{}, &Error{Code: HoldTimeInvalid,
			Args: Args{Field: "hold-for", Duration: *d, Limit: maxHold}}
	}
	return providers.GuardChange(g), nil
}

// AddProviderInput is a provider to be stored.
type AddProviderInput struct {
	Name string
	Type string
	// Config are the settings, a JSON object of texts.
	Config []byte
	// Suite says that companies install an app of a service provider; the settings need not.
	Suite bool
	// TenantID is the tenant to write into the rows, empty for none.
	TenantID string
	Guard    GuardInput
	// Schedule is when it is to be synced, nil if no schedule is to be set; StartNow starts a
	// first sync with it.
	Schedule *RuleInput
	StartNow bool
	// By is who adds it, Reach how far they see.
	By    By
	Reach access.Reach
}

// AddProviderResult is a provider that was stored.
type AddProviderResult struct {
	Provider Provider
	// Schedule is nil if none was asked for.
	Schedule *SetScheduleResult
}

// AddProvider stores a provider and, if asked to, sets its schedule. An error with the code
// ScheduleNotSet says that it is stored all the same.
func (s *Service) AddProvider(ctx context.Context, in AddProviderInput) (AddProviderResult, error) {
	var result AddProviderResult
	guard, err := in.Guard.change()
	if err := errors.Join(checkName(in.Name), err); err != nil {
		return result, err
	}
	var due Rule
	if in.Schedule != nil {
		if due, err = in.Schedule.rule(in.Name); err != nil {
			return result, err
		}
	}
	tenant, err := tenantOf(in.TenantID)
	if err != nil {
		return result, err
	}
	vendor, ok := s.connect.Vendors[directory.ProviderType(in.Type)]
	if !ok {
		return result, &Error{Code: ProviderTypeUnknown, Args: Args{Field: "type", Text: in.Type}}
	}
	settings, err := clients.Parse(vendor, in.Config, nil)
	if err != nil {
		return result, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	if err := s.checkAddresses(vendor, in.Reach, nil, settings); err != nil {
		return result, err
	}
	if in.Suite {
		if err := suiteFor(vendor, settings); err != nil {
			return result, err
		}
	}
	public, secrets, err := separate(vendor, settings)
	if err != nil {
		return result, err
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return result, err
	}
	if err := requireKey(ctx, vault.Store, vault.Box.PrimaryKeyID()); err != nil {
		return result, err
	}
	var temporal client.Client
	if in.Schedule != nil { // asked for before anything is stored
		if temporal, err = s.openTemporal(ctx); err != nil {
			return result, err
		}
	}
	_, err = vault.Store.Add(ctx, providers.NewProvider{
		TenantID: tenant, Name: in.Name, Type: vendor.Type, Config: public, Guard: guard, By: in.By,
	}, vault.Seal(secrets))
	if errors.Is(err, providers.ErrNameTaken) {
		return result, &Error{Code: ProviderExists, Args: Args{Provider: in.Name}}
	}
	if err != nil {
		return result, err
	}
	if err := shareTicket(ctx, vault, vendor, settings, in.Name); err != nil {
		return result, err
	}
	if in.Schedule != nil {
		set, err := s.setSchedule(ctx, temporal, timetable{provider: in.Name, rule: due, onRemovals: RemovalsHold},
			in.StartNow)
		if err != nil {
			return result, &Error{Code: ScheduleNotSet, Args: Args{Provider: in.Name, Rule: due}, Err: err}
		}
		if set.Schedule, err = handleOf(ctx, temporal, in.Name).read(ctx); err != nil {
			return result, err
		}
		result.Schedule = &set
	}
	result.Provider, err = getProvider(ctx, vault.Store, in.Name)
	return result, err
}

// separate checks that settings are complete and divides them into the JSON that is
// stored as it is and the secrets. Empty settings count as not given.
func separate(vendor provider.Vendor, settings provider.Settings) (json.RawMessage, map[string]string, error) {
	for key, value := range settings {
		if value == "" {
			delete(settings, key)
		}
	}
	if err := clients.Validate(vendor, settings); err != nil {
		return nil, nil, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	public, secrets := clients.Split(settings)
	document, err := json.Marshal(public)
	return document, secrets, err
}

const maxName = 100

// checkName refuses what would be ambiguous in a workflow id or on a command line, or
// what Temporal's clients cannot send: they put the workflow id into a header, which
// holds printable ASCII only.
func checkName(name string) error {
	wrong := func(problem string) error {
		return &Error{Code: ProviderNameInvalid, Args: Args{Text: name, Problem: problem, Most: maxName}}
	}
	switch {
	case name == "" || len(name) > maxName:
		return wrong("length")
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r <= ' ' || r > '~' }):
		return wrong("characters")
	case strings.HasPrefix(name, "-"):
		return wrong("dash")
	}
	return nil
}

func tenantOf(text string) (*string, error) {
	if text == "" {
		return nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, &Error{Code: TenantInvalid, Args: Args{Field: "tenant", Text: text}}
	}
	text = id.String()
	return &text, nil
}

// requireKey refuses to go on while a worker runs that could not open what is sealed under
// a key: every run that it takes part in would fail.
func requireKey(ctx context.Context, store *providers.Store, keyID uint32) error {
	workers, err := store.ListWorkersWithoutKey(ctx, keyID)
	if err != nil || len(workers) == 0 {
		return err
	}
	return &Error{Code: KeyNotHeld, Args: Args{KeyID: keyID, Workers: workers}}
}

// unknownTypeError is the error for a stored provider of a type that this build lacks.
func unknownTypeError(p providers.Provider) error {
	return fmt.Errorf("provider %s: this build knows no provider type %q", p.Name, p.Type)
}
