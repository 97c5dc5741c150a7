// Package schedule holds the commands that sync providers regularly.
package schedule

import (
	"context"

	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync schedule".
type Commands struct {
	Set     setCommand     `cmd:"" help:"Sync a provider regularly."`
	List    listCommand    `cmd:"" help:"List the schedules."`
	Pause   pauseCommand   `cmd:"" help:"Pause a schedule until it is resumed."`
	Resume  resumeCommand  `cmd:"" help:"Resume a paused schedule."`
	Trigger triggerCommand `cmd:"" help:"Start a schedule's sync now."`
	Remove  removeCommand  `cmd:"" help:"Remove a schedule."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `A provider's schedule is kept by Temporal, under the id orgsync/NAME. It starts no sync while another one
of the provider is at work, and is removed with its provider.

Examples:

  orgsync schedule set acme --every 1h
  orgsync schedule list
  orgsync schedule pause acme --note 'moving departments'`
}

type pauseCommand struct {
	Name string `arg:"" help:"The provider's name."`
	Note string `placeholder:"TEXT" default:"paused with orgsync schedule pause" help:"The reason, which is shown with the schedule. Temporal keeps it, so give no names of people."`
}

// Help implements kong.HelpProvider.
func (pauseCommand) Help() string {
	return `A running sync continues. "orgsync sync" and "orgsync schedule trigger" still work. If you set the schedule
again, it stays paused.

Examples:

  orgsync schedule pause acme
  orgsync schedule pause acme --note 'moving departments'`
}

// Run implements the command.
func (c pauseCommand) Run(ctx context.Context, s *cli.Session) error {
	paused, err := s.Service.PauseSchedule(ctx, c.Name, c.Note, cli.By())
	if err != nil {
		return err
	}
	s.Printf("The schedule of %s is paused. Resume it with: orgsync schedule resume %s", c.Name, c.Name)
	return printSchedule(s, viewOf(paused))
}

type resumeCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (resumeCommand) Help() string {
	return `Missed syncs are not caught up on.

Examples:

  orgsync schedule resume acme`
}

// Run implements the command.
func (c resumeCommand) Run(ctx context.Context, s *cli.Session) error {
	resumed, err := s.Service.ResumeSchedule(ctx, c.Name, "resumed with orgsync schedule resume", cli.By())
	if err != nil {
		return err
	}
	s.Printf("The schedule of %s is resumed.", c.Name)
	return printSchedule(s, viewOf(resumed))
}

type triggerCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (triggerCommand) Help() string {
	return `This also works while the schedule is paused. Nothing is started while a sync of the provider is running.

Examples:

  orgsync schedule trigger acme
  orgsync schedule list`
}

// Run implements the command.
func (c triggerCommand) Run(ctx context.Context, s *cli.Session) error {
	triggered, err := s.Service.TriggerSchedule(ctx, c.Name)
	if err != nil {
		return err
	}
	s.WarnTrouble(triggered.Trouble)
	if s.JSON {
		return s.PrintJSON(Ref{Provider: c.Name, ScheduleID: triggered.ScheduleID})
	}
	s.Printf("A sync of %s has been triggered. To see its result: orgsync runs list --provider %s", c.Name, c.Name)
	return nil
}

type removeCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (removeCommand) Help() string {
	return `A running sync continues. The provider stays.

Examples:

  orgsync schedule remove acme`
}

// Run implements the command.
func (c removeCommand) Run(ctx context.Context, s *cli.Session) error {
	removed, err := s.Service.RemoveSchedule(ctx, c.Name, cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Ref{Provider: c.Name, ScheduleID: removed.ScheduleID})
	}
	s.Printf("The schedule of %s is removed. Set it again with: %s", c.Name, SetCommand(c.Name, removed.Rule))
	return nil
}
