package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/stack/process"
)

// Child is a program that a stack runs.
type Child struct {
	*process.Process
	Name, Log string
}

// place is where children run: their directory, and the lock that stays taken until they are gone.
type place struct {
	dir  string
	lock *process.Lock
}

// start runs a program with its output in a log file and an environment of exactly env.
func (p place) start(name string, env []string, program string, args ...string) (*Child, error) {
	path := filepath.Join(p.dir, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, p.dir, log, log
	started, err := process.Start(cmd, process.Orphan{Signal: syscall.SIGTERM, Lock: p.lock})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &Child{started, name, path}, nil
}

// await calls healthy again and again until it returns nil. Where the child ends before, or does not get so far in
// time, it is stopped, and the error says why.
func (c *Child) await(ctx context.Context, limit time.Duration, healthy func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.Done():
			return fmt.Errorf("%s ended while starting: %w (log %s: %s)", c.Name, c.Err(), c.Log, tail(c.Log))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s is not ready: %w (log %s)", c.Name, errors.Join(ctx.Err(), err), c.Log),
				c.stop())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop lets the child end its work. It returns once the child is gone.
func (c *Child) stop() error { return c.Process.Stop(syscall.SIGTERM, 30*time.Second) }

// tail is the end of a log file, short enough for an error. Where a Go program ended by a panic,
// it begins with the line before the panic, which may tell why; the frames after it are long.
func tail(path string) string {
	const most = 1000
	text, _ := os.ReadFile(path)
	if panicked := bytes.LastIndex(text, []byte("panic: ")); panicked >= 0 {
		before := bytes.LastIndexByte(bytes.TrimSuffix(text[:panicked], []byte("\n")), '\n') + 1
		text = text[before:min(len(text), before+most)]
	}
	return strings.ReplaceAll(strings.TrimSpace(string(text[max(0, len(text)-most):])), "\n", " | ")
}
