package maintenance

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// MigrateCommand is "orgsync migrate".
type MigrateCommand struct {
	Status bool `help:"Only show what is pending."`
}

// Help implements kong.HelpProvider.
func (MigrateCommand) Help() string {
	return `Workers also migrate when they start, unless ORGSYNC_MIGRATE is false. Migrations are safe while older
workers run.

Examples:

  orgsync migrate --status
  orgsync migrate`
}

// Run implements the command.
func (c MigrateCommand) Run(ctx context.Context, s *cli.Session) error {
	if c.Status {
		status, err := s.Service.GetMigrationStatus(ctx)
		if err != nil {
			return err
		}
		if s.JSON {
			return s.PrintJSON(MigrationStatus(status))
		}
		printMigrations(s, status)
		return nil
	}
	done, err := s.Service.Migrate(ctx)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Migrated{MigrationStatus: MigrationStatus(done.Status), Applied: done.Applied})
	}
	for _, name := range done.Applied {
		s.Printf("applied %s", name)
	}
	printMigrations(s, done.Status)
	return nil
}

func printMigrations(s *cli.Session, status service.MigrationStatus) {
	for _, name := range status.Pending {
		s.Printf("pending %s", name)
	}
	switch {
	case len(status.Pending) > 0:
		s.Printf("The database is at version %d of %d; apply what is pending with: orgsync migrate", status.Current,
			status.Target)
	case status.Current > status.Target:
		s.Printf("The database is at version %d, which a newer build made; this one knows %d and works with it.",
			status.Current, status.Target)
	default:
		s.Printf("The database is up to date, at version %d.", status.Current)
	}
}
