package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/devkit/stack/process"
)

// superviseCommand is what up leaves in the background.
type superviseCommand struct{}

// Run owns the stack from its start to the first signal.
func (superviseCommand) Run(ctx context.Context, where dirs) (err error) {
	// Others take the lock for a moment to see whether it is free, so that one refusal is not enough.
	claiming, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	lock, err := process.WaitLock(claiming, filepath.Join(where.state, supervisorLock))
	if err != nil {
		return fmt.Errorf("a supervisor is already running: %w", err)
	}
	defer lock.Unlock()
	defer func() { err = errors.Join(err, forget(where.state)) }()
	if err := write(where.state, pidFile, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	ports, err := stack.PortsFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, stack.Config{Dir: where.state, Bin: where.bin, Ports: ports, Progress: os.Stdout,
		Server: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	env := stack.Exports(s.Settings(), where.bin, filepath.Dir(s.Temporal.Program()))
	if err := errors.Join(write(where.state, statusFile, describe(s, where.state)),
		write(where.state, envFile, env)); err != nil {
		return err
	}
	for known := 0; ; {
		if !process.Sleep(ctx, 200*time.Millisecond) {
			fmt.Println("stopping")
			return nil
		}
		if ended := s.Ended(); len(ended) > known {
			known = len(ended)
			if err := errors.Join(write(where.state, statusFile, describe(s, where.state)),
				write(where.state, endedFile, strings.Join(ended, ", "))); err != nil {
				return err
			}
		}
	}
}

// describe says what runs, where, and what to do next.
func describe(s *stack.Stack, dir string) string {
	var text strings.Builder
	for _, child := range s.Children() {
		condition := "running"
		if slices.Contains(s.Ended(), child.Name) {
			condition = "ended"
		}
		fmt.Fprintf(&text, "  %-10s %-8s process %-8d %s\n", child.Name, condition, child.Pid(), child.Log)
	}
	fmt.Fprintf(&text, `
  console              %[6]s
  REST API             %[6]s/api/docs
  Web UI               %[1]s
  Temporal             %[2]s
  simulated companies  %[3]s (control)
  settings             %[4]s

Connect a simulated company in the console (or one of your own):
  Feishu: App ID cli_sim, App Secret sim-secret, and under "Other addresses" the API address %[7]s
Another link that signs in is made by:
  . %[4]s && bin/orgsync console
Or sync it by commands:
  . %[4]s
  bin/orgsync provider add acme --type feishu --config %[5]s
  bin/orgsync sync acme --wait
Stop it with: make down
`, s.Temporal.UI(), s.Temporal.Address(), s.Simulated.Control, filepath.Join(dir, envFile),
		filepath.Join(dir, "feishu.json"), s.ServerURL(), s.Simulated.Providers["feishu"]["base_url"])
	return text.String()
}
