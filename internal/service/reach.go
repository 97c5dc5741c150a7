package service

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/access"
)

// findWithin returns the stored provider of that name if a caller reaches it. For one who does
// not there is no such provider, and the error names no other; it names those that are stored to
// a caller who reaches all.
func findWithin(ctx context.Context, store *db.Store, within access.Reach, name string) (providers.Provider, error) {
	if within.Unlimited() {
		return findProvider(ctx, store.Providers, name)
	}
	p, err := store.Providers.FindByName(ctx, name)
	if err == nil && !within.Covers(p.TenantID, p.ID) {
		err = db.ErrNotFound
	}
	if errors.Is(err, db.ErrNotFound) {
		return providers.Provider{}, &Error{Code: ProviderUnknown, Args: Args{Provider: name}}
	}
	return p, err
}
