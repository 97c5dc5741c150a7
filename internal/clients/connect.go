// Package clients opens clients for stored providers: it checks and seals their
// settings, opens them again, and lets all workers of an installation share access
// tokens and call budgets through Postgres. It knows the provider port but no
// vendor: those are handed in.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/metrics"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// ErrStorage: what is stored of a provider could not be read; nothing is known to be
// wrong with it.
var ErrStorage = errors.New("cannot read what is stored")

// Opener opens clients. Its fields are set once; it is safe for concurrent use, and
// must not be copied.
type Opener struct {
	Store   *providers.Store
	Box     *secret.Box
	Vendors map[directory.ProviderType]provider.Vendor
	HTTP    *http.Client
	Log     *slog.Logger
	// CallTimeout bounds one provider call, SlowCall is when it is warned of.
	CallTimeout time.Duration
	SlowCall    time.Duration
	// Metrics counts calls and their waiting; nil for programs that are not watched.
	Metrics *metrics.Metrics
	// Budget bounds the memory of the answers of all clients; nil does not.
	Budget *provider.MemoryBudget
	// CallRate multiplies the documented call limits; 0 switches them off.
	CallRate float64
}

// Open returns a client for the stored provider. onCall, if not nil, is told of
// each call that the client makes. Errors name the setting that is wrong, except
// ErrStorage.
func (o *Opener) Open(ctx context.Context, p providers.Provider,
	onCall func(endpoint string)) (provider.Client, error) {
	vendor, ok := o.Vendors[p.Type]
	if !ok {
		return nil, fmt.Errorf("open provider %s: this build knows no provider type %q", p.Name, p.Type)
	}
	settings, err := o.settings(ctx, vendor, p)
	if err != nil {
		return nil, fmt.Errorf("open provider %s: %w", p.Name, err)
	}
	client, err := vendor.Open(settings, o.env(vendor, p, settings, onCall))
	if err != nil {
		return nil, fmt.Errorf("open provider %s: %w", p.Name, err)
	}
	return client, nil
}

// env is what a client of a stored provider needs of its surroundings.
func (o *Opener) env(vendor provider.Vendor, p providers.Provider, settings provider.Settings,
	onCall func(endpoint string)) *provider.Env {
	env := &provider.Env{
		HTTP:   o.HTTP,
		Budget: o.Budget,
		Log:    o.Log.With("provider", p.Name),
		Tokens: &tokens{store: o.Store, box: o.Box, providerID: p.ID, recent: map[string]recentToken{}},
		Limits: &limits{
			store: o.Store, providerID: p.ID, providerType: p.Type, rate: o.CallRate, now: time.Now,
			waited: func(d time.Duration) { o.Metrics.Wait(p.Name, d) },
		},
		Now: time.Now, CallTimeout: o.CallTimeout, SlowCall: o.SlowCall, OnCall: onCall,
		OnDone: func(endpoint, outcome string, took time.Duration) { o.Metrics.Call(p.Name, endpoint, outcome, took) },
	}
	if vendor.Suite != nil && vendor.Suite.ID(settings) != "" {
		company := settings[vendor.Suite.CompanyKey]
		env.Grant = func(ctx context.Context) (provider.SuiteGrant, error) { return o.suiteGrant(ctx, p, company) }
	}
	return env
}

// OpenCallback returns what takes a stored provider's events at the callback address. Errors
// name the setting that is missing or wrong, except ErrStorage.
func (o *Opener) OpenCallback(ctx context.Context, p providers.Provider) (provider.Callback, error) {
	vendor, ok := o.Vendors[p.Type]
	if !ok {
		return nil, fmt.Errorf("this build knows no provider type %q", p.Type)
	}
	settings, err := o.settings(ctx, vendor, p)
	if err != nil {
		return nil, err
	}
	return vendor.OpenCallback(settings)
}

// settings joins the stored settings with the opened secrets and the defaults.
func (o *Opener) settings(ctx context.Context, vendor provider.Vendor,
	p providers.Provider) (provider.Settings, error) {
	settings := provider.Settings{}
	for _, key := range vendor.Keys {
		if key.Default != "" {
			settings[key.Name] = key.Default
		}
	}
	if err := json.Unmarshal(p.Config, &settings); err != nil {
		return nil, fmt.Errorf("stored config is not a JSON object of strings: %w", err)
	}
	sealed, err := o.Store.ListSecrets(ctx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	for _, s := range sealed {
		plain, err := o.Box.Open(s.Value, associated(p.ID, s.Key))
		if err != nil {
			return nil, fmt.Errorf(
				"setting %s was sealed with key %d, which ORGSYNC_KEYSET does not hold: use the key set it was "+
					"stored under, or set it anew with: orgsync provider update %s --config FILE", s.Key, s.KeyID,
				p.Name)
		}
		settings[s.Key] = string(plain)
	}
	return settings, nil
}

// associated binds a sealed value to its provider and place: moved to another row
// it does not open.
func associated(providerID, key string) []byte { return []byte(providerID + "/" + key) }

// Seal returns a function for db.Store that seals secrets for the provider it is
// told, sorted by key.
func (o *Opener) Seal(secrets map[string]string) func(providerID string) ([]providers.Sealed, error) {
	return func(providerID string) ([]providers.Sealed, error) {
		sealed := make([]providers.Sealed, 0, len(secrets))
		for _, key := range sortedKeys(secrets) {
			value, keyID, err := o.Box.Seal([]byte(secrets[key]), associated(providerID, key))
			if err != nil {
				return nil, fmt.Errorf("seal %s: %w", key, err)
			}
			sealed = append(sealed, providers.Sealed{Key: key, Value: value, KeyID: keyID})
		}
		return sealed, nil
	}
}

// Reseal seals every stored secret anew under the key set's primary key and
// returns how many there were.
func (o *Opener) Reseal(ctx context.Context) (int, error) {
	return o.Store.ResealSecrets(ctx, func(providerID string, old providers.Sealed) (providers.Sealed, error) {
		plain, err := o.Box.Open(old.Value, associated(providerID, old.Key))
		if err != nil {
			return providers.Sealed{}, fmt.Errorf(
				"setting %s of provider %s cannot be decrypted with this key set: %w", old.Key, providerID, err)
		}
		value, keyID, err := o.Box.Seal(plain, associated(providerID, old.Key))
		return providers.Sealed{Key: old.Key, Value: value, KeyID: keyID}, err
	})
}
