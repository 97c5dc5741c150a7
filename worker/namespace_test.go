package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/secret"
)

// A misspelt namespace is called that, not a lack of search attributes or of rights.
func TestAWorkerNamesAWrongNamespace(t *testing.T) {
	temporal, err := stack.StartTemporal(t.Context(), t.TempDir(), stack.Ports{}, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	keys, err := secret.Generate()
	require.NoError(t, err)
	t.Setenv("TEMPORAL_ADDRESS", temporal.Address())
	t.Setenv("TEMPORAL_NAMESPACE", "prodution")
	url := dbtest.New(t)
	var stderr bytes.Buffer
	status := run(t.Context(), nil, func(key string) string {
		return map[string]string{"DATABASE_URL": url, "ORGSYNC_KEYSET": string(keys)}[key]
	}, &bytes.Buffer{}, &stderr)
	require.Equal(t, "orgsync-worker: temporal at "+temporal.Address()+
		` has no namespace "prodution"; set TEMPORAL_NAMESPACE to one of its own, or create it with: temporal operator namespace create -n prodution`+"\n", stderr.String())
	require.Equal(t, 2, status)
}
