package member

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/run"
)

// markFlags say which people are marked.
type markFlags struct {
	Name    string   `arg:"" help:"The provider's name."`
	Members []string `arg:"" help:"People: an id of any kind, employee number, e-mail address, phone number, name or pinyin each."`
	run.WaitFlags
}

func (f markFlags) start(ctx context.Context, s *cli.Session, task string) error {
	return run.StartTask(ctx, s, service.StartTaskInput{
		Provider: f.Name, Task: task, Members: f.Members, By: cli.By(),
	}, f.WaitFlags)
}

type offlineCommand struct{ markFlags }

// Help implements kong.HelpProvider.
func (offlineCommand) Help() string {
	return `Marks people as having left here, although the provider still lists them: they are inactive, and no sync
makes them active. Their accounts elsewhere are untouched. This is a run of its own, which you can undo.

Examples:

  orgsync member offline acme u-7
  orgsync member offline acme u-7 u-8 --wait`
}

// Run implements the command.
func (c offlineCommand) Run(ctx context.Context, s *cli.Session) error {
	return c.start(ctx, s, service.TaskOffline)
}

type onlineCommand struct{ markFlags }

// Help implements kong.HelpProvider.
func (onlineCommand) Help() string {
	return `Takes the mark back. People whom the provider has suspended meanwhile are suspended again by the next sync.

Examples:

  orgsync member online acme u-7`
}

// Run implements the command.
func (c onlineCommand) Run(ctx context.Context, s *cli.Session) error {
	return c.start(ctx, s, service.TaskOnline)
}
