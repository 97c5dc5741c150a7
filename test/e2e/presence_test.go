package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/secret"
)

// A worker says which keys it holds from before it takes up work until it has stopped.
func TestWorkersSayWhichKeysTheyHold(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	box, err := secret.Load(w.settings["ORGSYNC_KEYSET"])
	require.NoError(t, err)
	without := func(key uint32) int {
		names, err := w.store.Providers.ListWorkersWithoutKey(t.Context(), key)
		require.NoError(t, err)
		return len(names)
	}
	newer := box.PrimaryKeyID() + 1
	require.Zero(t, without(newer))

	child := w.spawn()
	require.Eventually(t, func() bool { return without(newer) == 1 }, 30*time.Second, 50*time.Millisecond)
	require.Zero(t, without(box.PrimaryKeyID()))
	stop := w.startWorker()
	require.Eventually(t, func() bool { return without(newer) == 2 }, 30*time.Second, 50*time.Millisecond)

	stop()
	require.Equal(t, 1, without(newer))
	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	require.NoError(t, child.Wait())
	require.Zero(t, without(newer))
}
