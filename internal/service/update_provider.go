package service

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
)

// UpdateProviderInput changes a stored provider; what is empty or nil stays as it is.
type UpdateProviderInput struct {
	Name string
	// Config are settings to be laid over the stored ones, a JSON object of texts. A secret
	// given as Hidden stays, an empty setting is removed.
	Config   []byte
	TenantID string
	// Active allows or refuses syncs; a provider that is switched off loses its schedule.
	Active *bool
	Guard  GuardInput
	// IfChangedAt, if not nil, is when it must have been changed last: ProviderChanged otherwise.
	IfChangedAt *time.Time
	// By is who changes it, Reach how far they see.
	By    By
	Reach access.Reach
}

// UpdateProviderResult is a provider as it is now.
type UpdateProviderResult struct {
	Provider Provider
	// Schedule says what became of the schedule of a provider that was switched off.
	Schedule ScheduleRemoval
}

// UpdateProvider changes a stored provider.
func (s *Service) UpdateProvider(ctx context.Context, in UpdateProviderInput) (UpdateProviderResult, error) {
	var result UpdateProviderResult
	change := providers.Change{Active: in.Active, By: in.By, IfChangedAt: in.IfChangedAt}
	var err error
	if change.TenantID, err = tenantOf(in.TenantID); err != nil {
		return result, err
	}
	if change.Guard, err = in.Guard.change(); err != nil {
		return result, err
	}
	store, vault, err := s.openForUpdate(ctx, in.Config != nil)
	if err != nil {
		return result, err
	}
	p, err := findProvider(ctx, store, in.Name)
	if err != nil {
		return result, err
	}
	var seal func(string) ([]providers.Sealed, error)
	if in.Config != nil {
		if seal, err = s.mergeConfig(ctx, vault, p, in, &change); err != nil {
			return result, err
		}
	}
	err = store.Update(ctx, p.ID, change, seal)
	if errors.Is(err, providers.ErrChanged) {
		return result, &Error{Code: ProviderChanged, Args: Args{Provider: p.Name}}
	}
	if err != nil {
		return result, err
	}
	if in.Active != nil && !*in.Active {
		result.Schedule = s.dropSchedule(ctx, p.Name)
	}
	result.Provider, err = getProvider(ctx, store, p.Name)
	return result, err
}

// openForUpdate opens the database, and the key set only where settings are to change.
func (s *Service) openForUpdate(ctx context.Context, config bool) (*providers.Store, *clients.Opener, error) {
	if !config {
		store, err := s.openStore(ctx)
		if err != nil {
			return nil, nil, err
		}
		return store.Providers, nil, nil
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return nil, nil, err
	}
	return vault.Store, vault, requireKey(ctx, vault.Store, vault.Box.PrimaryKeyID())
}

// mergeConfig lays the given settings over the stored ones. It sets what is stored
// in the clear in change and returns a function that gives all sealed values, of which the
// unchanged ones stay as they are.
func (s *Service) mergeConfig(
	ctx context.Context, vault *clients.Opener, p providers.Provider, in UpdateProviderInput,
	change *providers.Change,
) (func(providerID string) ([]providers.Sealed, error), error) {
	vendor, ok := s.connect.Vendors[p.Type]
	if !ok {
		return nil, unknownTypeError(p)
	}
	sealed, err := vault.Store.ListSecrets(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	shown, err := shownConfig(ctx, vault.Store, p)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, secret := range sealed {
		kept[secret.Key] = true
	}
	given, err := clients.Parse(vendor, in.Config, kept)
	if err != nil {
		return nil, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	if err := s.checkAddresses(vendor, in.Reach, shown, given); err != nil {
		return nil, err
	}
	merged := provider.Settings(shown)
	maps.Copy(merged, given)
	var secrets map[string]string
	if change.Config, secrets, err = separate(vendor, merged); err != nil {
		return nil, err
	}
	var unchanged []providers.Sealed
	for _, secret := range sealed {
		if secrets[secret.Key] == Hidden {
			unchanged = append(unchanged, secret)
			delete(secrets, secret.Key)
		}
	}
	return func(providerID string) ([]providers.Sealed, error) {
		fresh, err := vault.Seal(secrets)(providerID)
		return append(fresh, unchanged...), err
	}, nil
}
