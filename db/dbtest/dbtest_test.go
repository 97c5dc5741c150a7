package dbtest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func databases(t *testing.T, like string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), Server(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_database WHERE datname LIKE $1",
		like).Scan(&n))
	return n
}

func TestEveryTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	one, two := Pool(t), Pool(t)
	_, err := one.Exec(t.Context(), "CREATE TABLE mine (n int)")
	require.NoError(t, err)
	var found bool
	require.NoError(t, two.QueryRow(t.Context(), "SELECT to_regclass('mine') IS NOT NULL").Scan(&found))
	require.False(t, found)
	require.NoError(t, two.QueryRow(t.Context(), "SELECT to_regclass('org_members') IS NOT NULL").Scan(&found))
	require.True(t, found, "the schema is there")
}

func TestEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), Empty(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var tables int
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
	require.Zero(t, tables)
}

func TestADatabaseIsDroppedWithItsTestWhoeverIsConnected(t *testing.T) {
	t.Parallel()
	var name string
	var forgotten *pgx.Conn
	t.Run("a test that forgets a connection", func(t *testing.T) {
		location := New(t)
		name = location[strings.LastIndex(location, "/")+1:]
		name, _, _ = strings.Cut(name, "?")
		var err error
		forgotten, err = pgx.Connect(t.Context(), location)
		require.NoError(t, err)
		require.Equal(t, 1, databases(t, name))
	})
	require.Zero(t, databases(t, name))
	require.Error(t, forgotten.Ping(t.Context()))
}

func TestTheTemplateIsBuiltOnceByWhoeverComesFirst(t *testing.T) {
	t.Parallel()
	hash := strings.ReplaceAll(uuid.NewString(), "-", "")
	var built atomic.Int32
	migrate := func(context.Context, string) error { built.Add(1); return nil }
	group, ctx := errgroup.WithContext(t.Context())
	for range 5 {
		group.Go(func() error {
			_, err := migrated(ctx, Server(t), hash, migrate)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, built.Load())
	require.Equal(t, 1, databases(t, "orgsync_template_"+hash[:16]+"%"))
}

func TestAFailedMigrationIsTriedAgain(t *testing.T) {
	t.Parallel()
	hash := strings.ReplaceAll(uuid.NewString(), "-", "")
	broken := errors.New("broken migration")
	_, err := migrated(t.Context(), Server(t), hash, func(context.Context, string) error { return broken })
	require.ErrorIs(t, err, broken)
	_, err = migrated(t.Context(), Server(t), hash, func(context.Context, string) error { return nil })
	require.NoError(t, err)
}

func TestInDatabaseKeepsTheRestOfTheURL(t *testing.T) {
	t.Parallel()
	got, err := inDatabase("postgres://me:secret@127.0.0.1:5/postgres?sslmode=disable", "other")
	require.NoError(t, err)
	require.Equal(t, "postgres://me:secret@127.0.0.1:5/other?sslmode=disable", got)
	_, err = inDatabase("host=127.0.0.1 password=secret", "other")
	require.ErrorContains(t, err, ServerVariable)
	require.NotContains(t, err.Error(), "secret")
}
