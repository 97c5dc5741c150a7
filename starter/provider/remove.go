package provider

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/schedule"
)

type removeCommand struct {
	Name string `arg:"" help:"The provider's name."`
	Yes  bool   `help:"Do not ask for confirmation."`
}

// Help implements kong.HelpProvider.
func (removeCommand) Help() string {
	return `The rows of its departments and people stay, with status deleted, so that rows that refer to them do not
break. Its secrets, run history and schedule are deleted for good. On a terminal the command shows what would be lost
and asks for the provider's name; in a script, give --yes.

Examples:

  orgsync provider remove acme
  orgsync provider remove acme --yes`
}

// Run implements the command.
func (c removeCommand) Run(ctx context.Context, s *cli.Session) error {
	if !c.Yes {
		if err := askRemoval(ctx, s, c.Name); err != nil {
			return err
		}
	}
	removed, err := s.Service.RemoveProvider(ctx, c.Name, cli.By())
	if err != nil {
		return err
	}
	schedule.WarnRemoval(s, removed.Name, removed.Schedule)
	if s.JSON {
		return s.PrintJSON(Removed{ID: removed.ID, Name: removed.Name, Departments: removed.Departments,
			Members: removed.Members})
	}
	s.Printf("Provider %s is removed; %s departments and %s people now have status deleted.",
		removed.Name, cli.Grouped(removed.Departments), cli.Grouped(removed.Members))
	return nil
}

// Removed is a provider that was removed.
type Removed struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Departments int64  `json:"departments_deleted"`
	Members     int64  `json:"members_deleted"`
}

// askRemoval says what removing the provider would take and asks for its name, which
// nobody types by mistake.
func askRemoval(ctx context.Context, s *cli.Session, name string) error {
	has, err := s.Service.CountHoldings(ctx, name)
	if err != nil {
		return err
	}
	if !s.CanAsk() {
		return cli.UsageError(
			"removing %s also removes people: %s, departments: %s, secrets: %s, runs: %s; to confirm, "+
				"give --yes",
			name, cli.Grouped(has.Members), cli.Grouped(has.Departments), cli.Grouped(has.Secrets),
			cli.Grouped(has.Runs))
	}
	s.Printf("Removing provider %s also removes", name)
	for _, line := range [][2]string{
		{"people", fmt.Sprintf("%s, with status deleted from then on; accounts linked to them (%s) stay",
			cli.Grouped(has.Members), cli.Grouped(has.Linked))},
		{"departments", cli.Grouped(has.Departments) + ", with status deleted from then on"},
		{"secrets", cli.Grouped(has.Secrets) + ", for good"},
		{"runs",
			cli.Grouped(has.Runs) + " with their change logs, for good: nothing can be explained or undone any more"},
	} {
		s.PrintFolded(fmt.Sprintf("  %-12s ", line[0]), line[1])
	}
	if has.Open > 0 {
		s.PrintFolded(fmt.Sprintf("  %-12s ", "of these"),
			cli.Grouped(has.Open)+" at work or waiting for a decision; it ends with them")
	}
	s.Printf("")
	answer, err := s.Ask(ctx, "To remove it, type its name:")
	if err != nil {
		return err
	}
	if answer != name {
		return fmt.Errorf("that is not the name of the provider; %s was not removed", name)
	}
	return nil
}
