// Package loadtest is what programs have in common that try or measure whole runs: a stack of its own with one
// simulated company that is stored as a provider, and reports.
package loadtest

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/stack"
)

// Provider is the name of the stored provider.
const Provider = "acme"

// Trial is a running stack with ways into its database and its Temporal.
type Trial struct {
	*stack.Stack
	Vendor   string
	Database *pgx.Conn
	Client   client.Client // of Temporal
	dir      string
}

// Start starts a stack and stores its simulated company of the vendor.
func Start(ctx context.Context, vendor string, cfg stack.Config) (t *Trial, err error) {
	t = &Trial{Vendor: vendor, dir: cfg.Dir}
	if t.Stack, err = stack.Start(ctx, cfg); err != nil {
		return nil, err
	}
	if t.Database, err = pgx.Connect(ctx, t.DatabaseURL()); err == nil {
		t.Client, err = t.Temporal.Dial(ctx)
	}
	if err == nil {
		err = t.AddProvider(ctx, Provider, vendor)
	}
	if err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	return t, nil
}

// Stop stops the stack and removes its data.
func (t *Trial) Stop() error {
	if t.Client != nil {
		t.Client.Close()
	}
	if t.Database != nil {
		_ = t.Database.Close(context.Background())
	}
	return errors.Join(t.Stack.Stop(), stack.Remove(t.dir))
}

// Sync starts SyncOrg with further input beside the provider.
func (t *Trial) Sync(ctx context.Context, further map[string]any) (client.WorkflowRun, error) {
	input := map[string]any{"provider": Provider}
	maps.Copy(input, further)
	return t.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "orgsync/" + Provider, TaskQueue: "orgsync", WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, "SyncOrg", input)
}

// Drift changes a share of the company's people and departments; the seed makes the
// outcome repeatable, 0 leaves it to the simulator.
func (t *Trial) Drift(ctx context.Context, share float64, seed uint64) error {
	return t.Control(ctx, http.MethodPost, "/drift", map[string]any{"vendor": t.Vendor, "share": share, "seed": seed},
		nil)
}

// Calls returns how many calls each endpoint has had.
func (t *Trial) Calls(ctx context.Context) (map[string]int, error) { return t.counts(ctx, "/calls") }

// Throttled returns how many of them were refused for going over a documented limit.
func (t *Trial) Throttled(ctx context.Context) (map[string]int, error) {
	return t.counts(ctx, "/throttled")
}

func (t *Trial) counts(ctx context.Context, which string) (map[string]int, error) {
	var all map[string]map[string]int
	err := t.Control(ctx, http.MethodGet, which+"?vendor="+t.Vendor, nil, &all)
	return all[t.Vendor], err
}

// ResetCalls begins both counts anew.
func (t *Trial) ResetCalls(ctx context.Context) error {
	return t.Control(ctx, http.MethodDelete, "/calls?vendor="+t.Vendor, nil, nil)
}
