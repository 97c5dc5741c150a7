package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

type approveCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (approveCommand) Help() string {
	return `Applies exactly the removals that the held run shows, and waits until that is done.

Examples:

  orgsync runs list --provider acme
  orgsync runs show 4f1c
  orgsync approve acme`
}

// Run implements the command.
func (c approveCommand) Run(ctx context.Context, s *session) error {
	result, err := s.decide(ctx, c.Name, workflows.ApproveUpdate)
	if err != nil {
		return err
	}
	return ended(exitOfRun(result.Status))
}

type rejectCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (rejectCommand) Help() string {
	return `What the run added and updated stays. The next run finds the same removals and is held again, if the reason is still there.

Examples:

  orgsync reject acme`
}

// Run implements the command. That the run ends rejected is what was asked for.
func (c rejectCommand) Run(ctx context.Context, s *session) error {
	result, err := s.decide(ctx, c.Name, workflows.RejectUpdate)
	if err != nil {
		return err
	}
	if result.Status == directory.RunRejected {
		return nil
	}
	return ended(exitOfRun(result.Status))
}

// severalHeld says how one of several held runs is decided.
func severalHeld(name, update string, waiting []db.Run) error {
	lines := make([]string, len(waiting))
	for i, run := range waiting {
		lines[i] = fmt.Sprintf("\n  temporal workflow update execute -w %s --name %s", run.HoldWorkflowID, update)
	}
	return fmt.Errorf("%d runs of %s wait for a decision; look at each with orgsync runs show, and decide it by its workflow:%s",
		len(waiting), name, strings.Join(lines, ""))
}

// decide sends a decision to the workflow that holds the provider's held run, waits
// for the outcome and prints it.
func (s *session) decide(ctx context.Context, name, update string) (workflows.SyncResult, error) {
	var result workflows.SyncResult
	store, p, err := s.openProvider(ctx, name)
	if err != nil {
		return result, err
	}
	waiting, err := store.RunsHeld(ctx, p.ID)
	if err != nil {
		return result, err
	}
	if len(waiting) == 0 {
		return result, nothing("no run of %s waits for a decision; see: orgsync runs list --provider %s", name, name)
	}
	if len(waiting) > 1 {
		return result, severalHeld(name, update, waiting)
	}
	held := waiting[0]
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return result, err
	}
	defer s.warnWhileIdle(ctx, &lookup{temporal: temporal, workflowID: held.HoldWorkflowID})()
	handle, err := temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: held.HoldWorkflowID, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Decision{RunID: held.ID, DecidedBy: who()}},
	})
	if err == nil {
		err = handle.Get(ctx, &result)
	}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return result, fmt.Errorf("workflow %s, which held run %s, is gone; start another run with: orgsync sync %s", held.HoldWorkflowID, held.ID, name)
	}
	if err != nil {
		return result, fmt.Errorf("decide run %s of %s: %w", shortID(held.ID), name, err)
	}
	return result, s.printResult(result)
}
