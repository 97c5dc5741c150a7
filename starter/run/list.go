// Package run holds the commands that start, follow, decide, undo and show runs.
package run

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync runs".
type Commands struct {
	List    listCommand    `cmd:"" help:"List runs, the newest first."`
	Show    showCommand    `cmd:"" help:"Show one run with its counts, errors and departments."`
	Changes changesCommand `cmd:"" help:"Show what a run changed, or in plan mode would change."`
	Watch   watchCommand   `cmd:"" help:"Follow a run until it has ended or is held."`
	Retry   retryCommand   `cmd:"" help:"Read again only what failed in a run."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `Examples:

  orgsync runs list --provider acme
  orgsync runs show 4f1c
  orgsync runs changes 4f1c --output json
  orgsync runs watch 4f1c
  orgsync runs retry 4f1c --wait`
}

type listCommand struct {
	Provider string `placeholder:"NAME" help:"Only this provider's runs."`
	Limit    int    `default:"20" placeholder:"N" help:"How many runs to list at most. (${default})"`
}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `Examples:

  orgsync runs list
  orgsync runs list --provider acme --limit 5`
}

// Run implements the command.
func (c listCommand) Run(ctx context.Context, s *cli.Session) error {
	runs, err := s.Service.ListRuns(ctx, c.Provider, c.Limit)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(cli.Each(runs, documentOf))
	}
	if len(runs) == 0 {
		s.Printf("There are no runs yet. Start one with: orgsync sync NAME --wait")
		return nil
	}
	t := cli.NewTable("id", "provider", "status", "mode", "started", "duration", "members", "started by").
		Drop("duration", "started by", "members", "mode").Fold("mode")
	t.RightAlign(6)
	for _, run := range runs {
		gone := run.Counts.Members.Deleted
		come := run.Counts.Members.Created + run.Counts.Members.Restored
		t.AppendRow([]any{cli.ShortID(run.ID), run.Provider, statusText(run), modeText(run), cli.Stamp(run.StartedAt),
			cli.Span(service.Lasted(run)),
			fmt.Sprintf("+%s -%s", cli.Grouped(come), cli.Grouped(gone)), cli.Plain(run.StartedBy)})
	}
	s.PrintTable(t)
	return nil
}

// statusText is the status, with the phase of a run that is at work.
func statusText(run service.Run) string {
	if run.Status == directory.RunRunning {
		return run.Status + " (" + cli.Plain(run.Phase) + ")"
	}
	return run.Status
}

// modeText is the mode or, of an undo, the run that it takes back.
func modeText(run service.Run) string {
	if run.Undoes != "" {
		undo := "undo of " + cli.ShortID(run.Undoes)
		if run.Mode == service.ModePlan {
			return run.Mode + ", " + undo
		}
		return undo
	}
	return run.Mode
}
