package service

import (
	"context"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

// PreviewMember is a person as a provider shows them now.
type PreviewMember = directory.Member

// previewCalls bounds what a preview may cost: calls of the provider beside those for its roots.
const previewCalls = 40

// PreviewProvider returns the first people that a provider shows now, at most so many, and
// stores nothing. It reads departments from the roots on until it has enough of them.
func (s *Service) PreviewProvider(ctx context.Context, name string, limit int) ([]PreviewMember, error) {
	vault, err := s.openVault(ctx)
	if err != nil {
		return nil, err
	}
	p, err := findProvider(ctx, vault.Store, name)
	if err != nil {
		return nil, err
	}
	client, err := vault.Open(ctx, p, nil)
	if err != nil {
		return nil, &Error{Code: ProviderConfigInvalid, Err: err}
	}
	roots, _, err := client.ListRoots(ctx)
	if err == nil {
		read := preview{client: client, limit: limit, calls: previewCalls, seen: map[string]bool{}}
		if err = read.departments(ctx, roots); err == nil {
			return read.found, nil
		}
	}
	if e := providerError(err); e != nil {
		return nil, &Error{Code: ProviderFailed, Err: e}
	}
	return nil, err
}

// preview is one reading of the first people.
type preview struct {
	client       provider.Client
	limit, calls int
	seen         map[string]bool
	found        []PreviewMember
}

func (p *preview) done() bool { return len(p.found) >= p.limit || p.calls <= 0 }

// departments reads level by level. What one department does not show others may: it fails
// only where every call would, or where no member was found for it.
func (p *preview) departments(ctx context.Context, level []provider.FoundDepartment) error {
	var failed error
	for len(level) > 0 && !p.done() {
		for _, d := range level {
			if err := p.members(ctx, d); err != nil {
				failed = err
			}
		}
		var below []provider.FoundDepartment
		for _, d := range level {
			found, err := p.children(ctx, d)
			if err != nil {
				failed = err
			}
			below = append(below, found...)
		}
		level = below
	}
	if e := providerError(failed); len(p.found) > 0 && (e == nil || !e.Kind.EndsRun()) {
		return nil
	}
	return failed
}

func (p *preview) members(ctx context.Context, d provider.FoundDepartment) error {
	if d.MembersMethod == "" || p.done() {
		return nil
	}
	p.calls--
	page, err := p.client.ListDepartmentMembers(ctx, provider.Query{Department: d.ExternalID, Method: d.MembersMethod})
	for _, m := range page.Members {
		if len(p.found) < p.limit && !p.seen[m.ExternalID] {
			p.seen[m.ExternalID] = true
			p.found = append(p.found, normalize.Member(m))
		}
	}
	return err
}

func (p *preview) children(ctx context.Context, d provider.FoundDepartment) ([]provider.FoundDepartment, error) {
	if d.ChildrenMethod == "" || p.done() {
		return nil, nil
	}
	p.calls--
	q := provider.Query{Department: d.ExternalID, Method: d.ChildrenMethod}
	page, err := p.client.ListDepartments(ctx, q)
	if q.Method = instead(err, q.Method); q.Method != "" {
		p.calls--
		page, err = p.client.ListDepartments(ctx, q)
	}
	return page.Departments, err
}
