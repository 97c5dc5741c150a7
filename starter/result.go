package main

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// storedResult is a run's result as Postgres has it.
func storedResult(ctx context.Context, store *db.Store, runID string) (workflows.SyncResult, error) {
	run, err := store.Run(ctx, runID)
	if err != nil {
		return workflows.SyncResult{}, err
	}
	result := workflows.SyncResult{
		RunID: run.ID, Provider: run.Provider, Mode: run.Mode, Status: run.Status, Counts: run.Counts, Calls: run.Calls,
		DurationMS: lasted(run).Milliseconds(), Undoes: run.Undoes,
	}
	if run.Status == directory.RunHeld {
		result.HoldWorkflowID, result.HoldReason, result.HoldExpiresAt = run.HoldWorkflowID, run.HoldReason, run.HoldExpiresAt
	}
	if run.Error != "" {
		result.Errors = []string{run.Error}
	}
	problems, err := store.Problems(ctx, runID, shownErrors-len(result.Errors))
	result.Errors = append(result.Errors, problems...)
	return result, err
}

// conclusion prints how a run ended and returns what sets the exit status.
func (s *session) conclusion(result workflows.SyncResult) error {
	if err := s.printResult(result); err != nil {
		return err
	}
	return ended(exitOfRun(result.Status))
}

// printResult prints how a run ended.
func (s *session) printResult(r workflows.SyncResult) error {
	if r.Errors == nil {
		r.Errors = []string{}
	}
	if s.json {
		return s.printJSON(r)
	}
	s.say("%s: %s (%s), %s, %s", r.Provider, behind(s.stdout).hue(r.Status, r.Status), r.Mode, span(time.Duration(r.DurationMS)*time.Millisecond),
		counted(r.Calls, "provider call", "provider calls"))
	s.sayCounts(r.Counts)
	if r.HoldReason != "" {
		s.say("\nHeld: %s", plain(r.HoldReason))
	}
	s.sayProblems(r.Status, r.Errors)
	if r.Status == directory.RunHeld {
		s.sayDecide(r.Provider, r.RunID, r.HoldExpiresAt)
	}
	if r.RunID != "" {
		s.say("\nMore: orgsync runs show %s", shortID(r.RunID))
	}
	return nil
}

// sayCounts writes what a run did as a table, a line for each thing that happened.
func (s *session) sayCounts(c directory.Counts) {
	d, m, p := c.Departments, c.Members, c.Memberships
	t := newTable("", "departments", "members", "memberships")
	rightAligned(t, 2, 3, 4)
	for _, line := range []struct {
		what                              string
		departments, members, memberships int
	}{
		{"read", d.Read, m.Read, 0},
		{"created", d.Created, m.Created, p.Created},
		{"updated", d.Updated, m.Updated, 0},
		{"moved", d.Moved, m.Moved, 0},
		{"restored", d.Restored, m.Restored, 0},
		{"deactivated", 0, m.Deactivated, 0},
		{"deleted", d.Deleted, m.Deleted, p.Deleted},
		{"unchanged", d.Unchanged, m.Unchanged, 0},
		{"failed", d.Failed, m.Failed, 0},
		{"linked", 0, m.Linked, 0},
	} {
		if line.what == "read" || line.departments+line.members+line.memberships > 0 {
			t.AppendRow([]any{line.what, orNone(line.departments), orNone(line.members), orNone(line.memberships)})
		}
	}
	printTable(s.stdout, t)
}

// orNone writes a figure, and nothing for none.
func orNone(n int) string {
	if n == 0 {
		return "-"
	}
	return grouped(n)
}
