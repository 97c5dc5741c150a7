package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/workflows"
)

type syncCommand struct {
	Name        string   `arg:"" help:"The provider's name."`
	Plan        bool     `help:"Change nothing; report what would be changed."`
	Departments []string `xor:"target" placeholder:"ID,ID" help:"Read only the people of these departments (the provider's ids) and of the departments below them."`
	Members     []string `xor:"target" aliases:"member" placeholder:"ID,ID" help:"Look up only these people (the provider's ids); takes seconds."`
	OnRemovals  string   `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	waitFlags
}

// Help implements kong.HelpProvider.
func (syncCommand) Help() string {
	return `Only one sync of a provider runs at a time. If you interrupt this command, the sync continues.

Examples:

  orgsync sync acme --wait
  orgsync sync acme --plan --wait --output json
  orgsync sync acme --departments od-1,od-2 --no-wait
  orgsync sync acme --members 3e3cf96b --wait

By hand, without this program:

  temporal workflow start --type SyncOrg --task-queue orgsync --workflow-id orgsync/acme --input '{"provider":"acme"}'`
}

func (c syncCommand) input() workflows.SyncInput {
	in := workflows.SyncInput{Provider: c.Name, Departments: c.Departments, Members: c.Members, OnRemovals: c.OnRemovals, StartedBy: who()}
	if c.Plan {
		in.Mode = workflows.ModePlan
	}
	return in
}

// started is what a command prints of a run that it does not wait for.
type started struct {
	// RunID is empty where no worker has begun the run yet.
	RunID         string `json:"run_id,omitempty"`
	Provider      string `json:"provider"`
	WorkflowID    string `json:"workflow_id"`
	TemporalRunID string `json:"temporal_run_id"`
}

// Run implements the command.
func (c syncCommand) Run(ctx context.Context, s *session) error {
	if err := checkIDs(c.Departments, c.Members); err != nil {
		return err
	}
	in := c.input()
	if problem := in.Normalize(); problem != "" {
		return misuse("%s", problem)
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	p, err := s.activeProvider(ctx, store, c.Name)
	if err != nil {
		return err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	return s.startAndFollow(ctx, store, temporal, p, in, c.waitFlags)
}

// activeProvider returns a provider that may be synced.
func (s *session) activeProvider(ctx context.Context, store *db.Store, name string) (db.Provider, error) {
	p, err := s.provider(ctx, store, name)
	if err == nil && !p.Active {
		err = busy("provider %s is switched off; switch it on with: orgsync provider update %s --active", p.Name, p.Name)
	}
	return p, err
}

// startAndFollow starts a sync and, if asked to, waits for its end.
func (s *session) startAndFollow(ctx context.Context, store *db.Store, temporal client.Client, p db.Provider, in workflows.SyncInput, flags waitFlags) error {
	run, err := start(ctx, store, temporal, p, in)
	if err != nil {
		return err
	}
	if flags.waits(s, false) {
		result, err := s.await(ctx, store, temporal, run, in, flags)
		if err != nil {
			return err
		}
		return s.conclusion(result)
	}
	return s.sayStarted(ctx, store, p.Name, run)
}

// beginning is how long a command that does not wait looks for the run that it started.
const beginning = 2 * time.Second

// sayStarted tells of a run that was started, with its id as soon as a worker has begun
// it.
func (s *session) sayStarted(ctx context.Context, store *db.Store, provider string, run client.WorkflowRun) error {
	begun := started{Provider: provider, WorkflowID: run.GetID(), TemporalRunID: run.GetRunID()}
	looking, stop := context.WithTimeout(ctx, beginning)
	defer stop()
	tick := time.NewTicker(beginning / 20)
	defer tick.Stop()
	for looking.Err() == nil && begun.RunID == "" {
		select {
		case <-looking.Done():
		case <-tick.C:
			begun.RunID, _ = store.RunByExecution(looking, run.GetID(), run.GetRunID())
		}
	}
	if s.json {
		return s.printJSON(begun)
	}
	if begun.RunID == "" {
		s.say("Started workflow %s; no worker has begun the run yet.", run.GetID())
	} else {
		s.say("Started run %s in workflow %s.", shortID(begun.RunID), run.GetID())
		s.say("  follow it: orgsync runs watch %s", shortID(begun.RunID))
	}
	s.sayFollow(provider, run)
	return nil
}

func start(ctx context.Context, store *db.Store, temporal client.Client, p db.Provider, in workflows.SyncInput) (client.WorkflowRun, error) {
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(p.Name), TaskQueue: workflows.TaskQueue,
		StaticSummary: in.Summary() + " from " + p.Type.Traits().DisplayName, StaticDetails: in.Details(),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.SyncOrgName, in)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return nil, alreadyRunning(ctx, store, p.Name, running)
	}
	if err != nil {
		return nil, fmt.Errorf("start sync of %s: %w", p.Name, err)
	}
	return run, nil
}

// alreadyRunning refuses to start a run beside another one of the provider, and says how
// that one can be followed or canceled.
func alreadyRunning(ctx context.Context, store *db.Store, name string, other *serviceerror.WorkflowExecutionAlreadyStarted) error {
	id, follow := workflows.SyncWorkflowID(name), "orgsync status"
	if runID, err := store.RunByExecution(ctx, id, other.RunId); err == nil {
		follow = "orgsync runs watch " + shortID(runID)
	}
	return busy("a run of %s is already running, in workflow %s; follow it with: %s, or cancel it with: orgsync cancel %[1]s", name, id, follow)
}

// sayFollow tells how a run that goes on can be followed.
func (s *session) sayFollow(name string, run client.WorkflowRun) {
	if page := s.webURL(run.GetID(), run.GetRunID()); page != "" {
		s.say("  Web UI:    %s", page)
	}
	s.say("  history:   orgsync runs list --provider %s", name)
	s.say("  workflow:  temporal workflow show -w %s --follow", run.GetID())
}
