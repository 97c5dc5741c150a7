package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/stretchr/testify/require"
)

// What bash offers behind a command line, the last word of which is being typed.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	script := installation{t: t}.ok("completion", "bash").stdout
	offered := func(typed ...string) []string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "bash", append([]string{"-c", script + `
compopt() { echo files; }
COMP_WORDS=(orgsync "$@") COMP_CWORD=$#
_orgsync
printf '%s\n' "${COMPREPLY[@]}"`, "bash"}, typed...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.Fields(string(out))
	}
	require.Subset(t, offered(""), []string{"status", "provider", "sync", "runs", "cancel", "notify", "completion",
		"help", "--output", "--version"})
	require.Equal(t, []string{"status"}, offered("st"))
	require.Equal(t, []string{"retry"}, offered("runs", "ret"))
	require.Equal(t, []string{"--members"}, offered("sync", "acme", "--mem"))
	require.Equal(t, []string{"--wait"}, offered("sync", "acme", "--wa"))
	require.Equal(t, []string{"--no-wait"}, offered("sync", "acme", "--no"))
	require.Equal(t, []string{"hold", "apply", "skip"}, offered("sync", "acme", "--wait", "--on-removals", ""))
	require.Equal(t, []string{"dingtalk"}, offered("provider", "add", "acme", "--type", "d"))
	require.Equal(t, []string{"files"}, offered("provider", "add", "acme", "--config", ""))
	require.Empty(t, offered("runs", "list", "--provider", ""), "names are not known here")
	require.Equal(t, []string{"bash"}, offered("completion", "b"))
}

// zsh and fish may be on no test machine: what they are told names every command and flag.
func TestZshAndFishAreToldEverything(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	for shell, wants := range map[string][]string{
		"zsh": {"#compdef orgsync", `("runs") choices=('list:List runs`, `'--members:Look up only these people`,
			`("provider add --config") _files`, `("sync --on-removals") compadd hold apply skip`},
		"fish": {"complete -c orgsync -f", `"__orgsync_at 'runs'" -a list -d 'List runs`,
			`"__orgsync_at 'sync'" -l members -x -d 'Look up only these`, `-l config -r -F -d`,
			`-l on-removals -x -a 'hold apply skip'`},
	} {
		script := in.ok("completion", shell).stdout
		for _, want := range wants {
			require.Contains(t, script, want, shell)
		}
	}
	o := in.run("completion", "csh")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "bash")
}
