package main

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

type runsWatch struct {
	ID              string        `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the run continues in any case. (${default})"`
}

// Help implements kong.HelpProvider.
func (runsWatch) Help() string {
	return `Shows the progress of the run until it has ended or is held, and prints its result, like the command that started it with --wait. It follows any run, no matter who started it. If you interrupt it, the run continues. If the run has ended, it prints the result at once.

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
