// Package process starts the servers that tests and the development stack need as child processes, and makes sure that
// none of them outlives this process: not after a panic, not after kill -9.
//
// It knows nothing of what it runs, and production programs do not use it.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Orphan says what happens to a child whose parent died without stopping it.
type Orphan struct {
	Signal syscall.Signal // sent to the child; after ten seconds SIGKILL follows
	Remove string         // a directory to delete once the child is gone; "" for none
	Lock   *Lock          // stays taken until then, too; nil for none
}

// Process is a running child. All methods may be called from several goroutines.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; to be read after done is closed
}

// Start starts cmd in a process group of its own, so that Ctrl-C in a terminal reaches only this process, which then
// stops its children in the right order. cmd's output should go to files: a pipe would break when this process dies.
func Start(cmd *exec.Cmd, orphan Orphan) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	guard, err := startGuard(cmd.Process.Pid, orphan)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("guard %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		guard.release()
		close(p.done)
	}()
	return p, nil
}

// Pid is the process id of the child.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed once the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the child's end and says how it ended: nil for exit status 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Stop sends sig, waits up to grace for the child to end, and kills it if it has not. It returns once the child is
// gone; the error says that it had to be killed. How the child ended is left to Err. A child that is gone already is
// no error.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return fmt.Errorf("stop %s: still running %s after %s, killed", p.cmd.Path, grace, sig)
}
