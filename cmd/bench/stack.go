package main

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

	"github.com/orgsync/orgsync/internal/devstack"
)

// provider is the stored provider that is synced.
const provider = "acme"

// stack is a running stack with a way into its database and its Temporal.
type stack struct {
	*devstack.Stack
	vendor   string
	dir      string
	database *pgx.Conn
	url      string
	temporal client.Client
}

// startStack starts a stack and stores its simulated provider.
func startStack(ctx context.Context, vendor, bin string, cfg devstack.Config) (s *stack, err error) {
	started, err := devstack.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s = &stack{Stack: started, vendor: vendor, dir: cfg.Dir}
	if err := s.open(ctx, bin); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *stack) open(ctx context.Context, bin string) (err error) {
	for _, setting := range s.Settings() {
		if setting.Name == "DATABASE_URL" {
			s.url = setting.Value
		}
	}
	if s.database, err = pgx.Connect(ctx, s.url); err != nil {
		return err
	}
	if _, err := s.database.Exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return fmt.Errorf("this Postgres has no pg_stat_statements: %w", err)
	}
	// The client's own lines do not belong into the report.
	if s.temporal, err = client.DialContext(ctx, client.Options{HostPort: s.Address(), Namespace: devstack.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))}); err != nil {
		return err
	}
	config, err := json.Marshal(s.Simulated().Providers[s.vendor])
	if err != nil {
		return err
	}
	add := exec.CommandContext(ctx, filepath.Join(bin, "orgsync"), "provider", "add", provider, "--type", s.vendor, "--config", "-")
	add.Env, add.Stdin = devstack.Environ(s.Settings()), bytes.NewReader(config)
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("add provider: %w: %s", err, out)
	}
	return nil
}

// stop stops the stack and removes its data.
func (s *stack) stop() error {
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.database != nil {
		_ = s.database.Close(context.Background())
	}
	return errors.Join(s.Stop(), devstack.Remove(s.dir))
}

// drift changes a share of the company's people and departments.
func (s *stack) drift(ctx context.Context, share float64) error {
	return s.control(ctx, http.MethodPost, "/drift", map[string]any{"vendor": s.vendor, "share": share}, nil)
}

// control asks the simulator's control interface.
func (s *stack) control(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.Simulated().Control+path, bytes.NewReader(body))
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

// calls returns how many calls of each endpoint the provider has had since reset.
func (s *stack) calls(ctx context.Context, which string) (map[string]int, error) {
	var all map[string]map[string]int
	err := s.control(ctx, http.MethodGet, which+"?vendor="+s.vendor, nil, &all)
	return all[s.vendor], err
}
