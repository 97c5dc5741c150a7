package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/deploy"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(t.Context())) })
	return conn
}

// As an installation goes: an administrator makes the roles, then their owner the tables.
func TestTheOwnerMigrates(t *testing.T) {
	t.Parallel()
	dbtest.New(t) // the roles are the whole server's; whoever is first makes them alone
	url := dbtest.Empty(t)
	admin := connect(t, url)
	for range 2 {
		_, err := admin.Exec(t.Context(), deploy.Roles)
		require.NoError(t, err)
	}
	for range 2 {
		require.NoError(t, db.Migrate(t.Context(), dbtest.As(t, "orgsync_owner", url)))
	}
	require.Error(t, db.Migrate(t.Context(), dbtest.As(t, "orgsync_reader", dbtest.Empty(t))))
	var owned int
	require.NoError(t, admin.QueryRow(t.Context(),
		"SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'orgsync_owner'").Scan(&owned))
	require.Zero(t, owned)
	_, err := connect(t, dbtest.As(t, "orgsync_worker", url)).Exec(t.Context(), "SELECT FROM sync_runs")
	require.NoError(t, err)
	_, err = db.Status(t.Context(), dbtest.As(t, "orgsync_worker", url))
	require.NoError(t, err)
}

// The platform's own accounts are its owner's to share.
func TestAccountsOfThePlatformAreLeftToIt(t *testing.T) {
	t.Parallel()
	dbtest.New(t)
	url := dbtest.Empty(t)
	admin := connect(t, url)
	_, err := admin.Exec(t.Context(), `CREATE TABLE identities (id uuid PRIMARY KEY, email text, phone text);
		CREATE TABLE users (id uuid PRIMARY KEY, tenant_id uuid, identity_id uuid);`+deploy.Roles)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), dbtest.As(t, "orgsync_owner", url)))
	worker := connect(t, dbtest.As(t, "orgsync_worker", url))
	_, err = worker.Exec(t.Context(), "SELECT FROM users")
	require.ErrorContains(t, err, "permission denied")
	_, err = admin.Exec(t.Context(), `GRANT SELECT ON users, identities TO orgsync_worker;
		GRANT UPDATE (email, phone) ON identities TO orgsync_worker`)
	require.NoError(t, err)
	_, err = worker.Exec(t.Context(), "SELECT FROM users; UPDATE identities SET email = NULL")
	require.NoError(t, err)

	// Of an account that the operator may not read nothing but its id is shown.
	_, err = admin.Exec(t.Context(), `INSERT INTO users (id) VALUES ('00000000-0000-0000-0000-000000000002');
		INSERT INTO identity_providers (id, name, provider_type, hold_seconds)
			VALUES ('00000000-0000-0000-0000-000000000001', 'acme', 'feishu', 1);
		INSERT INTO org_members (id, provider_id, external_id, user_id) VALUES ('00000000-0000-0000-0000-000000000003',
			'00000000-0000-0000-0000-000000000001', 'a', '00000000-0000-0000-0000-000000000002')`)
	require.NoError(t, err)
	for _, role := range []string{"orgsync_operator", "orgsync_worker"} { // not let at it; no such column
		store, err := db.Open(t.Context(), dbtest.As(t, role, url))
		require.NoError(t, err)
		t.Cleanup(store.Close)
		m, err := store.Report.GetMember(t.Context(), "00000000-0000-0000-0000-000000000003")
		require.NoError(t, err)
		require.Equal(t, &report.MemberAccount{ID: "00000000-0000-0000-0000-000000000002"}, m.Account)
	}
}

// A migration that adds a table must say in grants.sql who may do what with it.
func TestEveryTableIsGranted(t *testing.T) {
	t.Parallel()
	admin := connect(t, dbtest.New(t))
	rows, err := admin.Query(t.Context(), `SELECT relname FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
			AND NOT has_table_privilege('orgsync_worker', oid, 'SELECT')
			AND NOT has_table_privilege('orgsync_operator', oid, 'SELECT')`)
	require.NoError(t, err)
	forgotten, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, forgotten)
}

func TestRolesMayDoTheirWorkAndNoMore(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	_, err := connect(t, url).Exec(t.Context(), `INSERT INTO identity_providers (id, name, provider_type, hold_seconds)
		VALUES ('00000000-0000-0000-0000-000000000001', 'acme', 'feishu', 1)`)
	require.NoError(t, err)
	for role, c := range map[string]struct{ may, mayNot []string }{
		"orgsync_worker": {
			may: []string{
				"SELECT * FROM provider_secrets", "UPDATE identity_providers SET last_synced_at = now()",
				"DELETE FROM sync_runs",
				"DELETE FROM org_member_departments", "SELECT * FROM orgsync_schema_version",
			},
			mayNot: []string{
				"DELETE FROM org_members", "DELETE FROM org_departments", "TRUNCATE org_changes",
				"UPDATE provider_secrets SET sealed = ''",
				"INSERT INTO identity_providers (name, provider_type) VALUES ('x', 'feishu')",
				"UPDATE identity_providers SET is_active = true",
				"UPDATE users SET display_name = 'x'", "DELETE FROM identities", "CREATE TABLE mine ()",
				"DROP TABLE org_members",
				"UPDATE orgsync_schema_version SET version = 0",
			},
		},
		"orgsync_operator": {
			may: []string{
				"UPDATE identity_providers SET is_active = true", "SELECT * FROM sync_run_errors",
				"DELETE FROM provider_secrets", "SELECT * FROM users",
			},
			mayNot: []string{
				"INSERT INTO sync_runs DEFAULT VALUES", "UPDATE org_members SET name = 'x'", "DELETE FROM org_members",
				"DELETE FROM org_changes",
				"SELECT * FROM identities", "UPDATE users SET display_name = 'x'", "CREATE TABLE mine ()",
			},
		},
		"orgsync_reader": {
			may: []string{
				"SELECT * FROM identity_providers", "SELECT * FROM org_departments", "SELECT * FROM org_members",
				"SELECT * FROM org_member_departments",
				"SELECT * FROM users", "SELECT * FROM identities", "SELECT * FROM sync_runs",
				"SELECT * FROM sync_run_departments", "SELECT * FROM org_changes",
			},
			mayNot: []string{
				"SELECT * FROM provider_secrets", "SELECT * FROM provider_tokens", "SELECT * FROM staged_members",
				"UPDATE org_members SET name = 'x'",
				"DELETE FROM org_changes", "INSERT INTO identities DEFAULT VALUES", "CREATE TABLE mine ()",
			},
		},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, dbtest.As(t, role, url))
			try := func(statement string) error {
				tx, err := conn.Begin(t.Context())
				require.NoError(t, err)
				defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
				_, err = tx.Exec(t.Context(), statement)
				return err
			}
			for _, statement := range c.may {
				require.NoError(t, try(statement), statement)
			}
			for _, statement := range c.mayNot {
				require.ErrorContains(t, try(statement), "42501", statement)
			}
		})
	}
}
