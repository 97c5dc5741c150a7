package clients

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/provider"
)

// Suite is a suite with the stored providers that belong to it. Only providers whose secrets of
// it are all the same share one: who knows another's suite by its id alone gets nothing of it.
type Suite struct {
	ID        string
	Providers []providers.Provider
	Callback  provider.SuiteCallback
	vendor    provider.Vendor
	settings  provider.Settings
}

// Siblings are the ids of the suite's providers.
func (s Suite) Siblings() []string {
	ids := make([]string, len(s.Providers))
	for i, p := range s.Providers {
		ids[i] = p.ID
	}
	return ids
}

// CompanyKey is the setting that names a provider's company.
func (s Suite) CompanyKey() string { return s.vendor.Suite.CompanyKey }

// Has reports whether a provider belongs to the suite.
func (s Suite) Has(providerID string) bool {
	return slices.ContainsFunc(s.Providers, func(p providers.Provider) bool { return p.ID == providerID })
}

// ListSuites returns the suites of all stored providers. failed is told of providers whose settings
// cannot be used; it may be nil.
func (o *Opener) ListSuites(ctx context.Context, failed func(provider string, err error)) ([]Suite, error) {
	all, err := o.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	suites := map[string]*Suite{}
	for _, p := range all {
		vendor, ok := o.Vendors[p.Type]
		if !ok || vendor.Suite == nil {
			continue
		}
		settings, err := o.settings(ctx, vendor, p)
		if err != nil {
			if failed != nil {
				failed(p.Name, err)
			}
			continue
		}
		id := vendor.Suite.ID(settings)
		if id == "" {
			continue
		}
		key := shared(vendor, settings)
		if suites[key] == nil {
			callback, err := vendor.Suite.OpenCallback(settings)
			if err != nil {
				if failed != nil {
					failed(p.Name, err)
				}
				continue
			}
			suites[key] = &Suite{ID: id, Callback: callback, vendor: vendor, settings: settings}
		}
		suites[key].Providers = append(suites[key].Providers, p)
	}
	out := make([]Suite, 0, len(suites))
	for _, key := range slices.Sorted(maps.Keys(suites)) {
		out = append(out, *suites[key])
	}
	return out, nil
}

// shared is what providers of one suite have in common.
func shared(vendor provider.Vendor, settings provider.Settings) string {
	var values []string
	for _, key := range vendor.Suite.Shared {
		values = append(values, settings[key])
	}
	return strings.Join(values, "\x00")
}

// SuiteOf returns the suite that a provider belongs to. found is false if it is an app of the
// company's own.
func (o *Opener) SuiteOf(ctx context.Context, p providers.Provider) (suite Suite, found bool, err error) {
	all, err := o.ListSuites(ctx, nil)
	for _, one := range all {
		if one.Has(p.ID) {
			return one, true, nil
		}
	}
	return Suite{}, false, err
}

// OpenSuite returns a client of the suite, which makes its calls as the given one of its providers.
func (o *Opener) OpenSuite(suite Suite, p providers.Provider) (provider.SuiteClient, error) {
	client, err := suite.vendor.Suite.Open(suite.settings, o.env(suite.vendor, p, suite.settings, nil))
	if err != nil {
		return nil, fmt.Errorf("open suite of provider %s: %w", p.Name, err)
	}
	return client, nil
}

// suiteGrant opens what the vendor has handed over for a provider. What was sealed under a key
// that is gone counts as not there: the vendor sends tickets again.
func (o *Opener) suiteGrant(ctx context.Context, p providers.Provider, company string) (provider.SuiteGrant, error) {
	sealed, err := o.Store.GetSuiteGrant(ctx, p.ID, company)
	if err != nil {
		return provider.SuiteGrant{}, err
	}
	var out provider.SuiteGrant
	if sealed.WithdrawnAt != nil {
		out.WithdrawnAt = *sealed.WithdrawnAt
	}
	if sealed.Ticket != nil {
		if plain, err := o.Box.Open(sealed.Ticket, associated(p.ID, providers.SuiteTicketKey)); err == nil {
			out.Ticket, out.TicketAt = string(plain), *sealed.IssuedAt
		}
	}
	if sealed.PermanentCode != nil {
		plain, err := o.Box.Open(sealed.PermanentCode, associated(p.ID, providers.PermanentCodeKey(company)))
		if err != nil {
			return out, fmt.Errorf("the permanent code of provider %s cannot be decrypted with this key set: use the "+
				"one it was stored under, or have the suite installed again", p.Name)
		}
		out.PermanentCode = string(plain)
	}
	return out, nil
}

// SealFor seals a secret for a provider's place.
func (o *Opener) SealFor(providerID, key, secret string) (providers.Sealed, error) {
	value, keyID, err := o.Box.Seal([]byte(secret), associated(providerID, key))
	return providers.Sealed{Key: key, Value: value, KeyID: keyID}, err
}

// OpenFor opens what SealFor sealed.
func (o *Opener) OpenFor(providerID, key string, sealed []byte) (string, error) {
	plain, err := o.Box.Open(sealed, associated(providerID, key))
	return string(plain), err
}

// PutSuiteTicket stores a ticket for all providers of a suite.
func (o *Opener) PutSuiteTicket(ctx context.Context, suite Suite, ticket string, issuedAt time.Time) error {
	for _, p := range suite.Providers {
		sealed, err := o.SealFor(p.ID, providers.SuiteTicketKey, ticket)
		if err != nil {
			return err
		}
		if err := o.Store.PutSuiteTicket(ctx, p.ID, sealed, issuedAt); err != nil {
			return err
		}
	}
	return nil
}

// ShareSuiteTicket gives a provider the newest ticket that another one of its suite has.
func (o *Opener) ShareSuiteTicket(ctx context.Context, suite Suite, p providers.Provider) error {
	for _, sibling := range suite.Providers {
		grant, err := o.suiteGrant(ctx, sibling, "")
		if err != nil {
			return err
		}
		if grant.Ticket == "" || sibling.ID == p.ID {
			continue
		}
		sealed, err := o.SealFor(p.ID, providers.SuiteTicketKey, grant.Ticket)
		if err != nil {
			return err
		}
		if err := o.Store.PutSuiteTicket(ctx, p.ID, sealed, grant.TicketAt); err != nil {
			return err
		}
	}
	return nil
}
