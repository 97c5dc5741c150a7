// Package loadtest runs a stack of its own with one simulated company that is stored as
// a provider, for programs that try or measure whole runs.
package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/orgsync/orgsync/devkit/devstack"
)

// Provider is the name of the stored provider.
const Provider = "acme"

// Trial is a running stack with ways into its database, its Temporal and its
// simulator.
type Trial struct {
	*devstack.Stack
	Vendor string
	// URL is the database's.
	URL      string
	Database *pgx.Conn
	Temporal client.Client
	dir      string
}

// Start starts a stack and stores its simulated company of the vendor.
func Start(ctx context.Context, vendor string, cfg devstack.Config) (*Trial, error) {
	stack, err := devstack.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	t := &Trial{Stack: stack, Vendor: vendor, dir: cfg.Dir}
	if err := t.open(ctx, cfg.Bin); err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	return t, nil
}

func (t *Trial) open(ctx context.Context, bin string) (err error) {
	for _, setting := range t.Settings() {
		if setting.Name == "DATABASE_URL" {
			t.URL = setting.Value
		}
	}
	if t.Database, err = pgx.Connect(ctx, t.URL); err != nil {
		return err
	}
	// The client's own lines do not belong into a report.
	if t.Temporal, err = client.DialContext(ctx, client.Options{HostPort: t.Address(), Namespace: devstack.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))}); err != nil {
		return err
	}
	config, err := json.Marshal(t.Simulated().Providers[t.Vendor])
	if err != nil {
		return err
	}
	add := exec.CommandContext(ctx, filepath.Join(bin, "orgsync"), "provider", "add", Provider, "--type", t.Vendor, "--config", "-")
	add.Env, add.Stdin = devstack.Environ(t.Settings()), bytes.NewReader(config)
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("add provider: %w: %s", err, out)
	}
	return nil
}

// Stop stops the stack and removes its data.
func (t *Trial) Stop() error {
	if t.Temporal != nil {
		t.Temporal.Close()
	}
	if t.Database != nil {
		_ = t.Database.Close(context.Background())
	}
	return errors.Join(t.Stack.Stop(), devstack.Remove(t.dir))
}

// Sync starts SyncOrg with further input beside the provider.
func (t *Trial) Sync(ctx context.Context, further map[string]any) (client.WorkflowRun, error) {
	input := map[string]any{"provider": Provider}
	for name, value := range further {
		input[name] = value
	}
	return t.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "orgsync/" + Provider, TaskQueue: "orgsync", WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, "SyncOrg", input)
}

// Drift changes a share of the company's people and departments; the seed makes the
// outcome repeatable, 0 leaves it to the simulator.
func (t *Trial) Drift(ctx context.Context, share float64, seed uint64) error {
	return t.Control(ctx, http.MethodPost, "/drift", map[string]any{"vendor": t.Vendor, "share": share, "seed": seed}, nil)
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

// Control asks the simulator's control interface.
func (t *Trial) Control(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, t.Simulated().Control+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the simulator: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the simulator: %s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
