package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReady(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(status)
	}))
	address := strings.TrimPrefix(worker.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	ask := func(address string) (int, string) {
		var stderr bytes.Buffer
		exit := run(t.Context(), []string{"--ready"}, func(name string) string {
			return map[string]string{"ORGSYNC_METRICS_ADDRESS": address}[name]
		}, &bytes.Buffer{}, &stderr)
		return exit, stderr.String()
	}
	for _, address := range []string{address, ":" + port, "0.0.0.0:" + port} {
		exit, stderr := ask(address)
		require.Zero(t, exit, stderr)
	}
	status = http.StatusServiceUnavailable
	exit, stderr := ask(address)
	require.Equal(t, 1, exit)
	require.Contains(t, stderr, "not ready: 503")
	worker.Close()
	exit, _ = ask(address)
	require.Equal(t, 1, exit)
	exit, stderr = ask("")
	require.Equal(t, 1, exit)
	require.Contains(t, stderr, "ORGSYNC_METRICS_ADDRESS is not set")
}
