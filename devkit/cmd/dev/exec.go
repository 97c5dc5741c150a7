package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/orgsync/orgsync/devkit/cli"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/localpg"
)

type execCommand struct {
	Command []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Run runs the command with ORGSYNC_TEST_DATABASE_URL, a Postgres that ends with the command. The temporal program that
// tests will want is got before, where its progress is seen.
func (c execCommand) Run(ctx context.Context) error {
	if _, err := stack.TemporalBinary(ctx, os.Stderr); err != nil {
		return err
	}
	postgres, err := localpg.Start(ctx, localpg.Config{Progress: os.Stderr})
	if err != nil {
		return err
	}
	err = runCommand(ctx, withoutDashes(c.Command), stack.Environ([]stack.Setting{
		{Name: "ORGSYNC_TEST_DATABASE_URL", Value: postgres.URL("postgres")},
	}))
	return errors.Join(err, postgres.Stop())
}

type toolCommand struct {
	Name string   `arg:"" help:"One of temporal, sqlc, workflowcheck, staticcheck."`
	Args []string `arg:"" optional:"" passthrough:"" help:"The tool's arguments, after --. Without any, its path is printed."`
}

// Run runs the tool, or prints where it is.
func (c toolCommand) Run(ctx context.Context) error {
	path, err := stack.Tool(ctx, c.Name, os.Stderr)
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

// runCommand runs a command in the foreground. Ctrl-C reaches it through the terminal, as it does this program; other
// wishes to stop are passed on.
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
		return cli.Status(exit.ExitCode())
	}
	return err
}

// withoutDashes drops the -- that kong leaves in front of arguments passed through.
func withoutDashes(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}
