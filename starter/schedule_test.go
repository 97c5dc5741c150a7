package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/workflows"
)

// An installation on a Temporal, from setting a schedule to removing the provider. There
// is no worker: what schedules start is tested end to end, here is what is set.
func TestScheduleLife(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	in.add("life", feishuConfig())
	handle := temporal.ScheduleClient().GetHandle(t.Context(), "orgsync/life")
	set := func(want string, args ...string) scheduleView {
		t.Helper()
		var v scheduleView
		in.ok(append([]string{"schedule", "set", "life", "--output", "json"}, args...)...).json(&v)
		require.Equal(t, want, v.Change)
		return v
	}
	updated := func() time.Time {
		d, err := handle.Describe(t.Context())
		require.NoError(t, err)
		return d.Info.LastUpdateAt
	}

	for _, command := range []string{"pause", "resume", "trigger", "remove"} {
		o := in.run("schedule", command, "life")
		require.Equal(t, exitNothing, o.status)
		require.Equal(t, "orgsync: life has no schedule; set one with: orgsync schedule set life --every 1h\n", o.stderr)
	}
	require.Contains(t, in.ok("provider", "show", "life").stdout, "It has no schedule. Set one with: orgsync schedule set life --every 1h")

	v := set("set", "--every", "1h")
	require.Equal(t, "orgsync/life", v.ScheduleID)
	require.Equal(t, []string{"1h", "5m", "UTC"}, []string{v.Every, v.Jitter, v.TimeZone})
	require.Len(t, v.NextRuns, 5)
	require.Empty(t, v.LastRuns)
	described, err := handle.Describe(t.Context())
	require.NoError(t, err)
	action := described.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, workflows.ScheduledInput{Provider: "life"}, inputOf(action))
	require.Equal(t, []any{"orgsync/life/scheduled", "ScheduledSync", "orgsync", "Scheduled sync of life"},
		[]any{action.ID, action.Workflow, action.TaskQueue, action.StaticSummary})
	require.Equal(t, policy, *described.Schedule.Policy)
	provider, _ := described.TypedSearchAttributes.GetKeyword(workflows.AttributeProvider)
	require.Equal(t, "life", provider)

	// The same again changes nothing, not even when it was changed last.
	before := updated()
	require.Equal(t, v.NextRuns, set("unchanged", "--every", "60m").NextRuns)
	require.Equal(t, before, updated())

	// A pause outlives changes.
	require.Contains(t, in.ok("schedule", "pause", "life", "--note", "moving house").stdout, "paused: moving house")
	v = set("changed", "--every", "1h", "--offset", "10m", "--jitter", "0")
	require.True(t, v.Paused)
	require.Equal(t, "moving house", v.Note)
	for _, at := range v.NextRuns {
		require.Equal(t, 10, at.Minute())
	}
	require.Equal(t, "24h", set("changed", "--every", "1d", "--offset", "18h30m").Every)
	v = set("changed", "--cron", "30 2 * * 1-5", "--tz", "Asia/Shanghai", "--on-removals", "skip")
	require.Equal(t, "18:30", v.NextRuns[0].Format("15:04"))
	require.True(t, set("unchanged", "--cron", "30 2 * * MON-FRI", "--tz", "Asia/Shanghai", "--on-removals", "skip").Paused)
	var resumed scheduleView
	in.ok("schedule", "resume", "life", "--output", "json").json(&resumed)
	require.False(t, resumed.Paused)
	set("changed", "--cron", "30 2 * * MON-FRI", "--tz", "Asia/Shanghai")

	// Whatever somebody changed elsewhere is seen, and set again.
	require.NoError(t, handle.Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			is.Description.Schedule.Policy.PauseOnFailure = true
			return &client.ScheduleUpdate{Schedule: &is.Description.Schedule}, nil
		},
	}))
	set("changed", "--cron", "30 2 * * MON-FRI", "--tz", "Asia/Shanghai")

	o := in.ok("schedule", "trigger", "life")
	require.Contains(t, o.stderr, "no worker polls task queue orgsync")
	require.Eventually(t, func() bool {
		var listed []scheduleView
		in.ok("schedule", "list", "--output", "json").json(&listed)
		for _, one := range listed {
			if one.Provider == "life" && len(one.LastRuns) == 1 {
				return one.LastRuns[0].Outcome == "running" && one.Cron == "30 2 * * 1-5" &&
					strings.HasPrefix(one.LastRuns[0].WorkflowID, "orgsync/life/scheduled-")
			}
		}
		return false
	}, 30*time.Second, 100*time.Millisecond)
	require.Contains(t, in.ok("schedule", "list").stdout, "life")
	shown := in.ok("provider", "show", "life").stdout
	require.Contains(t, shown, "cron 30 2 * * 1-5 (Asia/Shanghai)")
	require.Contains(t, shown, "running")

	// Removed or switched off, a provider takes its schedule along.
	const again = "the schedule of life is removed too; set it again with: orgsync schedule set life --cron '30 2 * * 1-5' --tz Asia/Shanghai"
	gone := func() {
		t.Helper()
		_, err := handle.Describe(t.Context())
		require.True(t, noSchedule(err), "%v", err)
	}
	require.Contains(t, in.ok("schedule", "remove", "life").stdout, "orgsync schedule set life --cron '30 2 * * 1-5' --tz Asia/Shanghai")
	gone()
	set("set", "--cron", "30 2 * * 1-5", "--tz", "Asia/Shanghai")
	require.Contains(t, in.ok("provider", "update", "life", "--inactive").stderr, again)
	gone()
	refused := in.run("schedule", "set", "life", "--every", "1h")
	require.Equal(t, exitBusy, refused.status)
	require.Contains(t, refused.stderr, "orgsync provider update life --active")
	require.Empty(t, in.ok("provider", "update", "life", "--active").stderr)
	set("set", "--cron", "30 2 * * 1-5", "--tz", "Asia/Shanghai")
	require.Contains(t, in.ok("provider", "remove", "life", "--yes").stderr, again)
	gone()
}

func TestProviderAddWithAnInterval(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	o := in.feed(`{"app_id":"cli_1","app_secret":"hunter2"}`, "provider", "add", "soon", "--type", "feishu", "--config", "-",
		"--interval", "2h", "--now", "--output", "json")
	require.Equal(t, exitDone, o.status, o.stderr)
	var v providerView
	o.json(&v)
	require.Equal(t, "2h", v.Schedule.Every)
	require.Eventually(t, func() bool {
		in.ok("provider", "show", "soon", "--output", "json").json(&v)
		return len(v.Schedule.LastRuns) == 1
	}, 30*time.Second, 50*time.Millisecond, "a first sync is started at once")

	o = in.run("schedule", "set", "nobody", "--every", "1h")
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, `there is no provider "nobody"; the stored providers are: soon`)
}

// Temporal reads cron expressions as they are read here, and keeps schedules that were
// set by other means readable.
func TestSchedulesOnTemporal(t *testing.T) {
	t.Parallel()
	schedules := dial(t).ScheduleClient()
	for _, expr := range []string{
		"10 2 * * *", "*/20 2-7/2 1-15 jan,MAR-may FRI-7", "5/10 */2 31 12 1-7/2", "0 0 1/10 */3 0-7", "59 23 * * 7", "0,30 1,2-4 * 1/2 2/2",
	} {
		r, err := ruleFlags{Cron: expr}.rule("acme")
		require.NoError(t, err)
		handle, err := schedules.Create(t.Context(), client.ScheduleOptions{
			ID: "cron " + expr, Spec: client.ScheduleSpec{CronExpressions: []string{expr}}, Paused: true,
			Action: &client.ScheduleWorkflowAction{Workflow: "Other", TaskQueue: "none"},
		})
		require.NoError(t, err, expr)
		byText, err := handle.Describe(t.Context())
		require.NoError(t, err)
		spec, err := r.spec()
		require.NoError(t, err)
		require.NoError(t, handle.Update(t.Context(), client.ScheduleUpdateOptions{
			DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				is.Description.Schedule.Spec = &spec
				return &client.ScheduleUpdate{Schedule: &is.Description.Schedule}, nil
			},
		}))
		byRanges, err := handle.Describe(t.Context())
		require.NoError(t, err)
		require.Equal(t, byText.Info.NextActionTimes, byRanges.Info.NextActionTimes, expr)
		require.Equal(t, r, ruleOf(byText.Schedule.Spec), expr)
		require.Equal(t, r, ruleOf(byRanges.Schedule.Spec), expr)
	}
}

// Without Temporal providers can be shown, switched off and removed all the same.
func TestProvidersWhileTemporalIsAway(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	require.Contains(t, in.ok("provider", "show", "acme").stderr, "could not tell whether acme has a schedule: temporal at 127.0.0.1:1 does not answer")
	const itself = "removes itself when it is next due, or remove it with: orgsync schedule remove acme"
	require.Contains(t, in.ok("provider", "update", "acme", "--inactive").stderr, itself)
	require.Contains(t, in.ok("provider", "remove", "acme", "--yes").stderr, itself)

	o := in.feed(`{"app_id":"cli_1","app_secret":"hunter2"}`, "provider", "add", "later", "--type", "feishu", "--config", "-", "--interval", "1h")
	require.Equal(t, exitFailed, o.status)
	require.Contains(t, o.stderr, "does not answer")
	require.Contains(t, in.ok("provider", "list").stdout, "No provider is stored")
}
