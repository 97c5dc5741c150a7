package main

import (
	"context"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/workflows"
)

type statusCommand struct{}

// Help implements kong.HelpProvider.
func (statusCommand) Help() string {
	return `Shows for each provider when it was last synced completely, what it is doing, whether a run waits for a decision, since when its full syncs have failed, and when the next one is due.

Examples:

  orgsync status
  orgsync status --output json`
}

// standing is how a provider stands, with what Temporal knows of it.
type standing struct {
	db.ProviderStatus
	// NextRunAt is when its schedule is due next: null if it has none, if it is paused, or
	// while Temporal is away.
	NextRunAt *time.Time `json:"next_run_at"`
	// SchedulePaused says that it has a schedule which starts nothing.
	SchedulePaused bool `json:"schedule_paused"`
}

// Run implements the command.
func (statusCommand) Run(ctx context.Context, s *session) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	stored, err := store.Statuses(ctx)
	if err != nil {
		return err
	}
	due, known := s.dueNext(ctx)
	all := make([]standing, len(stored))
	for i, status := range stored {
		all[i] = standing{ProviderStatus: status}
		v, ok := due[status.Provider]
		all[i].SchedulePaused = ok && v.Paused
		if ok && !v.Paused && len(v.NextRuns) > 0 {
			all[i].NextRunAt = &v.NextRuns[0]
		}
	}
	if s.json {
		return s.printJSON(all)
	}
	if len(all) == 0 {
		s.say("No provider is stored. Add one with: orgsync provider add NAME --type TYPE --config FILE")
		return nil
	}
	s.sayStandings(all, known)
	return nil
}

// dueNext returns the schedules by provider, and whether they are known: Temporal may be
// away, and the rest is worth showing all the same.
func (s *session) dueNext(ctx context.Context) (map[string]scheduleView, bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var views []scheduleView
	temporal, err := s.openTemporal(ctx)
	if err == nil {
		views, err = listSchedules(ctx, temporal)
	}
	if err != nil {
		s.note("cannot tell when providers are due next: %v", err)
		return nil, false
	}
	due := map[string]scheduleView{}
	for _, v := range views {
		if v.ScheduleID == workflows.ScheduleID(v.Provider) || due[v.Provider].ScheduleID == "" {
			due[v.Provider] = v
		}
	}
	return due, true
}

func (s *session) sayStandings(all []standing, known bool) {
	t := newTable("provider", "now", "last success", "failing since", "next").drop("next", "failing since").fold("now")
	for _, one := range all {
		t.AppendRow([]any{one.Provider, one.now(), lastSuccess(one.LastSyncedAt), one.failing(), one.next(known)})
	}
	printTable(s.stdout, t)
	for _, one := range all {
		if one.Held != nil {
			s.sayFolded("\n", fmt.Sprintf("%s: held, %s", one.Provider, plain(one.Held.HoldReason)))
			s.say("  see it:  orgsync runs show %s", shortID(one.Held.RunID))
		}
		if one.FailingSince != nil && one.Newest != nil && one.Newest.Status != "succeeded" {
			s.sayFolded("\n", fmt.Sprintf("%s: %s, %d times since the last success%s", one.Provider, one.Newest.Status, one.FailingRuns, prefixed(": ", plain(one.Newest.Failure))))
			s.say("  see it:  orgsync runs show %s", shortID(one.Newest.RunID))
		}
	}
}

// now says what a provider is doing.
func (one standing) now() string {
	switch {
	case one.Running != nil:
		return fmt.Sprintf("running (%s) %s", plain(one.Running.Phase), shortID(one.Running.RunID))
	case one.Held != nil:
		return "held " + shortID(one.Held.RunID)
	case !one.Active:
		return "switched off"
	case one.Newest != nil:
		return one.Newest.Status
	default:
		return "not synced yet"
	}
}

func lastSuccess(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return about(time.Since(*at)) + " ago"
}

func (one standing) failing() string {
	if one.FailingSince == nil {
		return "-"
	}
	return about(time.Since(*one.FailingSince)) + " ago"
}

// next says when a provider is synced next.
func (one standing) next(known bool) string {
	switch {
	case !known:
		return "?"
	case one.SchedulePaused:
		return "paused"
	case one.NextRunAt == nil:
		return "-"
	default:
		return "in " + about(time.Until(*one.NextRunAt))
	}
}
