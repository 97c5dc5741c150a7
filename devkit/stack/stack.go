// Package stack runs the whole system on one machine, for development, demonstrations and end-to-end tests: a private
// Postgres, a Temporal dev server with its Web UI, the simulated providers and a worker.
//
// Everything a stack keeps lies in one directory and listens on ports of its own on 127.0.0.1, so that any number of
// stacks live side by side. What a stack starts never outlives the process that started it. It runs the programs in
// bin/ as they are and knows none of their code; production programs do not import it.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/orgsync/orgsync/devkit/stack/localpg"
	"github.com/orgsync/orgsync/devkit/stack/process"
)

// Config says where a stack lives.
type Config struct {
	Dir      string    // keeps everything; made if missing. One stack at a time per directory
	Bin      string    // holds the programs simulator, orgsync-worker, orgsync-server and orgsync
	Ports    Ports     // those that must be so
	Progress io.Writer // told in a line each what is being done
	Server   bool      // whether the REST API is served

	// What measurements need beyond a stack for development:
	Postgres  []string  // settings of the server, as name=value
	Simulator []string  // arguments of the simulator
	Worker    []Setting // settings of the workers
	Workers   int       // how many there are; 0 means one
}

// Stack is a running stack. Its methods may not be called concurrently.
type Stack struct {
	Temporal  *Temporal
	Simulated Simulated

	cfg       Config
	place     place
	postgres  *localpg.Server
	simulator *Child
	workers   []*Child
	server    *Child
	serverURL string
	token     string
}

// Start starts everything in cfg.Dir, with the data of last time, and returns once all of it is healthy. What a killed
// process left running there is waited for. What had been started is stopped again if something fails or ctx ends
// before.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	lock, err := claim(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	cfg.Dir = dir
	s := &Stack{cfg: cfg, place: place{dir, lock}}
	err = againIfTaken(func() error {
		if err := s.start(ctx); err != nil {
			return errors.Join(err, s.stop())
		}
		return nil
	})
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return s, nil
}

// claim takes the lock of a stack's directory, which is free once nothing of an earlier stack runs there: what its
// owner's death left behind ends within seconds.
func claim(ctx context.Context, dir string) (*process.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return process.WaitLock(ctx, filepath.Join(dir, "stack.lock"))
}

func (s *Stack) start(ctx context.Context) (err error) {
	ports, err := choosePorts(filepath.Join(s.cfg.Dir, "ports.json"), s.cfg.Ports, everyPort)
	if err != nil {
		return err
	}
	s.say("starting Postgres")
	s.postgres, err = localpg.Start(ctx, localpg.Config{
		Dir: filepath.Join(s.cfg.Dir, "postgres"), Port: ports["postgres"], Lock: s.place.lock,
		Settings: s.cfg.Postgres, Progress: s.cfg.Progress,
	})
	if err != nil {
		return err
	}
	// A link beside the other logs, wherever the cluster had to be.
	link := filepath.Join(s.cfg.Dir, "postgres.log")
	if err := errors.Join(os.RemoveAll(link), os.Symlink(s.postgres.LogFile(), link)); err != nil {
		return err
	}
	if s.Temporal, err = startTemporal(ctx, s.place, ports, s.cfg.Progress); err != nil {
		return err
	}
	s.say("starting the simulated providers")
	s.simulator, s.Simulated, err = startSimulator(ctx, s.place, filepath.Join(s.cfg.Bin, "simulator"), ports,
		s.cfg.Simulator)
	if err != nil {
		return err
	}
	s.say("starting a worker")
	if _, err := os.Stat(filepath.Join(s.cfg.Dir, "keyset.json")); err != nil {
		if _, err := s.Orgsync(ctx, nil, "keyset", "create", filepath.Join(s.cfg.Dir, "keyset.json")); err != nil {
			return err
		}
	}
	for range max(1, s.cfg.Workers) {
		if err := s.addWorker(ctx); err != nil {
			return err
		}
	}
	if !s.cfg.Server {
		return nil
	}
	s.say("starting the server")
	return s.addServer(ctx, ports["server"])
}

func (s *Stack) say(what string) { fmt.Fprintln(s.cfg.Progress, what) }

// Stop stops what runs, in the order that lets each finish its work, and returns once all is gone.
func (s *Stack) Stop() error {
	defer s.place.lock.Unlock()
	return s.stop()
}

func (s *Stack) stop() error {
	var children []*Child
	if s.server != nil {
		children = append(children, s.server)
	}
	children = append(children, s.workers...)
	if s.simulator != nil {
		children = append(children, s.simulator)
	}
	if s.Temporal != nil {
		children = append(children, s.Temporal.child)
	}
	var problems []error
	for _, child := range children {
		problems = append(problems, child.stop())
	}
	if s.postgres != nil {
		problems = append(problems, s.postgres.Stop())
	}
	s.server, s.workers, s.simulator, s.Temporal, s.postgres = nil, nil, nil, nil, nil
	return errors.Join(problems...)
}

// Await waits until nothing of a stack runs in a directory any more, which is soon after the death of the process that
// owned it.
func Await(ctx context.Context, dir string) error {
	lock, err := claim(ctx, dir)
	if err != nil {
		return fmt.Errorf("something of a killed stack still runs in %s: end it: %w", dir, err)
	}
	lock.Unlock()
	return nil
}

// Remove deletes a stack's directory with all data. The stack must not be running.
func Remove(dir string) error {
	// The cluster may lie elsewhere, so that it has to be asked.
	if err := localpg.Remove(filepath.Join(dir, "postgres")); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove stack: %w", err)
	}
	return nil
}

// DatabaseURL is where to connect to the stack's database, as a superuser.
func (s *Stack) DatabaseURL() string { return s.postgres.URL("postgres") }

// Children lists the processes of the stack.
func (s *Stack) Children() []*Child {
	postgres := &Child{s.postgres.Process, "postgres", s.postgres.LogFile()}
	children := append([]*Child{postgres, s.Temporal.child, s.simulator}, s.workers...)
	if s.server != nil {
		children = append(children, s.server)
	}
	return children
}

// Ended names the processes that have ended by themselves.
func (s *Stack) Ended() (names []string) {
	for _, child := range s.Children() {
		select {
		case <-child.Done():
			names = append(names, child.Name)
		default:
		}
	}
	return names
}
