package stack

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

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
	retention     = 7 * 24 * time.Hour // closed runs stay visible for a week; the dev server's own default is a day
)

// Temporal is a running Temporal dev server with its Web UI.
type Temporal struct {
	child   *Child
	ports   Ports
	program string
}

// StartTemporal starts a dev server that keeps its data in dir and returns once the namespace is there. It uses the
// ports temporal and ui of those given, else those it had last time in dir, or free ones. progress is told what takes
// long.
func StartTemporal(ctx context.Context, dir string, fixed Ports, progress io.Writer) (t *Temporal, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start temporal: %w", err)
	}
	err = againIfTaken(func() error {
		ports, err := choosePorts(filepath.Join(dir, "ports.json"), fixed, temporalPorts)
		if err != nil {
			return fmt.Errorf("start temporal: %w", err)
		}
		t, err = startTemporal(ctx, place{dir: dir}, ports, progress)
		return err
	})
	return t, err
}

func startTemporal(ctx context.Context, in place, ports Ports, progress io.Writer) (*Temporal, error) {
	program, err := TemporalBinary(ctx, progress)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "starting Temporal: %s\n", program)
	// A home of its own keeps the user's profiles of the temporal command from changing what the server does.
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + in.dir}
	started, err := in.start("temporal", env, program, "server", "start-dev", "--ip", "127.0.0.1", "--headless=false",
		"--port", strconv.Itoa(ports["temporal"]), "--ui-port", strconv.Itoa(ports["ui"]),
		"--log-level", "error", "--db-filename", filepath.Join(in.dir, "temporal.db"),
		// Two to three times as fast on a file, and runs survive kill -9 (temporal.md §9).
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
		// Both are off by default: fairness keys would be ignored, and the Web UI's pause button would not work.
		"--dynamic-config-value", "matching.enableFairness=true", "--dynamic-config-value",
		"frontend.WorkflowPauseEnabled=true")
	if err != nil {
		return nil, err
	}
	t := &Temporal{started, ports, program}
	if err := t.child.await(ctx, temporalStart, t.settle); err != nil {
		return nil, err
	}
	return t, nil
}

// Address is the server's address for clients.
func (t *Temporal) Address() string { return address(t.ports["temporal"]) }

// UI is the URL of the Web UI.
func (t *Temporal) UI() string { return "http://" + address(t.ports["ui"]) }

// Program is the path of the temporal program.
func (t *Temporal) Program() string { return t.program }

// silent is a logger for clients, since every attempt fails to connect to a server that is still starting.
var silent = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// Dial connects a client, which logs nothing, to the server. The caller closes it.
func (t *Temporal) Dial(ctx context.Context) (client.Client, error) {
	return client.DialContext(ctx, client.Options{HostPort: t.Address(), Namespace: Namespace, Logger: silent})
}

// Stop stops the server and returns once it is gone.
func (t *Temporal) Stop() error { return t.child.stop() }

// settle checks that the server answers and brings the namespace into the state wanted, however often.
func (t *Temporal) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := t.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	})
	return err
}
