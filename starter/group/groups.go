// Package group holds the commands about groups and administrators.
package group

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// GroupsCommand shows groups.
type GroupsCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Group string `arg:"" optional:"" help:"One group, by its id or name, to see who belongs to it."`
}

// Help implements kong.HelpProvider.
func (GroupsCommand) Help() string {
	return `Groups are DingTalk's roles, Feishu's user groups and WeCom's tags. The head count has the active people,
also those who belong through a department. With a group it shows who and what belongs to it.

Examples:

  orgsync groups acme
  orgsync groups acme Contractors
  orgsync groups acme --output json`
}

// Run implements the command.
func (c GroupsCommand) Run(ctx context.Context, s *cli.Session) error {
	if c.Group != "" {
		return c.show(ctx, s)
	}
	groups, err := s.Service.ListGroups(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(listOf(groups))
	}
	if len(groups) == 0 {
		s.Printf(
			"No groups: the provider has none, or these credentials may not read them; see: orgsync provider test %s",
			c.Name)
		return nil
	}
	t := cli.NewTable("group", "id", "kind", "category", "people").Drop("category", "kind")
	t.RightAlign(5)
	for _, g := range groups {
		t.AppendRow([]any{cli.Plain(g.Name), cli.Plain(g.ExternalID), g.Kind, cli.Plain(g.Category),
			cli.Grouped(g.Members)})
	}
	s.PrintTable(t)
	return nil
}

func (c GroupsCommand) show(ctx context.Context, s *cli.Session) error {
	content, err := s.Service.GetGroup(ctx, c.Name, c.Group)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(shownOf(content))
	}
	printGroup(s, content)
	return nil
}

func printGroup(s *cli.Session, c service.GroupContent) {
	s.Printf("%s %s, %s%s, %s", c.Kind, cli.Plain(c.ExternalID), cli.Plain(c.Name),
		cli.Prefixed(", ", cli.Plain(c.Category)),
		cli.Counted(c.Members, "active member", "active members"))
	for _, d := range c.Departments {
		s.Printf("  everyone in %s (%s) and below", cli.Plain(d.Path), cli.Plain(d.ExternalID))
	}
	t := cli.NewTable("name", "id", "status", "department", "belongs", "manages").Drop("manages",
		"status").Fold("department")
	for _, p := range c.People {
		belongs := "directly"
		if !p.Direct {
			belongs = "through a department"
		}
		t.AppendRow([]any{cli.Plain(p.Name), cli.Plain(p.ExternalID), p.Status, cli.Plain(p.DepartmentPath), belongs,
			cli.Plain(strings.Join(p.Scope, ", "))})
	}
	s.PrintTable(t)
}
