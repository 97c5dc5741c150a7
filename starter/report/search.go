package report

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// SearchCommand is "orgsync search".
type SearchCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Text  string `arg:"" help:"Part of a name, its pinyin or initials, part of an e-mail address or phone number, the beginning of an employee number, part of a department's name, or an id."`
	Limit int    `default:"20" placeholder:"N" help:"How many people and how many departments to show at most. (${default})"`
}

// Help implements kong.HelpProvider.
func (SearchCommand) Help() string {
	return `People by name, pinyin, initials, e-mail address, phone number, employee number or id; departments by name
or id.

Examples:

  orgsync search acme 张
  orgsync search acme zhangs
  orgsync search acme zs
  orgsync search acme 1380013 --limit 5
  orgsync search acme E00017
  orgsync search acme 研发`
}

// Run implements the command.
func (c SearchCommand) Run(ctx context.Context, s *cli.Session) error {
	result, err := s.Service.Search(ctx, c.Name, c.Text, c.Limit)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(foundOf(result.Members, result.Departments))
	}
	printFound(s, c.Name, result.Members, result.Departments)
	return nil
}

func printFound(s *cli.Session, provider string, people []service.MemberRow, departments []service.FoundDepartment) {
	if len(people)+len(departments) == 0 {
		s.Printf("No person or department of %s matches.", provider)
	}
	if len(people) > 0 {
		t := cli.NewTable("name", "id", "number", "status", "title", "e-mail", "phone", "department").Drop("status",
			"title",
			"number", "phone", "e-mail").Fold("department")
		for _, m := range people {
			t.AppendRow([]any{cli.Plain(m.Name), cli.Plain(m.ExternalID), cli.Plain(orEmpty(m.EmployeeNo)), m.Status,
				cli.Plain(orEmpty(m.Title)),
				cli.Plain(orEmpty(m.Email)), cli.Plain(orEmpty(m.Phone)), cli.Plain(m.DepartmentPath)})
		}
		s.PrintTable(t)
	}
	if len(departments) > 0 {
		if len(people) > 0 {
			s.Printf("")
		}
		t := cli.NewTable("department", "id", "people", "path").Drop("people")
		t.RightAlign(3)
		for _, d := range departments {
			t.AppendRow([]any{cli.Plain(d.Name), cli.Plain(d.ExternalID), cli.Grouped(d.MemberCount),
				cli.Plain(d.Path)})
		}
		s.PrintTable(t)
	}
}
