package run

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type watchCommand struct {
	ID              string        `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the run continues in any case. (${default})"`
}

// Help implements kong.HelpProvider.
func (watchCommand) Help() string {
	return `Shows the progress of the run until it has ended or is held, and prints its result, like the command that
started it with --wait. It follows any run, no matter who started it. If you interrupt it, the run continues. If the
run has ended, it prints the result at once.

Examples:

  orgsync runs watch 4f1c
  orgsync runs watch 4f1c --output json`
}

// Run implements the command.
func (c watchCommand) Run(ctx context.Context, s *cli.Session) error {
	run, err := s.Service.FindRun(ctx, c.ID)
	if err != nil {
		return err
	}
	if run.Status != directory.RunRunning {
		result, err := s.Service.GetRunResult(ctx, run.ID)
		if err != nil {
			return err
		}
		return printEnd(s, result)
	}
	execution := service.Execution{Provider: run.Provider, WorkflowID: run.WorkflowID, TemporalRunID: run.TemporalRunID}
	result, err := follow(ctx, s, execution, c.TemporalTimeout)
	if err != nil {
		return err
	}
	return printEnd(s, result)
}
