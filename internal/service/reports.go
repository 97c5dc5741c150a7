package service

import (
	"context"
	"strings"
	"time"

	"github.com/orgsync/orgsync/db/pages"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/workflows"
)

// ProviderStatus is how a provider stands.
type ProviderStatus struct {
	report.ProviderStatus
	// NextRunAt is when its schedule is due next: nil if it has none, if it is paused, or while
	// Temporal is away.
	NextRunAt *time.Time
	// SchedulePaused says that it has a schedule which starts nothing.
	SchedulePaused bool
}

// GetStatusResult is how all providers stand, by name.
type GetStatusResult struct {
	Providers []ProviderStatus
	// SchedulesUnknown is why nothing is known of schedules, nil if it is.
	SchedulesUnknown error
}

// GetStatus returns how all providers stand. Temporal may be away: the rest is worth knowing
// all the same.
func (s *Service) GetStatus(ctx context.Context) (GetStatusResult, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return GetStatusResult{}, err
	}
	stored, err := store.Report.ListProviderStatuses(ctx)
	if err != nil {
		return GetStatusResult{}, err
	}
	result := GetStatusResult{Providers: make([]ProviderStatus, len(stored))}
	due, err := s.schedulesByProvider(ctx)
	result.SchedulesUnknown = err
	for i, status := range stored {
		one := ProviderStatus{ProviderStatus: status}
		schedule, ok := due[status.Provider]
		one.SchedulePaused = ok && schedule.Paused
		if ok && !schedule.Paused && len(schedule.NextRuns) > 0 {
			one.NextRunAt = &schedule.NextRuns[0]
		}
		result.Providers[i] = one
	}
	return result, nil
}

// schedulesByProvider returns a schedule for each provider that has one: its own, where
// several start its syncs.
func (s *Service) schedulesByProvider(ctx context.Context) (map[string]Schedule, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	listed, err := s.ListSchedules(ctx)
	due := map[string]Schedule{}
	for _, one := range listed {
		if one.ID == workflows.ScheduleID(one.Provider) || due[one.Provider].ID == "" {
			due[one.Provider] = one
		}
	}
	return due, err
}

// ListDepartments returns a provider's active departments from the tops down, siblings in
// the provider's order; nil levels means all of them.
func (s *Service) ListDepartments(ctx context.Context, provider string, levels *int) ([]Department, error) {
	depth := 0
	if levels != nil {
		if depth = *levels; depth < 1 {
			return nil, &Error{Code: DepthInvalid, Args: Args{Field: "depth", Number: float64(depth)}}
		}
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return nil, err
	}
	return store.Report.ReadTree(ctx, p.ID, depth)
}

// SearchResult is what a text was found in.
type SearchResult struct {
	Members     []MemberRow
	Departments []FoundDepartment
}

// Search finds a provider's members and departments by a text, up to limit of each.
func (s *Service) Search(ctx context.Context, provider, text string, limit int) (SearchResult, error) {
	if strings.TrimSpace(text) == "" {
		return SearchResult{}, &Error{Code: TextEmpty, Args: Args{Field: "text"}}
	}
	if err := checkLimit(limit); err != nil {
		return SearchResult{}, err
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return SearchResult{}, err
	}
	var result SearchResult
	result.Members, err = store.Pages.ListMembers(ctx, pages.MembersOf{
		Bounds: pages.Bounds{ProviderID: p.ID}, Text: text,
	}, MemberRow{}, limit)
	if err != nil {
		return SearchResult{}, err
	}
	result.Departments, err = store.Report.SearchDepartments(ctx, p.ID, text, limit)
	return result, err
}

// MaxMatches is how many objects an ObjectAmbiguous error names. It holds one more if
// there are more.
const MaxMatches = 20

// ExplainObject returns everything on record of the one member or department of a provider
// that a text means, deleted ones among them.
func (s *Service) ExplainObject(ctx context.Context, provider, text string) (ObjectHistory, error) {
	if strings.TrimSpace(text) == "" {
		return ObjectHistory{}, &Error{Code: TextEmpty, Args: Args{Field: "object"}}
	}
	store, p, err := s.openProvider(ctx, provider)
	if err != nil {
		return ObjectHistory{}, err
	}
	found, err := store.FindObjects(ctx, p.ID, text, MaxMatches+1)
	switch {
	case err != nil:
		return ObjectHistory{}, err
	case len(found) == 0:
		return ObjectHistory{}, &Error{Code: ObjectUnknown, Args: Args{Provider: p.Name, Text: text}}
	case len(found) > 1:
		return ObjectHistory{}, &Error{Code: ObjectAmbiguous, Args: Args{Provider: p.Name, Text: text, Matches: found}}
	}
	return store.GetObjectHistory(ctx, found[0])
}
