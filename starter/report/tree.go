package report

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// TreeCommand is "orgsync tree".
type TreeCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Depth *int   `placeholder:"N" help:"Levels to show, counted from the top; by default all."`
	IDs   bool   `name:"ids" help:"Show the provider's ids of the departments, for use with --departments."`
}

// Help implements kong.HelpProvider.
func (TreeCommand) Help() string {
	return `Shows for each department how many active people are in it and below it, and how many are directly in it.

Examples:

  orgsync tree acme --depth 3
  orgsync tree acme --ids
  orgsync tree acme --output json`
}

// Run implements the command.
func (c TreeCommand) Run(ctx context.Context, s *cli.Session) error {
	departments, err := s.Service.ListDepartments(ctx, c.Name, c.Depth)
	if err != nil {
		return err
	}
	tops := grow(departments)
	if s.JSON {
		return s.PrintJSON(tops)
	}
	if len(tops) == 0 {
		s.Printf("No departments are stored for %s. Read them with: orgsync sync %s --wait", c.Name, c.Name)
		return nil
	}
	out := bufio.NewWriter(s.Stdout)
	for _, top := range tops {
		draw(out, top, "", "", c.IDs)
	}
	return out.Flush()
}

// grow hangs each department below its parent, in the order given.
func grow(rows []service.Department) []*Branch {
	byID := make(map[string]*Branch, len(rows))
	for _, row := range rows {
		byID[row.ID] = branchOf(row)
	}
	tops := []*Branch{}
	for _, row := range rows {
		if parent, ok := byID[row.ParentID]; ok {
			parent.Children = append(parent.Children, byID[row.ID])
		} else {
			tops = append(tops, byID[row.ID])
		}
	}
	return tops
}

// draw writes the department behind lead and everything below it behind indent, with
// their ids if asked to.
func draw(w io.Writer, b *Branch, lead, indent string, ids bool) {
	name := cli.Plain(b.Name)
	if name == "" {
		name = cli.Plain(b.ExternalID)
	}
	if ids {
		name += " [" + cli.Plain(b.ExternalID) + "]"
	}
	fmt.Fprintf(w, "%s%s  %s (%s direct)\n", lead, name, cli.Grouped(b.MemberCount), cli.Grouped(b.DirectMembers))
	for i, child := range b.Children {
		if i == len(b.Children)-1 {
			draw(w, child, indent+"└─ ", indent+"   ", ids)
		} else {
			draw(w, child, indent+"├─ ", indent+"│  ", ids)
		}
	}
}
