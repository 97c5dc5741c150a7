package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type testCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (testCommand) Help() string {
	return `Changes nothing. Says what is missing and where to grant it. The exit status is 0 if a sync can run.

Examples:

  orgsync provider test acme
  orgsync provider test acme --output json`
}

// VisibleRange is what the credentials can see, by the provider's ids.
type VisibleRange struct {
	Full          bool     `json:"full"`
	DepartmentIDs []string `json:"department_ids,omitempty"`
	MemberIDs     []string `json:"member_ids,omitempty"`
}

// Finding is one checked thing: what was tried, what came of it and what to do about it.
type Finding struct {
	Level  string `json:"level"`
	Code   string `json:"code"`
	Check  string `json:"check"`
	Detail string `json:"detail,omitempty"`
	Action string `json:"action,omitempty"`
}

// Preflight is what the command prints.
type Preflight struct {
	Provider string                 `json:"provider"`
	Type     directory.ProviderType `json:"provider_type"`
	OK       bool                   `json:"ok"`
	Company  string                 `json:"company,omitempty"`
	Range    *VisibleRange          `json:"range,omitempty"`
	Findings []Finding              `json:"findings"`
}

func preflightOf(tested service.TestProviderResult, l message.Language) Preflight {
	out := Preflight{
		Provider: tested.Provider, Type: tested.Type, OK: tested.OK, Company: tested.Company,
		Findings: cli.Each(tested.Findings, func(f service.Finding) Finding {
			return Finding{
				Level: string(f.Level), Code: f.Code(),
				Check: f.Check.In(l), Detail: f.Detail.In(l), Action: f.Action.In(l),
			}
		}),
	}
	if r := tested.Range; r != nil {
		out.Range = &VisibleRange{Full: r.Full, DepartmentIDs: r.Departments, MemberIDs: r.Members}
	}
	return out
}

// Run implements the command.
func (c testCommand) Run(ctx context.Context, s *cli.Session) error {
	tested, err := s.Service.TestProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		if err := s.PrintJSON(preflightOf(tested, message.English)); err != nil {
			return err
		}
	} else {
		printPreflight(s, preflightOf(tested, s.Language))
	}
	if !tested.OK {
		return cli.Ended(cli.ExitFailed)
	}
	return nil
}

var marks = map[string]string{string(service.Pass): "ok  ", string(service.Warn): "WARN", string(service.Fail): "FAIL"}

func printPreflight(s *cli.Session, result Preflight) {
	s.Printf("%s (%s)%s", result.Provider, result.Type.Traits().DisplayName,
		cli.Prefixed(": ", cli.Plain(result.Company)))
	for _, f := range result.Findings {
		mark := marks[f.Level]
		s.PrintFolded("  "+s.Screen().Hue(strings.TrimSpace(mark), mark)+"  ",
			cli.Plain(f.Check)+": "+cli.Plain(f.Detail))
		if f.Action != "" {
			s.PrintFolded("        to do: ", cli.Plain(f.Action))
		}
	}
	if result.Range != nil {
		s.Printf("Visible: %s", rangeText(*result.Range))
	}
	if result.OK {
		s.Printf("A sync can run. Next: orgsync sync %s --wait", result.Provider)
	} else {
		s.Printf("A sync cannot run yet; do what is marked FAIL, then run: orgsync provider test %s", result.Provider)
	}
}

func rangeText(r VisibleRange) string {
	if r.Full {
		return "the whole company"
	}
	return fmt.Sprintf("%d departments with what is below them, and %d single people", len(r.DepartmentIDs),
		len(r.MemberIDs))
}
