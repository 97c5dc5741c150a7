package db_test

import (
	"net"
	"testing"
	"time"

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
