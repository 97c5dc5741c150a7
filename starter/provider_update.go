package main

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
)

type providerUpdate struct {
	Name     string `arg:"" help:"The provider's name."`
	Config   string `placeholder:"FILE|-" help:"JSON file with the settings to change, or - for standard input."`
	Tenant   string `placeholder:"UUID" help:"Tenant to write into the rows."`
	Active   bool   `xor:"state" help:"Allow syncs."`
	Inactive bool   `xor:"state" help:"Refuse syncs, and remove the schedule."`
	guardFlags
}

// Help implements kong.HelpProvider.
func (providerUpdate) Help() string {
	return `Settings that you do not give stay as they are, and so do secrets given as "***". An empty setting is removed. What "orgsync provider show NAME --output json" prints as config can be given back.

Examples:

  echo '{"app_secret":"n3w"}' | orgsync provider update acme --config -
  orgsync provider update acme --inactive
  orgsync provider update acme --removal-limit 100 --removal-percent 10
  orgsync provider update acme --department-removal-limit 3 --hold-for 24h`
}

// Run implements the command.
func (c providerUpdate) Run(ctx context.Context, s *session) error {
	if c == (providerUpdate{Name: c.Name}) {
		return misuse("nothing to change; give --config, --tenant, --active, --inactive, --hold-for or a limit of removals")
	}
	tenant, err := tenantOf(c.Tenant)
	if err != nil {
		return err
	}
	guard, err := c.guardFlags.change()
	if err != nil {
		return err
	}
	var document []byte
	if c.Config != "" {
		if document, err = s.readConfig(c.Config); err != nil {
			return err
		}
	}
	store, vault, err := s.openFor(ctx, document != nil)
	if err != nil {
		return err
	}
	p, err := s.provider(ctx, store, c.Name)
	if err != nil {
		return err
	}
	change := db.ProviderChange{TenantID: tenant, Guard: guard, By: who()}
	if c.Active || c.Inactive {
		change.Active = &c.Active
	}
	var seal func(string) ([]db.Sealed, error)
	if document != nil {
		if seal, err = merge(ctx, vault, p, document, &change); err != nil {
			return err
		}
	}
	if err := store.ProviderChange(ctx, p.ID, change, seal); err != nil {
		return err
	}
	if c.Inactive {
		s.unschedule(ctx, p.Name)
	}
	s.say("Provider %s is changed.", p.Name)
	return s.printProvider(ctx, store, p.Name, nil)
}

// openFor opens the database, and the key set only where settings are to change.
func (s *session) openFor(ctx context.Context, settings bool) (*db.Store, *clients.Opener, error) {
	if !settings {
		store, err := s.openStore(ctx)
		return store, nil, err
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := demandKey(ctx, vault.Store, vault.Box.PrimaryKeyID()); err != nil {
		return nil, nil, fmt.Errorf("update provider: %w", err)
	}
	return vault.Store, vault, nil
}

// merge lays the settings of document over the stored ones. It sets what is stored
// in the clear in change and returns a function that gives all sealed values, of
// which the unchanged ones stay as they are.
func merge(ctx context.Context, vault *clients.Opener, p db.Provider, document []byte, change *db.ProviderChange) (func(string) ([]db.Sealed, error), error) {
	vendor, ok := app.Vendors()[p.Type]
	if !ok {
		return nil, fmt.Errorf("provider %s: this build knows no provider type %q", p.Name, p.Type)
	}
	sealed, err := vault.Store.Secrets(ctx, p.ID)
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
	given, err := clients.Parse(vendor, document, kept)
	if err != nil {
		return nil, &failure{status: exitUsage, err: err}
	}
	merged := provider.Settings(shown)
	for key, value := range given {
		merged[key] = value
	}
	var secrets map[string]string
	if change.Config, secrets, err = separate(vendor, merged); err != nil {
		return nil, err
	}
	var unchanged []db.Sealed
	for _, secret := range sealed {
		if secrets[secret.Key] == clients.Hidden {
			unchanged = append(unchanged, secret)
			delete(secrets, secret.Key)
		}
	}
	return func(providerID string) ([]db.Sealed, error) {
		fresh, err := vault.Seal(secrets)(providerID)
		return append(fresh, unchanged...), err
	}, nil
}
