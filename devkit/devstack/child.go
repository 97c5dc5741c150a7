package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

// Child is what is to be known of one process of a stack.
type Child struct {
	Name   string `json:"name"`
	PID    int    `json:"pid"`
	Marker string `json:"marker"` // part of its command line: tells it from another process that got the same id later
	Log    string `json:"log"`
}

// child is a program that a stack runs.
type child struct {
	Child
	process *procgroup.Process
}

// startChild runs a program with its output in a log file and an environment of exactly env.
func startChild(dir, name string, env []string, program string, args ...string) (*child, error) {
	path := filepath.Join(dir, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, log, log
	process, err := procgroup.Start(cmd, procgroup.Orphan{Signal: syscall.SIGTERM})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &child{Child: Child{Name: name, PID: process.Pid(), Marker: program, Log: path}, process: process}, nil
}

// until calls healthy again and again until it returns nil. It gives up when the child has ended, or ctx, and says why in
// terms of the last answer.
func (c *child) until(ctx context.Context, healthy func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.process.Done():
			return fmt.Errorf("%s ended while starting: %w (log %s: %s)", c.Name, c.process.Err(), c.Log, tail(c.Log))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", c.Name, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

func (c *child) stop(grace time.Duration) error { return c.process.Stop(syscall.SIGTERM, grace) }

// tail is the end of a log file, short enough for an error.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > 1000 {
		_, _ = file.Seek(-1000, io.SeekEnd)
	}
	text, _ := io.ReadAll(file)
	return strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), " | ")
}

// scrubbed is this process's environment without what could point a child to another database or another Temporal.
func scrubbed() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		elsewhere := strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "PG") ||
			name == "DATABASE_URL" || name == "ORGSYNC_KEYSET"
		if !elsewhere {
			env = append(env, entry)
		}
	}
	return env
}
