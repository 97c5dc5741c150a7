package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// Provider is a stored provider as callers may see it: no secret in it.
type Provider struct {
	ID       string
	TenantID *string
	Name     string
	Type     directory.ProviderType
	Active   bool
	// Config are the settings, with Hidden for each secret.
	Config       map[string]string
	LastSyncedAt *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// UpdatedBy is who changed it last, empty where that is not known.
	UpdatedBy string
	Guard     directory.Guard
	// HoldFor is how long a held run waits for a decision.
	HoldFor time.Duration
}

// ListProviders returns all stored providers by name.
func (s *Service) ListProviders(ctx context.Context) ([]Provider, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := store.Providers.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Provider, len(stored))
	for i, p := range stored {
		if out[i], err = providerOf(ctx, store.Providers, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// GetProvider returns the stored provider of that name.
func (s *Service) GetProvider(ctx context.Context, name string) (Provider, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return Provider{}, err
	}
	return getProvider(ctx, store.Providers, name)
}

func getProvider(ctx context.Context, store *providers.Store, name string) (Provider, error) {
	p, err := findProvider(ctx, store, name)
	if err != nil {
		return Provider{}, err
	}
	return providerOf(ctx, store, p)
}

func providerOf(ctx context.Context, store *providers.Store, p providers.Provider) (Provider, error) {
	config, err := shownConfig(ctx, store, p)
	return Provider{
		ID: p.ID, TenantID: p.TenantID, Name: p.Name, Type: p.Type, Active: p.Active, Config: config,
		LastSyncedAt: p.LastSyncedAt, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		UpdatedBy: p.UpdatedBy, Guard: p.Guard, HoldFor: p.HoldFor,
	}, err
}

// shownConfig returns the stored settings with Hidden for each secret.
func shownConfig(ctx context.Context, store *providers.Store, p providers.Provider) (map[string]string, error) {
	settings := map[string]string{}
	if err := json.Unmarshal(p.Config, &settings); err != nil {
		return nil, fmt.Errorf("provider %s: stored config is not a JSON object of strings: %w", p.Name, err)
	}
	secrets, err := store.ListSecrets(ctx, p.ID)
	for _, secret := range secrets {
		settings[secret.Key] = Hidden
	}
	return settings, err
}

// findProvider returns the stored provider of that name. The error for an unknown one names
// those that are stored.
func findProvider(ctx context.Context, store *providers.Store, name string) (providers.Provider, error) {
	found, err := store.FindByName(ctx, name)
	if !errors.Is(err, providers.ErrNotFound) {
		return found, err
	}
	stored, err := store.List(ctx)
	if err != nil {
		return providers.Provider{}, err
	}
	unknown := &Error{Code: ProviderUnknown, Args: Args{Provider: name}}
	for _, p := range stored {
		unknown.Args.Providers = append(unknown.Args.Providers, p.Name)
	}
	return providers.Provider{}, unknown
}

// openProvider returns the database and the stored provider of that name.
func (s *Service) openProvider(ctx context.Context, name string) (*db.Store, providers.Provider, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, providers.Provider{}, err
	}
	p, err := findProvider(ctx, store.Providers, name)
	return store, p, err
}

// activeProvider returns a provider that may be synced.
func activeProvider(ctx context.Context, store *db.Store, name string) (providers.Provider, error) {
	p, err := findProvider(ctx, store.Providers, name)
	if err == nil && !p.Active {
		err = &Error{Code: ProviderInactive, Args: Args{Provider: p.Name}}
	}
	return p, err
}

// CountHoldings returns what removing a provider would take.
func (s *Service) CountHoldings(ctx context.Context, name string) (Holdings, error) {
	store, p, err := s.openProvider(ctx, name)
	if err != nil {
		return Holdings{}, err
	}
	return store.Providers.CountHoldings(ctx, p.ID)
}

// RemoveProviderResult says what became of a removed provider.
type RemoveProviderResult struct {
	ID   string
	Name string
	// Departments and Members are how many are marked as deleted.
	Departments int64
	Members     int64
	Schedule    ScheduleRemoval
}

// RemoveProvider removes a provider with its secrets, run history and schedule. Its
// departments and members stay as rows with status deleted. by is who removes it.
func (s *Service) RemoveProvider(ctx context.Context, name string, by By) (RemoveProviderResult, error) {
	store, p, err := s.openProvider(ctx, name)
	if err != nil {
		return RemoveProviderResult{}, err
	}
	released, err := store.Providers.Remove(ctx, p.ID, by)
	if err != nil {
		return RemoveProviderResult{}, err
	}
	return RemoveProviderResult{
		ID: p.ID, Name: p.Name, Departments: released.Departments, Members: released.Members,
		Schedule: s.dropSchedule(ctx, p.Name),
	}, nil
}
