package service

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
)

// RuleInput asks for syncs at regular times: by Every or by Cron.
type RuleInput struct {
	// Every is an interval, counted from midnight UTC. Offset delays it and Jitter starts it
	// up to that much later, at random; nil leaves the choice to the service.
	Every  time.Duration
	Offset *time.Duration
	Jitter *time.Duration
	// Cron is a cron expression of five fields, TimeZone the zone it is in (UTC).
	Cron     string
	TimeZone string
}

// Rule says when a schedule is due. Equal rules are due at the same times.
type Rule struct {
	// Every and Offset are an interval since 1970, in UTC.
	Every, Offset time.Duration
	// Cron is in the words of the person who set it; it is used where Every is zero.
	Cron, TimeZone string
	Jitter         time.Duration
	// Other is what Temporal says of a schedule that was set by other means and that the
	// fields before cannot say, as plain text.
	Other string
}

const (
	// shortestInterval is as often as a cron expression can ask; a sync takes longer than that.
	shortestInterval = time.Minute
	// longestJitter keeps what is due where people look for it.
	longestJitter = 5 * time.Minute
	// aside is how far from the full hour to stay: all customers of DingTalk share limits,
	// which are worst then (dingtalk.md §6).
	aside = 10 * time.Minute
	// cronFields are minute, hour, day of month, month and day of week.
	cronFields = 5
	// cronComment begins a calendar's comment that holds the words it was set with.
	cronComment = "orgsync: "
)

const utc = "UTC"

// rule returns what is asked for; the provider's name spreads the defaults.
func (in RuleInput) rule(provider string) (Rule, error) {
	if in.Jitter != nil && (*in.Jitter < 0 || *in.Jitter%time.Second != 0) {
		return Rule{}, &Error{Code: JitterInvalid, Args: Args{Field: "jitter", Duration: *in.Jitter}}
	}
	if in.Cron != "" {
		return in.calendar()
	}
	if in.TimeZone != "" {
		return Rule{}, &Error{Code: TimeZoneWithoutCron, Args: Args{Field: "tz"}}
	}
	return in.interval(provider)
}

func (in RuleInput) interval(provider string) (Rule, error) {
	r := Rule{Every: in.Every, TimeZone: utc, Jitter: min(longestJitter, in.Every/12).Truncate(time.Second)}
	if in.Every < shortestInterval || in.Every%time.Second != 0 {
		return Rule{}, &Error{Code: IntervalInvalid, Args: Args{Duration: in.Every, Limit: shortestInterval}}
	}
	if in.Jitter != nil {
		r.Jitter = *in.Jitter
	}
	if r.Jitter >= in.Every {
		return Rule{}, &Error{Code: JitterTooLong, Args: Args{Field: "jitter", Duration: r.Jitter, Limit: in.Every}}
	}
	if in.Offset == nil {
		r.Offset = spread(provider, in.Every, r.Jitter)
		return r, nil
	}
	r.Offset = *in.Offset
	if r.Offset < 0 || r.Offset >= in.Every || r.Offset%time.Second != 0 {
		return Rule{}, &Error{Code: OffsetInvalid, Args: Args{Field: "offset", Duration: r.Offset, Limit: in.Every}}
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

// calendar is a rule by a cron expression. Temporal reads it; here only its form is looked
// at, so that what Temporal would read in another way ("@daily", seconds, a zone of its
// own) is refused.
func (in RuleInput) calendar() (Rule, error) {
	if in.Offset != nil {
		return Rule{}, &Error{Code: OffsetWithCron, Args: Args{Field: "offset"}}
	}
	fields := strings.Fields(in.Cron)
	if len(fields) != cronFields || strings.ContainsAny(in.Cron, "@#=") {
		return Rule{}, &Error{Code: CronInvalid, Args: Args{Field: "cron", Text: in.Cron}}
	}
	r := Rule{Cron: strings.Join(fields, " "), TimeZone: utc}
	if in.TimeZone != "" {
		// Local would be the zone of whatever machine asks.
		if _, err := time.LoadLocation(in.TimeZone); err != nil || in.TimeZone == "Local" {
			return Rule{}, &Error{Code: TimeZoneUnknown, Args: Args{Field: "tz", Text: in.TimeZone}}
		}
		r.TimeZone = in.TimeZone
	}
	if in.Jitter != nil {
		r.Jitter = *in.Jitter
	}
	return r, nil
}

// spec is the rule as Temporal wants it. Temporal keeps ranges and not the expression: the
// words stand in the calendar's comment, beside what Temporal made of them, so that they
// go when a person sets another calendar.
func (r Rule) spec() client.ScheduleSpec {
	if r.Every > 0 {
		every := []client.ScheduleIntervalSpec{{Every: r.Every, Offset: r.Offset}}
		return client.ScheduleSpec{Jitter: r.Jitter, Intervals: every}
	}
	words := []string{r.Cron + " # " + cronComment + r.Cron}
	return client.ScheduleSpec{Jitter: r.Jitter, CronExpressions: words, TimeZoneName: r.TimeZone}
}

// ruleOf reads a schedule's rule.
func ruleOf(spec *client.ScheduleSpec) Rule {
	r := Rule{TimeZone: spec.TimeZoneName, Jitter: spec.Jitter}
	if r.TimeZone == "" {
		r.TimeZone = utc
	}
	plain := len(spec.Skip) == 0 && spec.StartAt.IsZero() && spec.EndAt.IsZero()
	words, ours := "", false
	if len(spec.Calendars) == 1 {
		words, ours = strings.CutPrefix(spec.Calendars[0].Comment, cronComment)
	}
	switch {
	case plain && len(spec.Intervals) == 1 && len(spec.Calendars) == 0:
		r.Every, r.Offset, r.TimeZone = spec.Intervals[0].Every, spec.Intervals[0].Offset, utc
	case plain && ours && len(spec.Intervals) == 0:
		r.Cron = words
	default:
		r.Other = specText(spec)
	}
	return r
}

// specText is a schedule's spec as Temporal has it, in words.
func specText(spec *client.ScheduleSpec) string {
	var parts []string
	for _, interval := range spec.Intervals {
		parts = append(parts, fmt.Sprintf("every %s offset %s", interval.Every, interval.Offset))
	}
	for _, calendar := range spec.Calendars {
		parts = append(parts, calendarText(calendar))
	}
	for _, calendar := range spec.Skip {
		parts = append(parts, "except "+calendarText(calendar))
	}
	if !spec.StartAt.IsZero() {
		parts = append(parts, "from "+spec.StartAt.UTC().Format(time.RFC3339))
	}
	if !spec.EndAt.IsZero() {
		parts = append(parts, "until "+spec.EndAt.UTC().Format(time.RFC3339))
	}
	if len(parts) == 0 {
		return "never"
	}
	return strings.Join(parts, "; ")
}

func calendarText(c client.ScheduleCalendarSpec) string {
	var parts []string
	for _, field := range []struct {
		name   string
		ranges []client.ScheduleRange
	}{
		{"year", c.Year}, {"month", c.Month}, {"day of month", c.DayOfMonth}, {"day of week", c.DayOfWeek},
		{"hour", c.Hour}, {"minute", c.Minute}, {"second", c.Second},
	} {
		if len(field.ranges) > 0 {
			parts = append(parts, field.name+" "+rangesText(field.ranges))
		}
	}
	return strings.Join(parts, ", ")
}

func rangesText(ranges []client.ScheduleRange) string {
	parts := make([]string, len(ranges))
	for i, r := range ranges {
		parts[i] = fmt.Sprint(r.Start)
		if r.End > r.Start {
			parts[i] += fmt.Sprintf("-%d", r.End)
		}
		if r.Step > 1 {
			parts[i] += fmt.Sprintf("/%d", r.Step)
		}
	}
	return strings.Join(parts, "+")
}
