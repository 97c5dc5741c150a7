package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/stack/stacktest"
)

// installation is the program with a state directory of its own.
type installation struct{ program, state string }

func install(t *testing.T) installation {
	t.Helper()
	i := installation{
		program: filepath.Join(stacktest.Programs(t), "dev"),
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

// settings are what a shell finds in .dev/env.
func (i installation) settings(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `. "$0" && env`, filepath.Join(i.state, envFile)).Output()
	require.NoError(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[name] = value
	}
	return all
}

// kill ends a process as a crash does; the kernel takes its time.
func kill(t *testing.T, pid string) {
	t.Helper()
	id, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(id, syscall.SIGKILL))
}

// requireGone looks for whoever still listens at the addresses of a stack.
func requireGone(t *testing.T, settings map[string]string) {
	t.Helper()
	for _, name := range []string{"DATABASE_URL", "TEMPORAL_ADDRESS", "ORGSYNC_UI_URL", "ORGSYNC_SIM_CONTROL_URL"} {
		address := settings[name]
		if parsed, err := url.Parse(address); err == nil && parsed.Host != "" {
			address = parsed.Host
		}
		require.NotEmpty(t, address, name)
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		require.ErrorIs(t, err, syscall.ECONNREFUSED, address)
	}
}

var workerLine = regexp.MustCompile(`worker +running +process (\d+)`)

func TestUpStatusDown(t *testing.T) {
	t.Parallel()
	i := install(t)
	require.Contains(t, i.run(t, "down"), "not running", "down without up is harmless")
	require.NoDirExists(t, i.state)
	require.Regexp(t, `(?s)is up.*http://\S+/sign-in/link\?code=`, i.run(t, "up"))
	up := i.settings(t)
	response, err := http.Get(up["ORGSYNC_UI_URL"])
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, name := range []string{"DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "ORGSYNC_KEYSET"} {
		require.NotEmpty(t, up[name], name)
	}
	out, err := exec.Command("sh", "-c", `. "$0" && temporal operator search-attribute list && command -v orgsync`,
		filepath.Join(i.state, envFile)).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "OrgProvider", "a worker registers the search attributes")
	require.Contains(t, string(out), filepath.Join(filepath.Dir(i.program), "orgsync"))
	info, err := os.Stat(filepath.Join(i.state, envFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds a password")

	require.Contains(t, i.run(t, "up"), "already running")
	require.Equal(t, up, i.settings(t))
	logs := i.run(t, "logs")
	require.Contains(t, logs, "worker.log")
	require.Contains(t, logs, "database system is ready", "Postgres keeps its own")
	worker := workerLine.FindStringSubmatch(i.run(t, "status"))
	require.Len(t, worker, 2)
	kill(t, worker[1])
	require.Eventually(t, func() bool { return read(i.state, endedFile) != "" }, time.Minute, 10*time.Millisecond)
	require.Regexp(t, `worker +ended`, i.run(t, "status"))
	require.Contains(t, i.run(t, "up"), "because this has stopped: worker")
	require.Regexp(t, workerLine, i.run(t, "status"))
	require.Equal(t, up, i.settings(t), "the same ports, password and credentials as before")

	require.Contains(t, i.run(t, "down"), "is down")
	requireGone(t, up)
	require.NoFileExists(t, filepath.Join(i.state, envFile))
	require.Contains(t, i.run(t, "status"), "not running")
}

// What a killed supervisor leaves ends by itself; the next command waits for that, and for nothing else.
func TestAKilledSupervisorLeavesNothingAndNoObstacle(t *testing.T) {
	t.Parallel()
	i := install(t)
	killSupervisor := func() {
		kill(t, read(i.state, pidFile))
		require.Eventually(t, func() bool { return !supervised(i.state) }, time.Minute, 10*time.Millisecond)
	}
	i.run(t, "up")
	up := i.settings(t)
	killSupervisor()
	require.Contains(t, i.run(t, "up"), "is up", "what the killed one wrote down does not matter")
	require.Equal(t, up, i.settings(t), "no port was still taken")
	killSupervisor()
	require.Contains(t, i.run(t, "down"), "not running")
	requireGone(t, up)
}

func TestDemoShowsEveryRoundAndRemovesAll(t *testing.T) {
	t.Parallel()
	i := install(t)
	temp := t.TempDir()
	demo := i.command(t.Context(), "demo")
	demo.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := demo.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, want := range []string{"First load", "Nothing changed", "The departments of acme-feishu",
		"The console was at http://", "Temporal Web UI at http://"} {
		require.Contains(t, string(out), want)
	}
	for _, company := range companies {
		require.Regexp(t, company.name+` +departments +\d+ +[1-9]\d* +0 +0 +0 +\d+\.\d\n +people +200 +200 +0 +0 +0\n`,
			string(out))
	}
	require.Regexp(t, `Nothing changed\n.*\n +acme-feishu +departments +\d+ +0 +0 +0 +[1-9]\d* +`, string(out))
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestChangedIsUpdatedMovedRestoredAndDeactivated(t *testing.T) {
	t.Parallel()
	got := counts{Read: 7, Created: 1, Updated: 2, Moved: 2, Restored: 2, Deactivated: 3, Deleted: 5, Unchanged: 6}
	require.Equal(t, "people 7 1 9 5 6", strings.Join(strings.Fields(got.line("people")), " "))
}

func TestAnInterruptedDemoRemovesAll(t *testing.T) {
	t.Parallel()
	i := install(t)
	temp := t.TempDir()
	demo := i.command(t.Context(), "demo")
	demo.Env = append(os.Environ(), "TMPDIR="+temp)
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
	up := i.settings(t)
	i.run(t, "down")
	requireGone(t, up)
}

func TestAFailedUpSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	i := install(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	port := taken.Addr().(*net.TCPAddr).Port
	up := i.command(t.Context(), "up")
	up.Env = append(os.Environ(), fmt.Sprintf("ORGSYNC_UI_PORT=%d", port))
	out, err := up.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), fmt.Sprintf("the port %d is taken", port))
	require.False(t, supervised(i.state))
	require.Empty(t, read(i.state, envFile))
}

func TestExecPassesTheExitStatusOn(t *testing.T) {
	t.Parallel()
	i := install(t)
	err := i.command(t.Context(), "exec", "--", "sh", "-c",
		`case $ORGSYNC_TEST_DATABASE_URL in postgres://*) exit 7;; esac`).Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode())
}

func TestWrongUsageAndHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	require.Equal(t, 2, run(t.Context(), []string{"sideways"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "try dev --help")
	require.Equal(t, 0, run(t.Context(), []string{"--help"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "Examples:")
}
