package run

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// SyncCommand is "orgsync sync".
type SyncCommand struct {
	Name        string   `arg:"" help:"The provider's name."`
	Plan        bool     `help:"Change nothing; report what would be changed."`
	Departments []string `xor:"target" placeholder:"ID,ID" help:"Read only the people of these departments (the provider's ids) and of the departments below them."`
	Members     []string `xor:"target" aliases:"member" placeholder:"ID,ID" help:"Look up only these people (the provider's ids); takes seconds."`
	OnRemovals  string   `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	WaitFlags
}

// Help implements kong.HelpProvider.
func (SyncCommand) Help() string {
	return `Only one sync of a provider runs at a time. If you interrupt this command, the sync continues.

Examples:

  orgsync sync acme --wait
  orgsync sync acme --plan --wait --output json
  orgsync sync acme --departments od-1,od-2 --no-wait
  orgsync sync acme --members 3e3cf96b --wait

By hand, without this program:

  temporal workflow start --type SyncOrg --task-queue orgsync --workflow-id orgsync/acme --input '{"provider":"acme"}'`
}

// Run implements the command.
func (c SyncCommand) Run(ctx context.Context, s *cli.Session) error {
	if err := cli.CheckIDs(c.Departments, c.Members); err != nil {
		return err
	}
	started, err := s.Service.StartSync(ctx, service.StartSyncInput{
		Provider: c.Name, Mode: modeOf(c.Plan), Departments: c.Departments, Members: c.Members,
		OnRemovals: c.OnRemovals,
		By:         cli.By(),
	})
	if err != nil {
		return err
	}
	return FollowOrPrint(ctx, s, started, c.WaitFlags)
}

// modeOf is the mode of a run that only plans, or applies.
func modeOf(plan bool) string {
	if plan {
		return service.ModePlan
	}
	return service.ModeApply
}

// FollowOrPrint waits for the end of a run if asked to, else it tells of the run.
func FollowOrPrint(ctx context.Context, s *cli.Session, started service.Execution, flags WaitFlags) error {
	if !flags.waits(s, false) {
		return printStarted(ctx, s, started)
	}
	result, err := follow(ctx, s, started, flags.TemporalTimeout)
	if err != nil {
		return err
	}
	return printEnd(s, result)
}

// beginning is how long a command that does not wait looks for the run that it started.
const beginning = 2 * time.Second

// printStarted tells of a run that was started, with its id as soon as a worker has begun
// it.
func printStarted(ctx context.Context, s *cli.Session, run service.Execution) error {
	runID := s.Service.AwaitBegin(ctx, run, beginning)
	if s.JSON {
		return s.PrintJSON(Started{RunID: runID, Provider: run.Provider, WorkflowID: run.WorkflowID,
			TemporalRunID: run.TemporalRunID})
	}
	if runID == "" {
		s.Printf("Started workflow %s; no worker has begun the run yet.", run.WorkflowID)
	} else {
		s.Printf("Started run %s in workflow %s.", cli.ShortID(runID), run.WorkflowID)
		s.Printf("  follow it: orgsync runs watch %s", cli.ShortID(runID))
	}
	printFollow(s, run)
	return nil
}

// printFollow tells how a run that goes on can be followed.
func printFollow(s *cli.Session, run service.Execution) {
	if page := s.WebURL(run.WorkflowID, run.TemporalRunID); page != "" {
		s.Printf("  Web UI:    %s", page)
	}
	s.Printf("  history:   orgsync runs list --provider %s", run.Provider)
	s.Printf("  workflow:  temporal workflow show -w %s --follow", run.WorkflowID)
}
