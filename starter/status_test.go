package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/report"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	require.Contains(t, in.ok("status").stdout, "orgsync provider add NAME")
	store, ctx := in.store(), t.Context()
	for _, name := range []string{"well", "held", "failing", "new", "off", "working"} {
		in.add(name, feishuConfig())
	}
	end := func(name, execution, status, problem string) string {
		run := in.begin(store, name, execution)
		require.NoError(t, store.FinishRun(ctx, run, status, problem, directory.Counts{},
			status == directory.RunSucceeded))
		return run
	}
	end("well", "1", directory.RunSucceeded, "")
	end("failing", "1", directory.RunSucceeded, "")
	first := end("failing", "2", directory.RunPartial, "")
	last := end("failing", "3", directory.RunFailed, "the app secret is wrong")
	held := in.begin(store, "held", "1")
	require.NoError(t, store.HoldRun(ctx, held, "it would remove 31 of 40 members", "orgsync/held/removals/"+held,
		directory.Counts{}))
	working := in.begin(store, "working", "1")
	require.NoError(t, store.SetPhase(ctx, working, "members"))
	in.ok("provider", "update", "off", "--inactive")
	in.ok("schedule", "set", "well", "--every", "1d")
	in.ok("schedule", "set", "held", "--every", "1h")
	in.ok("schedule", "pause", "held")

	var all []report.Standing
	require.Eventually(t, func() bool { // schedules take a moment to be listed
		in.ok("status", "--output", "json").json(&all)
		return all[4].NextRunAt != nil && all[1].SchedulePaused
	}, 30*time.Second, 100*time.Millisecond)
	require.Len(t, all, 6)
	names := map[string]report.Standing{}
	for _, one := range all {
		names[one.Provider] = one
	}
	require.NotNil(t, names["well"].LastSyncedAt)
	require.Equal(t, directory.RunSucceeded, names["well"].Newest.Status)
	require.Nil(t, names["well"].FailingSince)
	require.Equal(t, held, names["held"].Held.RunID)
	require.Equal(t, "it would remove 31 of 40 members", names["held"].Held.HoldReason)
	require.Nil(t, names["held"].NextRunAt)
	require.Equal(t, 2, names["failing"].FailingRuns)
	require.Equal(t, last, names["failing"].Newest.RunID)
	require.Equal(t, "the app secret is wrong", names["failing"].Newest.Failure)
	began, err := store.Report.GetRun(ctx, first)
	require.NoError(t, err)
	require.WithinDuration(t, *began.FinishedAt, *names["failing"].FailingSince, time.Millisecond,
		"since the first that did not succeed")
	require.Equal(t, working, names["working"].Running.RunID)
	require.Equal(t, "members", names["working"].Running.Phase)
	require.False(t, names["off"].Active)
	require.Nil(t, names["new"].Newest)

	in.env["COLUMNS"] = "80"
	text := in.ok("status").stdout
	for _, want := range []string{
		"PROVIDER", "running (members) " + working[:8], "held " + held[:8], "switched off", "not synced yet", "paused",
		"held: held, it would remove 31 of 40 members", "orgsync runs show " + held[:8],
		"failing: failed, 2 times since the last success: the app secret is wrong", "orgsync runs show " + last[:8],
	} {
		require.Contains(t, text, want)
	}
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, cli.Columns(line), 80, line)
	}
}

func TestStatusWhileTemporalIsAway(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	o := in.ok("status")
	require.Contains(t, o.stderr, "cannot tell when providers are due next")
	require.Contains(t, o.stdout, "not synced yet")
}
