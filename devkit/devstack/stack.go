package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/devkit/localpg"
)

// database is the name of a stack's database.
const database = "orgsync"

// Config says where a stack lives.
type Config struct {
	Dir      string    // keeps everything; made if missing. One stack at a time per directory
	Bin      string    // holds the programs simulator and orgsync-worker
	Ports    Ports     // those that must be so; 0 is left to the stack
	Progress io.Writer // told in a line each what is being done

	// What measurements need beyond a stack for development:
	Postgres  []string  // settings of the server, as name=value
	Simulator []string  // arguments of the simulator
	Worker    []Setting // settings of the workers
	Workers   int       // how many there are; 0 means one
}

// Stack is a running stack. Its methods may not be called concurrently.
type Stack struct {
	cfg       Config
	postgres  *localpg.Server
	temporal  *Temporal
	simulator *child
	simulated Simulated
	workers   []*child
}

// Start starts everything in cfg.Dir, with the data of last time, and returns once all of it is healthy. What had been
// started is stopped again if something fails or ctx ends before.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	cfg.Dir = dir
	var s *Stack
	err = againIfTaken(func() error {
		s = &Stack{cfg: cfg}
		if err := s.start(ctx); err != nil {
			return errors.Join(err, s.Stop())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) (err error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("start stack: %w", err)
	}
	s.say("starting Postgres")
	s.postgres, err = localpg.Start(ctx, localpg.Config{
		Dir: filepath.Join(s.cfg.Dir, "postgres"), Port: s.cfg.Ports.Postgres, Progress: s.cfg.Progress,
		Settings: s.cfg.Postgres,
	})
	if err != nil {
		return err
	}
	if err := createDatabase(ctx, s.postgres.URL("postgres")); err != nil {
		return err
	}
	s.say("starting Temporal")
	if s.temporal, err = StartTemporal(ctx, s.cfg.Dir, s.cfg.Ports, s.cfg.Progress); err != nil {
		return err
	}
	s.say("starting the simulated providers")
	s.simulator, s.simulated, err = startSimulator(ctx, filepath.Join(s.cfg.Bin, "simulator"), s.cfg.Dir, s.temporal.ports, s.cfg.Simulator)
	if err != nil {
		return err
	}
	if err := writeConfigs(s.cfg.Dir, s.simulated); err != nil {
		return err
	}
	s.say("starting a worker")
	if err := ensureKeyset(s.keyset()); err != nil {
		return err
	}
	for range max(1, s.cfg.Workers) {
		if err := s.addWorker(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addWorker starts one more worker.
func (s *Stack) addWorker(ctx context.Context) error {
	name := "worker"
	if n := len(s.workers); n > 0 {
		name = fmt.Sprintf("worker-%d", n+1)
	}
	worker, err := startWorker(ctx, filepath.Join(s.cfg.Bin, "orgsync-worker"), s.cfg.Dir, name, append(s.Settings(), s.cfg.Worker...), s.temporal)
	if err != nil {
		return err
	}
	s.workers = append(s.workers, worker)
	return nil
}

// CrashWorker kills the worker that was started last, as a crash does, and starts another in its place.
func (s *Stack) CrashWorker(ctx context.Context) error {
	last := len(s.workers) - 1
	victim := s.workers[last]
	if err := victim.process.Stop(syscall.SIGKILL, workerGrace); err != nil {
		return err
	}
	s.workers = s.workers[:last]
	return s.addWorker(ctx)
}

// Stop stops what runs, in the order that lets each finish its work, and returns once all is gone.
func (s *Stack) Stop() error {
	var problems []error
	for _, worker := range s.workers {
		problems = append(problems, worker.stop(workerGrace))
	}
	if s.simulator != nil {
		problems = append(problems, s.simulator.stop(simulatorGrace))
	}
	if s.temporal != nil {
		problems = append(problems, s.temporal.Stop())
	}
	if s.postgres != nil {
		problems = append(problems, s.postgres.Stop())
	}
	return errors.Join(problems...)
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

// Children lists the processes of the stack.
func (s *Stack) Children() []Child {
	// Postgres is known by its directory, which is in its command line.
	home := filepath.Dir(s.postgres.LogFile())
	children := []Child{
		{Name: "postgres", PID: s.postgres.Pid(), Marker: home, Log: s.postgres.LogFile()},
		s.temporal.child.Child, s.simulator.Child,
	}
	for _, worker := range s.workers {
		children = append(children, worker.Child)
	}
	return children
}

// Simulated describes the simulated providers.
func (s *Stack) Simulated() Simulated { return s.simulated }

// UI is the URL of the Temporal Web UI.
func (s *Stack) UI() string { return s.temporal.UI() }

// Address is the Temporal server's address for clients.
func (s *Stack) Address() string { return s.temporal.Address() }

func (s *Stack) keyset() string { return filepath.Join(s.cfg.Dir, "keyset.json") }

func (s *Stack) say(what string) { fmt.Fprintln(s.cfg.Progress, what) }

func createDatabase(ctx context.Context, admin string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+database)
	}
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}
