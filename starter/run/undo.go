package run

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// UndoCommand is "orgsync undo".
type UndoCommand struct {
	ID          string   `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Plan        bool     `help:"Change nothing; report what would be taken back."`
	Departments []string `placeholder:"ID,ID" help:"Only these departments (the provider's ids), the departments below them, and everyone who is or was in them."`
	Members     []string `aliases:"member" placeholder:"ID,ID" help:"Only these people (the provider's ids) and their memberships."`
	OnRemovals  string   `enum:"refuse,apply" default:"refuse" placeholder:"refuse|apply" help:"What to do if the undo would remove more than the provider's limits allow: change nothing, or remove without asking. (${default})"`
	WaitFlags
}

// Help implements kong.HelpProvider.
func (UndoCommand) Help() string {
	return `Restores what the run removed, moved or changed, and removes what it created. This is a run of its own. If
nothing is left to undo, the command says so and exits with 6. A person or department that a later run changed is left
alone as a whole, and named. If you undo the undo, the changes of the run come back.

The next sync goes by the provider again. To keep what was restored, first remove the cause, pause the schedule, or
switch the provider off.

Examples:

  orgsync undo 4f1c --plan
  orgsync undo 4f1c
  orgsync undo 4f1c --departments od-1,od-2
  orgsync undo 4f1c --members u-7

By hand, without this program, with the whole id or its beginning:

  temporal workflow start --type UndoRun --task-queue orgsync --workflow-id orgsync/acme --input '{"run":"4f1c","mode":"plan"}'`
}

// Run implements the command.
func (c UndoCommand) Run(ctx context.Context, s *cli.Session) error {
	started, err := s.Service.UndoRun(ctx, service.UndoRunInput{
		RunID: c.ID, Mode: modeOf(c.Plan), Departments: c.Departments, Members: c.Members, OnRemovals: c.OnRemovals,
		By: cli.By(),
	})
	if err != nil {
		return err
	}
	if !c.waits(s, true) {
		return printStarted(ctx, s, started.Execution)
	}
	result, err := follow(ctx, s, started.Execution, c.TemporalTimeout)
	if err != nil {
		return err
	}
	return printUndo(ctx, s, started.Undone, result, c.Plan)
}

// printUndo prints what undoing came to. A run that succeeded and took nothing back is
// told apart: a person who undoes twice is to know that the first time was it.
func printUndo(ctx context.Context, s *cli.Session, undone service.Run, result service.RunResult, plan bool) error {
	if err := printEnd(s, result); err != nil {
		return err
	}
	changed, err := s.Service.RunChanged(ctx, result.RunID)
	if err != nil {
		return err
	}
	if !changed {
		return cli.NothingError("nothing of run %s is left to undo; see: orgsync runs list --provider %s",
			cli.ShortID(undone.ID), undone.Provider)
	}
	if !plan {
		s.Printf("The next sync of %s goes by the provider again, and may reverse this.", undone.Provider)
	}
	return nil
}
