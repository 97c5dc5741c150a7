package run

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type retryCommand struct {
	ID         string `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Plan       bool   `help:"Change nothing; report what would be changed."`
	OnRemovals string `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	WaitFlags
}

// Help implements kong.HelpProvider.
func (retryCommand) Help() string {
	return `A new run reads the list of departments, and then the people only of those departments that the given run
could not read to the end or never saw; if the run looked up single members, the new run looks up those that failed.

Examples:

  orgsync runs retry 4f1c --wait
  orgsync runs retry 4f1c --plan --wait --output json

By hand, without this program:

  temporal workflow start --type SyncOrg --task-queue orgsync --workflow-id orgsync/acme --input '{"provider":"acme","retry":"4f1c6f6e-0000-4000-8000-000000000001"}'`
}

// Run implements the command.
func (c retryCommand) Run(ctx context.Context, s *cli.Session) error {
	started, err := s.Service.RetryRun(ctx, service.RetryRunInput{
		RunID: c.ID, Mode: modeOf(c.Plan), OnRemovals: c.OnRemovals, By: cli.By(),
	})
	if err != nil {
		return err
	}
	return FollowOrPrint(ctx, s, started, c.WaitFlags)
}
