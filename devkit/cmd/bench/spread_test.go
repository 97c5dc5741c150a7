package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
)

// twoPeople stores two people in two departments under ids that are drawn anew.
const twoPeople = `
	INSERT INTO identity_providers (name, provider_type, hold_seconds) VALUES ('acme', 'feishu', 1);
	INSERT INTO org_departments (provider_id, external_id, name, path, member_count)
		SELECT id, 'top', 'Top', 'Top', 2 FROM identity_providers;
	INSERT INTO org_departments (provider_id, external_id, parent_id, name, path, member_count)
		SELECT provider_id, 'low', id, 'Low', 'Top/Low', 1 FROM org_departments;
	INSERT INTO org_members (provider_id, external_id, unionid, name, department_id, raw_data)
		SELECT provider_id, 'ann', 'on-ann', 'Ann', id, '{"a":1}'::jsonb FROM org_departments WHERE external_id = 'top'
		UNION ALL SELECT provider_id, 'bob', NULL, 'Bob', id, '{}' FROM org_departments WHERE external_id = 'low';
	INSERT INTO org_member_departments (member_id, department_id, is_primary) SELECT id, department_id, true
	FROM org_members`

func TestDirectoriesAreComparedRowByRow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change    string
		different int
	}{
		"the same":   {"UPDATE org_members SET synced_at = synced_at + interval '1 s'", 0},
		"parent":     {"UPDATE org_departments SET parent_id = NULL", 1},
		"head count": {"UPDATE org_departments SET member_count = member_count + 1", 2},
		"record":     {`UPDATE org_members SET raw_data = '{"a":2}' WHERE external_id = 'ann'`, 1},
		"primary department": {
			"UPDATE org_members SET department_id = (SELECT id FROM org_departments WHERE external_id = 'low')", 1},
		"leader": {"UPDATE org_member_departments SET is_leader = true", 2},
		"place": {
			"UPDATE org_member_departments SET department_id = (SELECT id FROM org_departments " +
				"WHERE external_id = 'low')", 1},
		"removed": {"UPDATE org_members SET status = 'deleted' WHERE external_id = 'bob'", 1},
		"missing": {"DELETE FROM org_member_departments", 2},
		"one too many": {
			"INSERT INTO org_departments (provider_id, external_id) SELECT id, 'new' FROM identity_providers", 1},
		"the same twice": {
			"INSERT INTO org_members (provider_id, external_id, unionid) SELECT id, 'cid', 'on-' || n " +
				"FROM identity_providers, generate_series(1, 2) n", 2},
		"someone of that name": {"UPDATE org_members SET unionid = 'on-eve' WHERE external_id = 'ann'", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			usual, other := stored(t, twoPeople), stored(t, twoPeople+";"+c.change)
			require.Equal(t, 6, usual.rows())
			require.Equal(t, c.different, usual.different(other))
			require.Equal(t, c.different, other.different(usual))
		})
	}
}

// stored are the contents of a database of its own after some statements.
func stored(t *testing.T, statements string) contents {
	conn, err := pgx.Connect(t.Context(), dbtest.New(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statements)
	require.NoError(t, err)
	c, err := readContents(t.Context(), conn)
	require.NoError(t, err)
	return c
}
