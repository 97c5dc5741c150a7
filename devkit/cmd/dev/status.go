package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

type statusCommand struct{}

// Run says what runs.
func (statusCommand) Run(where dirs) error {
	switch {
	case !supervised(where.state):
		fmt.Println("The development stack is not running.")
	case read(where.state, envFile) == "":
		fmt.Println("The development stack is starting.")
	default:
		return say("The development stack is running.", where.state)
	}
	return nil
}

type logsCommand struct {
	Bytes int `help:"How many bytes of each file to print." default:"4000"`
}

// Run prints the ends of the log files.
func (c logsCommand) Run(ctx context.Context, where dirs) error {
	logs, _ := filepath.Glob(filepath.Join(where.state, "*.log"))
	if len(logs) == 0 {
		return errors.New("there are no logs: the development stack has not been started")
	}
	return runCommand(ctx, append([]string{"tail", "-c", strconv.Itoa(c.Bytes)}, logs...), os.Environ())
}
