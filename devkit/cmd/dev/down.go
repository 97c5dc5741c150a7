package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/procgroup"
)

const (
	downTimeout   = 2 * time.Minute
	leftoverGrace = 15 * time.Second
)

type downCommand struct{}

// Run stops the stack; that there is none is no error.
func (downCommand) Run(ctx context.Context, where dirs) error {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	running := supervised(where.state)
	if err := takeDown(ctx, where.state); err != nil {
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
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	if err := takeDown(ctx, where.state); err != nil {
		return err
	}
	if err := devstack.Remove(where.state); err != nil {
		return err
	}
	fmt.Println("The development stack and its data are removed.")
	return nil
}

// takeDown tells the supervisor to stop, waits until it is gone, and ends what a killed one may have left.
func takeDown(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for told := false; supervised(dir); {
		// The state file may not be written yet; the command line proves that the id in it is not an old one.
		if s, ok := readState(dir); !told && ok && strings.Contains(procgroup.CommandLine(ctx, s.PID), "supervise --dir "+dir) {
			if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
				return fmt.Errorf("stop the supervisor: %w", err)
			}
			told = true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the supervisor to stop (log: %s): %w", filepath.Join(dir, logName), ctx.Err())
		}
	}
	if err := endLeftovers(ctx, dir); err != nil {
		return err
	}
	return forget(dir)
}

// endLeftovers waits for the children of a supervisor that was killed, which end by themselves, and ends those that do not.
func endLeftovers(ctx context.Context, dir string) error {
	s, _ := readState(dir)
	for _, child := range s.Children {
		if err := procgroup.StopStranger(ctx, child.PID, child.Marker, syscall.SIGTERM, leftoverGrace); err != nil {
			return fmt.Errorf("stop %s left by a killed supervisor: %w", child.Name, err)
		}
	}
	return nil
}
