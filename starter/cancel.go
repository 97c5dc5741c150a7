package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

type cancelCommand struct {
	Name string `arg:"" help:"The provider's name."`
	waitFlags
}

// Help implements kong.HelpProvider.
func (cancelCommand) Help() string {
	return `Cancels the provider's running run, no matter who started it. What it has applied stays; it removes nothing more. A held run is not running: approve or reject it.

Examples:

  orgsync cancel acme
  orgsync cancel acme --no-wait

By hand, without this program:

  temporal workflow cancel -w orgsync/acme`
}

// canceling is what the command prints of a run that it does not wait for.
type canceling struct {
	Provider   string `json:"provider"`
	RunID      string `json:"run_id,omitempty"`
	WorkflowID string `json:"workflow_id"`
}

// Run implements the command. That the run ends canceled is what was asked for.
func (c cancelCommand) Run(ctx context.Context, s *session) error {
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	run, err := c.atWork(ctx, store, temporal, p)
	if err != nil {
		return err
	}
	if err := temporal.CancelWorkflow(ctx, run.WorkflowID, run.TemporalRunID); err != nil {
		return fmt.Errorf("cancel the run of %s: %w", p.Name, err)
	}
	if !c.waits(s, true) {
		if s.json {
			return s.printJSON(canceling{Provider: p.Name, RunID: run.ID, WorkflowID: run.WorkflowID})
		}
		s.say("The run of %s has been asked to stop. To see how it ends: orgsync runs list --provider %s", p.Name, p.Name)
		return nil
	}
	result, err := s.await(ctx, store, temporal, temporal.GetWorkflow(ctx, run.WorkflowID, run.TemporalRunID), workflows.SyncInput{Provider: p.Name, Mode: run.Mode}, c.waitFlags)
	if err != nil {
		return err
	}
	if result.Status == directory.RunCanceled {
		return s.printResult(result)
	}
	return s.conclusion(result)
}

// atWork finds the provider's run that is at work. One that no worker has taken up yet is
// known to Temporal alone.
func (c cancelCommand) atWork(ctx context.Context, store *db.Store, temporal client.Client, p db.Provider) (db.Run, error) {
	run, held, err := openRuns(ctx, store, p.Name)
	if err != nil {
		return db.Run{}, err
	}
	known := run.ID != ""
	if !known {
		run = db.Run{Provider: p.Name, WorkflowID: workflows.SyncWorkflowID(p.Name)}
	}
	described, err := temporal.DescribeWorkflowExecution(ctx, run.WorkflowID, run.TemporalRunID)
	if err != nil && !isMissing(err) {
		return db.Run{}, fmt.Errorf("look for the run of %s: %w", p.Name, err)
	}
	info := described.GetWorkflowExecutionInfo()
	run.TemporalRunID = info.GetExecution().GetRunId()
	switch {
	case err == nil && info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return run, nil
	case known:
		return db.Run{}, nothing("run %s is marked as running, but its workflow %s is gone; the next run ends it: orgsync sync %s", shortID(run.ID), run.WorkflowID, p.Name)
	case held != "":
		return db.Run{}, nothing("no run of %s is running; run %s is held, waiting for a decision: orgsync runs show %[2]s", p.Name, shortID(held))
	default:
		return db.Run{}, nothing("no run of %s is running; see: orgsync runs list --provider %[1]s", p.Name)
	}
}

// openRuns returns the provider's run that is marked as running, if there is one, and the
// id of the one that is held.
func openRuns(ctx context.Context, store *db.Store, provider string) (run db.Run, held string, err error) {
	statuses, err := store.Statuses(ctx)
	for _, status := range statuses {
		if status.Provider != provider {
			continue
		}
		if status.Held != nil {
			held = status.Held.RunID
		}
		if status.Running != nil {
			run, err = store.Run(ctx, status.Running.RunID)
		}
	}
	return run, held, err
}

func isMissing(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}
