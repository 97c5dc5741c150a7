package db_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/deploy"
)

const (
	fitUsers      = `CREATE TABLE users (id uuid PRIMARY KEY, tenant_id uuid, identity_id uuid);`
	fitIdentities = `CREATE TABLE identities (id uuid PRIMARY KEY, email text, phone varchar(20));`
)

// A database that cannot work is never called up to date: it is refused, with what is
// wrong and how to mend it, before anything is made in it.
func TestAnUnfitDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, options, tables string
		says                  []string
	}{
		{"LATIN1", "ENCODING 'LATIN1' LOCALE 'C'", "",
			[]string{"its encoding is LATIN1",
				"CREATE DATABASE orgsync ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"}},
		{"SQL_ASCII", "ENCODING 'SQL_ASCII' LOCALE 'C'", "", []string{"its encoding is SQL_ASCII"}},
		{"ids of another type", "", fitUsers +
			`CREATE TABLE identities (id bigint PRIMARY KEY, email text, phone text)`,
			[]string{"identities.id is bigint instead of uuid", "a database of its own"}},
		{"ids as text", "", fitIdentities + `CREATE TABLE users (id text PRIMARY KEY, tenant_id uuid, identity_id
			varchar(36))`,
			[]string{"users.id is text instead of uuid", "users.identity_id is character varying(36) instead of uuid"}},
		{"tenants of another type", "", `CREATE TABLE users (id uuid PRIMARY KEY, tenant_id int, identity_id uuid)`,
			[]string{"users.tenant_id is integer instead of uuid"}},
		{"columns that are missing", "", `CREATE TABLE users (id uuid PRIMARY KEY); CREATE TABLE identities (id uuid
			PRIMARY KEY, email text, mobile text)`,
			[]string{"users.tenant_id is missing; it must be uuid", "users.identity_id is missing",
				"identities.phone is missing; it must be text"}},
		{"numbers as numbers", "", `CREATE TABLE identities (id uuid PRIMARY KEY, email text, phone bigint)`,
			[]string{"identities.phone is bigint instead of text"}},
		{"accounts that nobody can change", "",
			fitUsers + `CREATE VIEW identities AS SELECT DISTINCT id, 'a'::text AS email, 'b'::text AS phone
				FROM users`,
			[]string{"identities.email cannot be written", "identities.phone cannot be written"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Empty(t, c.options)
			conn := connect(t, url)
			_, err := conn.Exec(t.Context(), c.tables)
			require.NoError(t, err)
			_, statusErr := db.Status(t.Context(), url)
			for _, err := range []error{db.Migrate(t.Context(), url), statusErr} {
				require.ErrorAs(t, err, new(*db.UnfitError))
				for _, text := range c.says {
					require.ErrorContains(t, err, text)
				}
			}
			var made int
			require.NoError(t, conn.QueryRow(t.Context(),
				"SELECT count(*) FROM pg_class WHERE relname LIKE 'org%' OR relname LIKE 'sync%'").Scan(&made))
			require.Zero(t, made)
		})
	}
}

func TestADatabaseThatBecameUnfitIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, says string }{
		"accounts dropped": {"DROP TABLE users", "table users is missing"},
		"phone renamed": {"ALTER TABLE identities RENAME phone TO mobile",
			"identities.phone is missing; it must be text"},
		"a standby's answer": {"ALTER DATABASE %s SET default_transaction_read_only = on",
			"it is read-only, as a standby is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.New(t)
			conn := connect(t, url)
			_, err := conn.Exec(t.Context(), replaceDatabase(c.change, conn))
			require.NoError(t, err)
			require.ErrorContains(t, db.Migrate(t.Context(), url), c.says)
			_, err = db.Status(t.Context(), url)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// Types that serve as well as ours are left to the platform.
func TestAFitDatabaseIsTaken(t *testing.T) {
	t.Parallel()
	for name, tables := range map[string]string{
		"plain": fitUsers + fitIdentities,
		"domains": `CREATE DOMAIN key AS uuid; CREATE DOMAIN mail AS varchar(99) CHECK (VALUE LIKE '%@%');
			CREATE TABLE users (id key PRIMARY KEY, tenant_id key, identity_id key); CREATE TABLE identities (id key
			PRIMARY KEY, email mail, phone char(20))`,
		"views": `CREATE TABLE accounts (id uuid PRIMARY KEY, company uuid, mail text, mobile text);
			CREATE VIEW users AS SELECT id, company AS tenant_id, id AS identity_id FROM accounts;
			CREATE VIEW identities AS SELECT id, mail AS email, mobile AS phone FROM accounts`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Empty(t)
			_, err := connect(t, url).Exec(t.Context(), tables)
			require.NoError(t, err)
			require.NoError(t, db.Migrate(t.Context(), url))
			status, err := db.Status(t.Context(), url)
			require.NoError(t, err)
			require.Empty(t, status.Pending)
		})
	}
}

// A worker that may not touch the platform's accounts would fail every run.
func TestAccountsThatAWorkerMayNotTouch(t *testing.T) {
	t.Parallel()
	dbtest.New(t)
	url := dbtest.Empty(t)
	admin := connect(t, url)
	_, err := admin.Exec(t.Context(), fitUsers+fitIdentities+deploy.Roles)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), dbtest.As(t, "orgsync_owner", url)), "who migrates need not")
	worker := dbtest.As(t, "orgsync_worker", url)
	err = db.Ready(t.Context(), worker)
	require.ErrorAs(t, err, new(*db.UnfitError))
	require.ErrorContains(t, err,
		"GRANT SELECT ON users, identities TO orgsync_worker; GRANT UPDATE (email, phone) ON identities TO "+
			"orgsync_worker")
	_, err = admin.Exec(t.Context(), `GRANT SELECT ON users, identities TO orgsync_worker`)
	require.NoError(t, err)
	require.ErrorContains(t, db.Ready(t.Context(), worker), "GRANT UPDATE (email, phone)")
	_, err = admin.Exec(t.Context(), `GRANT UPDATE (email, phone) ON identities TO orgsync_worker`)
	require.NoError(t, err)
	require.NoError(t, db.Ready(t.Context(), worker))
}

// replaceDatabase puts the connection's database in the place of %s.
func replaceDatabase(statement string, conn *pgx.Conn) string {
	return strings.ReplaceAll(statement, "%s", conn.Config().Database)
}
