package member

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type showCommand struct {
	Name   string `arg:"" help:"The provider's name."`
	Member string `arg:"" help:"A person: an id of any kind, employee number, e-mail address, phone number, name or pinyin."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `Shows what the directory holds of one person: all facts that the provider sent, departments, manager, and
the platform's account. It also finds people who were removed, and people by earlier names. To see what changed and
why: orgsync explain.

Examples:

  orgsync member show acme u-7
  orgsync member show acme E00017
  orgsync member show acme 'Zhang San' --output json`
}

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	m, signature, err := s.Service.ShowSignature(ctx, c.Name, c.Member)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(shownOf(m, signature))
	}
	return printMember(s, m, signature)
}

// printMember writes what is known of a person, a line each; what is not known is left out.
func printMember(s *cli.Session, m service.Member, signature service.Signature) error {
	var facts map[directory.Attribute]any
	if err := json.Unmarshal(m.Attributes, &facts); err != nil {
		return fmt.Errorf("read attributes of member %s: %w", m.ExternalID, err)
	}
	t := cli.NewTable()
	add := func(title, text string) {
		if text = cli.Plain(text); text != "" {
			t.AppendRow([]any{title, text})
		}
	}
	add("name", m.Name+cli.Prefixed(" / ", m.Translit)+cli.Prefixed(" / ", m.TranslitInitials))
	add("status", m.Status+activation(m))
	if m.OfflineAt != nil {
		add("left here", "since "+cli.Moment(*m.OfflineAt)+", by mark")
	}
	add("title", m.Title)
	add("employee number", m.EmployeeNo)
	add("e-mail", m.Email)
	add("phone", m.Phone)
	for _, fact := range order {
		add(fact.title, text(facts[fact.name]))
	}
	addAll(t, "own fields", own(facts[directory.Custom]))
	addAll(t, "departments", places(m.Places))
	addAll(t, "groups", groups(m.Groups))
	if m.Manager != nil {
		add("manager", manager(*m.Manager))
	}
	if m.Account != nil {
		add("account", account(*m.Account))
	}
	add("picture", m.AvatarURL)
	add("signature", signature.URL)
	add("external id", m.ExternalID)
	add("union id", m.UnionID)
	add("open id", m.OpenID)
	add("row", m.ID)
	add("last written", cli.Moment(m.SyncedAt))
	s.PrintTable(t)
	return nil
}

// order is that of facts without a column of their own, with their titles.
var order = []struct {
	name  directory.Attribute
	title string
}{
	{directory.EnglishName, "English name"}, {directory.Alias, "alias"}, {directory.WorkEmail, "work e-mail"},
	{directory.Telephone, "telephone"}, {directory.Gender, "gender"}, {directory.City, "city"},
	{directory.Country, "country"}, {directory.WorkPlace, "workplace"}, {directory.HiredAt, "hired"},
	{directory.EmployeeType, "employee type"},
}

func activation(m service.Member) string {
	if m.Activated {
		return ""
	}
	return ", has not activated the app"
}

// addAll adds several lines of one title.
func addAll(t *cli.Table, title string, lines []string) {
	for _, line := range lines {
		t.AppendRow([]any{title, cli.Plain(line)})
		title = ""
	}
}

// own are the company's own fields by name.
func own(fact any) []string {
	fields, _ := fact.(map[string]any)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		lines = append(lines, name+": "+text(fields[name]))
	}
	return lines
}

// text is a text as it is, and anything else as JSON.
func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		body, err := json.Marshal(value)
		if err != nil {
			return "" // impossible: it was read from JSON
		}
		return string(body)
	}
}

func places(all []service.MemberPlace) []string {
	var lines []string
	for _, p := range all {
		words := []string{p.Path + " (" + p.ExternalID + ")"}
		if p.Primary {
			words = append(words, "primary")
		}
		if p.Leader {
			words = append(words, "leader")
		}
		lines = append(lines, strings.Join(words, ", "))
	}
	return lines
}

func groups(all []service.MemberGroup) []string {
	var lines []string
	for _, g := range all {
		line := g.Name + " (" + g.ExternalID + ")" + cli.Prefixed(", ", g.Category)
		if !g.Direct {
			line += ", through a department"
		}
		lines = append(lines, line)
	}
	return lines
}

func manager(m service.MemberManager) string {
	if m.ID == "" {
		return m.ExternalID + ", who is not in the directory"
	}
	return m.Name + " (" + m.ExternalID + ")"
}

func account(a service.MemberAccount) string {
	if a.Name == "" {
		return a.ID
	}
	return a.Name + " (" + a.ID + ")"
}
