package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/process"
)

const downTimeout = 2 * time.Minute

type downCommand struct{}

// Run stops the stack; that there is none is no error.
func (downCommand) Run(ctx context.Context, where dirs) error {
	running := false
	err := whileStopped(ctx, where.state, func(was bool) error { running = was; return nil })
	if err != nil {
		return err
	}
	if running {
		fmt.Println("The development stack is down; its data is kept.")
	} else {
		fmt.Println("The development stack is not running.")
	}
	return nil
}

type cleanCommand struct{}

// Run stops the stack and removes its directory.
func (cleanCommand) Run(ctx context.Context, where dirs) error {
	if err := whileStopped(ctx, where.state, func(bool) error { return stack.Remove(where.state) }); err != nil {
		return err
	}
	fmt.Println("The development stack and its data are removed.")
	return nil
}

// whileStopped stops the stack, if there ever was one, and does something before it can be started again.
func whileStopped(ctx context.Context, dir string, do func(wasRunning bool) error) error {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return do(false)
	}
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	lock, err := claim(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	running := supervised(dir)
	if err := takeDown(ctx, dir); err != nil {
		return err
	}
	return do(running)
}

// takeDown tells the supervisor to stop, and waits until it is gone and what a killed one may have left.
func takeDown(ctx context.Context, dir string) error {
	for told := false; supervised(dir); {
		// It may not have written its id yet.
		if pid, err := strconv.Atoi(read(dir, pidFile)); err == nil && !told {
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("stop the supervisor: %w", err)
			}
			told = true
		}
		if !process.Sleep(ctx, pollEvery) {
			return fmt.Errorf("wait for the supervisor to stop (log: %s): %w", filepath.Join(dir, supervisorLog),
				ctx.Err())
		}
	}
	if err := stack.Await(ctx, dir); err != nil {
		return err
	}
	return forget(dir)
}
