package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/orgsync/orgsync/workflows"
)

// Schedule is a schedule that starts syncs of a provider. Temporal keeps it.
type Schedule struct {
	Provider string
	ID       string
	Rule     Rule
	Paused   bool
	// Note is why it is paused.
	Note string
	// NextRuns are the next starts, LastRuns the latest, newest first.
	NextRuns []time.Time
	LastRuns []ScheduledRun
}

// ScheduledRun is what a schedule started.
type ScheduledRun struct {
	StartedAt     time.Time
	WorkflowID    string
	TemporalRunID string
	// Outcome is the sync's status, "skipped", how the workflow ended if not in one of
	// these ways, "running", or "" where Temporal has forgotten it.
	Outcome string
}

const (
	// maxStarts is how many starts a Schedule has, before and after now.
	maxStarts = 5
	// patience is how long a use case waits for Temporal about a schedule that it is not about.
	patience = 5 * time.Second
	// maxAsked is how many runs one question to Temporal is about.
	maxAsked = 100
)

// handle is a provider's schedule, which may not be there.
type handle struct {
	client.ScheduleHandle
	temporal client.Client
	provider string
}

func (s *Service) scheduleHandle(ctx context.Context, provider string) (handle, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return handle{}, err
	}
	return handleOf(ctx, temporal, provider), nil
}

func handleOf(ctx context.Context, temporal client.Client, provider string) handle {
	return handle{temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleID(provider)), temporal, provider}
}

// failure says what could not be done, in particular because there is no schedule.
func (h handle) failure(what string, err error) error {
	if isMissing(err) {
		return &Error{Code: ScheduleUnknown, Args: Args{Provider: h.provider}}
	}
	return fmt.Errorf("%s the schedule of %s: %w", what, h.provider, err)
}

// read returns the schedule as it is now.
func (h handle) read(ctx context.Context) (Schedule, error) {
	d, err := h.Describe(ctx)
	if err != nil {
		return Schedule{}, h.failure("show", err)
	}
	one := scheduleOf(h.GetID(), d.Schedule.Spec, d.Info.NextActionTimes, d.Info.RecentActions)
	one.Provider, one.Paused, one.Note = h.provider, d.Schedule.State.Paused, d.Schedule.State.Note
	return one, findOutcomes(ctx, h.temporal, []Schedule{one})
}

func scheduleOf(id string, spec *client.ScheduleSpec, next []time.Time, last []client.ScheduleActionResult) Schedule {
	one := Schedule{ID: id, Rule: ruleOf(spec), NextRuns: append([]time.Time{}, next[:min(len(next), maxStarts)]...)}
	for _, action := range slices.Backward(last) {
		if started := action.StartWorkflowResult; started != nil && len(one.LastRuns) < maxStarts {
			one.LastRuns = append(one.LastRuns, ScheduledRun{
				StartedAt: action.ActualTime, WorkflowID: started.WorkflowID,
				TemporalRunID: started.FirstExecutionRunID,
			})
		}
	}
	return one
}

// GetSchedule returns a provider's schedule. It waits for Temporal no longer than is worth
// it where another thing is asked about.
func (s *Service) GetSchedule(ctx context.Context, provider string) (Schedule, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := s.scheduleHandle(ctx, provider)
	if err != nil {
		return Schedule{}, err
	}
	return found.read(ctx)
}

// ListSchedules returns all schedules that start syncs, by provider.
func (s *Service) ListSchedules(ctx context.Context) ([]Schedule, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return nil, err
	}
	// Whoever sets one by hand need not mark it: all are looked at.
	listed, err := temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	var all []Schedule
	for listed.HasNext() {
		entry, err := listed.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		if entry.WorkflowType.Name != workflows.ScheduledSyncName {
			continue
		}
		one := scheduleOf(entry.ID, entry.Spec, entry.NextActionTimes, entry.RecentActions)
		one.Provider, one.Paused, one.Note = providerOfEntry(entry), entry.Paused, entry.Note
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Schedule) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.ID, b.ID))
	})
	return all, findOutcomes(ctx, temporal, all)
}

// providerOfEntry is what a schedule is marked with, else what its id says.
func providerOfEntry(entry *client.ScheduleListEntry) string {
	var name string
	payload := entry.SearchAttributes.GetIndexedFields()[workflows.AttributeProvider.GetName()]
	if converter.GetDefaultDataConverter().FromPayload(payload, &name) != nil || name == "" {
		name, _ = workflows.ProviderOfScheduleID(entry.ID)
	}
	return name
}

// findOutcomes asks Temporal what came of the runs that schedules started.
func findOutcomes(ctx context.Context, temporal client.Client, schedules []Schedule) error {
	var runs []*ScheduledRun
	for _, one := range schedules {
		for i := range one.LastRuns {
			runs = append(runs, &one.LastRuns[i])
		}
	}
	for some := range slices.Chunk(runs, maxAsked) {
		quoted := make([]string, len(some))
		for i, run := range some {
			quoted[i] = "'" + run.TemporalRunID + "'"
		}
		found, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: "RunId IN (" + strings.Join(quoted, ",") + ")", PageSize: maxAsked,
		})
		if err != nil {
			return fmt.Errorf("ask Temporal what came of scheduled syncs: %w", err)
		}
		outcomes := map[string]string{}
		for _, one := range found.GetExecutions() {
			outcomes[one.GetExecution().GetRunId()] = outcomeOf(one)
		}
		for _, run := range some {
			run.Outcome = outcomes[run.TemporalRunID]
		}
	}
	return nil
}

// outcomeOf is what the workflow said of itself, else how Temporal says it ended.
func outcomeOf(run *workflow.WorkflowExecutionInfo) string {
	var said string
	payload := run.GetSearchAttributes().GetIndexedFields()[workflows.AttributeOutcome.GetName()]
	if converter.GetDefaultDataConverter().FromPayload(payload, &said) == nil && said != "" {
		return said
	}
	return strings.ToLower(run.GetStatus().String())
}

// PauseSchedule pauses a provider's schedule for the reason in note. by is who does.
func (s *Service) PauseSchedule(ctx context.Context, provider, note string, by By) (Schedule, error) {
	found, err := s.scheduleHandle(ctx, provider)
	if err != nil {
		return Schedule{}, err
	}
	pause := func(ctx context.Context) error { return found.Pause(ctx, client.SchedulePauseOptions{Note: note}) }
	if err := s.logged(ctx, found, by, "schedule.pause", scheduleLog{}, scheduleLog{Paused: true, Note: note},
		pause); err != nil {
		return Schedule{}, found.failure("pause", err)
	}
	return found.read(ctx)
}

// ResumeSchedule lets a paused schedule go on. by is who does.
func (s *Service) ResumeSchedule(ctx context.Context, provider, note string, by By) (Schedule, error) {
	found, err := s.scheduleHandle(ctx, provider)
	if err != nil {
		return Schedule{}, err
	}
	resume := func(ctx context.Context) error { return found.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}) }
	if err := s.logged(ctx, found, by, "schedule.resume", scheduleLog{Paused: true}, scheduleLog{Note: note},
		resume); err != nil {
		return Schedule{}, found.failure("resume", err)
	}
	return found.read(ctx)
}

// TriggerScheduleResult is a schedule that was told to start its sync.
type TriggerScheduleResult struct {
	ScheduleID string
	// Trouble is that no worker is there to carry it out, nil if one is.
	Trouble *Trouble
}

// TriggerSchedule starts a schedule's sync now, unless one is at work.
func (s *Service) TriggerSchedule(ctx context.Context, provider string) (TriggerScheduleResult, error) {
	found, err := s.scheduleHandle(ctx, provider)
	if err != nil {
		return TriggerScheduleResult{}, err
	}
	if err := found.Trigger(ctx, triggered); err != nil {
		return TriggerScheduleResult{}, found.failure("trigger", err)
	}
	return TriggerScheduleResult{ScheduleID: found.GetID(), Trouble: findNoWorker(ctx, found.temporal)}, nil
}

// RemoveScheduleResult is a schedule that was removed.
type RemoveScheduleResult struct {
	ScheduleID string
	// Rule is when it was due.
	Rule Rule
}

// RemoveSchedule removes a provider's schedule. by is who does.
func (s *Service) RemoveSchedule(ctx context.Context, provider string, by By) (RemoveScheduleResult, error) {
	return s.removeSchedule(ctx, provider, func(found handle, was Rule) error {
		return s.logged(ctx, found, by, "schedule.remove", scheduleLogOf(was), scheduleLog{}, found.Delete)
	})
}

func (s *Service) removeSchedule(ctx context.Context, provider string, remove func(found handle, was Rule) error) (
	RemoveScheduleResult, error) {
	found, err := s.scheduleHandle(ctx, provider)
	if err != nil {
		return RemoveScheduleResult{}, err
	}
	described, err := found.Describe(ctx)
	if err != nil {
		return RemoveScheduleResult{}, found.failure("remove", err)
	}
	was := ruleOf(described.Schedule.Spec)
	if err := remove(found, was); err != nil {
		return RemoveScheduleResult{}, found.failure("remove", err)
	}
	return RemoveScheduleResult{ScheduleID: found.GetID(), Rule: was}, nil
}

// ScheduleRemoval is what became of the schedule of a provider that was removed or switched
// off. The zero value says that it had none.
type ScheduleRemoval struct {
	// Removed is when the schedule was due that is removed, nil if none was.
	Removed *Rule
	// Err is why it is not known whether there is one.
	Err error
}

// dropSchedule removes the schedule of a provider that was removed or switched off. That
// Temporal is away is no reason to keep the provider: a schedule without one removes
// itself as soon as it is due.
func (s *Service) dropSchedule(ctx context.Context, provider string) ScheduleRemoval {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	removed, err := s.removeSchedule(ctx, provider, func(found handle, _ Rule) error { return found.Delete(ctx) })
	switch {
	case err == nil:
		return ScheduleRemoval{Removed: &removed.Rule}
	case HasCode(err, ScheduleUnknown):
		return ScheduleRemoval{}
	default:
		return ScheduleRemoval{Err: err}
	}
}
