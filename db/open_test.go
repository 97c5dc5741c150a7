package db_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
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
