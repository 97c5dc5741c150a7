package group

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// AdministratorsCommand shows administrators, and names local ones.
type AdministratorsCommand struct {
	Name   string   `arg:"" help:"The provider's name."`
	Add    []string `placeholder:"ID,ID" help:"Make these people (the provider's ids) administrators here."`
	Remove []string `placeholder:"ID,ID" help:"Take that back."`
}

// Help implements kong.HelpProvider.
func (AdministratorsCommand) Help() string {
	return `Administrators are those whom the provider names, with the level main, sub, or the provider's own word, and
those who are named here: source local, level admin. Naming them is a run like any other: it is logged, and orgsync
undo takes it back.

Examples:

  orgsync admins acme
  orgsync admins acme --add u-7
  orgsync admins acme --remove u-7
  orgsync admins acme --output json`
}

// Run implements the command.
func (c AdministratorsCommand) Run(ctx context.Context, s *cli.Session) error {
	if c.Add != nil || c.Remove != nil {
		result, err := s.Service.SetAdministrators(ctx, service.SetAdministratorsInput{
			Provider: c.Name, Add: c.Add, Remove: c.Remove, By: cli.By(),
		})
		if err != nil {
			return err
		}
		if result.Status != directory.RunSucceeded {
			return fmt.Errorf("run %s ended %s: %s", cli.ShortID(result.RunID), result.Status,
				strings.Join(result.Errors, "; "))
		}
	}
	found, err := s.Service.ListAdministrators(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(cli.Each(found, func(a service.Administrator) Administrator { return Administrator(a) }))
	}
	if len(found) == 0 {
		s.Printf(
			"No administrators: the provider names none, or these credentials may not read them; see: orgsync "+
				"provider test %s", c.Name)
		return nil
	}
	t := cli.NewTable("name", "id", "source", "level", "status").Drop("status")
	for _, a := range found {
		t.AppendRow([]any{cli.Plain(a.Name), cli.Plain(a.ExternalID), a.Source, cli.Plain(a.Level), a.Status})
	}
	s.PrintTable(t)
	return nil
}
