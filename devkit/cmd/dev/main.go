// Command dev runs the development stack: a private Postgres, a Temporal dev server with its Web UI, simulated providers and
// a worker. It is the program behind make up, down, demo and test, and no part of an installation.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/devkit/devstack"
)

type commands struct {
	Dir string `help:"State directory of the stack. Default: .dev in the checkout." placeholder:"DIR"`

	Up     upCommand     `cmd:"" help:"Start the stack in the background and return once it is healthy."`
	Down   downCommand   `cmd:"" help:"Stop the stack. Its data is kept."`
	Clean  cleanCommand  `cmd:"" help:"Stop the stack and remove its data."`
	Status statusCommand `cmd:"" help:"Show what is running, and where."`
	Logs   logsCommand   `cmd:"" help:"Print the last part of each log file."`
	Demo   demoCommand   `cmd:"" help:"Sync three simulated companies on a temporary stack."`
	Exec   execCommand   `cmd:"" help:"Run a command, such as the tests, with a temporary Postgres and Temporal."`
	Fuzz   fuzzCommand   `cmd:"" help:"Run every fuzz test for a while."`
	Tool   toolCommand   `cmd:"" help:"Run a tool at its pinned version, building it on first use."`

	Supervise superviseCommand `cmd:"" hidden:"" help:"Run a stack until told to stop."`
}

// dirs are the places that commands work with.
type dirs struct {
	state string // of the stack
	bin   string // the project's programs
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, or that of the command run by exec and tool.
func run(ctx context.Context, args []string) int {
	var cli commands
	parser, err := kong.New(&cli, kong.Name("dev"), kong.Description("Runs the development stack."), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		return 2
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		return 2
	}
	where, err := locate(cli.Dir)
	if err == nil {
		err = parsed.Run(where)
	}
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "dev: interrupted")
		return 130
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(os.Stderr, "dev:", err)
	return 1
}

func locate(state string) (dirs, error) {
	program, err := os.Executable()
	if err != nil {
		return dirs{}, err
	}
	if state == "" {
		root, err := devstack.Root()
		if err != nil {
			return dirs{}, err
		}
		state = filepath.Join(root, ".dev")
	}
	state, err = filepath.Abs(state)
	return dirs{state: state, bin: filepath.Dir(program)}, err
}
