package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// task carries out a run that reads nothing.
func (c *company) task(task string, members ...string) *run {
	c.t.Helper()
	r := c.beginLimited("apply", db.NewRun{Task: task, Members: members})
	_, err := c.store.CarryOut(c.t.Context(), r.id)
	require.NoError(c.t, err)
	r.finish()
	return r
}

func (c *company) statuses() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', external_id, status, CASE WHEN offline_at IS NOT NULL THEN 'offline' END)
		FROM org_members WHERE provider_id = $1 ORDER BY 1`, c.provider.ID)
}

func TestMembersWhoLeftHere(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	const members = "a email=a@x in=1; b status=inactive in=1; z in=1"
	c.accounts("A a@x -")
	first := snapshot{departments: "1", members: members}
	c.sync(first)
	before := c.rowsNow()
	marked := c.task(db.TaskOffline, "a", "b", "nobody")
	require.Equal(t, []string{"a inactive offline", "b inactive offline", "z active"}, c.statuses())
	require.Equal(t, []string{"member deactivated a", "member updated b"}, marked.changes())
	require.Equal(t, []string{"member nobody: the directory has no such member, or several, who are still there"},
		marked.problems())
	require.Equal(t, []string{"a A"}, c.linked(), "accounts are untouched")
	require.Equal(t, []string{"1"}, c.texts(t, "SELECT member_count::text FROM org_departments WHERE provider_id = $1",
		c.provider.ID))

	// No sync takes it back: not an unchanged one, not one with news, not a return.
	require.Empty(t, c.sync(first).changes())
	versions := c.versions()
	require.Empty(t, c.sync(first).changes())
	require.Equal(t, versions, c.versions())
	c.sync(snapshot{departments: "1", members: "a email=n@x in=1; b status=inactive in=1; z in=1"})
	c.sync(snapshot{departments: "1", members: "z in=1"})
	c.sync(first)
	require.Equal(t, []string{"a inactive offline", "b inactive offline", "z active"}, c.statuses())

	back := c.task(db.TaskOnline, "a", "b")
	require.Equal(t, []string{"a active", "b inactive", "z active"}, c.statuses())
	require.Empty(t, c.sync(first).changes())
	c.undo(back, db.UndoScope{})
	require.Equal(t, []string{"a inactive offline", "b inactive offline", "z active"}, c.statuses())
	c.task(db.TaskOnline, "a", "b")

	// Undone right away it is as it was before.
	undone := c.undo(c.task(db.TaskOffline, "a"), db.UndoScope{})
	require.Empty(t, undone.problems())
	for key, row := range c.rowsNow() {
		require.Equal(t, before[key], row, key)
	}
}

func TestMembersWhoLeftHereGetNoAccount(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.policy = creating
	c.sync(snapshot{departments: "1", members: "a in=1; z in=1"})
	c.task(db.TaskOffline, "a")
	c.accounts("A a@x -")
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1; z email=z@x in=1"})
	require.Equal(t, []string{"z Nz"}, c.linked())
}

func TestARunForAccountsOfSomeMembers(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: people(0, 3)})
	c.accounts("A p000@x -", "B p001@x -")
	r := c.task(db.TaskAccounts, "p001")
	require.Equal(t, []string{"p001 B"}, c.linked())
	require.Equal(t, 1, r.counts.Members.Linked)
	c.task(db.TaskAccounts)
	require.Equal(t, []string{"p000 A", "p001 B"}, c.linked())
	require.Empty(t, c.undo(r, db.UndoScope{}).problems())
	require.Equal(t, []string{"p000 A"}, c.linked())
}
