package db

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/tern/v2/migrate"

	"github.com/orgsync/orgsync/db/internal/pg"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// grants gives the roles of deploy/sql/roles.sql, where there are any, their rights.
//
//go:embed grants.sql
var grants string

// versionTable is where tern notes the schema's version. Its name is our own, so
// that a platform using tern for its own tables in the same database is not disturbed.
const versionTable = "orgsync_schema_version"

// MigrationStatus tells how far a database is.
type MigrationStatus struct {
	// Current and Target are the numbers of the last applied and last known migration.
	Current int32
	Target  int32
	// Pending are the names of the migrations still to be applied.
	Pending []string
}

// Migrate brings the database to this build's schema and gives the installation's
// roles their rights to it. It takes advisory locks, so any number of processes may
// call it at once, and leaves alone what a newer build has migrated further. It returns
// *UnfitError, and leaves the database as it is, if nothing could work in it.
func Migrate(ctx context.Context, databaseURL string) error {
	return withMigrator(ctx, databaseURL, func(conn *pgx.Conn, m *migrate.Migrator) error {
		current, err := m.GetCurrentVersion(ctx)
		if err != nil {
			return err
		}
		if int(current) > len(m.Migrations) {
			// A newer build's schema still serves this one: migrations are
			// forward-only and safe while old workers run.
			return nil
		}
		if err := m.Migrate(ctx); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, grants); err != nil {
			return fmt.Errorf("give the roles their rights: %w", err)
		}
		return nil
	})
}

// Status reports what Migrate would do. It returns *UnfitError like Migrate.
func Status(ctx context.Context, databaseURL string) (MigrationStatus, error) {
	var s MigrationStatus
	err := withMigrator(ctx, databaseURL, func(_ *pgx.Conn, m *migrate.Migrator) error {
		current, err := m.GetCurrentVersion(ctx)
		if err != nil {
			return err
		}
		s.Current, s.Target = current, int32(len(m.Migrations))
		s.Pending = []string{}
		for _, migration := range m.Migrations {
			if migration.Sequence > current {
				s.Pending = append(s.Pending, migration.Name)
			}
		}
		return nil
	})
	return s, err
}

// CheckSchema returns nil if the database has every migration of this build. It takes one lookup.
func (s *Store) CheckSchema(ctx context.Context) error {
	files, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("check the schema: %w", err)
	}
	var current int
	err = s.pool.QueryRow(ctx, "SELECT version FROM "+versionTable).Scan(&current)
	if err != nil {
		return interpret("check the schema", err)
	}
	if current < len(files) {
		return fmt.Errorf("check the schema: it has %d of %d migrations: %w", current, len(files), ErrSchemaBehind)
	}
	return nil
}

// ErrSchemaBehind: the database lacks migrations of this build.
var ErrSchemaBehind = errors.New("migrations are missing")

// connectTimeout is how long a server may take to answer, unless the URL says so itself.
const connectTimeout = 10 * time.Second

func withMigrator(ctx context.Context, databaseURL string, do func(*pgx.Conn, *migrate.Migrator) error) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("migrate: %w", pg.ConnectProblem(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("migrate: %w", pg.ConnectProblem(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := fit(ctx, conn); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	m, err := migrate.NewMigrator(ctx, conn, versionTable)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := m.LoadMigrations(files); err != nil {
		return fmt.Errorf("migrate: load: %w", err)
	}
	if err := do(conn, m); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// MigrationsHash identifies this build's schema; test databases are cached under it.
func MigrationsHash() string {
	sum := sha256.New()
	fmt.Fprintln(sum, grants)
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return "unreadable" // cannot be: the files are part of the program
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(migrationFiles, "migrations/"+entry.Name())
		if err != nil {
			return "unreadable"
		}
		fmt.Fprintf(sum, "%s %d\n", entry.Name(), len(body))
		sum.Write(body)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
