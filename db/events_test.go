package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// Once everything is done nothing waits, so that what follows events rests.
func TestWaitingEventsAreSummedUp(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	sum := func() db.WaitingEvents {
		w, err := c.store.SumUpWaitingEvents(t.Context(), c.provider.Name)
		require.NoError(t, err)
		return w
	}
	require.Equal(t, db.WaitingEvents{}, sum())
	added, err := c.store.AddEvents(t.Context(), c.provider.ID, []db.Event{
		{ID: "1", Kind: "updated", ObjectType: db.EventMember, ObjectID: "ann"},
		{ID: "2", Kind: "updated", ObjectType: db.EventMember, ObjectID: "ann"},
		{ID: "3", Kind: "updated", ObjectType: db.EventDepartment, ObjectID: "sales"},
		{ID: "4", Kind: "other", ObjectType: db.EventOther},
	})
	require.NoError(t, err)
	require.Equal(t, 4, added)
	require.Equal(t, db.WaitingEvents{Waiting: 3, Members: 1, Departments: 1}, sum())
	_, err = c.pool.Exec(t.Context(), "UPDATE provider_events SET done_at = now() WHERE provider_id = $1",
		c.provider.ID)
	require.NoError(t, err)
	require.Equal(t, db.WaitingEvents{}, sum())
}
