package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// texts returns the only column of a query's rows.
func (d *database) texts(t testing.TB, query string, args ...any) []string {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), query, args...)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}

// exec runs one statement, which must succeed.
func (d *database) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := d.pool.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// text returns the only value of a query's only row.
func (d *database) text(t testing.TB, query string, args ...any) string {
	t.Helper()
	found := d.texts(t, query, args...)
	require.Len(t, found, 1)
	return found[0]
}

// people are all stored members as "external id, unionid, open id, status".
func (c *company) people() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', external_id, coalesce(unionid, '-'), coalesce(open_id, '-'), status)
		FROM org_members
		WHERE provider_id = $1 ORDER BY external_id COLLATE "C", unionid, status`, c.provider.ID)
}

// id is the row of the member that is not deleted.
func (c *company) id(externalID string) string {
	c.t.Helper()
	return c.text(c.t,
		"SELECT id::text FROM org_members WHERE provider_id = $1 AND external_id = $2 AND status <> 'deleted'",
		c.provider.ID, externalID)
}

// member is an expression over the one member of that external id.
func (c *company) member(expression, externalID string) string {
	c.t.Helper()
	return c.text(c.t, "SELECT coalesce(("+expression+
		")::text, 'null') FROM org_members WHERE provider_id = $1 AND external_id = $2", c.provider.ID, externalID)
}

// tree are the stored departments as "external id path depth status".
func (c *company) tree() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', external_id, path, depth, status) FROM org_departments
		WHERE provider_id = $1 ORDER BY external_id COLLATE "C"`, c.provider.ID)
}

// heads are the active departments' head counts as "external id total direct".
func (c *company) heads() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', external_id, member_count, direct_member_count) FROM org_departments
		WHERE provider_id = $1 AND status = 'active' ORDER BY external_id COLLATE "C"`, c.provider.ID)
}

// places are the memberships as "member department", with * for the primary one and
// ! for a leader.
func (c *company) places() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT m.external_id || ' ' || d.external_id || CASE WHEN md.is_primary THEN '*' ELSE '' END
		|| CASE WHEN md.is_leader THEN '!' ELSE '' END
		FROM org_member_departments md JOIN org_members m ON m.id = md.member_id
		JOIN org_departments d ON d.id = md.department_id
		WHERE d.provider_id = $1 ORDER BY m.external_id COLLATE "C", d.external_id COLLATE "C"`, c.provider.ID)
}

// versions tells every row version of the company, and of accounts: it changes with
// any write.
func (c *company) versions() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', 'd', id, xmin, ctid) FROM org_departments WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'm', id, xmin, ctid) FROM org_members WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'p', member_id, p.department_id, p.xmin, p.ctid)
			FROM org_member_departments p JOIN org_members m ON m.id = member_id WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'g', id, xmin, ctid) FROM org_groups WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'gm', group_id, member_id, p.xmin, p.ctid)
			FROM org_group_members p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'gd', group_id, department_id, p.xmin, p.ctid)
			FROM org_group_departments p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'a', member_id, source, xmin, ctid) FROM org_administrators
		WHERE provider_id = $1
		UNION ALL SELECT concat_ws(' ', 'i', id, xmin, ctid) FROM identities ORDER BY 1`, c.provider.ID)
}
