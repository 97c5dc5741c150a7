package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// As many plans at once as the pool has connections do not wait for each other: each
// copies its change log out of a transaction while that holds a connection.
func TestAsManyPlansAtOnceAsThereAreConnections(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	before := snapshot{departments: "1; 2<1", members: "a in=1; b in=1"}
	after := snapshot{departments: "1; 2<1", members: "a in=2; b in=1"}
	for name, plan := range map[string]func(*company) func(context.Context, *db.Store) error{
		"sync": func(c *company) func(context.Context, *db.Store) error {
			r := c.begin("plan")
			r.read(after)
			return func(ctx context.Context, store *db.Store) error {
				_, err := store.DryRun(ctx, r.id, r.visibility, true)
				return err
			}
		},
		"undo": func(c *company) func(context.Context, *db.Store) error {
			r := c.beginUndo("plan", c.sync(after).id)
			return func(ctx context.Context, store *db.Store) error {
				_, err := store.Undo(ctx, r.id, db.UndoScope{}, nil)
				return err
			}
		},
	} {
		for _, connections := range []int{1, 3} {
			narrow, err := db.Open(t.Context(), d.pool.Config().ConnString(), db.Connections(connections))
			require.NoError(t, err)
			t.Cleanup(narrow.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			var plans errgroup.Group
			var companies []*company
			for range connections {
				c := d.company(t, directory.Feishu)
				c.sync(before)
				companies = append(companies, c)
			}
			for _, c := range companies {
				do := plan(c)
				plans.Go(func() error { return do(ctx, narrow) })
			}
			require.NoError(t, plans.Wait(), "%s, %d connections", name, connections)
			cancel()
		}
	}
}

// A refused token is dropped at once while the next one is fetched, which needs a
// connection: who drops one must not wait for that with another.
func TestATokenIsDroppedWhileItIsFetched(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	token, err := c.store.Providers.GetToken(ctx, c.provider.ID, "app", time.Now(),
		func(ctx context.Context) (providers.Sealed, time.Time, error) {
			err := c.store.Providers.DropToken(ctx, c.provider.ID, "app", func([]byte) bool { return true })
			return providers.Sealed{Value: []byte("new")}, time.Now().Add(time.Hour), err
		})
	require.NoError(t, err)
	require.Equal(t, "new", string(token))
}
