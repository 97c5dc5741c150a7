package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/secret"
)

func TestAWorkerThatMayNotMigrateWaitsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	keys, err := secret.Generate()
	require.NoError(t, err)
	behind := dbtest.New(t)
	conn, err := pgx.Connect(t.Context(), behind)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE orgsync_schema_version SET version = 1")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	for name, c := range map[string]struct{ url, want string }{
		"empty": {dbtest.As(t, "orgsync_worker", dbtest.Empty(t)), "permission denied"},
		"behind": {dbtest.As(t, "orgsync_worker", behind),
			"the database lacks this build's migrations from 0002_providers.sql on"},
	} {
		var stderr bytes.Buffer
		status := run(t.Context(), nil, func(key string) string {
			return map[string]string{"DATABASE_URL": c.url, "ORGSYNC_KEYSET": string(keys),
				"ORGSYNC_MIGRATE": "false"}[key]
		}, &bytes.Buffer{}, &stderr)
		require.Equal(t, 1, status, name)
		require.Contains(t, stderr.String(), c.want)
		require.Contains(t, stderr.String(), "; run: orgsync migrate\n")
	}
}

// A worker that is started while Postgres has no connection left says so, waits, and goes
// on once there is one.
func TestAWorkerWaitsForAFreeConnection(t *testing.T) {
	t.Parallel()
	keys, err := secret.Generate()
	require.NoError(t, err)
	location, err := url.Parse(dbtest.New(t))
	require.NoError(t, err)
	role := "worker_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exec := func(statement string) {
		conn, err := pgx.Connect(context.Background(), dbtest.Server(t))
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		_, err = conn.Exec(context.Background(), statement)
		require.NoError(t, err)
	}
	exec("CREATE ROLE " + role + " LOGIN PASSWORD 'word' CONNECTION LIMIT 0")
	t.Cleanup(func() { exec("DROP ROLE " + role) })
	location.User = url.UserPassword(role, "word")

	said, says := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), nil, func(key string) string {
			return map[string]string{"DATABASE_URL": location.String(), "ORGSYNC_KEYSET": string(keys),
				"ORGSYNC_MIGRATE": "false"}[key]
		}, io.Discard, says)
		_ = says.Close()
	}()
	lines := bufio.NewScanner(said)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "the worker waits for a connection to Postgres")
	require.Contains(t, lines.Text(), "too many connections for role")
	require.Contains(t, lines.Text(), "wait until others close theirs, or raise max_connections")
	require.NotContains(t, lines.Text(), "orgsync migrate")
	exec("ALTER ROLE " + role + " CONNECTION LIMIT 1")
	var last string
	for lines.Scan() {
		last = lines.Text()
	}
	// It has a connection now, and too few rights to go on.
	require.Contains(t, last, "permission denied")
	require.Equal(t, 1, <-ended)
}

// A database in which every run would fail is refused at the start, migrated or not.
func TestAWorkerRefusesADatabaseThatCannotWork(t *testing.T) {
	t.Parallel()
	keys, err := secret.Generate()
	require.NoError(t, err)
	changed := func(statement string) string {
		url := dbtest.New(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
		return url
	}
	for name, c := range map[string]struct{ url, want string }{
		"encoding": {dbtest.Empty(t, "ENCODING 'LATIN1' LOCALE 'C'"), "its encoding is LATIN1"},
		"accounts": {changed("ALTER TABLE users DROP COLUMN tenant_id"), "users.tenant_id is missing; it must be uuid"},
		"rights": {
			dbtest.As(t, "orgsync_worker", changed("REVOKE UPDATE (email, phone) ON identities FROM orgsync_worker")),
			"GRANT UPDATE (email, phone) ON identities TO orgsync_worker",
		},
	} {
		for _, migrate := range []string{"true", "false"} {
			if name == "rights" && migrate == "true" {
				continue // this role may not migrate
			}
			var stderr bytes.Buffer
			status := run(t.Context(), nil, func(key string) string {
				return map[string]string{"DATABASE_URL": c.url, "ORGSYNC_KEYSET": string(keys),
					"ORGSYNC_MIGRATE": migrate}[key]
			}, &bytes.Buffer{}, &stderr)
			require.Equal(t, 2, status, name)
			require.Contains(t, stderr.String(), c.want)
			require.NotContains(t, stderr.String(), "run: orgsync migrate")
		}
	}
}
