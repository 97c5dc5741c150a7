package app

import (
	"context"
	"log/slog"
	"os"

	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/health"
	"github.com/orgsync/orgsync/internal/metrics"
	"github.com/orgsync/orgsync/internal/traces"
)

// Watch is how a worker process is watched, as far as it is configured.
type Watch struct {
	// Metrics counts; nil if nobody is to be told.
	Metrics *metrics.Metrics
	// Adjust makes a client of Temporal, and its workers, count and trace.
	Adjust func(*client.Options)

	traces *traces.Traces
	cfg    config.Config
	log    *slog.Logger
}

// NewWatch prepares metrics and traces. Close it when the process has done its work.
func NewWatch(ctx context.Context, store *db.Store, cfg config.Config, log *slog.Logger) (*Watch, error) {
	w := &Watch{cfg: cfg, log: log, Adjust: func(*client.Options) {}}
	var err error
	if w.traces, err = traces.Open(ctx, "orgsync-worker", os.Getenv); err != nil {
		return nil, err
	}
	tracing, err := w.traces.Adjust()
	if err != nil {
		return nil, err
	}
	adjust := []func(*client.Options){tracing}
	if cfg.MetricsAddress != "" {
		w.Metrics = metrics.New(store.Report, log)
		handler, err := w.Metrics.Temporal()
		if err != nil {
			return nil, err
		}
		adjust = append(adjust, func(o *client.Options) { o.MetricsHandler = handler })
	}
	w.Adjust = func(o *client.Options) {
		for _, change := range adjust {
			change(o)
		}
	}
	return w, nil
}

// Serve answers /metrics, /healthz and /readyz, if an address is configured, until stop
// is called: after the worker has stopped, so that it is seen to be not ready before.
func (w *Watch) Serve(worker *Worker, store *db.Store, temporal client.Client) (stop func(), err error) {
	if w.Metrics == nil {
		return func() {}, nil
	}
	server, err := health.Listen(w.cfg.MetricsAddress, w.Metrics.Handler(), w.log,
		health.Check{Name: "worker", OK: worker.Ready},
		health.Check{Name: "postgres", OK: store.Ping},
		health.Check{Name: "temporal", OK: func(ctx context.Context) error {
			_, err := temporal.CheckHealth(ctx, nil)
			return err
		}})
	if err != nil {
		return nil, err
	}
	w.log.Info("metrics and health", "address", "http://"+server.Address())
	return func() { _ = server.Close() }, nil
}

// Close sends what was not sent yet.
func (w *Watch) Close() {
	if err := w.traces.Close(); err != nil {
		w.log.Warn("the last traces were not sent", "error", err)
	}
}
