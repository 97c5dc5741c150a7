package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// TestProviderResult is what testing a provider against its live API told.
type TestProviderResult struct {
	Provider string
	Type     directory.ProviderType
	// OK says that a sync can run.
	OK bool
	// Company is the company's name at the provider.
	Company string
	// Range is what the credentials can see, nil if they can see nothing at all.
	Range    *VisibleRange
	Findings []Finding
}

// VisibleRange is what a provider's credentials can see.
type VisibleRange = provider.VisibleRange

// TestProvider tries a provider's credentials, permissions, visible range and sign-in against the
// live API. What it finds wrong is in the result.
func (s *Service) TestProvider(ctx context.Context, name string) (TestProviderResult, error) {
	vault, err := s.openVault(ctx)
	if err != nil {
		return TestProviderResult{}, err
	}
	p, err := findProvider(ctx, vault.Store, name)
	if err != nil {
		return TestProviderResult{}, err
	}
	client, err := vault.Open(ctx, p, nil)
	if err != nil {
		return TestProviderResult{}, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	result := TestProviderResult{Provider: p.Name, Type: p.Type}
	report, err := client.Check(ctx)
	var refused *provider.Error
	switch {
	case errors.As(err, &refused):
		var failed provider.Report
		failed.Refuse(provider.Fail, message.Of("tried.api", nil), refused)
		result.Findings = failed.Findings
	case err != nil:
		return TestProviderResult{}, fmt.Errorf("test provider %s: %w", p.Name, err)
	default:
		result.OK, result.Company = report.OK(), report.Company
		result.Range, result.Findings = &report.Range, report.Findings
	}
	if resolver, offers := client.(provider.LoginResolver); offers && result.OK {
		logins, err := resolver.CheckLogin(ctx)
		if err != nil {
			return TestProviderResult{}, fmt.Errorf("test sign-in by provider %s: %w", p.Name, err)
		}
		result.Findings = append(result.Findings, logins...)
	}
	return result, nil
}
