package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/devkit/procgroup"
)

type statusCommand struct{}

// Run says what runs.
func (statusCommand) Run(ctx context.Context, where dirs) error {
	if !supervised(where.state) {
		fmt.Println("The development stack is not running.")
		return nil
	}
	s, ok := readState(where.state)
	if !ok || !s.Healthy {
		fmt.Println("The development stack is starting.")
		return nil
	}
	fmt.Println("The development stack is running.")
	dead := ended(ctx, s)
	for _, child := range s.Children {
		condition := "running"
		if slices.Contains(dead, child.Name) {
			condition = "ended"
		}
		fmt.Printf("  %-10s %-8s process %-8d %s\n", child.Name, condition, child.PID, child.Log)
	}
	return describe(where.state)
}

// ended names the children that are gone.
func ended(ctx context.Context, s state) (names []string) {
	for _, child := range s.Children {
		if !strings.Contains(procgroup.CommandLine(ctx, child.PID), child.Marker) {
			names = append(names, child.Name)
		}
	}
	return names
}

type logsCommand struct {
	Bytes int64 `help:"How many bytes of each file to print." default:"4000"`
}

// Run prints the ends of the log files.
func (c logsCommand) Run(where dirs) error {
	logs, err := filepath.Glob(filepath.Join(where.state, "*.log"))
	if err != nil {
		return err
	}
	if s, ok := readState(where.state); ok {
		for _, child := range s.Children {
			if filepath.Dir(child.Log) != where.state {
				logs = append(logs, child.Log) // Postgres keeps its own
			}
		}
	}
	for _, path := range logs {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Printf("==> %s\n", path)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		os.Stdout.Write(text[max(0, info.Size()-c.Bytes):])
	}
	return nil
}
