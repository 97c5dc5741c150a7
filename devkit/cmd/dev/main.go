// Command dev runs the development stack: a private Postgres, a Temporal dev server with its Web UI, simulated
// providers and a worker. It is the program behind make up, down, demo and test, and no part of an installation.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/devkit/cli"
	"github.com/orgsync/orgsync/devkit/stack"
)

type commands struct {
	Dir string `help:"State directory of the stack. Default: .dev in the checkout." placeholder:"DIR"`

	Up     upCommand     `cmd:"" help:"Start the stack in the background and return once it is healthy."`
	Down   downCommand   `cmd:"" help:"Stop the stack. Its data is kept."`
	Clean  cleanCommand  `cmd:"" help:"Stop the stack and remove its data."`
	Status statusCommand `cmd:"" help:"Show what is running, and where."`
	Logs   logsCommand   `cmd:"" help:"Print the last part of each log file."`
	Demo   demoCommand   `cmd:"" help:"Sync three simulated companies on a temporary stack."`
	Exec   execCommand   `cmd:"" help:"Run a command, such as the tests, with a temporary Postgres."`
	Tool   toolCommand   `cmd:"" help:"Run a tool at its pinned version, downloading or building it on first use."`

	Supervise superviseCommand `cmd:"" hidden:"" help:"Run a stack until told to stop."`
}

// Help is printed below the commands.
func (commands) Help() string {
	return `Examples:

  dev up && . .dev/env
      starts a stack; the shell then knows its addresses and credentials

  ORGSYNC_UI_PORT=8233 ORGSYNC_PG_PORT=5433 dev up
      does so on ports of your choice; the others are
      ORGSYNC_TEMPORAL_PORT, ORGSYNC_SERVER_PORT and ORGSYNC_SIM_PORT, the first of four

  dev --dir /tmp/second up
      starts a second stack beside the first

  dev logs --bytes 20000
      shows what went wrong

  dev exec -- go test -race ./db ./activities
      runs the tests of several packages on one Postgres

  dev tool sqlc -- generate
  dev tool temporal
      runs a tool at the version that the project is tested with; without
      arguments, prints its path`
}

// dirs are the places that commands work with.
type dirs struct {
	state string // of the stack
	bin   string // the project's programs
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit status, which for exec and tool is that of the command run.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	return cli.Run(ctx, "dev", &c, args, stdout, stderr, func(parsed *kong.Context) error {
		where, err := locate(c.Dir)
		if err != nil {
			return err
		}
		return parsed.Run(where)
	}, kong.Description("Runs the development stack."))
}

func locate(state string) (dirs, error) {
	program, err := os.Executable()
	if err != nil {
		return dirs{}, err
	}
	if state == "" {
		root, err := stack.Root()
		if err != nil {
			return dirs{}, err
		}
		state = filepath.Join(root, ".dev")
	}
	state, err = filepath.Abs(state)
	return dirs{state: state, bin: filepath.Dir(program)}, err
}
