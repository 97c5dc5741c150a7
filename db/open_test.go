package db_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// A server that is stopped takes connections and never answers.
func TestConnectingEnds(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	_, err = db.Open(t.Context(), "postgres://orgsync@"+silent.Addr().String()+"/orgsync",
		db.ConnectWithin(50*time.Millisecond))
	require.ErrorContains(t, err, "check DATABASE_URL and that Postgres is running")
}

// A server that crashes, or a network that fails, says nothing on the connections it ends.
func TestAConnectionThatIsCutSaysThatPostgresIsAway(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	address, err := url.Parse(d.pool.Config().ConnString())
	require.NoError(t, err)
	postgres, cut := address.Host, make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", postgres)
			if err != nil {
				_ = near.Close()
				return
			}
			go func() { _, _ = io.Copy(near, far) }()
			go func() { _, _ = io.Copy(far, near) }()
			go func() { <-cut; _ = near.Close(); _ = far.Close() }()
		}
	}()
	address.Host = listener.Addr().String()
	store, err := db.Open(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(store.Close)

	tx, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE identity_providers")
	require.NoError(t, err)
	asked := make(chan error)
	go func() {
		_, err := store.Providers.FindByName(t.Context(), "acme")
		asked <- err
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := d.pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted "+
			"AND relation = 'identity_providers'::regclass)").Scan(&waits)
		return err == nil && waits
	}, 10*time.Second, time.Millisecond)
	close(cut)
	err = <-asked
	require.NoError(t, tx.Rollback(t.Context()))
	require.True(t, db.Away(err), "in mid-statement: %v", err)

	stop, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.store.Providers.FindByName(stop, "acme")
	require.Error(t, err)
	require.False(t, db.Away(err), "the caller went away: %v", err)
}

// A database that takes no connections says so with a code, as it does of a statement.
func TestADatabaseThatTakesNoConnectionsIsAway(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	address, err := url.Parse(d.pool.Config().ConnString())
	require.NoError(t, err)
	name := pgx.Identifier{address.Path[1:]}.Sanitize()
	address.Path = "/postgres"
	conn, err := pgx.Connect(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
		d.pool.Config().ConnConfig.Database)
	require.NoError(t, err)
	d.pool.Reset()
	// Connections that ended are found out one by one.
	for range 9 {
		if _, err = d.store.Providers.FindByName(t.Context(), "acme"); strings.Contains(err.Error(), "55000") {
			break
		}
	}
	require.ErrorContains(t, err, "55000")
	_, err = d.store.Providers.FindByName(t.Context(), "acme")
	require.True(t, db.Away(err), "%v", err)
}

// Postgres would compile statements that it guesses to be dear, which takes longer than they do.
func TestNoStatementIsCompiled(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.exec(t, `CREATE FUNCTION refuse_compiler() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
		IF current_setting('jit')::boolean THEN RAISE 'statements are compiled'; END IF; RETURN NEW; END$$;
		CREATE TRIGGER refuse_compiler BEFORE INSERT ON identity_providers
			FOR EACH ROW EXECUTE FUNCTION refuse_compiler()`)
	d.company(t, directory.Feishu)
}
