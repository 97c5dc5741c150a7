package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("PROCESS_TEST_PARENT"); dir != "" {
		if err := playParent(dir); err != nil {
			fmt.Println(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// playParent is what the test binary does when it is run as the parent that gets killed. Its child has a locked file
// open, so that the lock is free once it is gone.
func playParent(dir string) error {
	lock, err := process.TryLock(dir + ".lock")
	if err != nil {
		return err
	}
	child := exec.Command("sleep", "600")
	alive, err := os.Create(dir + ".alive")
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	child.ExtraFiles = []*os.File{alive}
	_, err = process.Start(child, process.Orphan{Signal: syscall.SIGTERM, Remove: dir, Lock: lock})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

func TestStopEndsTheChild(t *testing.T) {
	t.Parallel()
	child, err := process.Start(exec.Command("sleep", "600"), process.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child.Pid(), 0))
	require.NoError(t, child.Stop(syscall.SIGTERM, 10*time.Second))
	require.Error(t, child.Err(), "ended by a signal")
	require.ErrorIs(t, syscall.Kill(child.Pid(), 0), syscall.ESRCH)
	require.NoError(t, child.Stop(syscall.SIGTERM, time.Second), "stopping twice is harmless")
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	child, err := process.Start(exec.Command("sh", "-c", `trap '' TERM; : >"$0"; while :; do sleep 0.05; done`, ready),
		process.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(ready); return err == nil }, 10*time.Second,
		10*time.Millisecond)
	require.ErrorContains(t, child.Stop(syscall.SIGTERM, 100*time.Millisecond), "killed")
}

func TestStartReportsAMissingProgramAndErrAnExitStatus(t *testing.T) {
	t.Parallel()
	_, err := process.Start(exec.Command("/nonexistent/program"), process.Orphan{Signal: syscall.SIGTERM})
	require.ErrorContains(t, err, "start /nonexistent/program")
	child, err := process.Start(exec.Command("sh", "-c", "exit 3"), process.Orphan{Signal: syscall.SIGTERM})
	require.NoError(t, err)
	require.ErrorContains(t, child.Err(), "exit status 3")
}

// The lock is free no sooner than child and directory are gone.
func TestAKilledParentLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "scratch")
	require.NoError(t, os.Mkdir(dir, 0o755))
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "PROCESS_TEST_PARENT="+dir)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	said := make([]byte, 100)
	n, err := out.Read(said)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(said[:n]))
	_, err = process.TryLock(dir + ".lock")
	require.ErrorIs(t, err, process.ErrLocked)

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lock, err := process.WaitLock(ctx, dir+".lock")
	require.NoError(t, err)
	lock.Unlock()
	require.NoDirExists(t, dir)
	alive, err := process.TryLock(dir + ".alive")
	require.NoError(t, err, "the child still runs")
	alive.Unlock()
}

func TestTheLockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := process.TryLock(path)
	require.NoError(t, err)
	_, err = process.TryLock(path)
	require.ErrorIs(t, err, process.ErrLocked)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = process.WaitLock(short, path)
	require.ErrorIs(t, err, process.ErrLocked)

	waiting := make(chan error, 1)
	go func() {
		lock, err := process.WaitLock(t.Context(), path)
		if err == nil {
			lock.Unlock()
		}
		waiting <- err
	}()
	lock.Unlock()
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
		lock, err := process.TryLock(path)
		if !assert.NoError(t, err) {
			break
		}
		lock.Unlock()
	}
	close(stop)
	<-stopped
}
