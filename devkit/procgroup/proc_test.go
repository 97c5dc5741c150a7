package procgroup_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("PROC_TEST_PARENT"); dir != "" {
		playParent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// playParent is what the test binary does when it is run as the parent that gets killed.
func playParent(dir string) {
	child, err := procgroup.Start(exec.Command("sleep", "600"), procgroup.Orphan{Signal: syscall.SIGTERM, Remove: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(child.Pid())
	_ = child.Err()
}

func TestStopEndsTheChild(t *testing.T) {
	t.Parallel()
	child, err := procgroup.Start(exec.Command("sleep", "600"), procgroup.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.Contains(t, procgroup.CommandLine(t.Context(), child.Pid()), "sleep 600")
	require.NoError(t, child.Stop(syscall.SIGTERM, 10*time.Second))
	require.Error(t, child.Err(), "ended by a signal")
	require.Empty(t, procgroup.CommandLine(t.Context(), child.Pid()))
	require.NoError(t, child.Stop(syscall.SIGTERM, time.Second), "stopping twice is harmless")
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	child, err := procgroup.Start(exec.Command("sh", "-c", `trap '' TERM; : >"$0"; while :; do sleep 0.05; done`, ready),
		procgroup.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(ready); return err == nil }, 10*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, child.Stop(syscall.SIGTERM, 100*time.Millisecond), "killed")
}

func TestErrTellsTheExitStatus(t *testing.T) {
	t.Parallel()
	child, err := procgroup.Start(exec.Command("sh", "-c", "exit 3"), procgroup.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.ErrorContains(t, child.Err(), "exit status 3")
	require.NoError(t, child.Signal(syscall.SIGTERM), "signalling the dead is harmless")
}

func TestStartReportsAMissingProgram(t *testing.T) {
	t.Parallel()
	_, err := procgroup.Start(exec.Command("/nonexistent/program"), procgroup.Orphan{Signal: syscall.SIGTERM})
	require.ErrorContains(t, err, "start /nonexistent/program")
}

func TestAKilledParentLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "scratch")
	require.NoError(t, os.Mkdir(dir, 0o755))
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "PROC_TEST_PARENT="+dir)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return procgroup.CommandLine(context.Background(), pid) == "" && os.IsNotExist(err)
	}, 20*time.Second, 50*time.Millisecond)
}

func TestStopStranger(t *testing.T) {
	t.Parallel()
	stranger := exec.Command("sleep", "601")
	require.NoError(t, stranger.Start())
	gone := make(chan error, 1)
	go func() { gone <- stranger.Wait() }()

	require.NoError(t, procgroup.StopStranger(t.Context(), stranger.Process.Pid, "another program", syscall.SIGTERM, time.Second))
	select {
	case <-gone:
		t.Fatal("a process with another command line was stopped")
	default:
	}
	require.NoError(t, procgroup.StopStranger(t.Context(), stranger.Process.Pid, "sleep 601", syscall.SIGTERM, time.Second))
	require.Error(t, <-gone)
}

func TestTheLockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := procgroup.TryLock(path)
	require.NoError(t, err)
	_, err = procgroup.TryLock(path)
	require.ErrorIs(t, err, procgroup.ErrLocked)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = procgroup.Lock(short, path)
	require.ErrorIs(t, err, procgroup.ErrLocked)

	waiting := make(chan error, 1)
	go func() {
		unlock, err := procgroup.Lock(t.Context(), path)
		if err == nil {
			unlock()
		}
		waiting <- err
	}()
	unlock()
	require.NoError(t, <-waiting)
}

// A child that is just being started has all files of its parent for a moment; what
// the parent unlocks meanwhile is free all the same.
func TestUnlockedIsFreeWhileProgramsStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = exec.Command("true").Run()
			}
		}
	}()
	for range 2000 {
		unlock, err := procgroup.TryLock(path)
		if !assert.NoError(t, err) {
			break
		}
		unlock()
	}
	close(stop)
	<-stopped
}
