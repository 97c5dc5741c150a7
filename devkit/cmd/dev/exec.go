package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/devstack"
	"github.com/orgsync/orgsync/devkit/localpg"
)

type execCommand struct {
	Command []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Run runs the command with ORGSYNC_TEST_DATABASE_URL, a Postgres that ends with the command, and ORGSYNC_TEST_TEMPORAL,
// the path of a temporal program for tests that start servers of their own.
func (c execCommand) Run(ctx context.Context) error {
	temporal, err := devstack.TemporalBinary(ctx, os.Stderr)
	if err != nil {
		return err
	}
	postgres, err := localpg.Start(ctx, localpg.Config{Temporary: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	err = runCommand(ctx, withoutDashes(c.Command), devstack.Environ([]devstack.Setting{
		{Name: "ORGSYNC_TEST_DATABASE_URL", Value: postgres.URL("postgres")},
		{Name: "ORGSYNC_TEST_TEMPORAL", Value: temporal},
	}))
	return errors.Join(err, postgres.Stop())
}

type toolCommand struct {
	Name string   `arg:"" help:"One of temporal, sqlc, workflowcheck, staticcheck."`
	Args []string `arg:"" optional:"" passthrough:"" help:"The tool's arguments, after --. Without any, its path is printed."`
}

// Run runs the tool, or prints where it is.
func (c toolCommand) Run(ctx context.Context) error {
	path, err := devstack.Tool(ctx, c.Name, os.Stderr)
	if err != nil {
		return err
	}
	args := withoutDashes(c.Args)
	if len(args) == 0 {
		fmt.Println(path)
		return nil
	}
	return runCommand(ctx, append([]string{path}, args...), os.Environ())
}

// runCommand runs a command in the foreground. Ctrl-C reaches it through the terminal, as it does this program; other wishes
// to stop are passed on.
func runCommand(ctx context.Context, command, env []string) error {
	if len(command) == 0 {
		return errors.New("no command given; write it after --")
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = env
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// exitStatus is the end of a command run in the foreground, which has said itself what is wrong.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// withoutDashes drops the -- that kong leaves in front of arguments passed through.
func withoutDashes(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}
