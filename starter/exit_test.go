package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
)

// Scripts go by these figures, and by what README and help say of them.
func TestExitStatusesAreToldInHelpAndReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	table := "| exit status of `orgsync` | means |\n|---|---|\n"
	for _, s := range cli.ExitStatuses {
		table += fmt.Sprintf("| %d | %s |\n", s.Status, s.Means)
	}
	require.Contains(t, string(readme), table+"\n")
	help := installation{t: t}.ok("--help").stdout
	for _, s := range cli.ExitStatuses {
		require.Contains(t, help, fmt.Sprintf("%3d  %s\n", s.Status, s.Means))
	}
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 130}, []int{
		cli.ExitDone, cli.ExitFailed, cli.ExitUsage, cli.ExitHeld, cli.ExitPartial, cli.ExitBusy, cli.ExitNothing,
		cli.ExitInterrupted,
	})
}

// What a script must tell apart, by commands as it gives them.
func TestExitStatusesOfCommands(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	store, ctx := in.store(), t.Context()
	for _, name := range []string{"busy", "idle", "off"} {
		in.add(name, feishuConfig())
	}
	in.ok("sync", "busy") // nobody works on it
	ended := in.begin(store, "busy", "1")
	require.NoError(t, store.FinishRun(ctx, ended, directory.RunSucceeded, "", directory.Counts{}, true))
	running := in.begin(store, "idle", "1")
	plan := in.begin(store, "off", "1")
	in.query("UPDATE sync_runs SET mode = 'plan', status = 'succeeded', finished_at = now() WHERE id = $1", plan)
	waiting := in.begin(store, "off", "2")
	require.NoError(t, store.HoldRun(ctx, waiting, "too many", "orgsync/off/removals/"+waiting, directory.Counts{}))
	in.ok("provider", "update", "off", "--inactive")

	for _, tt := range []struct {
		status int
		args   []string
		why    string
	}{
		{cli.ExitFailed, []string{"provider", "add", "busy", "--type", "feishu", "--config", "-"},
			`there is a provider "busy" already`},
		{cli.ExitUsage, []string{"sync", "nobody"}, `there is no provider "nobody"`},
		{cli.ExitUsage, []string{"sync", "--now"}, "unknown flag --now"},
		{cli.ExitHeld, []string{"undo", waiting}, "waits for a decision"},
		{cli.ExitBusy, []string{"runs", "retry", waiting}, "is switched off"},
		{cli.ExitBusy, []string{"sync", "busy"},
			"a run of busy is already running, in workflow orgsync/busy; follow it with: orgsync "},
		{cli.ExitBusy, []string{"sync", "busy", "--no-wait", "--plan"},
			"a run of busy is already running, in workflow orgsync/busy; follow it with: orgsync "},
		{cli.ExitBusy, []string{"undo", ended}, "or cancel it with: orgsync cancel busy"},
		{cli.ExitBusy, []string{"runs", "retry", running}, "still at work"},
		{cli.ExitBusy, []string{"sync", "off"}, "provider off is switched off"},
		{cli.ExitBusy, []string{"schedule", "set", "off", "--every", "1h"}, "provider off is switched off"},
		{cli.ExitNothing, []string{"approve", "busy"}, "no run of busy is waiting for a decision"},
		{cli.ExitNothing, []string{"reject", "busy"}, "no run of busy is waiting for a decision"},
		{cli.ExitNothing, []string{"undo", plan}, "was a plan"},
		{cli.ExitNothing, []string{"runs", "retry", ended}, "nothing to retry"},
		{cli.ExitNothing, []string{"schedule", "pause", "busy"}, "busy has no schedule"},
		{cli.ExitNothing, []string{"schedule", "remove", "busy"}, "busy has no schedule"},
	} {
		o := in.feed(`{"app_id":"cli_1","app_secret":"hunter2"}`, append(tt.args, "--output", "json")...)
		require.Equal(t, tt.status, o.status, "%v: %s", tt.args, o.stderr)
		require.Contains(t, o.stderr, tt.why, tt.args)
		var document struct{ Error string }
		o.json(&document)
		require.Contains(t, document.Error, tt.why, "an error is a document, too")
	}
	require.Equal(t, cli.ExitDone, in.run("runs", "show", waiting).status)
}
