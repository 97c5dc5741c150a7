package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/starter/cli"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	in := installation{t: t, env: map[string]string{"DATABASE_URL": dbtest.Empty(t)}}

	lacking := in.run("provider", "list")
	require.Equal(t, cli.ExitUsage, lacking.status)
	require.Contains(t, lacking.stderr, "orgsync migrate")

	var status struct {
		Current, Target  int
		Pending, Applied []string
	}
	in.ok("migrate", "--status", "--output", "json").json(&status)
	require.Zero(t, status.Current)
	require.Len(t, status.Pending, status.Target)
	require.Contains(t, in.ok("migrate", "--status").stdout, "pending 0001_")

	pending := status.Pending
	in.ok("migrate", "--output", "json").json(&status)
	require.Equal(t, pending, status.Applied)
	require.Empty(t, status.Pending)
	require.Equal(t, status.Target, status.Current)

	again := in.ok("migrate")
	require.Contains(t, again.stdout, "up to date")
	require.NotContains(t, again.stdout, "applied")
	require.Contains(t, in.ok("provider", "list").stdout, "orgsync provider add")
}

func TestMigrateRefusesADatabaseThatCannotWork(t *testing.T) {
	t.Parallel()
	in := installation{t: t, env: map[string]string{"DATABASE_URL": dbtest.Empty(t, "ENCODING 'SQL_ASCII' LOCALE 'C'")}}
	for _, args := range [][]string{{"migrate"}, {"migrate", "--status"}} {
		refused := in.run(args...)
		require.Equal(t, cli.ExitUsage, refused.status)
		require.Empty(t, refused.stdout)
		require.Contains(t, refused.stderr, "its encoding is SQL_ASCII")
		require.Contains(t, refused.stderr, "CREATE DATABASE orgsync ENCODING 'UTF8'")
	}
}
