package main

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

type searchCommand struct {
	Name  string `arg:"" help:"The provider's name."`
	Text  string `arg:"" help:"Part of a name, its pinyin or initials, part of an e-mail address or phone number, part of a department's name, or an id."`
	Limit int    `default:"20" placeholder:"N" help:"How many people and how many departments to show at most. (${default})"`
}

// Help implements kong.HelpProvider.
func (searchCommand) Help() string {
	return `People by name, pinyin, initials, e-mail address, phone number or id; departments by name or id.

Examples:

  orgsync search acme 张
  orgsync search acme zhangs
  orgsync search acme zs
  orgsync search acme 1380013 --limit 5
  orgsync search acme 研发`
}

// found is a person or a department that a text was found in.
type found struct {
	// ObjectType is "member" or "department".
	ObjectType     string `json:"object_type"`
	ID             string `json:"id"`
	ExternalID     string `json:"external_id"`
	Name           string `json:"name"`
	Status         string `json:"status"`
	Email          string `json:"email,omitempty"`
	Phone          string `json:"phone,omitempty"`
	Title          string `json:"title,omitempty"`
	DepartmentPath string `json:"department_path,omitempty"`
	// Path and MemberCount are a department's.
	Path        string `json:"path,omitempty"`
	MemberCount *int   `json:"member_count,omitempty"`
}

func foundOf(people []db.FoundMember, departments []db.FoundDepartment) []found {
	all := []found{}
	for _, m := range people {
		all = append(all, found{
			ObjectType: "member", ID: m.ID, ExternalID: m.ExternalID, Name: m.Name, Status: m.Status,
			Email: m.Email, Phone: m.Phone, Title: m.Title, DepartmentPath: m.DepartmentPath,
		})
	}
	for _, d := range departments {
		all = append(all, found{
			ObjectType: "department", ID: d.ID, ExternalID: d.ExternalID, Name: d.Name, Status: string(directory.Active), Path: d.Path, MemberCount: &d.MemberCount,
		})
	}
	return all
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
	people, err := store.Search(ctx, p.ID, c.Text, c.Limit)
	if err != nil {
		return err
	}
	departments, err := store.SearchDepartments(ctx, p.ID, c.Text, c.Limit)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(foundOf(people, departments))
	}
	s.sayFound(p.Name, people, departments)
	return nil
}

func (s *session) sayFound(provider string, people []db.FoundMember, departments []db.FoundDepartment) {
	if len(people)+len(departments) == 0 {
		s.say("No person or department of %s matches.", provider)
	}
	if len(people) > 0 {
		t := newTable("name", "id", "status", "title", "e-mail", "phone", "department").drop("status", "title", "phone", "e-mail").fold("department")
		for _, m := range people {
			t.AppendRow([]any{plain(m.Name), plain(m.ExternalID), m.Status, plain(m.Title), plain(m.Email), plain(m.Phone), plain(m.DepartmentPath)})
		}
		printTable(s.stdout, t)
	}
	if len(departments) > 0 {
		if len(people) > 0 {
			s.say("")
		}
		t := newTable("department", "id", "people", "path").drop("people")
		rightAligned(t, 3)
		for _, d := range departments {
			t.AppendRow([]any{plain(d.Name), plain(d.ExternalID), grouped(d.MemberCount), plain(d.Path)})
		}
		printTable(s.stdout, t)
	}
}

const maxLimit = 100_000

func checkLimit(n int) error {
	if n < 1 || n > maxLimit {
		return misuse("--limit is %d; it must be from 1 to %d", n, maxLimit)
	}
	return nil
}
