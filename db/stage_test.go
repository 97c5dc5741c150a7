package db_test

import (
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// A large snapshot leaves nothing to vacuum, and takes nobody else's with it.
func TestALargeSnapshotGoesAsAWhole(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c, other := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	size := func() string { return d.text(t, "SELECT (pg_relation_size('staged_members') > 8 * 1024 * 1024)::text") }
	left := func(r *run) string {
		return d.text(t, `SELECT ((SELECT count(*) FROM staged_departments WHERE run_id = $1) + (SELECT count(*) FROM staged_members WHERE run_id = $1)
			+ (SELECT count(*) FROM sync_run_members WHERE run_id = $1))::text`, r.id)
	}
	large := func() *run {
		r := c.begin("apply")
		r.read(snapshot{departments: "1", members: "a in=1"})
		r.apply(false)
		d.exec(t, `INSERT INTO staged_members (run_id, listing, page, n, person_key, external_id, external_is_fallback, name_translit_full, name_translit_initial, title)
			SELECT $1, '1', 1, n, n, n, false, '', '', repeat('x', 500) FROM generate_series(1, 20000) n`, r.id)
		require.Equal(t, "true", size())
		return r
	}

	beside := other.begin("apply")
	beside.read(snapshot{departments: "1", members: "b in=1"})
	beside.apply(false)
	r := large()
	r.finish()
	require.Equal(t, "0", left(r))
	require.Equal(t, "3", left(beside))
	beside.finish()
	require.Equal(t, "0", left(beside))

	tx, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	r = large()
	_, err = tx.Exec(t.Context(), "SELECT FROM staged_members LIMIT 1", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	r.finish() // while somebody is at the table
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, "0", left(r))
	require.Equal(t, "true", size())

	r = large()
	r.finish()
	require.Equal(t, "0", left(r))
	require.Equal(t, "false", size())
}

// A note may be longer than an index row, and is still noted once.
func TestLongNotes(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	r := c.begin("apply")
	// Of letters in no order: what repeats itself is compressed, and fits.
	rng := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 20_000)
	for i := range long {
		long[i] = 'a' + byte(rng.IntN(26))
	}
	for range 2 {
		require.NoError(t, c.store.RunNote(t.Context(), r.id, "member", "ann", string(long)))
		require.NoError(t, c.store.RunNote(t.Context(), r.id, "member", "ann", string(long)+"."))
	}
	require.Len(t, r.problems(), 2)
}
