package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

// measured is a running stack that is measured.
type measured struct{ *loadtest.Trial }

// startMeasured starts a stack whose statements are counted.
func startMeasured(ctx context.Context, vendor string, cfg stack.Config) (*measured, error) {
	started, err := loadtest.Start(ctx, vendor, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := started.Database.Exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return nil, errors.Join(fmt.Errorf("this Postgres has no pg_stat_statements: %w", err), started.Stop())
	}
	return &measured{started}, nil
}
