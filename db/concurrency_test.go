package db_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// Batches with the same people in them are applied at the same time, in opposite
// orders: they agree on the rows, and neither fails or waits for ever.
func TestBatchesWithPeopleInCommonAreAppliedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const departments, people, rounds = 6, 40, 4
	tree := "100"
	for n := 101; n < 100+departments; n++ {
		tree += fmt.Sprintf(";%d<100", n)
	}
	everywhere := "in="
	for n := range departments {
		everywhere += fmt.Sprintf("%d,", 100+n)
	}
	for range rounds {
		c := d.company(t, directory.Feishu)
		for _, title := range []string{"first", "second"} { // first load, then everybody differs
			var members strings.Builder
			for p := range people {
				fmt.Fprintf(&members, "p%d u=u%d o=o%d title=%s %s;", p, (p*7)%people, people-p, title, everywhere)
			}
			r := c.begin("apply")
			r.read(snapshot{departments: tree, members: members.String()})
			require.NoError(t, d.store.ApplyDepartments(t.Context(), r.id, false))
			group, ctx := errgroup.WithContext(t.Context())
			for n := 1; n <= r.size; n++ {
				group.Go(func() error { return d.store.ApplyMembers(ctx, r.id, n, n) })
			}
			require.NoError(t, group.Wait())
			require.Zero(t, r.planRemovals().Total())
			r.recompute()
			r.finish()
			want := directory.MemberCounts{Read: people, Created: people}
			if title == "second" {
				want = directory.MemberCounts{Read: people, Updated: people}
			}
			require.Equal(t, want, r.counts.Members)
		}
		require.Len(t, c.people(), people)
		require.Len(t, c.places(), people*departments)
		require.Equal(t, fmt.Sprintf("100 %d %d", people, people), c.heads()[0])
	}
}

// However many ask at once, exactly one run begins.
func TestManyBeginAtOnce(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	const many = 6
	began := make(chan string, many)
	var group errgroup.Group
	for range many {
		n := c.newRun()
		group.Go(func() error {
			begun, err := c.store.BeginRun(t.Context(), n, atWork)
			var busy *db.RunBusyError
			if errors.As(err, &busy) {
				return nil
			}
			began <- begun.RunID
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, began, 1)
	require.NoError(t, c.store.RecomputeDerived(t.Context(), <-began))
}

// Two people with one new unionid, each in a batch of its own: whoever comes second
// cannot be told apart from the first, and that is no failure of the batch.
func TestBatchesMeetAtANewUnionID(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for range 5 {
		c := d.company(t, directory.Feishu)
		r := c.begin("apply")
		r.read(snapshot{departments: "1; 2<1", members: "a u=U in=1; b u=U in=2"})
		require.NoError(t, d.store.ApplyDepartments(t.Context(), r.id, false))
		group, ctx := errgroup.WithContext(t.Context())
		for n := 1; n <= r.size; n++ {
			group.Go(func() error { return d.store.ApplyMembers(ctx, r.id, n, n) })
		}
		require.NoError(t, group.Wait())
		require.Len(t, c.people(), 1)
		require.Len(t, r.problems(), 1)
	}
}
