package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// What follows events starts a run for what waits: where nothing is due there must be nothing.
func TestNothingWaitsWhereNoEventIsDue(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	c.sync(snapshot{departments: "1 name=Acme", members: "ann in=1"})
	waiting := func() db.WaitingEvents {
		w, err := d.store.CountWaitingEvents(t.Context(), c.provider.Name)
		require.NoError(t, err)
		return w
	}
	require.Equal(t, db.WaitingEvents{People: 1}, waiting(), "none ever came")

	added, err := d.store.AddEvents(t.Context(), c.provider.ID, []db.Event{
		{ID: "e1", Kind: "user_modify_org", ObjectType: db.EventMember, ObjectID: "ann"},
		{ID: "e2", Kind: "org_dept_modify", ObjectType: db.EventDepartment, ObjectID: "1"},
		{ID: "e3", Kind: "check_url", ObjectType: db.EventOther},
	})
	require.NoError(t, err)
	require.Equal(t, 3, added)
	require.Equal(t, db.WaitingEvents{People: 1, Waiting: 2, Members: 1, Departments: 1}, waiting())

	d.exec(t, `UPDATE provider_events SET due_at = now() + interval '1 minute' WHERE done_at IS NULL`)
	later := waiting()
	require.Zero(t, later.Waiting)
	require.InDelta(t, time.Minute, later.NextIn, float64(5*time.Second))

	d.exec(t, `UPDATE provider_events SET done_at = now()`)
	require.Equal(t, db.WaitingEvents{People: 1}, waiting())
}
