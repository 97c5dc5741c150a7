package main

import (
	"context"

	"github.com/orgsync/orgsync/workflows"
)

type runsRetry struct {
	ID         string `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	Plan       bool   `help:"Change nothing; report what would be changed."`
	OnRemovals string `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	waitFlags
}

// Help implements kong.HelpProvider.
func (runsRetry) Help() string {
	return `A new run reads the list of departments, and then the people only of those departments that the given run could not read to the end or never saw; if the run looked up single members, the new run looks up those that failed.

Examples:

  orgsync runs retry 4f1c --wait
  orgsync runs retry 4f1c --plan --wait --output json

By hand, without this program:

  temporal workflow start --type SyncOrg --task-queue orgsync --workflow-id orgsync/acme --input '{"provider":"acme","retry":"4f1c6f6e-0000-4000-8000-000000000001"}'`
}

// Run implements the command.
func (c runsRetry) Run(ctx context.Context, s *session) error {
	store, run, err := s.openRun(ctx, c.ID)
	if err != nil {
		return err
	}
	p, err := s.activeProvider(ctx, store, run.Provider)
	if err != nil {
		return err
	}
	// The workflow checks it as well; here it is said without waiting for that.
	if err := store.CheckRetry(ctx, p.ID, run.ID); err != nil {
		return err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	in := workflows.SyncInput{Provider: p.Name, Mode: workflows.ModeApply, Retry: run.ID, OnRemovals: c.OnRemovals, StartedBy: who()}
	if c.Plan {
		in.Mode = workflows.ModePlan
	}
	return s.startAndFollow(ctx, store, temporal, p, in, c.waitFlags)
}
