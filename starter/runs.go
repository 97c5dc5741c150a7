package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

type runsCommands struct {
	List    runsList    `cmd:"" help:"List runs, the newest first."`
	Show    runsShow    `cmd:"" help:"Show one run with its counts, errors and departments."`
	Changes runsChanges `cmd:"" help:"Show what a run changed, or in plan mode would change."`
	Watch   runsWatch   `cmd:"" help:"Follow a run until it has ended or is held."`
	Retry   runsRetry   `cmd:"" help:"Read again only what failed in a run."`
}

// Help implements kong.HelpProvider.
func (runsCommands) Help() string {
	return `Examples:

  orgsync runs list --provider acme
  orgsync runs show 4f1c
  orgsync runs changes 4f1c --output json
  orgsync runs watch 4f1c
  orgsync runs retry 4f1c --wait`
}

type runsList struct {
	Provider string `placeholder:"NAME" help:"Only this provider's runs."`
	Limit    int    `default:"20" placeholder:"N" help:"How many runs to list at most. (${default})"`
}

// Help implements kong.HelpProvider.
func (runsList) Help() string {
	return `Examples:

  orgsync runs list
  orgsync runs list --provider acme --limit 5`
}

// Run implements the command.
func (c runsList) Run(ctx context.Context, s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	if c.Provider != "" {
		if _, err := s.provider(ctx, store, c.Provider); err != nil {
			return err
		}
	}
	runs, err := store.Runs(ctx, c.Provider, c.Limit)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(runs)
	}
	if len(runs) == 0 {
		s.say("There are no runs yet. Start one with: orgsync sync NAME --wait")
		return nil
	}
	t := newTable("id", "provider", "status", "mode", "started", "duration", "members", "started by").drop("duration", "started by", "members", "mode").fold("mode")
	rightAligned(t, 6)
	for _, run := range runs {
		gone := run.Counts.Members.Deleted
		come := run.Counts.Members.Created + run.Counts.Members.Restored
		t.AppendRow([]any{shortID(run.ID), run.Provider, statusText(run), modeText(run), stamp(run.StartedAt), span(lasted(run)),
			fmt.Sprintf("+%s -%s", grouped(come), grouped(gone)), plain(run.StartedBy)})
	}
	printTable(s.stdout, t)
	return nil
}

// shortID is as much of a run's id as people need to tell runs apart.
func shortID(id string) string { return id[:min(8, len(id))] }

// statusText is the status, with the phase of a run that is at work.
func statusText(run db.Run) string {
	if run.Status == directory.RunRunning {
		return run.Status + " (" + plain(run.Phase) + ")"
	}
	return run.Status
}

// modeText is the mode or, of an undo, the run that it takes back.
func modeText(run db.Run) string {
	if run.Undoes != "" {
		undo := "undo of " + shortID(run.Undoes)
		if run.Mode == workflows.ModePlan {
			return run.Mode + ", " + undo
		}
		return undo
	}
	return run.Mode
}

// lasted is how long the run took or, if it has not ended, takes so far.
func lasted(run db.Run) time.Duration {
	if run.FinishedAt != nil {
		return run.FinishedAt.Sub(run.StartedAt)
	}
	return max(0, time.Since(run.StartedAt))
}

// openRun opens the database and returns the run whose id begins so.
func (s *session) openRun(ctx context.Context, prefix string) (*db.Store, db.Run, error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, db.Run{}, err
	}
	run, err := s.run(ctx, store, prefix)
	return store, run, err
}

// run returns the run whose id begins with prefix.
func (s *session) run(ctx context.Context, store *db.Store, prefix string) (db.Run, error) {
	run, err := store.RunByPrefix(ctx, prefix)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return db.Run{}, misuse("there is no run whose id begins with %q; see: orgsync runs list", prefix)
	case errors.Is(err, db.ErrAmbiguous):
		return db.Run{}, misuse("more than one run's id begins with %q; give more of it, see: orgsync runs list --output json", prefix)
	}
	return run, err
}
