package procgroup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CommandLine is the command line of a running process, "" if there is none with this id. A process id alone proves
// nothing, since ids are used again; compare the command line before signalling a process that is not a child.
func CommandLine(ctx context.Context, pid int) string {
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return ""
		}
		// Arguments end with NUL; a zombie has none at all.
		return strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	}
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	state, line, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(line)
}

// StopStranger ends a process that is not a child of this one, if its command line contains marker: by sig first, by
// SIGKILL when it is still there after grace. It returns once the process is gone or ctx is done.
func StopStranger(ctx context.Context, pid int, marker string, sig syscall.Signal, grace time.Duration) error {
	running := func() bool { return strings.Contains(CommandLine(ctx, pid), marker) }
	if pid <= 1 || !running() {
		return ctx.Err()
	}
	if err := syscall.Kill(pid, sig); err != nil && !ended(err) {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(grace)
	for running() {
		if time.Now().After(deadline) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !ended(err) {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return ctx.Err()
}
