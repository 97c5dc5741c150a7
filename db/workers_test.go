package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
)

// A worker counts while it is seen, whichever way the database's clock was set since.
func TestWorkersCountWhileTheyAreSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen   time.Duration // ago
		counts bool
		stays  bool // after another one's beat
	}{
		"just now":                               {0, true, true},
		"one beat ago":                           {providers.WorkerBeat, true, true},
		"killed":                                 {4 * providers.WorkerBeat, false, true},
		"killed hours ago":                       {2 * time.Hour, false, false},
		"at work, the clock is set back a bit":   {-2 * providers.WorkerBeat, true, true},
		"killed, and the clock is set back":      {-4 * providers.WorkerBeat, false, true},
		"killed, and the clock is set back much": {-30 * time.Hour, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t)
			worker := providers.Worker{ID: uuid.NewString(), Name: "1@host", KeyIDs: []uint32{1}}
			require.NoError(t, d.store.Providers.RecordWorker(t.Context(), worker))
			d.exec(t, "UPDATE sync_workers SET seen_at = now() - $1::interval", c.seen)
			lacking := func() []string {
				names, err := d.store.Providers.ListWorkersWithoutKey(t.Context(), 2)
				require.NoError(t, err)
				return names
			}
			require.Equal(t, c.counts, len(lacking()) == 1)
			require.NoError(t, d.store.Providers.RecordWorker(t.Context(),
				providers.Worker{ID: uuid.NewString(), Name: "2@host", KeyIDs: []uint32{1, 2}}))
			var rows int
			require.NoError(t, d.pool.QueryRow(t.Context(), "SELECT count(*) FROM sync_workers").Scan(&rows))
			require.Equal(t, c.stays, rows == 2)
			require.NoError(t, d.store.Providers.RecordWorker(t.Context(), worker))
			require.Equal(t, []string{"1@host"}, lacking(), "it beats by the clock as it is now")
		})
	}
}
