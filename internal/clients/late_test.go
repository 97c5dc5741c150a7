package clients

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// A process that stood still while calls waited for their slots does not make them all
// at once: each that missed its slot takes another one.
func TestAMissedSlotIsNotMadeUpFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stood time.Duration
		times int
		slots int
	}{
		"in time":             {0, 0, 1},
		"a little late":       {10 * time.Millisecond, 1, 1},
		"too late":            {51 * time.Millisecond, 1, 2},
		"too late thrice":     {time.Second, 3, 4},
		"late by a long stop": {time.Hour, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.New(t)
			store, err := db.Open(t.Context(), url)
			require.NoError(t, err)
			t.Cleanup(store.Close)
			conn, err := pgx.Connect(t.Context(), url)
			require.NoError(t, err)
			defer conn.Close(t.Context())
			_, err = conn.Exec(t.Context(), `
				CREATE TABLE slots_given (at timestamptz);
				CREATE FUNCTION note_slot() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					INSERT INTO slots_given VALUES (NEW.next_at);
					RETURN NULL;
				END $$;
				CREATE TRIGGER note_slot AFTER INSERT
				OR UPDATE ON provider_call_slots FOR EACH ROW EXECUTE FUNCTION note_slot()`)
			require.NoError(t, err)
			id, err := store.Providers.Add(t.Context(),
				providers.NewProvider{Name: "acme", Type: directory.DingTalk, Config: []byte("{}")},
				func(string) ([]providers.Sealed, error) { return nil, nil })
			require.NoError(t, err)
			// The clock is read before and after each wait, in which it may jump.
			now, reads := time.Now(), 0
			l := &limits{
				store: store.Providers, providerID: id, rate: 1, waited: func(time.Duration) {},
				now: func() time.Time {
					if reads++; reads%2 == 0 && reads/2 <= c.times {
						now = now.Add(c.stood)
					}
					return now
				},
			}
			require.NoError(t, l.Wait(t.Context(), "user/list", provider.Rate{Calls: 1000, Per: time.Second}))
			var slots int
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM slots_given`).Scan(&slots))
			require.Equal(t, c.slots, slots)
		})
	}
}
