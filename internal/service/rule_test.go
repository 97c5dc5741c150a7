package service

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestDefaultOffsetStaysAsideOfTheFullHour(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
		7 * 24 * time.Hour} {
		minutes, hours := map[time.Duration]bool{}, map[time.Duration]bool{}
		for i := range 200 {
			name := fmt.Sprintf("company-%d", i)
			r, err := RuleInput{Every: every}.rule(name)
			require.NoError(t, err)
			again, err := RuleInput{Every: every}.rule(name)
			require.NoError(t, err)
			require.Equal(t, r, again, "the same name has the same offset")
			require.Equal(t, min(5*time.Minute, every/12), r.Jitter)
			require.Less(t, r.Offset, every)
			for at := r.Offset; at < every; at += min(every, time.Hour) {
				require.GreaterOrEqual(t, at%time.Hour, 10*time.Minute, "%s of %s", name, every)
				require.LessOrEqual(t, at%time.Hour+r.Jitter, time.Hour)
			}
			minutes[(r.Offset%time.Hour).Truncate(time.Minute)], hours[r.Offset.Truncate(time.Hour)] = true, true
		}
		require.Greater(t, len(minutes), 12, "providers are spread over the hour")
		require.Greater(t, len(hours), int(min(every/time.Hour, 24))*3/4, "and over long intervals")
	}
	for _, every := range []time.Duration{time.Minute, 61 * time.Second, 5 * time.Minute, 90 * time.Minute} {
		for _, jitter := range []time.Duration{0, every - time.Second} {
			r, err := RuleInput{Every: every, Jitter: &jitter}.rule("acme")
			require.NoError(t, err)
			require.Less(t, r.Offset, every)
			require.Zero(t, r.Offset%time.Second)
		}
	}
}

// A rule is read back from Temporal as it was given, so that setting it again is seen to
// change nothing.
func TestRulesAreReadBack(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]RuleInput{
		"every":  {Every: time.Hour, Offset: new(10 * time.Minute)},
		"jitter": {Every: 24 * time.Hour, Offset: new(18*time.Hour + 30*time.Minute), Jitter: new(time.Duration(0))},
	} {
		r, err := in.rule("acme")
		require.NoError(t, err)
		spec := r.spec()
		require.Equal(t, r, ruleOf(&spec), name)
	}
	// Temporal takes a cron expression apart and keeps what stands behind "#" as the comment.
	r, err := RuleInput{Cron: " 30 2 * *  MON-fri", TimeZone: "Asia/Shanghai"}.rule("acme")
	require.NoError(t, err)
	require.Equal(t, "30 2 * * MON-fri", r.Cron)
	spec := r.spec()
	require.Equal(t, []string{"30 2 * * MON-fri # orgsync: 30 2 * * MON-fri"}, spec.CronExpressions)
	kept := client.ScheduleSpec{TimeZoneName: "Asia/Shanghai",
		Calendars: []client.ScheduleCalendarSpec{{Comment: "orgsync: 30 2 * * MON-fri"}}}
	require.Equal(t, r, ruleOf(&kept))
}

// What was set by other means is shown as Temporal has it.
func TestRulesThatAreSetByOtherMeans(t *testing.T) {
	t.Parallel()
	every := []client.ScheduleIntervalSpec{{Every: time.Hour}}
	always := []client.ScheduleRange{{Start: 1, End: 12}}
	for want, spec := range map[string]client.ScheduleSpec{
		"never": {},
		"every 1h0m0s offset 0s; every 1m0s offset 0s": {Intervals: append(every,
			client.ScheduleIntervalSpec{Every: time.Minute})},
		"every 1h0m0s offset 0s; hour 2+4-6/2": {Intervals: every,
			Calendars: []client.ScheduleCalendarSpec{
				{Hour: []client.ScheduleRange{{Start: 2}, {Start: 4, End: 6, Step: 2}}}}},
		"every 1h0m0s offset 0s; until 2030-01-02T03:04:05Z": {Intervals: every,
			EndAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
		"every 1h0m0s offset 0s; except month 1-12": {Intervals: every,
			Skip: []client.ScheduleCalendarSpec{{Month: always}}},
		"month 1-12, second 30": {Calendars: []client.ScheduleCalendarSpec{{Second: []client.ScheduleRange{{Start: 30}},
			Month: always}}},
		"year 2030, month 1-12": {Calendars: []client.ScheduleCalendarSpec{{Year: []client.ScheduleRange{{Start: 2030}},
			Month: always, Comment: "nightly"}}},
	} {
		require.Equal(t, want, ruleOf(&spec).Other)
	}
}
