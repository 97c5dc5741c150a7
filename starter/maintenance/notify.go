package maintenance

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/starter/cli"
)

// NotifyCommands are those below "orgsync notify".
type NotifyCommands struct {
	Test notifyTest `cmd:"" help:"Send a test message to every webhook of ORGSYNC_NOTIFY."`
}

// Help implements kong.HelpProvider.
func (NotifyCommands) Help() string {
	return `Examples:

  orgsync notify test`
}

type notifyTest struct{}

// Help implements kong.HelpProvider.
func (notifyTest) Help() string {
	return `Sends a message from this machine to each webhook in this shell's ORGSYNC_NOTIFY. Workers use their own
setting. The exit status is 0 if all messages were delivered.

Examples:

  orgsync notify test
  ORGSYNC_NOTIFY=json:https://example.com/hook orgsync notify test`
}

// Run implements the command.
func (notifyTest) Run(ctx context.Context, s *cli.Session) error {
	cfg, err := config.Load(s.Getenv, config.DatabaseURL, config.Keyset)
	if err != nil {
		return &cli.Failure{Status: cli.ExitUsage, Err: err}
	}
	if len(cfg.Notify) == 0 {
		return cli.UsageError("ORGSYNC_NOTIFY is not set; want webhooks separated by spaces, such as " +
			"json:https://example.com/hook; see: orgsync --help")
	}
	trials, err := app.TryHooks(ctx, cfg.Notify, cfg.Language)
	if err != nil {
		return err
	}
	failed := 0
	t := cli.NewTable("webhook", "result")
	for _, trial := range trials {
		result := "ok, delivered"
		if !trial.Delivered {
			failed++
			result = cli.Plain(trial.Problem)
		}
		t.AppendRow([]any{cli.Plain(trial.Webhook), result})
	}
	if s.JSON {
		if err := s.PrintJSON(trials); err != nil {
			return err
		}
	} else {
		s.PrintTable(t)
	}
	if failed > 0 {
		return &cli.Failure{Status: cli.ExitFailed, Err: fmt.Errorf("the message could not be delivered to %d of %d "+
			"webhooks", failed, len(trials))}
	}
	return nil
}
