package schedule

import (
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Ref is the JSON that names a schedule.
type Ref struct {
	Provider   string `json:"provider"`
	ScheduleID string `json:"schedule_id"`
}

// View is a schedule as the command line shows it, in text and in JSON.
type View struct {
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
	LastRuns []ScheduledRun `json:"last_runs"`
}

// ScheduledRun is what a schedule started.
type ScheduledRun struct {
	StartedAt     time.Time `json:"started_at"`
	WorkflowID    string    `json:"workflow_id"`
	TemporalRunID string    `json:"temporal_run_id"`
	// Outcome is the sync's status, "skipped", how the workflow ended if not in one of
	// these ways, "running", or "" where Temporal has forgotten it.
	Outcome string `json:"outcome"`
}

func viewOf(one service.Schedule) View {
	r := one.Rule
	v := View{
		Provider: one.Provider, ScheduleID: one.ID, Rule: ruleText(r), Cron: r.Cron, TimeZone: r.TimeZone,
		Paused: one.Paused, Note: one.Note,
		NextRuns: one.NextRuns, LastRuns: cli.Each(one.LastRuns,
			func(run service.ScheduledRun) ScheduledRun { return ScheduledRun(run) }),
	}
	if r.Every > 0 {
		v.Every, v.Offset = message.Length(r.Every), message.Length(r.Offset)
	}
	if r.Jitter > 0 {
		v.Jitter = message.Length(r.Jitter)
	}
	return v
}

// ViewOf is a provider's schedule as the command line shows it.
func ViewOf(one service.Schedule) *View {
	v := viewOf(one)
	return &v
}
