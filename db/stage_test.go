package db_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

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
		require.NoError(t, c.store.AddRunError(t.Context(), r.id, "member", "ann", string(long)))
		require.NoError(t, c.store.AddRunError(t.Context(), r.id, "member", "ann", string(long)+"."))
	}
	require.Len(t, r.problems(), 2)
}
