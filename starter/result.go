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
	s.say("%s: %s (%s), %s, %s provider calls", r.Provider, r.Status, r.Mode, span(time.Duration(r.DurationMS)*time.Millisecond), grouped(r.Calls))
	s.sayCounts(r.Counts)
	if r.HoldReason != "" {
		s.say("\nHeld: %s", plain(r.HoldReason))
	}
	s.sayErrors(r.Errors)
	if r.Status == directory.RunHeld {
		s.sayDecide(r.Provider, r.RunID, r.HoldExpiresAt)
	}
	if r.RunID != "" {
		s.say("\nMore: orgsync runs show %s", shortID(r.RunID))
	}
	return nil
}

// sayCounts writes what a run did as a table.
func (s *session) sayCounts(c directory.Counts) {
	d, m := c.Departments, c.Members
	t := newTable("", "read", "created", "updated", "moved", "restored", "deactivated", "deleted", "unchanged", "failed", "linked")
	rightAligned(t, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	t.AppendRow([]any{"departments", grouped(d.Read), grouped(d.Created), grouped(d.Updated), grouped(d.Moved), grouped(d.Restored), "",
		grouped(d.Deleted), grouped(d.Unchanged), grouped(d.Failed), ""})
	t.AppendRow([]any{"members", grouped(m.Read), grouped(m.Created), grouped(m.Updated), grouped(m.Moved), grouped(m.Restored), grouped(m.Deactivated),
		grouped(m.Deleted), grouped(m.Unchanged), grouped(m.Failed), grouped(m.Linked)})
	t.AppendRow([]any{"memberships", "", grouped(c.Memberships.Created), "", "", "", "", grouped(c.Memberships.Deleted), "", "", ""})
	printTable(s.stdout, t)
}
