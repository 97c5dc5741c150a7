package main

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/orgsync/orgsync/db"
)

type treeCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Depth *int   `placeholder:"N" help:"Levels to show, counted from the top; by default all."`
	IDs   bool   `name:"ids" help:"Show the provider's ids of the departments, for use with --departments."`
}

// Help implements kong.HelpProvider.
func (treeCommand) Help() string {
	return `Shows for each department how many active people are in it and below it, and how many are directly in it.

Examples:

  orgsync tree acme --depth 3
  orgsync tree acme --ids
  orgsync tree acme --output json`
}

// branch is a department with what is below it.
type branch struct {
	db.TreeDepartment
	Children []*branch `json:"children"`
}

// Run implements the command.
func (c treeCommand) Run(ctx context.Context, s *session) error {
	levels := 0
	if c.Depth != nil {
		if levels = *c.Depth; levels < 1 {
			return misuse("--depth is %d; it must be a number of levels from 1 on", levels)
		}
	}
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	rows, err := store.Tree(ctx, p.ID, levels)
	if err != nil {
		return err
	}
	tops := grow(rows)
	if s.json {
		return s.printJSON(tops)
	}
	if len(tops) == 0 {
		s.say("No departments are stored for %s. Read them with: orgsync sync %s --wait", p.Name, p.Name)
		return nil
	}
	out := bufio.NewWriter(s.stdout)
	for _, top := range tops {
		draw(out, top, "", "", c.IDs)
	}
	return out.Flush()
}

// grow hangs each department below its parent, in the order given.
func grow(rows []db.TreeDepartment) []*branch {
	byID := make(map[string]*branch, len(rows))
	for _, row := range rows {
		byID[row.ID] = &branch{TreeDepartment: row, Children: []*branch{}}
	}
	tops := []*branch{}
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
func draw(w io.Writer, b *branch, lead, indent string, ids bool) {
	name := plain(b.Name)
	if name == "" {
		name = plain(b.ExternalID)
	}
	if ids {
		name += " [" + plain(b.ExternalID) + "]"
	}
	fmt.Fprintf(w, "%s%s  %s (%s direct)\n", lead, name, grouped(b.MemberCount), grouped(b.DirectMembers))
	for i, child := range b.Children {
		if i == len(b.Children)-1 {
			draw(w, child, indent+"└─ ", indent+"   ", ids)
		} else {
			draw(w, child, indent+"├─ ", indent+"│  ", ids)
		}
	}
}
