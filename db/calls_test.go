package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// Many callers of two processes share one fetch, which may use the database itself
// although each process has only two connections.
func TestManyCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	var stores []*db.Store
	for range 2 {
		store, err := db.Open(t.Context(), url, db.Connections(2))
		require.NoError(t, err)
		t.Cleanup(store.Close)
		stores = append(stores, store)
	}
	id, err := stores[0].Providers.Add(t.Context(),
		providers.NewProvider{Name: "acme", Type: directory.Feishu, Config: []byte("{}")}, sealing())
	require.NoError(t, err)
	var fetched atomic.Int32
	group, ctx := errgroup.WithContext(t.Context())
	for n := range 16 {
		group.Go(func() error {
			store := stores[n%2]
			token, err := store.Providers.GetToken(ctx, id, "app", time.Now(),
				func(ctx context.Context) (providers.Sealed, time.Time, error) {
					_, _, err := store.Providers.ReserveCall(ctx, id, "token", providers.Pace{}, time.Hour)
					return providers.Sealed{Value: fmt.Appendf(nil, "token %d", fetched.Add(1))}, time.Now().Add(
						time.Hour), err
				})
			if err == nil && string(token) != "token 1" {
				return fmt.Errorf("got %s", token)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, fetched.Load())
}

func TestATokenLastsUntilItExpiresOrIsRefused(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	now, fetched := time.Now(), 0
	token := func(name string, at time.Time) string {
		value, err := c.store.Providers.GetToken(t.Context(), c.provider.ID, name, at,
			func(context.Context) (providers.Sealed, time.Time, error) {
				fetched++
				return providers.Sealed{Value: fmt.Appendf(nil, "%s%d", name, fetched)}, at.Add(time.Hour), nil
			})
		require.NoError(t, err)
		return string(value)
	}
	require.Equal(t, "app1", token("app", now))
	require.Equal(t, "sync2", token("sync", now))
	require.Equal(t, "app1", token("app", now.Add(59*time.Minute)))
	require.Equal(t, "app3", token("app", now.Add(time.Hour)))

	drop := func(refused string) {
		require.NoError(t, c.store.Providers.DropToken(t.Context(), c.provider.ID, "app",
			func(stored []byte) bool { return string(stored) == refused }))
	}
	drop("app1")
	require.Equal(t, "app3", token("app", now), "a token fetched since is not the one refused")
	drop("app3")
	require.Equal(t, "app4", token("app", now))
	require.Equal(t, "sync2", token("sync", now))
	require.NoError(t, c.store.Providers.DropToken(t.Context(), c.provider.ID, "none",
		func([]byte) bool { return true }))
}

func TestAFailedFetchStoresNothing(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	refused := errors.New("refused")
	for range 2 {
		asked := false
		_, err := c.store.Providers.GetToken(t.Context(), c.provider.ID, "app", time.Now(),
			func(context.Context) (providers.Sealed, time.Time, error) {
				asked = true
				return providers.Sealed{}, time.Time{}, refused
			})
		require.ErrorIs(t, err, refused)
		require.True(t, asked)
	}
}

// Waits are given in hours, so that what the test itself takes is lost in rounding.
func TestCallSlots(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	type take struct {
		patience time.Duration
		wait     time.Duration // until the slot, or until the next one where it is refused
		refused  bool
	}
	const h = time.Hour
	for name, c := range map[string]struct {
		burst       time.Duration
		idle, pause []time.Duration // before the first call
		back        time.Duration   // by how much the clock was set back since
		later       []time.Duration // pauses after that
		takes       []take
	}{
		"spaced": {takes: []take{{patience: 9 * h}, {patience: 9 * h, wait: h},
			{patience: 9 * h, wait: 2 * h}}},
		"what is refused is not used": {takes: []take{{patience: 9 * h}, {wait: h, patience: 90 * time.Minute},
			{patience: 90 * time.Minute, wait: 2 * h, refused: true}, {patience: 9 * h, wait: 2 * h}}},
		"no patience at all": {takes: []take{{}, {wait: h, refused: true}, {wait: h, refused: true}}},
		"paused": {pause: []time.Duration{5 * h},
			takes: []take{{patience: 4 * h, wait: 5 * h, refused: true}, {patience: 6 * h, wait: 5 * h},
				{patience: 9 * h, wait: 6 * h}}},
		"a shorter pause ends none": {pause: []time.Duration{5 * h, h}, takes: []take{{patience: 6 * h, wait: 5 * h}}},
		"the clock is set back in a pause": {pause: []time.Duration{5 * h}, back: 30 * h,
			takes: []take{{patience: 4 * h, wait: 5 * h, refused: true}, {patience: 6 * h, wait: 5 * h},
				{patience: 9 * h, wait: 6 * h}}},
		"and paused again": {pause: []time.Duration{5 * h}, back: 30 * h, later: []time.Duration{6 * h, h},
			takes: []take{{patience: 7 * h, wait: 6 * h}}},
		"a burst, then spaced": {burst: 2 * h,
			takes: []take{{wait: -2 * h}, {wait: -h}, {}, {wait: h, refused: true}, {patience: 9 * h, wait: h}}},
		"a burst is no longer after a long rest": {burst: 2 * h, idle: []time.Duration{24 * h},
			takes: []take{{wait: -2 * h}, {wait: -h}, {}, {wait: h, refused: true}}},
		"no burst after a pause": {burst: 2 * h, pause: []time.Duration{5 * h},
			takes: []take{{wait: 5 * h, refused: true}, {patience: 9 * h, wait: 5 * h},
				{patience: 9 * h, wait: 6 * h}}},
		"idle is not made up for": {idle: []time.Duration{24 * h},
			takes: []take{{patience: 9 * h}, {patience: 9 * h, wait: h}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			for _, idle := range c.idle {
				d.exec(t,
					"INSERT INTO provider_call_slots (provider_id, endpoint, next_at) "+
						"VALUES ($1, 'users', now() - $2::interval)", co.provider.ID, idle)
			}
			for _, pause := range c.pause {
				require.NoError(t, d.store.Providers.PauseCalls(t.Context(), co.provider.ID, "users", pause))
			}
			if c.back > 0 { // as if the clock were set back by as much
				d.exec(t,
					"UPDATE provider_call_slots "+
						"SET next_at = next_at + $2::interval, written_at = written_at + $2::interval "+
						"WHERE provider_id = $1", co.provider.ID, c.back)
			}
			for _, pause := range c.later {
				require.NoError(t, d.store.Providers.PauseCalls(t.Context(), co.provider.ID, "users", pause))
			}
			for i, take := range c.takes {
				wait, granted, err := d.store.Providers.ReserveCall(t.Context(), co.provider.ID, "users",
					providers.Pace{Spacing: h, Burst: c.burst}, take.patience)
				require.NoError(t, err)
				require.Equal(t, take.refused, !granted, "call %d", i)
				require.Equal(t, take.wait, wait.Round(h), "call %d", i)
			}
			wait, granted, err := d.store.Providers.ReserveCall(t.Context(), co.provider.ID, "departments",
				providers.Pace{Spacing: h}, 0)
			require.NoError(t, err)
			require.True(t, granted, "another endpoint")
			require.Zero(t, wait.Round(h))
		})
	}
}
