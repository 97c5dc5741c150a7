package main

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/config"
)

type migrateCommand struct {
	Status bool `help:"Only show what is pending."`
}

// Help implements kong.HelpProvider.
func (migrateCommand) Help() string {
	return `Workers also migrate when they start, unless ORGSYNC_MIGRATE is false. Migrations are safe while older workers run.

Examples:

  orgsync migrate --status
  orgsync migrate`
}

// migrated is what the command prints.
type migrated struct {
	db.MigrationStatus
	// Applied are the migrations that this command applied.
	Applied []string `json:"applied"`
}

// Run implements the command.
func (c migrateCommand) Run(ctx context.Context, s *session) error {
	cfg, err := s.settings(config.Keyset)
	if err != nil {
		return err
	}
	url := cfg.DatabaseURL.Reveal()
	status, err := db.Status(ctx, url)
	if errors.Is(err, db.ErrBadURL) || errors.As(err, new(*db.UnfitError)) {
		return &failure{status: exitUsage, err: err}
	}
	if err != nil {
		return err
	}
	if c.Status {
		if s.json {
			return s.printJSON(status)
		}
		s.sayMigrations(status)
		return nil
	}
	done := migrated{Applied: status.Pending}
	if err := db.Migrate(ctx, url); err != nil {
		return err
	}
	if done.MigrationStatus, err = db.Status(ctx, url); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(done)
	}
	for _, name := range done.Applied {
		s.say("applied %s", name)
	}
	s.sayMigrations(done.MigrationStatus)
	return nil
}

func (s *session) sayMigrations(status db.MigrationStatus) {
	for _, name := range status.Pending {
		s.say("pending %s", name)
	}
	switch {
	case len(status.Pending) > 0:
		s.say("The database is at version %d of %d; apply what is pending with: orgsync migrate", status.Current, status.Target)
	case status.Current > status.Target:
		s.say("The database is at version %d, which a newer build made; this one knows %d and works with it.", status.Current, status.Target)
	default:
		s.say("The database is up to date, at version %d.", status.Current)
	}
}
