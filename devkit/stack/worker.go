package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// polled are the queues that a worker serves (package workflows, which this package may not import).
var polled = []struct {
	queue string
	kind  enumspb.TaskQueueType
}{
	{"orgsync", enumspb.TASK_QUEUE_TYPE_WORKFLOW},
	{"orgsync", enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	{"orgsync-fetch", enumspb.TASK_QUEUE_TYPE_ACTIVITY},
}

const workerStart = 90 * time.Second // it migrates the database first

// addWorker starts one more worker and returns once somebody asks for work of every kind.
func (s *Stack) addWorker(ctx context.Context) error {
	name := "worker"
	if n := len(s.workers); n > 0 {
		name = fmt.Sprintf("worker-%d", n+1)
	}
	started, err := s.place.start(name, Environ(append(s.Settings(), s.cfg.Worker...)),
		filepath.Join(s.cfg.Bin, "orgsync-worker"))
	if err != nil {
		return err
	}
	err = started.await(ctx, workerStart, func(ctx context.Context) error {
		c, err := s.Temporal.Dial(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, p := range polled {
			described, err := c.DescribeTaskQueue(ctx, p.queue, p.kind)
			if err != nil {
				return fmt.Errorf("describe task queue %s: %w", p.queue, err)
			}
			if len(described.GetPollers()) == 0 {
				return fmt.Errorf("no worker polls the task queue %s", p.queue)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.workers = append(s.workers, started)
	return nil
}

// CrashWorker kills the worker that was started last, as a crash does, and starts another in its place.
func (s *Stack) CrashWorker(ctx context.Context) error {
	last := len(s.workers) - 1
	if err := s.workers[last].Process.Stop(syscall.SIGKILL, time.Minute); err != nil {
		return err
	}
	s.workers = s.workers[:last]
	return s.addWorker(ctx)
}

// Orgsync runs a command of the operator's program against the stack and returns its standard output.
func (s *Stack) Orgsync(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.cfg.Bin, "orgsync"), args...)
	cmd.Env, cmd.Stdin = Environ(s.Settings()), bytes.NewReader(input)
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

// AddProvider stores a simulated company of a vendor under a name.
func (s *Stack) AddProvider(ctx context.Context, name, vendor string) error {
	config, err := json.Marshal(s.Simulated.Providers[vendor])
	if err == nil {
		_, err = s.Orgsync(ctx, config, "provider", "add", name, "--type", vendor, "--config", "-")
	}
	return err
}
