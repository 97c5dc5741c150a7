package schedule

import (
	"context"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type setCommand struct {
	Name string `arg:"" help:"The provider's name."`
	ruleFlags
	OnRemovals string `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	Now        bool   `help:"Start a first sync now."`
}

// Help implements kong.HelpProvider.
func (setCommand) Help() string {
	return `Changes the schedule if there is one. A paused schedule stays paused. If you set the same again, nothing
changes. If Temporal cannot start a sync in time, it starts it later, once, within an hour.

Examples:

  orgsync schedule set acme --every 1h
  orgsync schedule set acme --every 24h --offset 18h30m --jitter 10m --now
  orgsync schedule set acme --cron '30 2 * * 1-5' --tz Asia/Shanghai

By hand, without this program:

  temporal schedule create --schedule-id orgsync/acme --interval 1h/10m --overlap-policy Skip --catchup-window 1h --type ScheduledSync --task-queue orgsync --workflow-id orgsync/acme/scheduled --input '{"provider":"acme"}'`
}

// Run implements the command.
func (c setCommand) Run(ctx context.Context, s *cli.Session) error {
	set, err := s.Service.SetSchedule(ctx, service.SetScheduleInput{
		Provider: c.Name, Rule: c.rule(), OnRemovals: c.OnRemovals, StartNow: c.Now, By: cli.By(),
	})
	if service.HasCode(err, service.ProviderInactive) {
		return cli.BusyError("provider %s is switched off, so it has no schedule; switch it on with: orgsync provider "+
			"update %s --active", c.Name, c.Name)
	}
	if err != nil {
		return err
	}
	s.WarnTrouble(set.Trouble)
	s.Printf("The schedule of %s is %s.", c.Name, set.Change)
	v := viewOf(set.Schedule)
	v.Change = set.Change
	return printSchedule(s, v)
}
