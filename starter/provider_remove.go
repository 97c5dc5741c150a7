package main

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/db"
)

type providerRemove struct {
	Name string `arg:"" help:"The provider's name."`
	Yes  bool   `help:"Do not ask for confirmation."`
}

// Help implements kong.HelpProvider.
func (providerRemove) Help() string {
	return `The rows of its departments and people stay, with status deleted, so that rows that refer to them do not break. Its secrets, run history and schedule are deleted for good. On a terminal the command shows what would be lost and asks for the provider's name; in a script, give --yes.

Examples:

  orgsync provider remove acme
  orgsync provider remove acme --yes`
}

// Run implements the command.
func (c providerRemove) Run(ctx context.Context, s *session) error {
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := s.askRemoval(ctx, store, p); err != nil {
			return err
		}
	}
	released, err := store.ProviderRemove(ctx, p.ID)
	if err != nil {
		return err
	}
	s.unschedule(ctx, p.Name)
	if s.json {
		return s.printJSON(removedProvider{ID: p.ID, Name: p.Name, Departments: released.Departments, Members: released.Members})
	}
	s.say("Provider %s is removed; %s departments and %s people now have status deleted.",
		p.Name, grouped(released.Departments), grouped(released.Members))
	return nil
}

// askRemoval says what removing the provider would take and asks for its name, which
// nobody types by mistake.
func (s *session) askRemoval(ctx context.Context, store *db.Store, p db.Provider) error {
	has, err := store.ProviderHoldings(ctx, p.ID)
	if err != nil {
		return err
	}
	if !s.asks() {
		return misuse("removing %s also removes people: %s, departments: %s, secrets: %s, runs: %s; to confirm, give --yes",
			p.Name, grouped(has.Members), grouped(has.Departments), grouped(has.Secrets), grouped(has.Runs))
	}
	s.say("Removing provider %s also removes", p.Name)
	for _, line := range [][2]string{
		{"people", fmt.Sprintf("%s, with status deleted from then on; accounts linked to them (%s) stay", grouped(has.Members), grouped(has.Linked))},
		{"departments", grouped(has.Departments) + ", with status deleted from then on"},
		{"secrets", grouped(has.Secrets) + ", for good"},
		{"runs", grouped(has.Runs) + " with their change logs, for good: nothing can be explained or undone any more"},
	} {
		s.sayFolded(fmt.Sprintf("  %-12s ", line[0]), line[1])
	}
	if has.Open > 0 {
		s.sayFolded(fmt.Sprintf("  %-12s ", "of these"), grouped(has.Open)+" at work or waiting for a decision; it ends with them")
	}
	s.say("")
	answer, err := s.ask(ctx, "To remove it, type its name:")
	if err != nil {
		return err
	}
	if answer != p.Name {
		return fmt.Errorf("that is not the name of the provider; %s was not removed", p.Name)
	}
	return nil
}
