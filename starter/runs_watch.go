package main

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

type runsWatch struct {
	ID              string        `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long Temporal may be away before waiting is given up; the run goes on. (${default})"`
}

// Help implements kong.HelpProvider.
func (runsWatch) Help() string {
	return `Shows how the run comes along until it has ended or is held, and prints its result, as the command that started it does with --wait; whoever started it. Interrupted, it leaves the run alone. Of a run that has ended it prints the result at once.

Examples:

  orgsync runs watch 4f1c
  orgsync runs watch 4f1c --output json`
}

// Run implements the command.
func (c runsWatch) Run(ctx context.Context, s *session) error {
	store, run, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	if run.Status != directory.RunRunning {
		result, err := storedResult(ctx, store, run.ID)
		if err != nil {
			return err
		}
		return s.conclusion(result)
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	result, err := s.await(ctx, store, temporal, temporal.GetWorkflow(ctx, run.WorkflowID, run.TemporalRunID),
		workflows.SyncInput{Provider: run.Provider, Mode: run.Mode}, waitFlags{TemporalTimeout: c.TemporalTimeout})
	if err != nil {
		return err
	}
	return s.conclusion(result)
}
