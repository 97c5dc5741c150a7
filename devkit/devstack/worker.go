package devstack

import (
	"context"
	"fmt"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/orgsync/orgsync/internal/secret"
)

// The queues that a worker serves (package workflows, which this package may not import).
const (
	taskQueue      = "orgsync"
	fetchTaskQueue = "orgsync-fetch"
)

const (
	workerStart = 90 * time.Second // it migrates the database first
	workerGrace = 30 * time.Second
)

// startWorker starts a worker and returns once somebody asks for work of every kind.
func startWorker(ctx context.Context, program, dir, name string, settings []Setting, temporal *Temporal) (*child, error) {
	started, err := startChild(dir, name, Environ(settings), program)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, workerStart)
	defer cancel()
	err = started.until(ctx, func(ctx context.Context) error {
		c, err := temporal.Dial(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := polled(ctx, c, taskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW); err != nil {
			return err
		}
		if err := polled(ctx, c, taskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY); err != nil {
			return err
		}
		return polled(ctx, c, fetchTaskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	})
	if err != nil {
		_ = started.stop(workerGrace)
		return nil, err
	}
	return started, nil
}

// ensureKeyset makes the stack's own key set if there is none.
func ensureKeyset(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	keyset, err := secret.Generate()
	if err != nil {
		return fmt.Errorf("make key set: %w", err)
	}
	// A half-written key set would be worse than none: it gets its name last.
	if err := os.WriteFile(path+".draft", keyset, 0o600); err != nil {
		return fmt.Errorf("make key set: %w", err)
	}
	return os.Rename(path+".draft", path)
}
