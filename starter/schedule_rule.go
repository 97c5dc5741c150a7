package main

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
)

// ruleFlags say when a schedule is due.
type ruleFlags struct {
	Every  time.Duration  `required:"" xor:"rule" placeholder:"1h" help:"Sync at this interval, counted from midnight UTC."`
	Offset *time.Duration `placeholder:"10m" help:"Delay after the beginning of the interval. By default not on the full hour, and different for each provider."`
	Jitter *time.Duration `placeholder:"5m" help:"Start up to this much later, at random. By default a twelfth of the interval, at most 5m; none with --cron."`
	Cron   string         `required:"" xor:"rule" placeholder:"EXPR" help:"Sync when minute, hour, day of month, month and day of week match, such as '10 2 * * 1-5'. Unlike in cron, both days must match."`
	TZ     string         `name:"tz" placeholder:"ZONE" help:"Time zone of --cron, such as Asia/Shanghai. (UTC)"`
}

const (
	// shortest is as often as a cron expression can ask; a sync takes longer than that.
	shortest = time.Minute
	// longestJitter keeps what is due where people look for it.
	longestJitter = 5 * time.Minute
	// aside is how far from the full hour to stay: all customers of DingTalk share limits,
	// which are worst then (dingtalk.md §6).
	aside = 10 * time.Minute
)

const utc = "UTC"

// rule says when a schedule is due. Equal rules are due at the same times.
type rule struct {
	// every and offset are an interval since 1970, in UTC.
	every, offset time.Duration
	// cron is used where every is zero, in the form that cronOf writes.
	cron, zone string
	jitter     time.Duration
	// other marks what was set by other means and cannot be said by these fields.
	other bool
}

// rule returns what the flags ask for; the provider's name spreads the defaults.
func (f ruleFlags) rule(name string) (rule, error) {
	if f.Jitter != nil && (*f.Jitter < 0 || *f.Jitter%time.Second != 0) {
		return rule{}, misuse("--jitter is %s; it must be in whole seconds, such as 5m, or 0 for none", *f.Jitter)
	}
	if f.Cron != "" {
		return f.calendar()
	}
	if f.TZ != "" {
		return rule{}, misuse("--tz goes with --cron; --every counts from midnight UTC, also when summer time begins")
	}
	return interval(name, f.Every, f.Offset, f.Jitter)
}

// interval is a rule for every so often; a nil offset or jitter is chosen here.
func interval(name string, every time.Duration, offset, jitter *time.Duration) (rule, error) {
	r := rule{every: every, zone: utc, jitter: min(longestJitter, every/12).Truncate(time.Second)}
	if every < shortest || every%time.Second != 0 {
		return rule{}, misuse("an interval of %s is not allowed; it must be in whole seconds, at least %s, such as 1h", every, length(shortest))
	}
	if jitter != nil {
		r.jitter = *jitter
	}
	if r.jitter >= every {
		return rule{}, misuse("--jitter is %s; it must be shorter than the interval of %s", length(r.jitter), length(every))
	}
	if offset == nil {
		r.offset = spread(name, every, r.jitter)
		return r, nil
	}
	r.offset = *offset
	if r.offset < 0 || r.offset >= every || r.offset%time.Second != 0 {
		return rule{}, misuse("--offset is %s; it must be in whole seconds and shorter than the interval of %s", r.offset, length(every))
	}
	return r, nil
}

// spread chooses an offset by the provider's name: always the same one for the same
// name, so that setting a schedule again changes nothing, and far from the full hour
// where the interval leaves room for it.
func spread(name string, every, jitter time.Duration) time.Duration {
	unit := min(every, time.Hour)
	lead := min(aside, unit/3).Truncate(time.Second)
	room := max(unit-lead-jitter, time.Second).Truncate(time.Second)
	hash := fnv.New64a()
	hash.Write([]byte(name))
	// One of the seconds that are free in each hour, or in the shorter interval.
	free := time.Duration(hash.Sum64()%uint64(room*(every/unit)/time.Second)) * time.Second
	return free/room*unit + lead + free%room
}

func (f ruleFlags) calendar() (rule, error) {
	if f.Offset != nil {
		return rule{}, misuse("--offset goes with --every; write the minute into --cron")
	}
	calendar, err := parseCron(f.Cron)
	if err != nil {
		return rule{}, err
	}
	r := rule{zone: utc}
	r.cron, _ = cronOf(calendar)
	if f.TZ != "" {
		// Local would be the zone of whatever machine asks.
		if _, err := time.LoadLocation(f.TZ); err != nil || f.TZ == "Local" {
			return rule{}, misuse("--tz is %q, which is no time zone; give one such as Asia/Shanghai, Europe/Berlin or UTC", f.TZ)
		}
		r.zone = f.TZ
	}
	if f.Jitter != nil {
		r.jitter = *f.Jitter
	}
	return r, nil
}

// spec is the rule as Temporal wants it.
func (r rule) spec() (client.ScheduleSpec, error) {
	spec := client.ScheduleSpec{Jitter: r.jitter}
	if r.every > 0 {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: r.every, Offset: r.offset}}
		return spec, nil
	}
	calendar, err := parseCron(r.cron)
	spec.Calendars, spec.TimeZoneName = []client.ScheduleCalendarSpec{calendar}, r.zone
	return spec, err
}

// ruleOf reads a schedule's rule.
func ruleOf(spec *client.ScheduleSpec) rule {
	r := rule{zone: spec.TimeZoneName, jitter: spec.Jitter}
	if r.zone == "" {
		r.zone = utc
	}
	switch {
	case len(spec.Skip) > 0 || !spec.StartAt.IsZero() || !spec.EndAt.IsZero():
		r.other = true
	case len(spec.Intervals) == 1 && len(spec.Calendars) == 0:
		r.every, r.offset, r.zone = spec.Intervals[0].Every, spec.Intervals[0].Offset, utc
	case len(spec.Calendars) == 1 && len(spec.Intervals) == 0:
		var ok bool
		r.cron, ok = cronOf(spec.Calendars[0])
		r.other = !ok
	default:
		r.other = true
	}
	return r
}

// String says the rule in words.
func (r rule) String() string {
	var parts []string
	switch {
	case r.other:
		parts = append(parts, "set by other means")
	case r.every > 0:
		parts = append(parts, "every "+length(r.every), "offset "+length(r.offset))
	default:
		parts = append(parts, "cron "+r.cron)
	}
	if r.jitter > 0 {
		parts = append(parts, "up to "+length(r.jitter)+" later")
	}
	return strings.Join(parts, ", ")
}

// command is what sets such a schedule.
func (r rule) command(name string) string {
	set := "orgsync schedule set " + name
	if r.other {
		return set + " --every 1h"
	}
	if r.every > 0 {
		return fmt.Sprintf("%s --every %s --offset %s --jitter %s", set, length(r.every), length(r.offset), length(r.jitter))
	}
	set = fmt.Sprintf("%s --cron '%s' --tz %s", set, r.cron, r.zone)
	if r.jitter > 0 {
		set += " --jitter " + length(r.jitter)
	}
	return set
}
