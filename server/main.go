// Command orgsync-server serves the REST API. Run any number behind a load balancer, with the
// rights of the command line. Whatever changes the directory goes through a workflow.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones of schedules, also on machines without the database

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/health"
	"github.com/orgsync/orgsync/internal/secret"
)

const usage = `orgsync-server serves the REST API of orgsync.

Put it behind a proxy with TLS unless only this machine uses it. Make a token with: orgsync
token create. To stop it, press Ctrl-C or send SIGTERM: requests get twenty seconds to end.
The only flag is --ready: it asks the server on this machine, at ORGSYNC_SERVER_ADDRESS,
whether it is ready, and exits with 0 if so.

Example:
  DATABASE_URL=postgres://orgsync_operator@db/orgsync ORGSYNC_KEYSET=/etc/orgsync/keyset.json \
  TEMPORAL_ADDRESS=temporal:7233 ORGSYNC_SERVER_ADDRESS=127.0.0.1:8080 orgsync-server

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "--ready" {
		return askReady(ctx, getenv, stderr)
	}
	if len(args) > 0 {
		if args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
			fmt.Fprint(stdout, usage+config.Usage())
			return exitDone
		}
		fmt.Fprintf(stderr, "orgsync-server: unexpected argument %q; see --help\n", args[0])
		return exitUsage
	}
	cfg, err := config.Load(getenv)
	if err == nil {
		_, err = secret.Load(cfg.Keyset.Reveal())
	}
	if err != nil {
		fmt.Fprintf(stderr, "orgsync-server: %v\n", err)
		return exitUsage
	}
	err = serve(ctx, cfg, app.NewLogger(stderr, cfg))
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, new(settingError)):
		fmt.Fprintf(stderr, "orgsync-server: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "orgsync-server: %v\n", err)
		return exitFailed
	}
}

// askReady asks the server on this machine whether it is ready.
func askReady(ctx context.Context, getenv func(string) string, stderr io.Writer) int {
	cfg, err := config.Load(getenv, config.DatabaseURL, config.Keyset)
	if err == nil {
		err = health.Ask(ctx, "the server", "ORGSYNC_SERVER_ADDRESS", cfg.ServerAddress)
	}
	if err != nil {
		fmt.Fprintf(stderr, "orgsync-server: %v\n", err)
		return exitFailed
	}
	return exitDone
}

// settingError is a setting that is wrong, as turns out once it is used.
type settingError struct{ error }
