package main

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/starter/cli"
)

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command, such as: provider add."`
}

// Help implements kong.HelpProvider.
func (helpCommand) Help() string {
	return `The same as the command with --help.

Examples:

  orgsync help
  orgsync help provider add`
}

// Run implements the command.
func (c helpCommand) Run(ctx context.Context, s *cli.Session) error {
	return cli.Ended(execute(ctx, append(c.Command, "--help"), s.Stdin, s.Screen().Writer, s.Stderr, s.Getenv))
}

// settingsUsage lists the settings so that they fit a terminal.
func settingsUsage() string {
	const indent = 32 // of what the settings are for
	var b strings.Builder
	for _, line := range strings.Split(config.Usage(), "\n") {
		if len(line) <= indent {
			b.WriteString(line + "\n")
			continue
		}
		folded := cli.Fold(strings.TrimLeft(line[indent:], " "), cli.DefaultWidth-indent)
		b.WriteString(line[:indent] + strings.Join(folded, "\n"+strings.Repeat(" ", indent)) + "\n")
	}
	return b.String()
}
