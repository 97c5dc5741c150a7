package app

import (
	"context"
	"errors"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/internal/webhook"
)

// NewService returns the use cases of an installation. load returns the settings but for
// the optional ones, which may be missing; it is called when they are first needed. warn is
// told what is dubious about them, log what calls of providers have to say. language is that of
// what Temporal's Web UI shows. adjust changes how Temporal's client is made.
func NewService(load func(optional ...string) (config.Config, error), warn func(string),
	log *slog.Logger, language message.Language, adjust ...func(*client.Options)) *service.Service {
	return service.New(service.Connections{
		DatabaseURL: func() (string, error) {
			cfg, err := load(config.Keyset)
			return cfg.DatabaseURL.Reveal(), err
		},
		Keys: func() (*secret.Box, error) {
			cfg, err := load()
			if err != nil {
				return nil, err
			}
			box, err := secret.Load(cfg.Keyset.Reveal())
			if err == nil && box.Warning() != "" {
				warn(box.Warning())
			}
			return box, err
		},
		NewOpener: func(store *providers.Store, box *secret.Box) (*clients.Opener, error) {
			cfg, err := load()
			if err != nil {
				return nil, err
			}
			return NewOpener(store, box, cfg, log), nil
		},
		NewSender: func() (*webhook.Sender, error) {
			cfg, err := load(config.DatabaseURL, config.Keyset)
			return webhook.NewSender(webhook.Guard{Allowed: cfg.WebhookNetworks}), err
		},
		DialTemporal: func(ctx context.Context) (client.Client, error) { return dialForService(ctx, adjust) },
		PrepareNamespace: func(ctx context.Context, temporal client.Client) error {
			return EnsureSearchAttributes(ctx, temporal, Namespace())
		},
		OwnAddressesOnly: func() (bool, error) {
			cfg, err := load(config.DatabaseURL, config.Keyset)
			return cfg.OwnAddressesOnly, err
		},
		PublicURL: func() string {
			cfg, err := load(config.DatabaseURL, config.Keyset)
			if err != nil {
				return ""
			}
			return cfg.PublicURL
		},
		Namespace: Namespace,
		Language:  language,
		Vendors:   Vendors(),
	})
}

// dialForService connects to Temporal and tells wrong settings apart.
func dialForService(ctx context.Context, adjust []func(*client.Options)) (client.Client, error) {
	if _, err := envconfig.LoadDefaultClientOptions(); err != nil {
		return nil, &service.Error{Code: service.TemporalSettingsWrong, Err: err}
	}
	temporal, err := DialTemporal(ctx, slog.New(slog.DiscardHandler), adjust...)
	if errors.As(err, new(*NamespaceError)) {
		return nil, &service.Error{Code: service.NamespaceUnknown, Err: err}
	}
	return temporal, err
}
