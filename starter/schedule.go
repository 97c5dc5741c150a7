package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/workflows"
)

type scheduleCommands struct {
	Set     scheduleSet     `cmd:"" help:"Sync a provider regularly."`
	List    scheduleList    `cmd:"" help:"List the schedules."`
	Pause   schedulePause   `cmd:"" help:"Pause a schedule until it is resumed."`
	Resume  scheduleResume  `cmd:"" help:"Resume a paused schedule."`
	Trigger scheduleTrigger `cmd:"" help:"Start a schedule's sync now."`
	Remove  scheduleRemove  `cmd:"" help:"Remove a schedule."`
}

// Help implements kong.HelpProvider.
func (scheduleCommands) Help() string {
	return `A provider's schedule is kept by Temporal, under the id orgsync/NAME. It starts no sync while another one of the provider is at work, and is removed with its provider.

Examples:

  orgsync schedule set acme --every 1h
  orgsync schedule list
  orgsync schedule pause acme --note 'moving departments'`
}

// schedule is a provider's schedule, which may not be there.
type schedule struct {
	client.ScheduleHandle
	temporal client.Client
	provider string
}

func (s *session) schedule(ctx context.Context, provider string) (schedule, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return schedule{}, err
	}
	return scheduleOf(ctx, temporal, provider), nil
}

func scheduleOf(ctx context.Context, temporal client.Client, provider string) schedule {
	return schedule{temporal.ScheduleClient().GetHandle(ctx, workflows.ScheduleID(provider)), temporal, provider}
}

// failed says what could not be done, in particular because there is no schedule.
func (c schedule) failed(what string, err error) error {
	if noSchedule(err) {
		return nothing("%s has no schedule; set one with: orgsync schedule set %s --every 1h", c.provider, c.provider)
	}
	return fmt.Errorf("%s the schedule of %s: %w", what, c.provider, err)
}

func noSchedule(err error) bool { return isMissing(err) }

type schedulePause struct {
	Name string `arg:"" help:"The provider's name."`
	Note string `placeholder:"TEXT" default:"paused with orgsync schedule pause" help:"The reason, which is shown with the schedule. Temporal keeps it, so give no names of people."`
}

// Help implements kong.HelpProvider.
func (schedulePause) Help() string {
	return `A running sync continues. "orgsync sync" and "orgsync schedule trigger" still work. If you set the schedule again, it stays paused.

Examples:

  orgsync schedule pause acme
  orgsync schedule pause acme --note 'moving departments'`
}

// Run implements the command.
func (c schedulePause) Run(ctx context.Context, s *session) error {
	found, err := s.schedule(ctx, c.Name)
	if err != nil {
		return err
	}
	if err := found.Pause(ctx, client.SchedulePauseOptions{Note: c.Note}); err != nil {
		return found.failed("pause", err)
	}
	s.say("The schedule of %s is paused. Resume it with: orgsync schedule resume %s", c.Name, c.Name)
	return s.printSchedule(ctx, found, "")
}

type scheduleResume struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (scheduleResume) Help() string {
	return `Missed syncs are not caught up on.

Examples:

  orgsync schedule resume acme`
}

// Run implements the command.
func (c scheduleResume) Run(ctx context.Context, s *session) error {
	found, err := s.schedule(ctx, c.Name)
	if err != nil {
		return err
	}
	if err := found.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed with orgsync schedule resume"}); err != nil {
		return found.failed("resume", err)
	}
	s.say("The schedule of %s is resumed.", c.Name)
	return s.printSchedule(ctx, found, "")
}

type scheduleTrigger struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (scheduleTrigger) Help() string {
	return `This also works while the schedule is paused. Nothing is started while a sync of the provider is running.

Examples:

  orgsync schedule trigger acme
  orgsync schedule list`
}

// Run implements the command.
func (c scheduleTrigger) Run(ctx context.Context, s *session) error {
	found, err := s.schedule(ctx, c.Name)
	if err != nil {
		return err
	}
	if err := found.Trigger(ctx, triggered); err != nil {
		return found.failed("trigger", err)
	}
	s.warnWithoutWorker(ctx, found.temporal)
	if s.json {
		return s.printJSON(scheduleRef{Provider: c.Name, ScheduleID: found.GetID()})
	}
	s.say("A sync of %s has been triggered. To see its result: orgsync runs list --provider %s", c.Name, c.Name)
	return nil
}

// triggered respects what is at work, whatever the schedule itself would do.
var triggered = client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP}

type scheduleRemove struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (scheduleRemove) Help() string {
	return `A running sync continues. The provider stays.

Examples:

  orgsync schedule remove acme`
}

// Run implements the command.
func (c scheduleRemove) Run(ctx context.Context, s *session) error {
	found, err := s.schedule(ctx, c.Name)
	if err != nil {
		return err
	}
	due, err := found.remove(ctx)
	if err != nil {
		return found.failed("remove", err)
	}
	if s.json {
		return s.printJSON(scheduleRef{Provider: c.Name, ScheduleID: found.GetID()})
	}
	s.say("The schedule of %s is removed. Set it again with: %s", c.Name, due.command(c.Name))
	return nil
}

// remove removes the schedule and returns when it was due.
func (c schedule) remove(ctx context.Context) (rule, error) {
	described, err := c.Describe(ctx)
	if err != nil {
		return rule{}, err
	}
	return ruleOf(described.Schedule.Spec), c.Delete(ctx)
}

// patience is how long a command waits for Temporal about a schedule that it is not
// about.
const patience = 5 * time.Second

// unschedule removes the schedule of a provider that was removed or switched off. That
// Temporal is away is no reason to keep the provider: a schedule without one removes
// itself as soon as it is due.
func (s *session) unschedule(ctx context.Context, provider string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var due rule
	found, err := s.schedule(ctx, provider)
	if err == nil {
		due, err = found.remove(ctx)
	}
	switch {
	case err == nil:
		s.note("the schedule of %s is removed too; set it again with: %s", provider, due.command(provider))
	case !noSchedule(err):
		s.note("could not tell whether %s has a schedule: %v; if it does, the schedule removes itself when it is next due, or remove it with: orgsync schedule remove %s",
			provider, err, provider)
	}
}

// knownSchedule returns a provider's schedule, nil if it has none or Temporal is away,
// and whether that is known.
func (s *session) knownSchedule(ctx context.Context, provider string) (*scheduleView, bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var view scheduleView
	found, err := s.schedule(ctx, provider)
	if err == nil {
		view, err = found.view(ctx)
	}
	switch {
	case err == nil:
		return &view, true
	case noSchedule(err):
		return nil, true
	default:
		s.note("could not tell whether %s has a schedule: %v", provider, err)
		return nil, false
	}
}

// warnWithoutWorker says so if nobody will do what was asked for.
func (s *session) warnWithoutWorker(ctx context.Context, temporal client.Client) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if warning, _, err := noWorker(ctx, temporal); err == nil && warning != "" {
		s.note("%s", warning)
	}
}
