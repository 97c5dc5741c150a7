package service

import (
	"context"
	"errors"
	"slices"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
	"github.com/orgsync/orgsync/internal/directory"
)

// Rows of what a person decides about.
type (
	RemovalLine  = pages.RemovalLine
	RemovalGroup = pages.RemovalGroup
	Decision     = pages.Decision
)

// GetStatus returns how the providers stand that the caller reaches.
func (v View) GetStatus(ctx context.Context) (GetStatusResult, error) {
	result, err := v.s.GetStatus(ctx)
	if err != nil || v.within.Unlimited() {
		return result, err
	}
	reached, err := v.providerNames(ctx)
	result.Providers = slices.DeleteFunc(result.Providers, func(p ProviderStatus) bool {
		return !slices.Contains(reached, p.Provider)
	})
	return result, err
}

// ListSchedules returns the schedules of the providers that the caller reaches.
func (v View) ListSchedules(ctx context.Context) ([]Schedule, error) {
	all, err := v.s.ListSchedules(ctx)
	if err != nil || v.within.Unlimited() {
		return all, err
	}
	reached, err := v.providerNames(ctx)
	return slices.DeleteFunc(all, func(s Schedule) bool { return !slices.Contains(reached, s.Provider) }), err
}

// providerNames are the names of the providers that the caller reaches.
func (v View) providerNames(ctx context.Context) ([]string, error) {
	all, err := v.s.ListProviders(ctx)
	var names []string
	for _, p := range all {
		if v.within.Covers(p.TenantID, p.ID) {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// ShowMember returns a member's row and everything known of them.
func (v View) ShowMember(ctx context.Context, id string) (MemberRow, Member, error) {
	row, err := v.GetMember(ctx, id)
	if err != nil {
		return MemberRow{}, Member{}, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return MemberRow{}, Member{}, err
	}
	member, err := store.Report.GetMember(ctx, id)
	return row.MemberRow, member, err
}

// ListRemovalLinesInput says which removals of a run are wanted; what is empty limits nothing.
type ListRemovalLinesInput struct {
	RunID string
	// Kind is an object type, Text a part of a name, an id or a place.
	Kind, Text string
	Page
}

// ListRemovalLines returns what a run planned to remove, by kind, place and name.
func (v View) ListRemovalLines(ctx context.Context, in ListRemovalLinesInput) (Rows[RemovalLine], error) {
	store, _, err := v.run(ctx, in.RunID)
	if err != nil {
		return Rows[RemovalLine]{}, err
	}
	return list(in.Page, func(after RemovalLine, limit int) ([]RemovalLine, error) {
		return store.Pages.ListRemovalLines(ctx, in.RunID, in.Kind, in.Text, after, limit)
	}, func(r RemovalLine) RemovalLine {
		return RemovalLine{
			ObjectType: r.ObjectType, Path: r.Path, Name: r.Name, ObjectID: r.ObjectID, DepartmentID: r.DepartmentID,
		}
	})
}

// RemovalSummary is what a run planned to remove, in figures.
type RemovalSummary struct {
	// Figures are what is planned of each kind, against what is there and the limits.
	Figures directory.Removals
	// Count is how much is planned, Applied how much of it is removed.
	Count, Applied int64
	// Tag names the whole list: a decision is for the list with that tag and no other.
	Tag string
}

// SummarizeRemovals returns what a run planned to remove.
func (v View) SummarizeRemovals(ctx context.Context, id string) (out RemovalSummary, err error) {
	store, _, err := v.run(ctx, id)
	if err != nil {
		return out, err
	}
	if out.Count, out.Tag, err = store.Pages.HashRemovals(ctx, id); err != nil || out.Count == 0 {
		return out, err
	}
	if out.Figures, err = store.ListHeldRemovals(ctx, id); err != nil {
		return out, err
	}
	counts, err := store.Pages.CountRemovals(ctx, id)
	for _, of := range counts {
		out.Figures.Of(directory.Kind(of.ObjectType)).Planned = int(of.Removals)
		out.Applied += of.Applied
	}
	return out, err
}

// GroupRemovals returns how much a run planned to remove of a kind for each reason in each
// place, in up to so many groups, the largest first.
func (v View) GroupRemovals(ctx context.Context, id, kind string, groups int) ([]RemovalGroup, error) {
	store, _, err := v.run(ctx, id)
	if err != nil {
		return nil, err
	}
	return store.Pages.GroupRemovals(ctx, id, kind, groups)
}

// GetDecision returns the decision about a held run that is on record, nil if there is none.
func (v View) GetDecision(ctx context.Context, id string) (*Decision, error) {
	store, run, err := v.run(ctx, id)
	if err != nil {
		return nil, err
	}
	decision, err := store.Pages.GetDecision(ctx, run.ProviderID, id)
	if errors.Is(err, db.ErrNotFound) {
		return nil, nil
	}
	return &decision, err
}
