package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// ruleFlags say when a schedule is due.
type ruleFlags struct {
	Every  time.Duration  `required:"" xor:"rule" placeholder:"1h" help:"Sync at this interval, counted from midnight UTC."`
	Offset *time.Duration `placeholder:"10m" help:"Delay after the beginning of the interval. By default not on the full hour, and different for each provider."`
	Jitter *time.Duration `placeholder:"5m" help:"Start up to this much later, at random. By default a twelfth of the interval, at most 5m; none with --cron."`
	Cron   string         `required:"" xor:"rule" placeholder:"EXPR" help:"Sync when minute, hour, day of month, month and day of week match, such as '10 2 * * 1-5'. Unlike in cron, both days must match."`
	TZ     string         `name:"tz" placeholder:"ZONE" help:"Time zone of --cron, such as Asia/Shanghai. (UTC)"`
}

func (f ruleFlags) rule() service.RuleInput {
	return service.RuleInput{Every: f.Every, Offset: f.Offset, Jitter: f.Jitter, Cron: f.Cron, TimeZone: f.TZ}
}

// ruleText says a rule in words.
func ruleText(r service.Rule) string {
	var parts []string
	switch {
	case r.Other != "":
		parts = append(parts, r.Other)
	case r.Every > 0:
		parts = append(parts, "every "+message.Length(r.Every), "offset "+message.Length(r.Offset))
	default:
		parts = append(parts, "cron "+r.Cron)
	}
	if r.Jitter > 0 {
		parts = append(parts, "up to "+message.Length(r.Jitter)+" later")
	}
	return strings.Join(parts, ", ")
}

// SetCommand is the command that sets such a schedule.
func SetCommand(provider string, r service.Rule) string {
	set := "orgsync schedule set " + provider
	if r.Other != "" {
		return set + " --every 1h"
	}
	if r.Every > 0 {
		return fmt.Sprintf("%s --every %s --offset %s --jitter %s", set, message.Length(r.Every),
			message.Length(r.Offset),
			message.Length(r.Jitter))
	}
	set = fmt.Sprintf("%s --cron '%s' --tz %s", set, r.Cron, r.TimeZone)
	if r.Jitter > 0 {
		set += " --jitter " + message.Length(r.Jitter)
	}
	return set
}

// WarnRemoval writes what became of the schedule of a provider that was removed or switched
// off.
func WarnRemoval(s *cli.Session, provider string, r service.ScheduleRemoval) {
	switch {
	case r.Removed != nil:
		s.Warnf("the schedule of %s is removed too; set it again with: %s", provider, SetCommand(provider, *r.Removed))
	case r.Err != nil:
		s.Warnf(
			"could not tell whether %s has a schedule: %v; if it does, the schedule removes itself when it is next "+
				"due, or remove it with: orgsync schedule remove %s",
			provider, s.Describe(r.Err), provider)
	}
}
