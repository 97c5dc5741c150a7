package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/workflows"
)

type undoCommand struct {
	ID          string   `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Plan        bool     `help:"Change nothing; report what would be taken back."`
	Departments []string `placeholder:"ID,ID" help:"Only these departments (the provider's ids), the departments below them, and everyone who is or was in them."`
	Members     []string `aliases:"member" placeholder:"ID,ID" help:"Only these people (the provider's ids) and their memberships."`
	OnRemovals  string   `enum:"refuse,apply" default:"refuse" placeholder:"refuse|apply" help:"What to do if the undo would remove more than the provider's limits allow: change nothing, or remove without asking. (${default})"`
	waitFlags
}

// Help implements kong.HelpProvider.
func (undoCommand) Help() string {
	return `Restores what the run removed, moved or changed, and removes what it created. This is a run of its own. If nothing is left to undo, the command says so and exits with 6. A person or department that a later run changed is left alone as a whole, and named. If you undo the undo, the changes of the run come back.

The next sync goes by the provider again. To keep what was restored, first remove the cause, pause the schedule, or switch the provider off.

Examples:

  orgsync undo 4f1c --plan
  orgsync undo 4f1c
  orgsync undo 4f1c --departments od-1,od-2
  orgsync undo 4f1c --members u-7

By hand, without this program, with the whole id or its beginning:

  temporal workflow start --type UndoRun --task-queue orgsync --workflow-id orgsync/acme --input '{"run":"4f1c","mode":"plan"}'`
}

func (c undoCommand) input(run string) workflows.UndoInput {
	in := workflows.UndoInput{Run: run, Departments: c.Departments, Members: c.Members, OnRemovals: c.OnRemovals, StartedBy: who()}
	if c.Plan {
		in.Mode = workflows.ModePlan
	}
	return in
}

// Run implements the command.
func (c undoCommand) Run(ctx context.Context, s *session) error {
	in := c.input(c.ID)
	if problem := in.Normalize(); problem != "" {
		return misuse("%s", problem)
	}
	store, target, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	in.Run = target.ID
	// Whether a run that has not ended is still at work the worker finds out.
	var final *db.NotUndoableError
	if _, err := store.UndoTarget(ctx, target.ID); errors.As(err, &final) && final.Refusal != db.RefusedAtWork {
		return final
	} else if final == nil && err != nil {
		return err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	run, err := startUndo(ctx, store, temporal, target, in)
	if err != nil {
		return err
	}
	if c.waits(s, true) {
		result, err := s.await(ctx, store, temporal, run, workflows.SyncInput{Provider: target.Provider, Mode: in.Mode}, c.waitFlags)
		if err != nil {
			return err
		}
		return c.conclude(ctx, s, store, target, result)
	}
	return s.sayStarted(ctx, store, target.Provider, run)
}

// conclude prints what undoing came to. A run that succeeded and took nothing back is
// told apart: whoever undoes twice is to know that the first time was it.
func (c undoCommand) conclude(ctx context.Context, s *session, store *db.Store, target db.Run, result workflows.SyncResult) error {
	if err := s.conclusion(result); err != nil {
		return err
	}
	changed, err := store.RunChanged(ctx, result.RunID)
	if err != nil {
		return err
	}
	if !changed {
		return nothing("nothing of run %s is left to undo; see: orgsync runs list --provider %s", shortID(target.ID), target.Provider)
	}
	if !c.Plan {
		s.say("The next sync of %s goes by the provider again, and may reverse this.", target.Provider)
	}
	return nil
}

func startUndo(ctx context.Context, store *db.Store, temporal client.Client, target db.Run, in workflows.UndoInput) (client.WorkflowRun, error) {
	summary := "Undo run " + shortID(target.ID) + " of " + target.Provider
	if in.Mode == workflows.ModePlan {
		summary = "Plan to undo run " + shortID(target.ID) + " of " + target.Provider
	}
	id := workflows.SyncWorkflowID(target.Provider)
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.TaskQueue, StaticSummary: summary,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.UndoRunName, in)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return nil, alreadyRunning(ctx, store, target.Provider, running)
	}
	if err != nil {
		return nil, fmt.Errorf("start undoing run %s: %w", target.ID, err)
	}
	return run, nil
}
