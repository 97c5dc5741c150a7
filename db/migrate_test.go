package db_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
)

func TestMigrationNumbersHaveNoGap(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir("migrations")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		require.Regexp(t, fmt.Sprintf(`^%04d_[a-z_]+\.sql$`, i+1), file.Name())
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	url := dbtest.Empty(t)
	before, err := db.Status(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, before.Current)
	require.Len(t, before.Pending, int(before.Target))
	for range 2 {
		require.NoError(t, db.Migrate(t.Context(), url))
		after, err := db.Status(t.Context(), url)
		require.NoError(t, err)
		require.Equal(t, db.MigrationStatus{Current: before.Target, Target: before.Target, Pending: []string{}}, after)
	}
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.Empty(t)
	group, ctx := errgroup.WithContext(t.Context())
	for range 5 {
		group.Go(func() error { return db.Migrate(ctx, url) })
	}
	require.NoError(t, group.Wait())
	status, err := db.Status(t.Context(), url)
	require.NoError(t, err)
	require.Empty(t, status.Pending)
}

// The platform's own tables stay as they are, and a newer build's schema serves.
func TestMigrateRespectsWhatIsThere(t *testing.T) {
	t.Parallel()
	url := dbtest.Empty(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `CREATE TABLE identities (id uuid PRIMARY KEY, email text UNIQUE, phone text, mine
		int);
		CREATE TABLE users (id uuid PRIMARY KEY, tenant_id uuid, identity_id uuid, mine int);
		INSERT INTO identities VALUES (gen_random_uuid(), 'a@x', '1', 7)`)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), url))
	var mine int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT mine FROM identities").Scan(&mine))
	require.Equal(t, 7, mine)
	_, err = conn.Exec(t.Context(), "UPDATE orgsync_schema_version SET version = version + 1")
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), url))
	status, err := db.Status(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, status.Target+1, status.Current)
}

func TestABadURLIsNotShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@[::1",
		"host=/nowhere password=hunter2"} {
		require.Error(t, db.Migrate(t.Context(), url))
		require.NotContains(t, db.Migrate(t.Context(), url).Error(), "hunter2")
		_, err := db.Open(t.Context(), url)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
