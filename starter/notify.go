package main

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
)

type notifyCommands struct {
	Test notifyTest `cmd:"" help:"Send a test message to every webhook of ORGSYNC_NOTIFY."`
}

// Help implements kong.HelpProvider.
func (notifyCommands) Help() string {
	return `Examples:

  orgsync notify test`
}

type notifyTest struct{}

// Help implements kong.HelpProvider.
func (notifyTest) Help() string {
	return `Sends a message from this machine to each webhook in this shell's ORGSYNC_NOTIFY. Workers use their own setting. The exit status is 0 if all messages were delivered.

Examples:

  orgsync notify test
  ORGSYNC_NOTIFY=json:https://example.com/hook orgsync notify test`
}

// Run implements the command.
func (notifyTest) Run(ctx context.Context, s *session) error {
	cfg, err := s.settings(config.DatabaseURL, config.Keyset)
	if err != nil {
		return err
	}
	if len(cfg.Notify) == 0 {
		return misuse("ORGSYNC_NOTIFY is not set; want webhooks separated by spaces, such as json:https://example.com/hook; see: orgsync --help")
	}
	trials, err := app.TryHooks(ctx, cfg.Notify)
	if err != nil {
		return err
	}
	failed := 0
	t := newTable("webhook", "result")
	for _, trial := range trials {
		result := "ok, delivered"
		if !trial.Delivered {
			failed++
			result = plain(trial.Problem)
		}
		t.AppendRow([]any{plain(trial.Webhook), result})
	}
	if s.json {
		if err := s.printJSON(trials); err != nil {
			return err
		}
	} else {
		printTable(s.stdout, t)
	}
	if failed > 0 {
		return &failure{status: exitFailed, err: fmt.Errorf("the message could not be delivered to %d of %d webhooks", failed, len(trials))}
	}
	return nil
}
