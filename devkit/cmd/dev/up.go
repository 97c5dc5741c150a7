package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/process"
)

const (
	upTimeout = 5 * time.Minute // includes recovery of a large database after a crash
	pollEvery = 100 * time.Millisecond
)

type upCommand struct{}

// Run starts a supervisor unless there is one, and waits until its stack is healthy.
func (upCommand) Run(ctx context.Context, where dirs) error {
	lock, err := claim(ctx, where.state)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if supervised(where.state) {
		// One whose up was killed may still be starting.
		shown := len(read(where.state, supervisorLog))
		if err := awaitHealthy(ctx, where.state, shown, func() bool { return !supervised(where.state) }); err != nil {
			return err
		}
		ended := read(where.state, endedFile)
		if ended == "" {
			return welcome(ctx, "The development stack is already running.", where.state)
		}
		fmt.Printf("Restarting the development stack, because this has stopped: %s\n", ended)
	}
	if err := takeDown(ctx, where.state); err != nil { // or what a killed supervisor left
		return err
	}
	// Got here, not by the supervisor, so that a build shows on the terminal and stops with Ctrl-C.
	if _, err := stack.TemporalBinary(ctx, os.Stderr); err != nil {
		return err
	}
	ended, err := startSupervisor(where.state)
	if err != nil {
		return err
	}
	if err := awaitHealthy(ctx, where.state, 0, ended); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTimeout)
		defer cancel()
		return errors.Join(err, takeDown(stopping, where.state))
	}
	return welcome(ctx, "The development stack is up.", where.state)
}

// welcome says what runs and how to come in.
func welcome(ctx context.Context, line, dir string) error {
	if err := say(line, dir); err != nil {
		return err
	}
	link, err := exec.CommandContext(ctx, "sh", "-c", `. "$0" && orgsync console`, filepath.Join(dir, envFile)).Output()
	if err != nil {
		return fmt.Errorf("make a link to the console: %w", err)
	}
	fmt.Printf("\nOpen the console; this link signs in once, within ten minutes:\n  %s", link)
	return nil
}

// startSupervisor starts this program again, detached from the terminal. ended says whether it is gone.
func startSupervisor(dir string) (ended func() bool, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, supervisorLog))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "supervise", "--dir", dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done, cancel := context.WithCancel(context.Background())
	go func() { _ = cmd.Wait(); cancel() }()
	return func() bool { return done.Err() != nil }, nil
}

// awaitHealthy shows the supervisor's progress, its log beyond what has been shown, until the stack is healthy or the
// supervisor has ended.
func awaitHealthy(ctx context.Context, dir string, shown int, ended func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	for {
		gone := ended()
		log := read(dir, supervisorLog)
		fmt.Fprint(os.Stderr, log[min(shown, len(log)):])
		shown = len(log)
		switch {
		case gone:
			return fmt.Errorf("the development stack did not start (log: %s)", filepath.Join(dir, supervisorLog))
		case read(dir, envFile) != "":
			return nil
		}
		if !process.Sleep(ctx, pollEvery) {
			return fmt.Errorf("wait for the development stack (log: %s): %w", filepath.Join(dir, supervisorLog),
				ctx.Err())
		}
	}
}

// say prints a line and what runs.
func say(line, dir string) error {
	fmt.Printf("%s\n%s", line, read(dir, statusFile))
	return nil
}
