package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/loadtest"
)

// stack is a running stack that is measured.
type stack struct{ *loadtest.Trial }

// startStack starts a stack whose statements are counted.
func startStack(ctx context.Context, vendor string, cfg devstack.Config) (*stack, error) {
	started, err := loadtest.Start(ctx, vendor, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := started.Database.Exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return nil, errors.Join(fmt.Errorf("this Postgres has no pg_stat_statements: %w", err), started.Stop())
	}
	return &stack{started}, nil
}
