package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// Why somebody is still there: what the run noted, what the provider said of them alone,
// and which listing could not be read.
func TestTheHistoryOfWhoStayed(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 2<1; 3<1", members: "a in=2; b in=3; c in=2"})
	last := func(text string) db.ObjectRun {
		history := c.history(text)
		require.Equal(t, "active", history.Status)
		return history.Runs[len(history.Runs)-1]
	}
	missing := func(members string, answer func(*run)) *run {
		r := c.begin("apply")
		r.read(snapshot{departments: "1; 2<1; 3<1" + members, members: "c in=2"})
		r.apply(false)
		r.planRemovals()
		answer(r)
		r.confirm()
		r.recompute()
		r.finish()
		return r
	}

	// The provider shows them, asked for them alone.
	shown := missing("", func(r *run) { r.lookedUp("member", db.LookupExists, "a", "b") })
	got := last("a")
	require.Equal(t, shown.id, got.Run.ID)
	require.Empty(t, got.Changes)
	require.Equal(t, db.LookupExists, got.LookUp)
	require.Len(t, got.Notes, 1)
	require.Contains(t, got.Notes[0], "no listing shows it any more, but")

	// They may be where the run could not read, and more are missing than are looked up. (A
	// run leaves alone whom the last look-up showed; here nobody was asked before.)
	c.exec(t, "DELETE FROM removal_candidates")
	require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID,
		providers.Change{Guard: providers.GuardChange{Limits: directory.GuardChange{
			Members:     directory.LimitChange{Count: new(0), Percent: new(0.0)},
			Departments: directory.LimitChange{Count: new(0), Percent: new(0.0)},
		}}}, nil))
	unread := missing(" members=fail", func(*run) {})
	got = last("a")
	require.Equal(t, unread.id, got.Run.ID)
	require.Equal(t, db.LookupNotAsked, got.LookUp)
	history := c.history("b")
	require.Equal(t, unread.id, history.Presence.Run.ID)
	require.Len(t, history.Presence.Listings, 1)
	listing := history.Presence.Listings[0]
	require.Equal(t, "3", listing.Department)
	require.False(t, listing.Complete)
	require.NotEmpty(t, listing.Error)
	// Who was listed.
	require.True(t, c.history("c").Presence.Listings[0].Complete)
	require.Empty(t, c.history("c").Runs[len(c.history("c").Runs)-1].Notes)

	// Notes are those of whoever had the id then, and of nothing else that bears it.
	require.NoError(t, c.store.AddRunError(t.Context(), unread.id, "member", "c", "two people claim this id"))
	require.NoError(t, c.store.AddRunError(t.Context(), unread.id, "department", "c", "elsewhere"))
	require.NoError(t, c.store.AddRunError(t.Context(), unread.id, "warning", "c", "department c: elsewhere"))
	require.NoError(t, c.store.AddRunError(t.Context(), unread.id, "warning", "c", "member c: noted"))
	require.Equal(t, []string{"two people claim this id", "member c: noted"}, last("c").Notes)
	c.exec(t, "UPDATE org_changes SET external_id = 'former' WHERE external_id = 'c' AND object_type = 'member'")
	require.NoError(t, c.store.AddRunError(t.Context(), unread.id, "member", "former", "by the id it had"))
	require.Contains(t, last("c").Notes, "by the id it had")
	c.exec(t, "UPDATE sync_runs SET started_at = started_at - interval '1 year' WHERE id = $1", unread.id)
	require.NotContains(t, last("c").Notes, "by the id it had", "somebody else's, before this one was there")
}

// A run of single people has read no listing, and none is told of.
func TestTheHistoryOfALookUp(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 2<1", members: "a in=2"})
	r := c.beginLimited("apply", db.NewRun{Members: []string{"a"}})
	c.exec(t, `INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
		SELECT $1::uuid, 'member', id, id, 'looked_up' FROM org_members WHERE external_id = 'a'`, r.id)
	r.remove()
	r.finish()
	history := c.history("a")
	got := history.Runs[len(history.Runs)-1]
	require.True(t, got.Run.ByID)
	require.Equal(t, "looked_up", got.Changes[len(got.Changes)-1].Reason)
	require.Nil(t, got.Evidence)
	require.Nil(t, history.Presence, "it is not there")
}

// Ids are kept as the provider sends them, with blanks around them.
func TestAnIDWithBlanksAroundItIsFound(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a name=Ann in=1; b name=Bob in=1"})
	c.exec(t, "UPDATE org_members SET external_id = ' a ' WHERE provider_id = $1 AND external_id = 'a'", c.provider.ID)
	require.Equal(t, " a ", c.history(" a ").ExternalID)
	require.Equal(t, "b", c.history(" b ").ExternalID, "nothing is called exactly so")
	find := func(text string) []pages.Member {
		found, err := c.store.Pages.ListMembers(t.Context(), pages.MembersOf{
			Bounds: pages.Bounds{ProviderID: c.provider.ID}, Text: text,
		}, pages.Member{}, 10)
		require.NoError(t, err)
		return found
	}
	found := find(" a ")
	require.Len(t, found, 1)
	require.Equal(t, " a ", found[0].ExternalID)
	require.Len(t, find(" bob "), 1)
}
