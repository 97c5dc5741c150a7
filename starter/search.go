package main

import (
	"context"
	"strings"
)

type searchCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Text  string `arg:"" help:"Part of a name, its pinyin or initials, part of an e-mail address or phone number, or an id."`
	Limit int    `default:"20" placeholder:"N" help:"The most people to show. (${default})"`
}

// Help implements kong.HelpProvider.
func (searchCommand) Help() string {
	return `Examples:

  orgsync search acme 张
  orgsync search acme zhangs
  orgsync search acme zs
  orgsync search acme 1380013 --limit 5`
}

// Run implements the command.
func (c searchCommand) Run(ctx context.Context, s *session) error {
	if strings.TrimSpace(c.Text) == "" {
		return misuse("the text to search for is empty")
	}
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	found, err := store.Search(ctx, p.ID, c.Text, c.Limit)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(found)
	}
	if len(found) == 0 {
		s.say("Nobody of %s matches.", p.Name)
		return nil
	}
	t := newTable("name", "id", "status", "title", "e-mail", "phone", "department").drop("status", "title", "phone", "e-mail").fold("department")
	for _, m := range found {
		t.AppendRow([]any{plain(m.Name), plain(m.ExternalID), m.Status, plain(m.Title), plain(m.Email), plain(m.Phone), plain(m.DepartmentPath)})
	}
	printTable(s.stdout, t)
	return nil
}

const maxLimit = 100_000

func checkLimit(n int) error {
	if n < 1 || n > maxLimit {
		return misuse("--limit is %d; it must be from 1 to %d", n, maxLimit)
	}
	return nil
}
