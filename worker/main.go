// Command orgsync-worker is the Temporal worker process: it runs the sync's
// workflows and activities. Run as many as you like, on any machine that reaches
// Temporal, Postgres and the providers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/health"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/workflows"
)

const usage = `orgsync-worker runs the workflows and activities of orgsync.

To stop it, press Ctrl-C or send SIGTERM. Running activities get ten seconds to finish;
what they have read is kept. The only flag is --ready: it asks the worker on this
machine, at ORGSYNC_METRICS_ADDRESS, whether it is ready, and exits with 0 if so.

Example:
  DATABASE_URL=postgres://orgsync@db/orgsync ORGSYNC_KEYSET=/etc/orgsync/keyset.json \
  TEMPORAL_ADDRESS=temporal:7233 orgsync-worker

`

// collectAt is by how many per cent the heap may grow before it is collected, unless GOGC
// says otherwise. Nearly all that a worker decodes is garbage a moment later: at Go's own
// 100 collecting it took a fifth of a worker's processor time, for 40 MB less in use.
const collectAt = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "--ready" {
		if err := health.Ask(ctx, "the worker", "ORGSYNC_METRICS_ADDRESS",
			getenv("ORGSYNC_METRICS_ADDRESS")); err != nil {
			fmt.Fprintf(stderr, "orgsync-worker: %v\n", err)
			return 1
		}
		return 0
	}
	if len(args) > 0 {
		if args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
			fmt.Fprint(stdout, usage+config.Usage())
			return 0
		}
		fmt.Fprintf(stderr, "orgsync-worker: unexpected argument %q; see --help\n", args[0])
		return 2
	}
	err := work(ctx, getenv, stderr)
	switch {
	case err == nil, ctx.Err() != nil:
		return 0
	case errors.As(err, new(settingError)), errors.Is(err, db.ErrBadURL), errors.As(err,
		new(*db.UnfitError)), errors.As(err, new(*app.NamespaceError)):
		fmt.Fprintf(stderr, "orgsync-worker: %v\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "orgsync-worker: %v\n", err)
		return 1
	}
}

// settingError is a setting that is missing or wrong.
type settingError struct{ error }

func work(ctx context.Context, getenv func(string) string, stderr io.Writer) error {
	cfg, err := config.Load(getenv)
	if err != nil {
		return settingError{err}
	}
	box, err := secret.Load(cfg.Keyset.Reveal())
	if err != nil {
		return settingError{err}
	}
	log := app.NewLogger(stderr, cfg)
	if warning := box.Warning(); warning != "" {
		log.Warn(warning)
	}
	var store *db.Store
	err = app.AwaitConnection(ctx, log, func() (err error) {
		if err := prepare(ctx, cfg); err != nil {
			return err
		}
		store, err = db.Open(ctx, cfg.DatabaseURL.Reveal(), db.Connections(cfg.DatabaseConnections))
		return err
	})
	if err != nil {
		return err
	}
	defer store.Close()
	watch, err := app.NewWatch(ctx, store, cfg, log)
	if err != nil {
		return settingError{err}
	}
	defer watch.Close()
	temporal, err := app.DialTemporal(ctx, log, watch.Adjust)
	if err != nil {
		return err
	}
	defer temporal.Close()
	return serve(ctx, temporal, store, box, watch, cfg, log)
}

// prepare migrates the database, or else makes sure that it has been, and that the worker
// may use it: otherwise runs would fail one after the other.
func prepare(ctx context.Context, cfg config.Config) error {
	url := cfg.DatabaseURL.Reveal()
	if cfg.Migrate {
		if err := db.Migrate(ctx, url); err != nil {
			return err
		}
		return db.Ready(ctx, url)
	}
	status, err := db.Status(ctx, url)
	if errors.As(err, new(*db.UnfitError)) || errors.As(err, new(*pgconn.ConnectError)) {
		return err
	}
	if err != nil {
		return fmt.Errorf("is the database migrated? %w; run: orgsync migrate", err)
	}
	if len(status.Pending) > 0 {
		return fmt.Errorf("the database lacks this build's migrations from %s on; run: orgsync migrate",
			status.Pending[0])
	}
	return db.Ready(ctx, url)
}

func serve(ctx context.Context, temporal client.Client, store *db.Store, box *secret.Box, watch *app.Watch,
	cfg config.Config, log *slog.Logger) error {
	if err := app.EnsureSearchAttributes(ctx, temporal, app.Namespace()); err != nil {
		return err
	}
	if err := app.EnsureRetention(ctx, temporal, workflows.TaskQueue); err != nil {
		log.Warn(err.Error()) // syncs work without it
	}
	opener := app.NewOpener(store.Providers, box, cfg, log)
	opener.Metrics = watch.Metrics
	worker := app.NewWorker(temporal, workflows.TaskQueue, store, opener, cfg)
	stop, err := watch.Serve(worker, store, temporal)
	if err != nil {
		return err
	}
	defer stop()
	log.Info("worker started")
	return worker.Run(ctx)
}
