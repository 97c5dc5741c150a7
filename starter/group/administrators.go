package group

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// AdministratorsCommand shows administrators.
type AdministratorsCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (AdministratorsCommand) Help() string {
	return `Administrators are those whom the provider names. The level is main, sub, or the provider's own word.

Examples:

  orgsync admins acme
  orgsync admins acme --output json`
}

// Run implements the command.
func (c AdministratorsCommand) Run(ctx context.Context, s *cli.Session) error {
	found, err := s.Service.ListAdministrators(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(cli.Each(found, func(a service.Administrator) Administrator { return Administrator(a) }))
	}
	if len(found) == 0 {
		s.Printf("No administrators: the provider names none, or these credentials may not read them; see: orgsync provider test %s", c.Name)
		return nil
	}
	t := cli.NewTable("name", "id", "source", "level", "status").Drop("status")
	for _, a := range found {
		t.AppendRow([]any{cli.Plain(a.Name), cli.Plain(a.ExternalID), a.Source, cli.Plain(a.Level), a.Status})
	}
	s.PrintTable(t)
	return nil
}
