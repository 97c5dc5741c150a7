package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/procgroup"
)

const claimTimeout = 2 * time.Second

// superviseCommand is what up leaves in the background.
type superviseCommand struct{}

// Run owns the stack from its start to the first signal.
func (superviseCommand) Run(ctx context.Context, where dirs) (err error) {
	// Others take the lock for a moment to see whether it is free, so that one refusal is not enough.
	claiming, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	unlock, err := procgroup.Lock(claiming, filepath.Join(where.state, lockName))
	if err != nil {
		return fmt.Errorf("a supervisor is running already: %w", err)
	}
	defer unlock()
	ports, err := devstack.PortsFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	if err := endLeftovers(ctx, where.state); err != nil {
		return err
	}
	if err := writeState(where.state, state{PID: os.Getpid()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget(where.state)) }()

	stack, err := devstack.Start(ctx, devstack.Config{Dir: where.state, Bin: where.bin, Ports: ports, Progress: os.Stdout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	settings := stack.Settings()
	if err := replaceFile(filepath.Join(where.state, envName), []byte(devstack.Exports(settings)+devstack.ExportPath(where.bin))); err != nil {
		return err
	}
	if err := writeState(where.state, state{
		PID: os.Getpid(), Healthy: true, UI: stack.UI(), Address: stack.Address(), Control: stack.Simulated().Control,
		Children: stack.Children(),
	}); err != nil {
		return err
	}
	fmt.Println("healthy")
	<-ctx.Done()
	fmt.Println("stopping")
	return nil
}

// forget removes what holds only while the stack runs.
func forget(dir string) error {
	var problems []error
	for _, name := range []string{stateName, envName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
