package health_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/health"
)

func TestReadyOnlyWhileEveryCheckPasses(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	log := &bytes.Buffer{}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "figures") })
	server, err := health.Listen("127.0.0.1:0", metrics, slog.New(slog.NewTextHandler(log, nil)),
		health.Check{Name: "worker", OK: func(context.Context) error { return nil }},
		health.Check{Name: "postgres", OK: func(ctx context.Context) error {
			_, bounded := ctx.Deadline()
			require.True(t, bounded)
			if failing.Load() {
				return errors.New("no route to db.internal")
			}
			return nil
		}})
	require.NoError(t, err)
	get := func(path string) string {
		answer, err := http.Get("http://" + server.Address() + path) //nolint:noctx // of the test's own process
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return fmt.Sprint(answer.StatusCode, " ", string(body))
	}
	require.Equal(t, "200 ok\n", get("/healthz"))
	require.Equal(t, "200 worker: ok\npostgres: ok\n", get("/readyz"))
	require.Equal(t, "200 figures", get("/metrics"))
	failing.Store(true)
	require.Equal(t, "503 worker: ok\npostgres: failing\n", get("/readyz"), "what fails is for the log")
	require.Contains(t, log.String(), "no route to db.internal")
	require.Equal(t, "200 ok\n", get("/healthz"), "restarting the process would not help")
	failing.Store(false)
	require.Equal(t, "200 worker: ok\npostgres: ok\n", get("/readyz"))

	_, err = health.Listen(server.Address(), metrics, slog.Default())
	require.ErrorContains(t, err, "ORGSYNC_METRICS_ADDRESS")
	require.NoError(t, server.Close())
	_, err = http.Get("http://" + server.Address() + "/healthz") //nolint:noctx // of the test's own process
	require.Error(t, err)
}
