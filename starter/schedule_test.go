package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/provider"
	"github.com/orgsync/orgsync/starter/schedule"
	"github.com/orgsync/orgsync/workflows"
)

// An installation on a Temporal, from setting a schedule to removing the provider. There
// is no worker: what schedules start is tested end to end, here is what is set.
func TestScheduleLife(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	in.add("life", feishuConfig())
	handle := temporal.ScheduleClient().GetHandle(t.Context(), "orgsync/life")
	set := func(want string, args ...string) schedule.View {
		t.Helper()
		var v schedule.View
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
		require.Equal(t, cli.ExitNothing, o.status)
		require.Equal(t, "orgsync: life has no schedule; set one with: orgsync schedule set life --every 1h\n",
			o.stderr)
	}
	require.Contains(t, in.ok("provider", "show", "life").stdout,
		"It has no schedule. Set one with: orgsync schedule set life --every 1h")

	v := set("set", "--every", "1h")
	require.Equal(t, "orgsync/life", v.ScheduleID)
	require.Equal(t, []string{"1h", "5m", "UTC"}, []string{v.Every, v.Jitter, v.TimeZone})
	require.Len(t, v.NextRuns, 5)
	require.Empty(t, v.LastRuns)
	described, err := handle.Describe(t.Context())
	require.NoError(t, err)
	action := described.Schedule.Action.(*client.ScheduleWorkflowAction)
	var input workflows.ScheduledInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(action.Args[0].(*common.Payload), &input))
	require.Equal(t, workflows.ScheduledInput{Provider: "life"}, input)
	require.Equal(t, []any{"orgsync/life/scheduled", "ScheduledSync", "orgsync", "Scheduled sync of life"},
		[]any{action.ID, action.Workflow, action.TaskQueue, action.StaticSummary})
	require.Equal(t, client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: time.Hour},
		*described.Schedule.Policy)
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
	require.True(t, set("unchanged", "--cron", " 30 2 * *  1-5", "--tz", "Asia/Shanghai", "--on-removals",
		"skip").Paused)
	var resumed schedule.View
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
		var listed []schedule.View
		in.ok("schedule", "list", "--output", "json").json(&listed)
		for _, one := range listed {
			if one.Provider == "life" && len(one.LastRuns) == 1 {
				return one.LastRuns[0].Outcome == "running" && one.Cron == "30 2 * * MON-FRI" &&
					strings.HasPrefix(one.LastRuns[0].WorkflowID, "orgsync/life/scheduled-")
			}
		}
		return false
	}, 30*time.Second, 100*time.Millisecond)
	require.Contains(t, in.ok("schedule", "list").stdout, "life")
	shown := in.ok("provider", "show", "life").stdout
	require.Contains(t, shown, "cron 30 2 * * MON-FRI (Asia/Shanghai)")
	require.Contains(t, shown, "running")

	// Removed or switched off, a provider takes its schedule along.
	const again = "the schedule of life is removed too; set it again with: orgsync schedule set life --cron '30 2 * " +
		"* MON-FRI' --tz Asia/Shanghai"
	gone := func() {
		t.Helper()
		_, err := handle.Describe(t.Context())
		require.ErrorAs(t, err, new(*serviceerror.NotFound))
	}
	require.Contains(t, in.ok("schedule", "remove", "life").stdout,
		"orgsync schedule set life --cron '30 2 * * MON-FRI' --tz Asia/Shanghai")
	gone()
	set("set", "--cron", "30 2 * * MON-FRI", "--tz", "Asia/Shanghai")
	require.Contains(t, in.ok("provider", "update", "life", "--inactive").stderr, again)
	gone()
	refused := in.run("schedule", "set", "life", "--every", "1h")
	require.Equal(t, cli.ExitBusy, refused.status)
	require.Contains(t, refused.stderr, "orgsync provider update life --active")
	require.Empty(t, in.ok("provider", "update", "life", "--active").stderr)
	set("set", "--cron", "30 2 * * MON-FRI", "--tz", "Asia/Shanghai")
	require.Contains(t, in.ok("provider", "remove", "life", "--yes").stderr, again)
	gone()
}

func TestProviderAddWithAnInterval(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	o := in.feed(`{"app_id":"cli_1","app_secret":"hunter2"}`, "provider", "add", "soon", "--type", "feishu",
		"--config", "-",
		"--interval", "2h", "--now", "--output", "json")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	var v provider.View
	o.json(&v)
	require.Equal(t, "2h", v.Schedule.Every)
	require.Eventually(t, func() bool {
		in.ok("provider", "show", "soon", "--output", "json").json(&v)
		return len(v.Schedule.LastRuns) == 1
	}, 30*time.Second, 50*time.Millisecond, "a first sync is started at once")

	o = in.run("schedule", "set", "nobody", "--every", "1h")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, `there is no provider "nobody"; the stored providers are: soon`)
}

// Temporal reads cron expressions; what is shown is what was given.
func TestCronExpressionsAreTemporals(t *testing.T) {
	t.Parallel()
	in, schedules := newInstallation(t), dial(t).ScheduleClient()
	in.add("cron", feishuConfig())
	for _, expr := range []string{
		"10 2 * * *", "*/20 2-7/2 1-15 jan,MAR-may FRI-7", "5/10 */2 31 12 1-7/2", "0 0 1/10 */3 0-7", "59 23 * * 7",
		"0,30 1,2-4 * 1/2 2/2",
	} {
		handle, err := schedules.Create(t.Context(), client.ScheduleOptions{
			ID: "cron " + expr, Spec: client.ScheduleSpec{CronExpressions: []string{expr}}, Paused: true,
			Action: &client.ScheduleWorkflowAction{Workflow: "Other", TaskQueue: "none"},
		})
		require.NoError(t, err, expr)
		byHand, err := handle.Describe(t.Context())
		require.NoError(t, err)
		var v schedule.View
		in.ok("schedule", "set", "cron", "--cron", expr, "-o", "json").json(&v)
		require.Equal(t, []any{expr, "cron " + expr}, []any{v.Cron, v.Rule})
		require.Equal(t, byHand.Info.NextActionTimes[:len(v.NextRuns)], v.NextRuns, expr)
		in.ok("schedule", "set", "cron", "--cron", expr, "-o", "json").json(&v)
		require.Equal(t, "unchanged", v.Change)
	}
	for _, expr := range []string{"60 2 * * *", "10 5-2 * * *", "10 */0 * * *", "10 1-2-3 * * *", "10 2 0 * *",
		"10 2 * 1, *", "10 2 * * fry", "10 2 * * 1/2/3"} {
		o := in.run("schedule", "set", "cron", "--cron", expr)
		require.Equal(t, cli.ExitUsage, o.status, expr)
		require.Contains(t, o.stderr, fmt.Sprintf("--cron is %q, which Temporal does not understand: ", expr))
	}
}

// What was set by hand in Temporal, without the words of whoever did it, is shown as
// Temporal has it.
func TestSchedulesSetByHandAreShownAsTemporalHasThem(t *testing.T) {
	t.Parallel()
	in, temporal := newInstallation(t), dial(t)
	in.add("hand", feishuConfig())
	handle, err := temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.ScheduleID("hand"), Spec: client.ScheduleSpec{CronExpressions: []string{"30 2 * * 1-5"},
			TimeZoneName: "Asia/Shanghai"},
		Action: &client.ScheduleWorkflowAction{
			ID: "hand", Workflow: workflows.ScheduledSyncName, TaskQueue: workflows.TaskQueue,
			Args: []any{workflows.ScheduledInput{Provider: "hand"}},
		},
	})
	require.NoError(t, err)
	shown := in.ok("provider", "show", "hand").stdout
	require.Contains(t, shown,
		"month 1-12, day of month 1-31, day of week 1-5, hour 2, minute 30, second 0 (Asia/Shanghai)")
	require.NoError(t, handle.Delete(t.Context()))
}

// Without Temporal providers can be shown, switched off and removed all the same.
func TestProvidersWhileTemporalIsAway(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	require.Contains(t, in.ok("provider", "show", "acme").stderr,
		"could not tell whether acme has a schedule: temporal at 127.0.0.1:1 does not answer")
	const itself = "removes itself when it is next due, or remove it with: orgsync schedule remove acme"
	require.Contains(t, in.ok("provider", "update", "acme", "--inactive").stderr, itself)
	require.Contains(t, in.ok("provider", "remove", "acme", "--yes").stderr, itself)

	o := in.feed(`{"app_id":"cli_1","app_secret":"hunter2"}`, "provider", "add", "later", "--type", "feishu",
		"--config", "-", "--interval", "1h")
	require.Equal(t, cli.ExitFailed, o.status)
	require.Contains(t, o.stderr, "does not answer")
	require.Contains(t, in.ok("provider", "list").stdout, "No provider is stored")
}
