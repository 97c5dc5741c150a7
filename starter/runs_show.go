package main

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

type runsShow struct {
	ID  string `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	All bool   `help:"Name everyone whom a held run would remove, and show all departments. JSON always contains all of it."`
}

// Help implements kong.HelpProvider.
func (runsShow) Help() string {
	return `For a held run it shows who would be removed, from where and why, why the run is held, how to decide, and by when. The list of departments shows whether the children and the members of each were read to the end: nothing is removed from one that was not. Failed departments come first.

Examples:

  orgsync runs show 4f1c
  orgsync runs show 4f1c --all`
}

// shownRun is one run as the command prints it.
type shownRun struct {
	db.Run
	Errors      []string         `json:"errors"`
	Departments []db.LedgerEntry `json:"ledger"`
	// Removals is what a held run would remove, in figures and ids, and Leavers by name.
	Removals *directory.Removals `json:"removals,omitempty"`
	Leavers  *db.Leavers         `json:"leavers,omitempty"`
	WebURL   string              `json:"web_url,omitempty"`
}

const (
	shownErrors = 20
	shownLedger = 20
)

// Run implements the command.
func (c runsShow) Run(ctx context.Context, s *session) error {
	store, run, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	shown := shownRun{Run: run, WebURL: s.webURL(run.WorkflowID, run.TemporalRunID)}
	if shown.Errors, err = store.Problems(ctx, run.ID, shownErrors); err != nil {
		return err
	}
	rows := math.MaxInt32
	if !s.json && !c.All {
		rows = shownLedger + 1 // one more tells that there are more
	}
	if shown.Departments, err = store.Ledger(ctx, run.ID, false, rows); err != nil {
		return err
	}
	if run.Status == directory.RunHeld {
		removals, err := store.HeldRemovals(ctx, run.ID)
		if err != nil {
			return err
		}
		leavers, err := store.Leavers(ctx, run.ID, fewLeavers(s.json || c.All))
		if err != nil {
			return err
		}
		shown.Removals, shown.Leavers = &removals, &leavers
	}
	if s.json {
		return s.printJSON(shown)
	}
	s.sayRun(shown, c.All)
	s.sayLedger(shown.Departments, c.All)
	return nil
}

func (s *session) sayRun(run shownRun, all bool) {
	t := newTable()
	t.AppendRow([]any{"run", run.ID})
	t.AppendRow([]any{"provider", run.Provider})
	t.AppendRow([]any{"status", statusText(run.Run)})
	t.AppendRow([]any{"mode", run.Mode})
	if run.Undoes != "" {
		t.AppendRow([]any{"undoes", run.Undoes})
	}
	for _, limit := range limitsOf(run.Run) {
		t.AppendRow([]any{limit[0], limit[1]})
	}
	t.AppendRow([]any{"started", moment(run.StartedAt) + prefixed(" by ", plain(run.StartedBy))})
	if run.FinishedAt != nil {
		t.AppendRow([]any{"finished", moment(*run.FinishedAt)})
	}
	t.AppendRow([]any{"duration", span(lasted(run.Run))})
	t.AppendRow([]any{"calls", grouped(run.Calls)})
	t.AppendRow([]any{"workflow", run.WorkflowID + " (run " + run.TemporalRunID + ")"})
	if run.WebURL != "" {
		t.AppendRow([]any{"web UI", run.WebURL})
	}
	if run.DetailsDroppedAt != nil {
		t.AppendRow([]any{"details", detailsDropped(run.Run)})
	}
	if run.Error != "" {
		label := "because"
		if run.Status == directory.RunFailed {
			label = "error"
		}
		t.AppendRow([]any{label, plain(run.Error)})
	}
	if run.HoldReason != "" {
		t.AppendRow([]any{"held because", plain(run.HoldReason)})
		t.AppendRow([]any{"held by", run.HoldWorkflowID})
	}
	if run.DecidedBy != "" {
		t.AppendRow([]any{"decided by", plain(run.DecidedBy)})
	}
	if run.HoldExpiresAt != nil && waits(run.Run) {
		t.AppendRow([]any{"decide by", moment(*run.HoldExpiresAt)})
	}
	printTable(s.stdout, t)
	if run.Removals != nil {
		s.sayRemovals(*run.Removals)
		s.sayLeavers(*run.Leavers, *run.Removals, all)
	}
	if waits(run.Run) {
		s.sayDecide(run.Provider, run.ID, run.HoldExpiresAt)
	}
	s.say("")
	s.sayCounts(run.Counts)
	s.sayProblems(run.Status, run.Errors)
}

// detailsDropped says why there is nothing more to see of an old run.
func detailsDropped(run db.Run) string {
	return "deleted on " + moment(*run.DetailsDroppedAt) + ", as set by ORGSYNC_KEEP_DETAILS"
}

// sayRemovals tells how much a held run would remove.
func (s *session) sayRemovals(r directory.Removals) {
	s.say("\nWould be removed")
	t := newTable("", "planned", "of", "limit")
	rightAligned(t, 2, 3, 4)
	kinds := []struct {
		name string
		directory.Removal
	}{{"people", r.Members}, {"departments", r.Departments}, {"memberships", r.Memberships}}
	for _, kind := range kinds {
		limit := "none"
		if kind.Limit != nil {
			limit = grouped(*kind.Limit)
		}
		t.AppendRow([]any{kind.name, grouped(kind.Planned), grouped(kind.There), limit})
	}
	printTable(s.stdout, t)
}

// limitsOf tells what the run was limited to.
func limitsOf(run db.Run) [][2]string {
	var limits [][2]string
	if run.Retries != "" {
		limits = append(limits, [2]string{"retries", "what failed in run " + run.Retries})
	}
	if len(run.OnlyDepartments) > 0 {
		limits = append(limits, [2]string{"limited to", "departments " + plain(strings.Join(run.OnlyDepartments, ", ")) + " and what is below them"})
	}
	if len(run.OnlyMembers) > 0 {
		limits = append(limits, [2]string{"limited to", "members " + plain(strings.Join(run.OnlyMembers, ", "))})
	}
	return limits
}

// sayDecide tells how a held run is decided, and until when if that has an end.
func (s *session) sayDecide(provider, runID string, until *time.Time) {
	s.say("\nThe removals are waiting for your decision.")
	if until != nil {
		s.say("If nobody decides by %s, they are rejected.", moment(*until))
	}
	s.say("  show:     orgsync runs show %s", shortID(runID))
	s.say("  approve:  orgsync approve %s %s", provider, shortID(runID))
	s.say("  reject:   orgsync reject %s %s", provider, shortID(runID))
}

// sayProblems lists what a run has to say about what it met. Only of a run that failed, in
// whole or in part, these are errors.
func (s *session) sayProblems(status string, problems []string) {
	if len(problems) == 0 {
		return
	}
	heading := "Notes"
	if status == directory.RunFailed || status == directory.RunPartial {
		heading = "Errors"
	}
	s.say("\n%s", heading)
	for _, text := range problems {
		s.sayFolded("  ", plain(text))
	}
}

func (s *session) sayLedger(entries []db.LedgerEntry, all bool) {
	if len(entries) == 0 {
		return
	}
	more := !all && len(entries) > shownLedger
	if more {
		entries = entries[:shownLedger]
	}
	s.say("\nDepartments")
	t := newTable("id", "children", "members", "pages", "read", "declared", "error").drop("pages", "declared", "read", "children", "error")
	rightAligned(t, 4, 5, 6)
	for _, e := range entries {
		members := complete(e.MembersComplete)
		if e.Skipped {
			members = "not asked for"
		}
		declared := ""
		if e.MembersDeclared != nil {
			declared = grouped(int(*e.MembersDeclared))
		}
		t.AppendRow([]any{plain(e.ExternalID), complete(e.ChildrenComplete), members, grouped(e.Pages), grouped(e.MembersRead), declared, plain(e.Error)})
	}
	printTable(s.stdout, t)
	if more {
		s.say("There are more; show them with --all.")
	}
}

func complete(yes bool) string {
	if yes {
		return "complete"
	}
	return "incomplete"
}
