package main

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

	"github.com/orgsync/orgsync/devkit/devstack"
)

const (
	upTimeout = 5 * time.Minute // includes recovery of a large database after a crash
	pollEvery = 100 * time.Millisecond
)

type upCommand struct{}

// Run starts a supervisor unless there is one, and waits until its stack is healthy.
func (upCommand) Run(ctx context.Context, where dirs) error {
	if err := os.MkdirAll(where.state, 0o700); err != nil {
		return err
	}
	if supervised(where.state) {
		if err := awaitHealthy(ctx, where.state, nil); err != nil {
			return err
		}
		s, _ := readState(where.state)
		dead := ended(ctx, s)
		if len(dead) == 0 {
			fmt.Println("The development stack is already running.")
			return describe(where.state)
		}
		fmt.Printf("Restarting the development stack, because this has stopped: %s\n", strings.Join(dead, ", "))
		if err := takeDown(ctx, where.state); err != nil {
			return err
		}
	}
	// Built here, not by the supervisor, so that the build shows on the terminal and stops with Ctrl-C.
	if err := devstack.LinkTemporal(ctx, where.bin, os.Stderr); err != nil {
		return err
	}
	supervisor, err := startSupervisor(where.state)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Wait() }()
	if err := awaitHealthy(ctx, where.state, ended); err != nil {
		_ = supervisor.Process.Signal(syscall.SIGTERM)
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTimeout)
		defer cancel()
		return errors.Join(err, takeDown(stopping, where.state))
	}
	fmt.Println("The development stack is up.")
	return describe(where.state)
}

// startSupervisor starts this program again, detached from the terminal.
func startSupervisor(dir string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, logName))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "supervise", "--dir", dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// awaitHealthy shows the supervisor's progress until the stack is healthy. ended, if not nil, tells of the supervisor's end.
func awaitHealthy(ctx context.Context, dir string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var shown int64
	for {
		if ended != nil {
			shown = show(filepath.Join(dir, logName), shown)
		}
		if s, ok := readState(dir); ok && s.Healthy && supervised(dir) {
			return nil
		}
		select {
		case err := <-ended:
			show(filepath.Join(dir, logName), shown)
			// Another up may have been faster; then its stack is ours as well.
			if supervised(dir) {
				ended = nil
				continue
			}
			return fmt.Errorf("the development stack did not start: %w", errors.Join(err))
		case <-tick.C:
			if ended == nil && !supervised(dir) {
				return errors.New("the development stack stopped while starting; see " + filepath.Join(dir, logName))
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for the development stack (log: %s): %w", filepath.Join(dir, logName), ctx.Err())
		}
	}
}

// show copies what a log has grown by to standard error and returns its new length.
func show(path string, from int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return from
	}
	defer file.Close()
	n, _ := io.Copy(os.Stderr, io.NewSectionReader(file, from, 1<<20))
	return from + n
}

func describe(dir string) error {
	s, ok := readState(dir)
	if !ok {
		return errors.New("the development stack has just stopped")
	}
	fmt.Printf(`
  Web UI               %s
  Temporal             %s
  simulated companies  %s (control)
  settings             %s

Next, sync a simulated company (or use a configuration file of your own):
  . %s
  bin/orgsync provider add acme --type feishu --config %s
  bin/orgsync sync acme --wait
Stop it with: make down
`, s.UI, s.Address, s.Control, filepath.Join(dir, envName), filepath.Join(dir, envName), filepath.Join(dir, "feishu.json"))
	return nil
}
