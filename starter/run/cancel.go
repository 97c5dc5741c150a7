package run

import (
	"context"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// CancelCommand is "orgsync cancel".
type CancelCommand struct {
	Name string `arg:"" help:"The provider's name."`
	WaitFlags
}

// Help implements kong.HelpProvider.
func (CancelCommand) Help() string {
	return `Cancels the provider's running run, no matter who started it. What it has applied stays; it removes nothing
more. A held run is not running: approve or reject it.

Examples:

  orgsync cancel acme
  orgsync cancel acme --no-wait

By hand, without this program:

  temporal workflow cancel -w orgsync/acme`
}

// Run implements the command. That the run ends canceled is what was asked for.
func (c CancelCommand) Run(ctx context.Context, s *cli.Session) error {
	canceled, err := s.Service.CancelRun(ctx, service.CancelRunInput{Provider: c.Name, By: cli.By()})
	if err != nil {
		return err
	}
	if !c.waits(s, true) {
		if s.JSON {
			return s.PrintJSON(Canceling{Provider: canceled.Provider, RunID: canceled.RunID,
				WorkflowID: canceled.WorkflowID})
		}
		s.Printf("The run of %s has been asked to stop. To see how it ends: orgsync runs list --provider %[1]s",
			canceled.Provider)
		return nil
	}
	result, err := follow(ctx, s, canceled.Execution, c.TemporalTimeout)
	if err != nil {
		return err
	}
	if result.Status == directory.RunCanceled {
		return printResult(s, result)
	}
	return printEnd(s, result)
}
