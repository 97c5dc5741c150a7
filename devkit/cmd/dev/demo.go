package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/orgsync/orgsync/devkit/stack"
)

type demoCommand struct{}

// companies are what the demo syncs: the names people read, in this order, and the types of provider.
var companies = []struct{ name, vendor string }{
	{"acme-feishu", "feishu"}, {"acme-dingtalk", "dingtalk"}, {"acme-wecom", "wecom"},
}

// Run brings up a stack in a temporary directory, syncs three companies three times, and removes everything again.
func (demoCommand) Run(ctx context.Context, where dirs) (err error) {
	dir, err := os.MkdirTemp("", "orgsync-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Remove(dir)) }()
	s, err := stack.Start(ctx, stack.Config{Dir: dir, Bin: where.bin, Server: true, Progress: os.Stdout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	fmt.Printf("everything is up; while the demo runs, the Web UI is at %s\n", s.Temporal.UI())
	for _, company := range companies {
		if err := s.AddProvider(ctx, company.name, company.vendor); err != nil {
			return err
		}
	}
	if err := round(ctx, s, "First load"); err != nil {
		return err
	}
	// Much more than a tenth could make the removal guard hold a run.
	if err := s.Control(ctx, http.MethodPost, "/drift", map[string]any{"share": 0.1}, nil); err != nil {
		return err
	}
	for _, title := range []string{"After a tenth of each company has changed", "Nothing changed"} {
		if err := round(ctx, s, title); err != nil {
			return err
		}
	}
	tree, err := s.Orgsync(ctx, nil, "tree", companies[0].name, "--depth", "3")
	if err != nil {
		return err
	}
	fmt.Printf("\nThe departments of %s, three levels deep\n%s", companies[0].name, tree)
	if os.Getenv("DEMO_STAY") == "1" {
		return stay(ctx, s)
	}
	fmt.Printf(
		"\nThe console was at %s, the Temporal Web UI at %s. Everything is being stopped and removed; DEMO_STAY=1 "+
			"make demo keeps it, and make up starts a stack that stays.\n", s.ServerURL(), s.Temporal.UI())
	return nil
}

// stay keeps the stack until it is told to stop, and says how to open the console.
func stay(ctx context.Context, s *stack.Stack) error {
	link, err := s.Orgsync(ctx, nil, "console")
	if err != nil {
		return err
	}
	fmt.Printf("\nOpen the console; this link signs in once, within ten minutes:\n  %s\nThe Temporal Web UI is at %s. "+
		"Stop it all with Ctrl-C.\n", strings.TrimSpace(string(link)), s.Temporal.UI())
	<-ctx.Done()
	return nil
}

// counts are what the demo shows of a sync's result.
type counts struct {
	Read, Created, Updated, Moved, Restored, Deactivated, Deleted, Unchanged int
}

func (c counts) line(what string) string {
	changed := c.Updated + c.Moved + c.Restored + c.Deactivated
	return fmt.Sprintf("%-12s %8d %8d %8d %8d %10d", what, c.Read, c.Created, changed, c.Deleted, c.Unchanged)
}

// round syncs every company and prints a line for its departments and one for its people.
func round(ctx context.Context, s *stack.Stack, title string) error {
	fmt.Printf("\n%s\n  %-14s %-12s %8s %8s %8s %8s %10s %8s\n", title,
		"provider", "", "read", "created", "changed", "removed", "unchanged", "seconds")
	for _, company := range companies {
		out, err := s.Orgsync(ctx, nil, "sync", company.name, "--wait", "--output", "json")
		if err != nil {
			return err
		}
		var got struct {
			Departments, Members counts
			DurationMS           float64 `json:"duration_ms"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			return fmt.Errorf("read the result of a sync: %w", err)
		}
		fmt.Printf("  %-14s %s %8.1f\n", company.name, got.Departments.line("departments"), got.DurationMS/1000)
		fmt.Printf("  %-14s %s\n", "", got.Members.line("people"))
	}
	return nil
}
