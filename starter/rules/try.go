package rules

import (
	"context"
	"encoding/json"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type tryCommand struct {
	Name   string `arg:"" help:"The provider's name."`
	Member string `required:"" placeholder:"ID" help:"A person: the provider's id, or whatever the directory knows them by."`
	File   string `placeholder:"RULES.yaml|-" help:"Rules to be tried instead of those in force, or - for standard input."`
}

// Help implements kong.HelpProvider.
func (tryCommand) Help() string {
	return `Reads the person from the provider if possible, else from the directory, and shows every input, output and
error. Changes nothing.

Examples:

  orgsync rules try acme --member u-7
  orgsync rules try acme --member u-7 --file rules.yaml
  orgsync rules try acme --member u-7 --output json`
}

// Run implements the command.
func (c tryCommand) Run(ctx context.Context, s *cli.Session) error {
	in := service.TryRulesInput{Provider: c.Name, Member: c.Member}
	if c.File != "" {
		var err error
		if in.Document, err = readRules(s, c.File); err != nil {
			return err
		}
	}
	tried, err := s.Service.TryRules(ctx, in)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		document, err := triedOf(tried)
		if err != nil {
			return err
		}
		return s.PrintJSON(document)
	}
	printTried(s, tried)
	return nil
}

func printTried(s *cli.Session, r service.TryRulesResult) {
	if r.Fresh {
		s.Printf("%s as the provider shows them now:", cli.Plain(r.ExternalID))
	} else {
		s.Printf("%s as the directory has them (%s):", cli.Plain(r.ExternalID), cli.Plain(r.Stale))
	}
	for _, input := range r.Inputs {
		if input.Value == nil {
			s.Printf("  %s: not sent", input.Name)
			continue
		}
		value, err := json.Marshal(input.Value)
		if err != nil {
			value = []byte(err.Error())
		}
		s.PrintFolded("  "+input.Name+": ", cli.Plain(string(value)))
	}
	s.Printf("")
	switch {
	case r.ScopeError != nil:
		s.PrintFolded("in scope: ", "as before, since the expression failed: "+cli.Plain(textOf(r.ScopeError)))
	case r.InScope:
		s.Printf("in scope: yes")
	default:
		s.Printf("in scope: no")
	}
	for _, f := range r.Fields {
		when := ""
		if f.OnCreate {
			when = " (only where the person is new)"
		}
		switch {
		case f.Err != nil:
			s.PrintFolded(f.Target+": ", "as before, since the expression failed: "+cli.Plain(textOf(f.Err)))
		case f.Value == "":
			s.Printf("%s: cleared%s", f.Target, when)
		default:
			s.PrintFolded(f.Target+": ", cli.Plain(f.Value)+when)
		}
	}
}
