package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestDefaultOffsetStaysAsideOfTheFullHour(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		minutes, hours := map[time.Duration]bool{}, map[time.Duration]bool{}
		for i := range 200 {
			name := fmt.Sprintf("company-%d", i)
			r, err := interval(name, every, nil, nil)
			require.NoError(t, err)
			again, err := interval(name, every, nil, nil)
			require.NoError(t, err)
			require.Equal(t, r, again, "the same name has the same offset")
			require.Equal(t, min(5*time.Minute, every/12), r.jitter)
			require.Less(t, r.offset, every)
			for at := r.offset; at < every; at += min(every, time.Hour) {
				require.GreaterOrEqual(t, at%time.Hour, 10*time.Minute, "%s of %s", name, every)
				require.LessOrEqual(t, at%time.Hour+r.jitter, time.Hour)
			}
			minutes[(r.offset%time.Hour).Truncate(time.Minute)], hours[r.offset.Truncate(time.Hour)] = true, true
		}
		require.Greater(t, len(minutes), 12, "providers are spread over the hour")
		require.Greater(t, len(hours), int(min(every/time.Hour, 24))*3/4, "and over long intervals")
	}
	for _, every := range []time.Duration{time.Minute, 61 * time.Second, 5 * time.Minute, 90 * time.Minute} {
		for _, jitter := range []time.Duration{0, every - time.Second} {
			r, err := interval("acme", every, nil, &jitter)
			require.NoError(t, err)
			require.Less(t, r.offset, every)
			require.Zero(t, r.offset%time.Second)
		}
	}
}

// A rule is read back from Temporal as it was given, so that setting it again is seen
// to change nothing.
func TestRulesAreReadBack(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		flags   ruleFlags
		command string
	}{
		"every 1h, offset 10m, up to 5m later": {
			ruleFlags{Every: time.Hour, Offset: new(10 * time.Minute)}, "orgsync schedule set acme --every 1h --offset 10m --jitter 5m"},
		"every 24h, offset 18h30m": {
			ruleFlags{Every: 24 * time.Hour, Offset: new(18*time.Hour + 30*time.Minute), Jitter: new(time.Duration(0))},
			"orgsync schedule set acme --every 24h --offset 18h30m --jitter 0s"},
		"cron 30 2 * * 1-5": {
			ruleFlags{Cron: " 30 2 * *  MON-fri", TZ: "Asia/Shanghai"}, "orgsync schedule set acme --cron '30 2 * * 1-5' --tz Asia/Shanghai"},
		"cron */15 2,4-6 * */2 0,5-6, up to 1m later": {
			ruleFlags{Cron: "*/15 2,4-6 1-31 1/2 5-7", Jitter: new(time.Minute)},
			"orgsync schedule set acme --cron '*/15 2,4-6 * */2 0,5-6' --tz UTC --jitter 1m"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			r, err := c.flags.rule("acme")
			require.NoError(t, err)
			require.Equal(t, text, r.String())
			require.Equal(t, c.command, r.command("acme"))
			spec, err := r.spec()
			require.NoError(t, err)
			require.Equal(t, r, ruleOf(&spec))
		})
	}
}

func TestRulesThatAreSetByOtherMeans(t *testing.T) {
	t.Parallel()
	every := []client.ScheduleIntervalSpec{{Every: time.Hour}}
	always := []client.ScheduleRange{{Start: 1, End: 12}}
	for name, spec := range map[string]client.ScheduleSpec{
		"nothing":       {},
		"two intervals": {Intervals: append(every, client.ScheduleIntervalSpec{Every: time.Minute})},
		"both kinds":    {Intervals: every, Calendars: []client.ScheduleCalendarSpec{{}}},
		"an end":        {Intervals: every, EndAt: time.Now()},
		"exceptions":    {Intervals: every, Skip: []client.ScheduleCalendarSpec{{}}},
		"seconds":       {Calendars: []client.ScheduleCalendarSpec{{Second: []client.ScheduleRange{{Start: 30}}, Month: always}}},
		"years":         {Calendars: []client.ScheduleCalendarSpec{{Year: []client.ScheduleRange{{Start: 2030}}, Month: always}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ruleOf(&spec)
			require.Equal(t, "set by other means", r.String())
			require.Equal(t, "orgsync schedule set acme --every 1h", r.command("acme"))
		})
	}
}

// Fields of cron expressions mean what they mean to Temporal; see also
// TestSchedulesOnTemporal.
func TestCronFields(t *testing.T) {
	t.Parallel()
	week, hour := cronFields[4], cronFields[1]
	for _, c := range []struct {
		field cronField
		part  string
		want  []client.ScheduleRange
	}{
		{hour, "*", []client.ScheduleRange{{Start: 0, End: 23, Step: 1}}},
		{hour, "*/6", []client.ScheduleRange{{Start: 0, End: 23, Step: 6}}},
		{hour, "7", []client.ScheduleRange{{Start: 7, End: 7, Step: 1}}},
		{hour, "7/6", []client.ScheduleRange{{Start: 7, End: 23, Step: 6}}},
		{hour, "7-9/2", []client.ScheduleRange{{Start: 7, End: 9, Step: 2}}},
		{week, "*", []client.ScheduleRange{{Start: 0, End: 6, Step: 1}}},
		{week, "7", []client.ScheduleRange{{Start: 0, End: 0, Step: 1}}},
		{week, "Sun", []client.ScheduleRange{{Start: 0, End: 0, Step: 1}}},
		{week, "6-7", []client.ScheduleRange{{Start: 0, End: 0, Step: 1}, {Start: 6, End: 6, Step: 1}}},
		{week, "1-7/2", []client.ScheduleRange{{Start: 0, End: 0, Step: 1}, {Start: 1, End: 6, Step: 2}}},
		{week, "2-7/2", []client.ScheduleRange{{Start: 2, End: 6, Step: 2}}},
	} {
		got, ok := c.field.parse(c.part)
		require.True(t, ok, c.part)
		for i := range got {
			got[i] = filled(got[i : i+1])[0]
		}
		require.Equal(t, c.want, got, "%s %s", c.field.name, c.part)
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"missing flags: --every=1h or --cron=EXPR":                                    {},
		"--every and --cron can't be used together":                                   {"--every", "1h", "--cron", "10 2 * * *"},
		"an interval of 30s is not allowed; it must be in whole seconds, at least 1m": {"--every", "30s"},
		"an interval of -1h0m0s is not allowed":                                       {"--every=-1h"},
		"an interval of 1m0.5s is not allowed":                                        {"--every", "60.5s"},
		"--offset is 1h0m0s; it must be":                                              {"--every", "1h", "--offset", "1h"},
		"--offset is -1s; it must be":                                                 {"--every", "1h", "--offset=-1s"},
		"--jitter is 1h; it must be shorter than the interval of 1h":                  {"--every", "1h", "--jitter", "60m"},
		"--jitter is -1s; it must be":                                                 {"--cron", "10 2 * * *", "--jitter=-1s"},
		"--tz goes with --cron":                                                       {"--every", "1h", "--tz", "UTC"},
		"--offset goes with --every":                                                  {"--cron", "10 2 * * *", "--offset", "1m"},
		`--tz is "Mars/Base", which is no time zone`:                                  {"--cron", "10 2 * * *", "--tz", "Mars/Base"},
		`--tz is "Local", which is no time zone`:                                      {"--cron", "10 2 * * *", "--tz", "Local"},
		`--cron is "@daily"; it must have five fields`:                                {"--cron", "@daily"},
		`--cron is "0 10 2 * * *"; it must have five fields`:                          {"--cron", "0 10 2 * * *"},
		`--cron: the minute is "60"; it must be within 0-59`:                          {"--cron", "60 2 * * *"},
		`--cron: the hour is "5-2"; it must be within 0-23`:                           {"--cron", "10 5-2 * * *"},
		`--cron: the hour is "*/0"; it must be within 0-23`:                           {"--cron", "10 */0 * * *"},
		`--cron: the hour is "1-2-3"; it must be within 0-23`:                         {"--cron", "10 1-2-3 * * *"},
		`--cron: the hour is "+1"; it must be within 0-23`:                            {"--cron", "10 +1 * * *"},
		`--cron: the day of month is "0"; it must be within 1-31`:                     {"--cron", "10 2 0 * *"},
		`--cron: the month is "1,"; it must be within 1-12`:                           {"--cron", "10 2 * 1, *"},
		`--cron: the day of week is "fry"; it must be within 0-7`:                     {"--cron", "10 2 * * fry"},
		`--cron: the day of week is "1/2/3"; it must be within 0-7`:                   {"--cron", "10 2 * * 1/2/3"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := installation{t: t}.run(append([]string{"schedule", "set", "acme"}, args...)...)
			require.Equal(t, exitUsage, o.status)
			require.Contains(t, o.stderr, want)
			require.Empty(t, o.stdout)
		})
	}
	o := installation{t: t}.run("provider", "add", "acme", "--type", "feishu", "--config", "-", "--interval", "1s")
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, "an interval of 1s is not allowed")
	o = installation{t: t}.run("provider", "add", "acme", "--type", "feishu", "--config", "-", "--now")
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, "--now goes with --interval")
}
