package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/devstack"
)

type demoCommand struct{}

// companies are what the demo syncs: the names people read, in this order, and the types of provider.
var companies = []struct{ name, vendor string }{
	{"acme-feishu", "feishu"}, {"acme-dingtalk", "dingtalk"}, {"acme-wecom", "wecom"},
}

// Run brings up a stack in a temporary directory, syncs three companies three times, and removes everything again.
func (demoCommand) Run(ctx context.Context, where dirs) (err error) {
	if _, err := devstack.TemporalBinary(ctx, os.Stderr); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "orgsync-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, devstack.Remove(dir)) }()
	stack, err := devstack.Start(ctx, devstack.Config{Dir: dir, Bin: where.bin, Progress: os.Stdout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	fmt.Printf("everything is up; while the demo runs, the Web UI is at %s\n", stack.UI())

	d := demo{program: filepath.Join(where.bin, "orgsync"), env: devstack.Environ(stack.Settings()), stack: stack}
	if err := d.addProviders(ctx); err != nil {
		return err
	}
	if err := d.round(ctx, "First load"); err != nil {
		return err
	}
	if err := d.drift(ctx); err != nil {
		return err
	}
	if err := d.round(ctx, "After a tenth of each company has changed"); err != nil {
		return err
	}
	if err := d.round(ctx, "Nothing changed"); err != nil {
		return err
	}
	if err := d.tree(ctx, companies[0].name); err != nil {
		return err
	}
	fmt.Printf("\nThe Temporal Web UI was at %s. Everything is being stopped and removed; `make up` starts a stack that stays.\n", stack.UI())
	return nil
}

// demo runs the operator's command line against the stack.
type demo struct {
	program string
	env     []string
	stack   *devstack.Stack
}

// orgsync runs one command and returns its standard output.
func (d demo) orgsync(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Env, cmd.Stdin = d.env, bytes.NewReader(input)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("orgsync %s: %w: %s%s", args[0], err, problem.Bytes(), out)
	}
	return out, nil
}

func (d demo) addProviders(ctx context.Context) error {
	for _, company := range companies {
		config, err := json.Marshal(d.stack.Simulated().Providers[company.vendor])
		if err != nil {
			return err
		}
		if _, err := d.orgsync(ctx, config, "provider", "add", company.name, "--type", company.vendor, "--config", "-"); err != nil {
			return err
		}
	}
	return nil
}

// drift changes a tenth of each company. Much more could make the removal guard hold a run.
func (d demo) drift(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.stack.Simulated().Control+"/drift",
		strings.NewReader(`{"share":0.1}`))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("change the companies: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("change the companies: the simulator answered %s", response.Status)
	}
	return nil
}

// result is what the demo shows of a sync's result.
type result struct {
	Departments counts  `json:"departments"`
	Members     counts  `json:"members"`
	DurationMS  float64 `json:"duration_ms"`
}

type counts struct {
	Read, Created, Updated, Moved, Restored, Deactivated, Deleted, Unchanged, Failed int
}

func (c counts) changed() int { return c.Updated + c.Moved + c.Restored + c.Deactivated }

// round syncs every company and prints a line for its departments and one for its people.
func (d demo) round(ctx context.Context, title string) error {
	fmt.Printf("\n%s\n  %-14s %-12s %8s %8s %8s %8s %10s %8s\n", title,
		"provider", "", "read", "created", "changed", "removed", "unchanged", "seconds")
	for _, company := range companies {
		out, err := d.orgsync(ctx, nil, "sync", company.name, "--wait", "--output", "json")
		if err != nil {
			return err
		}
		var got result
		if err := json.Unmarshal(out, &got); err != nil {
			return fmt.Errorf("read the result of a sync: %w", err)
		}
		fmt.Printf("  %-14s %s %8.1f\n", company.name, line("departments", got.Departments), got.DurationMS/1000)
		fmt.Printf("  %-14s %s\n", "", line("people", got.Members))
	}
	return nil
}

func line(what string, c counts) string {
	return fmt.Sprintf("%-12s %8d %8d %8d %8d %10d", what, c.Read, c.Created, c.changed(), c.Deleted, c.Unchanged)
}

func (d demo) tree(ctx context.Context, name string) error {
	out, err := d.orgsync(ctx, nil, "tree", name, "--depth", "3")
	if err != nil {
		return err
	}
	fmt.Printf("\nThe departments of %s, three levels deep\n%s", name, out)
	return nil
}
