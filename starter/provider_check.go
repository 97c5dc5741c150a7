package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

type providerTest struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (providerTest) Help() string {
	return `Changes nothing. Says what is missing and where to grant it. The exit status is 0 if a sync can run.

Examples:

  orgsync provider test acme
  orgsync provider test acme --output json`
}

// visibleRange is what the credentials can see, by the provider's ids.
type visibleRange struct {
	Full          bool     `json:"full"`
	DepartmentIDs []string `json:"department_ids,omitempty"`
	MemberIDs     []string `json:"member_ids,omitempty"`
}

// preflight is what the command prints.
type preflight struct {
	Provider string                 `json:"provider"`
	Type     directory.ProviderType `json:"provider_type"`
	OK       bool                   `json:"ok"`
	Company  string                 `json:"company,omitempty"`
	Range    *visibleRange          `json:"range,omitempty"`
	Findings []provider.Finding     `json:"findings"`
}

// Run implements the command.
func (c providerTest) Run(ctx context.Context, s *session) error {
	vault, err := s.openVault(ctx)
	if err != nil {
		return err
	}
	p, err := s.provider(ctx, vault.Store, c.Name)
	if err != nil {
		return err
	}
	client, err := vault.Open(ctx, p, nil)
	if err != nil {
		return &failure{status: exitUsage, err: err}
	}
	result := preflight{Provider: p.Name, Type: p.Type, Findings: []provider.Finding{}}
	report, err := client.Check(ctx)
	var refused *provider.Error
	switch {
	case errors.As(err, &refused):
		result.Findings = append(result.Findings, findingOf(refused))
	case err != nil:
		return fmt.Errorf("test provider %s: %w", p.Name, err)
	default:
		result.OK, result.Company = report.OK(), report.Company
		result.Range = &visibleRange{Full: report.Range.Full, DepartmentIDs: report.Range.Departments, MemberIDs: report.Range.Members}
		result.Findings = append(result.Findings, report.Findings...)
	}
	if s.json {
		if err := s.printJSON(result); err != nil {
			return err
		}
	} else {
		s.sayPreflight(result)
	}
	if !result.OK {
		return ended(exitFailed)
	}
	return nil
}

// findingOf makes a finding of the failure of the whole check. Its wording is the
// error's own, whose remedy is told apart.
func findingOf(e *provider.Error) provider.Finding {
	return provider.Finding{Level: provider.Fail, Check: "reach the API", Detail: e.Said(), Action: e.Remedy()}
}

var marks = map[provider.Level]string{provider.Pass: "ok  ", provider.Warn: "WARN", provider.Fail: "FAIL"}

func (s *session) sayPreflight(result preflight) {
	s.say("%s (%s)%s", result.Provider, result.Type.Traits().DisplayName, prefixed(": ", plain(result.Company)))
	for _, f := range result.Findings {
		mark := marks[f.Level]
		s.sayFolded("  "+behind(s.stdout).hue(strings.TrimSpace(mark), mark)+"  ", plain(f.Check)+prefixed(": ", plain(f.Detail)))
		if f.Action != "" {
			s.sayFolded("        to do: ", plain(f.Action))
		}
	}
	if result.Range != nil {
		s.say("Visible: %s", rangeText(*result.Range))
	}
	if result.OK {
		s.say("A sync can run. Next: orgsync sync %s --wait", result.Provider)
	} else {
		s.say("A sync cannot run yet; do what is marked FAIL, then run: orgsync provider test %s", result.Provider)
	}
}

func rangeText(r visibleRange) string {
	if r.Full {
		return "the whole company"
	}
	return fmt.Sprintf("%d departments with what is below them, and %d single people", len(r.DepartmentIDs), len(r.MemberIDs))
}

func prefixed(prefix, text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return prefix + text
}
