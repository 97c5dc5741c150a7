// Package rules holds the commands about what belongs in a provider's directory and what is
// made of members' fields.
package rules

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/internal/rules"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/run"
)

// Commands are those below "orgsync rules".
type Commands struct {
	Show   showCommand   `cmd:"" help:"Show a provider's rules."`
	Set    setCommand    `cmd:"" help:"Set a provider's rules, or plan what they would change."`
	Try    tryCommand    `cmd:"" help:"Show what rules come to for one person."`
	Remove removeCommand `cmd:"" help:"Remove a provider's rules."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `Rules say which departments and people belong in the directory, and what is made of their fields. They are
a document in YAML or JSON:

  scope:
    departments: { include: ["od-1"], exclude: ["od-9"] }
    members: active && email.endsWith("@acme.com")
    kinds: { groups: true, administrators: true }
  mapping:
    - { target: attributes.cost_center, expression: 'attributes.custom["C-6704"]', default: none }

Expressions are CEL. Their variables: ` + rules.Variables + `.

Examples:

  orgsync rules set acme --file rules.yaml --plan
  orgsync rules set acme --file rules.yaml
  orgsync rules try acme --member u-7
  orgsync rules show acme`
}

type showCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `Shows the rules as they were set, when and by whom, and how many versions there were before.

Examples:

  orgsync rules show acme
  orgsync rules show acme --output json`
}

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	shown, err := s.Service.ShowRules(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Shown{Version: versionOf(shown.Rules), Earlier: cli.Each(shown.Earlier, versionOf)})
	}
	if shown.Document == "" {
		s.Printf("%s has no rules: everybody whom the provider shows is in the directory.", shown.Provider)
	} else {
		printDocument(s, shown.Document)
	}
	if shown.Version > 0 {
		printVersion(s, shown.Rules)
	}
	for _, earlier := range shown.Earlier {
		printVersion(s, earlier)
	}
	return nil
}

// printVersion tells of a version in a comment, so that all of it can be set again.
func printVersion(s *cli.Session, r service.Rules) {
	s.Printf("# version %d, set %s%s", r.Version, cli.Moment(r.SetAt), cli.Prefixed(" by ", cli.Plain(r.SetBy)))
}

// printDocument writes rules as they were set.
func printDocument(s *cli.Session, document string) {
	for line := range strings.Lines(document) {
		s.Printf("%s", cli.Plain(strings.ReplaceAll(line, "\t", "  ")))
	}
}

type setCommand struct {
	Name string `arg:"" help:"The provider's name."`
	File string `required:"" placeholder:"RULES.yaml|-" help:"The rules in YAML or JSON, or - for standard input."`
	Plan bool   `help:"Leave the rules in force as they are; report what a sync by these would change."`
	run.WaitFlags
}

// Help implements kong.HelpProvider.
func (setCommand) Help() string {
	return `The rules apply to syncs that start from now on; the next one also reaches people whose listings have not
changed. If it would remove anybody for the rules, it is held, however few they are. Plan first.

Examples:

  orgsync rules set acme --file rules.yaml --plan
  orgsync rules set acme --file rules.yaml
  echo '{"scope":{"departments":{"exclude":["od-9"]}}}' | orgsync rules set acme --file -`
}

// Run implements the command.
func (c setCommand) Run(ctx context.Context, s *cli.Session) error {
	document, err := readRules(s, c.File)
	if err != nil {
		return err
	}
	in := service.SetRulesInput{Provider: c.Name, Document: document, By: cli.By()}
	if c.Plan {
		planned, err := s.Service.PlanRules(ctx, in)
		if err != nil {
			return err
		}
		warnOfRules(s, planned.Rules)
		return run.FollowOrPrint(ctx, s, planned.Execution, c.WaitFlags)
	}
	set, err := s.Service.SetRules(ctx, in)
	if err != nil {
		return err
	}
	warnOfRules(s, set)
	if s.JSON {
		return s.PrintJSON(versionOf(set))
	}
	s.Printf("Version %d of the rules of %s is in force. See what changes: orgsync sync %s --plan", set.Version,
		set.Provider, set.Provider)
	return nil
}

// warnOfRules tells of departments that may be misspelt, and of what has no effect.
func warnOfRules(s *cli.Session, r service.Rules) {
	if r.DetailsUnused {
		s.Warnf("scope.details has no effect on %s: its listings tell managers and order already", r.Provider)
	}
	if len(r.UnknownDepartments) > 0 {
		s.Warnf("no run of %s ever met these departments of the scope: %s; compare them with: orgsync tree %s --ids",
			r.Provider, cli.Plain(strings.Join(r.UnknownDepartments, ", ")), r.Provider)
	}
}

// readRules reads a document of rules.
func readRules(s *cli.Session, path string) ([]byte, error) {
	text, err := s.ReadInput(path, rules.MaxDocument)
	if err != nil {
		return nil, cli.UsageError("read rules: %w", err)
	}
	return text, nil
}

type removeCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (removeCommand) Help() string {
	return `From the next sync on everybody whom the provider shows is in the directory, and fields are as the provider
sends them. What rules put into attributes is cleared.

Examples:

  orgsync rules remove acme`
}

// Run implements the command.
func (c removeCommand) Run(ctx context.Context, s *cli.Session) error {
	removed, err := s.Service.RemoveRules(ctx, c.Name, cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(versionOf(removed))
	}
	s.Printf("%s has no rules any more. See what changes: orgsync sync %s --plan", removed.Provider, removed.Provider)
	return nil
}
