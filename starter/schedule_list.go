package main

import (
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

// scheduleView is a schedule as the command line shows it.
type scheduleView struct {
	Provider   string `json:"provider"`
	ScheduleID string `json:"schedule_id"`
	// Rule says in words when it is due; the fields after it are what it was set with.
	Rule     string `json:"rule"`
	Every    string `json:"every,omitempty"`
	Offset   string `json:"offset,omitempty"`
	Jitter   string `json:"jitter,omitempty"`
	Cron     string `json:"cron,omitempty"`
	TimeZone string `json:"time_zone"`
	Paused   bool   `json:"paused"`
	Note     string `json:"note,omitempty"`
	// Change is what setting it did: set, changed or unchanged.
	Change string `json:"change,omitempty"`
	// NextRuns are the next starts, LastRuns the latest, newest first.
	NextRuns []time.Time    `json:"next_runs"`
	LastRuns []scheduledRun `json:"last_runs"`
}

// scheduledRun is what a schedule started.
type scheduledRun struct {
	StartedAt     time.Time `json:"started_at"`
	WorkflowID    string    `json:"workflow_id"`
	TemporalRunID string    `json:"temporal_run_id"`
	// Outcome is the sync's status, "skipped", how the workflow ended if not in one of
	// these ways, "running", or "" where Temporal has forgotten it.
	Outcome string `json:"outcome"`
}

// shownRuns is how many starts are shown, before and after now.
const shownRuns = 5

func viewSchedule(id string, spec *client.ScheduleSpec, next []time.Time, last []client.ScheduleActionResult) scheduleView {
	due := ruleOf(spec)
	v := scheduleView{
		ScheduleID: id, Rule: due.String(), TimeZone: due.zone, Cron: due.cron,
		NextRuns: append([]time.Time{}, next[:min(len(next), shownRuns)]...), LastRuns: []scheduledRun{},
	}
	if due.every > 0 {
		v.Every, v.Offset = length(due.every), length(due.offset)
	}
	if due.jitter > 0 {
		v.Jitter = length(due.jitter)
	}
	for _, action := range slices.Backward(last) {
		if started := action.StartWorkflowResult; started != nil && len(v.LastRuns) < shownRuns {
			v.LastRuns = append(v.LastRuns, scheduledRun{
				StartedAt: action.ActualTime, WorkflowID: started.WorkflowID, TemporalRunID: started.FirstExecutionRunID,
			})
		}
	}
	return v
}

// view returns the schedule as it is now.
func (c schedule) view(ctx context.Context) (scheduleView, error) {
	d, err := c.Describe(ctx)
	if err != nil {
		return scheduleView{}, err
	}
	v := viewSchedule(c.GetID(), d.Schedule.Spec, d.Info.NextActionTimes, d.Info.RecentActions)
	v.Provider, v.Paused, v.Note = c.provider, d.Schedule.State.Paused, d.Schedule.State.Note
	return v, findOutcomes(ctx, c.temporal, []scheduleView{v})
}

// asked is how many runs one question to Temporal is about.
const asked = 100

// findOutcomes asks Temporal what came of the runs that schedules started.
func findOutcomes(ctx context.Context, temporal client.Client, views []scheduleView) error {
	var runs []*scheduledRun
	for _, v := range views {
		for i := range v.LastRuns {
			runs = append(runs, &v.LastRuns[i])
		}
	}
	for some := range slices.Chunk(runs, asked) {
		quoted := make([]string, len(some))
		for i, run := range some {
			quoted[i] = "'" + run.TemporalRunID + "'"
		}
		found, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: "RunId IN (" + strings.Join(quoted, ",") + ")", PageSize: asked,
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

type scheduleList struct{}

// Help implements kong.HelpProvider.
func (scheduleList) Help() string {
	return `What a sync found is in the run history, see "orgsync runs list". A change may take a moment to show here.

Examples:

  orgsync schedule list
  orgsync schedule list --output json`
}

// Run implements the command.
func (scheduleList) Run(ctx context.Context, s *session) error {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	views, err := listSchedules(ctx, temporal)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(views)
	}
	if len(views) == 0 {
		s.say("There is no schedule. Set one with: orgsync schedule set NAME --every 1h")
		return nil
	}
	t := newTable("provider", "due", "next", "last", "result").drop("last", "result").fold("due")
	for _, v := range views {
		last, result := "never", ""
		if len(v.LastRuns) > 0 {
			last, result = moment(v.LastRuns[0].StartedAt), v.LastRuns[0].Outcome
		}
		t.AppendRow([]any{plain(v.Provider), v.due(), v.next(), last, plain(result)})
	}
	printTable(s.stdout, t)
	return nil
}

// listSchedules returns all schedules that start syncs, by provider.
func listSchedules(ctx context.Context, temporal client.Client) ([]scheduleView, error) {
	// Whoever sets one by hand need not mark it: all are looked at.
	listed, err := temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	views := []scheduleView{}
	for listed.HasNext() {
		entry, err := listed.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		if entry.WorkflowType.Name != workflows.ScheduledSyncName {
			continue
		}
		v := viewSchedule(entry.ID, entry.Spec, entry.NextActionTimes, entry.RecentActions)
		v.Provider, v.Paused, v.Note = providerOf(entry), entry.Paused, entry.Note
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b scheduleView) int {
		return strings.Compare(a.Provider+"\x00"+a.ScheduleID, b.Provider+"\x00"+b.ScheduleID)
	})
	return views, findOutcomes(ctx, temporal, views)
}

// providerOf is what a schedule is marked with, else what its id says.
func providerOf(entry *client.ScheduleListEntry) string {
	var name string
	payload := entry.SearchAttributes.GetIndexedFields()[workflows.AttributeProvider.GetName()]
	if converter.GetDefaultDataConverter().FromPayload(payload, &name) != nil || name == "" {
		name, _ = workflows.ProviderOfScheduleID(entry.ID)
	}
	return name
}

// due says in words when a schedule starts something, in which time zone.
func (v scheduleView) due() string { return v.Rule + " (" + plain(v.TimeZone) + ")" }

// next says in words when a schedule starts something next.
func (v scheduleView) next() string {
	switch {
	case v.Paused:
		return "paused: " + plain(v.Note)
	case len(v.NextRuns) == 0:
		return "never"
	default:
		return moment(v.NextRuns[0])
	}
}

// printSchedule prints a schedule as it is now, and what setting it did.
func (s *session) printSchedule(ctx context.Context, found schedule, change string) error {
	v, err := found.view(ctx)
	if err != nil {
		return found.failed("show", err)
	}
	v.Change = change
	if s.json {
		return s.printJSON(v)
	}
	t := newTable()
	for _, row := range v.rows() {
		t.AppendRow(row)
	}
	printTable(s.stdout, t)
	return nil
}

// rows are the lines that show a schedule.
func (v scheduleView) rows() [][]any {
	rows := [][]any{{"due", v.due()}, {"next", v.next()}}
	if !v.Paused {
		for _, at := range v.NextRuns[min(1, len(v.NextRuns)):] {
			rows = append(rows, []any{"", moment(at)})
		}
	}
	for i, run := range v.LastRuns {
		label := ""
		if i == 0 {
			label = "last"
		}
		rows = append(rows, []any{label, moment(run.StartedAt) + "  " + plain(run.Outcome)})
	}
	return rows
}
