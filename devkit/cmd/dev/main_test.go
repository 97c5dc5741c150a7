package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/devstack/devstacktest"
)

// The test binary plays the program itself, too, since the program starts itself anew.
func TestMain(m *testing.M) {
	devstacktest.Play()
	if filepath.Base(os.Args[0]) == "dev" {
		main()
	}
	os.Exit(m.Run())
}

// installation is a set of programs and a state directory of their own.
type installation struct{ program, state string }

func install(t *testing.T) installation {
	t.Helper()
	i := installation{
		program: filepath.Join(devstacktest.Programs(t, "dev"), "dev"),
		state:   filepath.Join(t.TempDir(), ".dev"),
	}
	t.Cleanup(func() {
		out, err := i.command(context.Background(), "clean").CombinedOutput()
		require.NoError(t, err, string(out))
		require.NoDirExists(t, i.state)
	})
	return i
}

func (i installation) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, i.program, append([]string{"--dir", i.state}, args...)...)
}

// run runs a command that must succeed and returns its standard output.
func (i installation) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := i.command(t.Context(), args...)
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	require.NoError(t, err, problem.String())
	return string(out)
}

func requireGone(t *testing.T, s state) {
	t.Helper()
	require.NotEmpty(t, s.Children)
	require.Len(t, ended(t.Context(), s), len(s.Children))
}

func TestUpStatusDown(t *testing.T) {
	t.Parallel()
	i := install(t)
	require.Contains(t, i.run(t, "down"), "not running", "down without up is harmless")
	require.Contains(t, i.run(t, "up"), "is up")
	up, ok := readState(i.state)
	require.True(t, ok)
	response, err := http.Get(up.UI)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	env := i.run(t, "exec", "--", "sh", "-c", `. "$0" && echo "$DATABASE_URL|$TEMPORAL_ADDRESS|$TEMPORAL_NAMESPACE|$ORGSYNC_KEYSET|$ORGSYNC_UI_URL"`,
		filepath.Join(i.state, envName))
	for _, value := range strings.Split(strings.TrimSpace(env), "|") {
		require.NotEmpty(t, value, env)
	}
	found := i.run(t, "exec", "--", "sh", "-c", `. "$0" && command -v temporal && temporal --version && command -v orgsync`, filepath.Join(i.state, envName))
	require.Contains(t, found, filepath.Join(filepath.Dir(i.program), "temporal")+"\ntemporal version")
	require.Contains(t, found, filepath.Join(filepath.Dir(i.program), "orgsync"))
	info, err := os.Stat(filepath.Join(i.state, envName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds a password")

	require.Contains(t, i.run(t, "up"), "already running")
	again, _ := readState(i.state)
	require.Equal(t, up, again)
	require.Contains(t, i.run(t, "status"), "worker     running")
	require.Contains(t, i.run(t, "logs"), "worker.log")

	worker := up.Children[len(up.Children)-1]
	require.NoError(t, syscall.Kill(worker.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(ended(context.Background(), up)) == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, i.run(t, "status"), "worker     ended")
	require.Contains(t, i.run(t, "up"), "because this has stopped: worker")
	up, _ = readState(i.state)
	require.Empty(t, ended(t.Context(), up))

	require.Contains(t, i.run(t, "down"), "is down")
	requireGone(t, up)
	require.NoFileExists(t, filepath.Join(i.state, envName))
	require.Contains(t, i.run(t, "status"), "not running")
}

func TestAKilledSupervisorLeavesNothingAndNoObstacle(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.run(t, "up")
	killed, _ := readState(i.state)
	require.NoError(t, syscall.Kill(killed.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(ended(context.Background(), killed)) == len(killed.Children) },
		30*time.Second, 50*time.Millisecond, "children must end with their supervisor")

	require.Contains(t, i.run(t, "up"), "is up", "what the killed one wrote down does not matter")
	fresh, _ := readState(i.state)
	require.NotEqual(t, killed.PID, fresh.PID)
	require.Equal(t, killed.Address, fresh.Address)
	require.NoError(t, syscall.Kill(fresh.PID, syscall.SIGKILL))
	require.Contains(t, i.run(t, "down"), "not running")
	requireGone(t, fresh)
}

func TestDemoShowsEveryRoundAndRemovesAll(t *testing.T) {
	t.Parallel()
	i := install(t)
	temp := t.TempDir()
	demo := i.command(t.Context(), "demo")
	demo.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := demo.Output()
	require.NoError(t, err)
	for _, want := range []string{"First load", "Nothing changed", "acme-feishu", "acme-dingtalk", "acme-wecom", "the tree of acme-feishu", "Web UI was at http://"} {
		require.Contains(t, string(out), want)
	}
	require.Regexp(t, `acme-wecom +departments +7 +1 +9 +5 +6 +1\.5`, string(out), "changed is updated, moved, restored and deactivated")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAnInterruptedDemoRemovesAll(t *testing.T) {
	t.Parallel()
	i := install(t)
	temp := t.TempDir()
	demo := i.command(t.Context(), "demo")
	demo.Env = append(os.Environ(), "TMPDIR="+temp, devstacktest.HangVariable+"=1")
	out, err := demo.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, demo.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "First load") {
	}
	require.NoError(t, demo.Process.Signal(os.Interrupt))
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	var exit *exec.ExitError
	require.ErrorAs(t, demo.Wait(), &exit)
	require.Equal(t, 130, exit.ExitCode())
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTwoUpsAtOnceShareOneStack(t *testing.T) {
	t.Parallel()
	i := install(t)
	first, second := i.command(t.Context(), "up"), i.command(t.Context(), "up")
	require.NoError(t, first.Start())
	require.NoError(t, second.Start())
	require.NoError(t, first.Wait())
	require.NoError(t, second.Wait())
	up, _ := readState(i.state)
	i.run(t, "down")
	requireGone(t, up)
}

func TestAFailedUpSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	i := install(t)
	worker := filepath.Join(filepath.Dir(i.program), "orgsync-worker")
	require.NoError(t, os.Remove(worker))
	require.NoError(t, os.WriteFile(worker, []byte("#!/bin/sh\necho no such table >&2\nexit 2\n"), 0o755))
	out, err := i.command(t.Context(), "up").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "no such table")
	require.False(t, supervised(i.state))
	_, exists := readState(i.state)
	require.False(t, exists)
}

func TestExecPassesTheExitStatusOn(t *testing.T) {
	t.Parallel()
	i := install(t)
	err := i.command(t.Context(), "exec", "--", "sh", "-c",
		`case $ORGSYNC_TEST_DATABASE_URL in postgres://*) test -x "$ORGSYNC_TEST_TEMPORAL" && exit 7;; esac`).Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode())
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2, run(t.Context(), []string{"sideways"}))
}

func TestParseFuzzList(t *testing.T) {
	t.Parallel()
	out := "FuzzOne\nFuzzTwo\nok  \texample.com/a\t0.1s\nok  \texample.com/b\t0.1s\n?   \texample.com/c\t[no test files]\nFuzzThree\nok  \texample.com/d\t0.1s\n"
	require.Equal(t, []fuzzTest{{"example.com/a", "FuzzOne"}, {"example.com/a", "FuzzTwo"}, {"example.com/d", "FuzzThree"}},
		parseFuzzList([]byte(out)))
}
