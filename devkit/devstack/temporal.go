package devstack

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// Namespace is the Temporal namespace of every stack.
	Namespace = "default"

	temporalStart = 60 * time.Second
	temporalGrace = 15 * time.Second
	retention     = 7 * 24 * time.Hour // closed runs stay visible for a week; the dev server's own default is a day
)

// Temporal is a running Temporal dev server with its Web UI.
type Temporal struct {
	child *child
	ports Ports
}

// StartTemporal starts a dev server that keeps its data in dir and returns once the namespace is there. With no ports given it uses those it had last time in dir, or free ones. progress is told what takes long.
func StartTemporal(ctx context.Context, dir string, fixed Ports, progress io.Writer) (t *Temporal, err error) {
	err = againIfTaken(func() (err error) {
		t, err = startTemporal(ctx, dir, fixed, progress)
		return err
	})
	return t, err
}

func startTemporal(ctx context.Context, dir string, fixed Ports, progress io.Writer) (*Temporal, error) {
	binary, err := TemporalBinary(ctx, progress)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start temporal: %w", err)
	}
	ports, err := choosePorts(filepath.Join(dir, "ports.json"), fixed)
	if err != nil {
		return nil, fmt.Errorf("start temporal: %w", err)
	}
	// A home of its own keeps the user's profiles of the temporal command from changing what the server does.
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	started, err := startChild(dir, "temporal", env, binary, "server", "start-dev",
		"--ip", "127.0.0.1", "--port", fmt.Sprint(ports.Temporal), "--ui-port", fmt.Sprint(ports.UI), "--headless=false",
		"--log-level", "error", "--db-filename", filepath.Join(dir, "temporal.db"),
		// Two to three times as fast on a file, and runs survive kill -9 (temporal.md §9).
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
		// Both are off by default: fairness keys would be ignored, and the Web UI's pause button would not work.
		"--dynamic-config-value", "matching.enableFairness=true", "--dynamic-config-value", "frontend.WorkflowPauseEnabled=true")
	if err != nil {
		return nil, err
	}
	t := &Temporal{child: started, ports: ports}
	ctx, cancel := context.WithTimeout(ctx, temporalStart)
	defer cancel()
	if err := started.until(ctx, t.settle); err != nil {
		_ = t.Stop()
		return nil, err
	}
	return t, nil
}

// Address is the server's address for clients.
func (t *Temporal) Address() string { return address(t.ports.Temporal) }

// UI is the URL of the Web UI.
func (t *Temporal) UI() string { return "http://" + address(t.ports.UI) }

// Dial connects a client to the server. The caller closes it.
func (t *Temporal) Dial(ctx context.Context) (client.Client, error) {
	// Silent, since every attempt fails to connect to a server that is still starting.
	return client.DialContext(ctx, client.Options{HostPort: t.Address(), Namespace: Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
}

// Stop stops the server and returns once it is gone.
func (t *Temporal) Stop() error { return t.child.stop(temporalGrace) }

// settle checks that the server answers and brings the namespace into the state wanted, however often.
func (t *Temporal) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := t.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	}); err != nil {
		return fmt.Errorf("set retention: %w", err)
	}
	return nil
}

// polled says whether a worker asks for work on a queue.
func polled(ctx context.Context, c client.Client, queue string, kind enumspb.TaskQueueType) error {
	described, err := c.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return fmt.Errorf("describe task queue %s: %w", queue, err)
	}
	if len(described.GetPollers()) == 0 {
		return fmt.Errorf("no worker polls the task queue %s", queue)
	}
	return nil
}
