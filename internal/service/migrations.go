package service

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/db"
)

// GetMigrationStatus tells how far the database is.
func (s *Service) GetMigrationStatus(ctx context.Context) (MigrationStatus, error) {
	url, err := s.connect.DatabaseURL()
	if err != nil {
		return MigrationStatus{}, settingsError(err)
	}
	status, err := db.Status(ctx, url)
	switch {
	case errors.Is(err, db.ErrBadURL):
		return status, settingsError(err)
	case errors.As(err, new(*db.UnfitError)):
		return status, &Error{Code: DatabaseUnfit, Err: err}
	}
	return status, err
}

// MigrateResult is how far the database is now, and what was applied to get there.
type MigrateResult struct {
	Status  MigrationStatus
	Applied []string
}

// Migrate brings the database to this build's schema.
func (s *Service) Migrate(ctx context.Context) (MigrateResult, error) {
	before, err := s.GetMigrationStatus(ctx)
	if err != nil {
		return MigrateResult{}, err
	}
	url, err := s.connect.DatabaseURL()
	if err != nil {
		return MigrateResult{}, settingsError(err)
	}
	if err := db.Migrate(ctx, url); err != nil {
		return MigrateResult{}, err
	}
	now, err := s.GetMigrationStatus(ctx)
	return MigrateResult{Status: now, Applied: before.Pending}, err
}
