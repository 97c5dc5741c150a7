package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/starter/cli"
)

// programVariable, if set, makes the test program be orgsync itself.
const programVariable = "ORGSYNC_TEST_AS_PROGRAM"

// TestMain gives all tests of the package one Temporal server, without a worker: the
// commands find it in the environment, as operators' do.
func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	dir, err := os.MkdirTemp("", "orgsync-starter-")
	var server *stack.Temporal
	if err == nil {
		server, err = stack.StartTemporal(context.Background(), dir, stack.Ports{}, os.Stderr)
	}
	if err == nil {
		err = errors.Join(os.Setenv("TEMPORAL_ADDRESS", server.Address()),
			os.Setenv("TEMPORAL_NAMESPACE", stack.Namespace))
	}
	if err != nil {
		slog.Error("start Temporal", "error", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := errors.Join(server.Stop(), os.RemoveAll(dir)); err != nil {
		slog.Error("stop Temporal", "error", err)
		code = 1
	}
	os.Exit(code)
}

// dial connects to the tests' Temporal server.
func dial(t *testing.T) client.Client {
	t.Helper()
	temporal, err := app.DialTemporal(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	return temporal
}

func TestAWrongNamespaceIsNamed(t *testing.T) {
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	t.Setenv("TEMPORAL_NAMESPACE", "prodution")
	for _, command := range [][]string{{"sync", "acme"}, {"schedule", "list"}, {"cancel", "acme"}} {
		o := in.run(command...)
		require.Equal(t, cli.ExitUsage, o.status, o.stdout)
		require.Contains(t, o.stderr, `has no namespace "prodution"; set TEMPORAL_NAMESPACE to one of its own`)
	}
}
