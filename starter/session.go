package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/secret"
)

// session is what one command works with. It opens what is asked for and no more,
// so that a command needs only the settings that it uses.
type session struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// json says that standard output is one JSON document, printed that it has begun.
	json    bool
	printed bool
	closers []func()
}

func (s *session) close() {
	for _, closer := range s.closers {
		closer()
	}
}

// say writes text for people; it is silent where standard output is a JSON document.
func (s *session) say(format string, args ...any) {
	if !s.json {
		fmt.Fprintf(s.stdout, format+"\n", args...)
	}
}

// sayFolded writes a text behind lead, continued below its beginning where the screen is
// too narrow.
func (s *session) sayFolded(lead, text string) {
	for _, line := range foldBehind(lead, text, behind(s.stdout).width) {
		s.say("%s", line)
	}
}

// note writes a line beside the result.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.stderr, "orgsync: "+format+"\n", args...)
}

func (s *session) settings(optional ...string) (config.Config, error) {
	cfg, err := config.Load(s.getenv, optional...)
	if err != nil {
		return config.Config{}, &failure{status: exitUsage, err: err}
	}
	return cfg, nil
}

// connectTimeout is how long somebody at a terminal waits for Postgres.
const connectTimeout = 10 * time.Second

// openStore opens the database alone.
func (s *session) openStore(ctx context.Context) (*db.Store, error) {
	cfg, err := s.settings(config.Keyset)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, cfg)
}

func (s *session) open(ctx context.Context, cfg config.Config) (*db.Store, error) {
	store, err := db.Open(ctx, cfg.DatabaseURL.Reveal(), db.ConnectWithin(connectTimeout))
	if errors.Is(err, db.ErrBadURL) {
		return nil, &failure{status: exitUsage, err: err}
	}
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, store.Close)
	return store, nil
}

// openVault opens the database and the key set.
func (s *session) openVault(ctx context.Context) (*clients.Opener, error) {
	cfg, err := s.settings()
	if err != nil {
		return nil, err
	}
	box, err := secret.Load(cfg.Keyset.Reveal())
	if err != nil {
		return nil, &failure{status: exitUsage, err: err}
	}
	if warning := box.Warning(); warning != "" {
		s.note("%s", warning)
	}
	store, err := s.open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return app.NewOpener(store, box, cfg, slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))), nil
}

// openProvider opens the database and returns the stored provider of that name.
func (s *session) openProvider(ctx context.Context, name string) (*db.Store, db.Provider, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, db.Provider{}, err
	}
	p, err := s.provider(ctx, store, name)
	return store, p, err
}

// provider returns the stored provider of that name; the error for an unknown one
// says which there are.
func (s *session) provider(ctx context.Context, store *db.Store, name string) (db.Provider, error) {
	found, err := store.ProviderByName(ctx, name)
	if !errors.Is(err, db.ErrNotFound) {
		return found, err
	}
	stored, err := store.Providers(ctx)
	if err != nil {
		return db.Provider{}, err
	}
	if len(stored) == 0 {
		return db.Provider{}, misuse("there is no provider %q, nor any other; add one with: orgsync provider add NAME --type TYPE --config FILE", name)
	}
	names := make([]string, len(stored))
	for i, p := range stored {
		names[i] = p.Name
	}
	return db.Provider{}, misuse("there is no provider %q; the stored providers are: %s", name, strings.Join(names, ", "))
}

// openTemporal connects to Temporal.
func (s *session) openTemporal(ctx context.Context) (client.Client, error) {
	if _, err := envconfig.LoadDefaultClientOptions(); err != nil {
		return nil, misuse("the TEMPORAL_* settings are wrong: %w", err)
	}
	temporal, err := app.DialTemporal(ctx, slog.New(slog.DiscardHandler))
	if errors.As(err, new(*app.NamespaceError)) {
		return nil, &failure{status: exitUsage, err: err}
	}
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, temporal.Close)
	return temporal, nil
}

// webURL is a workflow's page in Temporal's Web UI, or "" if ORGSYNC_UI_URL is not set.
func (s *session) webURL(workflowID, temporalRunID string) string {
	return app.WebURL(s.getenv("ORGSYNC_UI_URL"), workflowID, temporalRunID)
}
