package db_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// followed is a run by events that read members, in the notation of notation_test.go, and departments.
func (c *company) followed(members string, departments ...directory.Department) {
	c.t.Helper()
	r := c.beginFollowing(members, departments...)
	r.planRemovals()
	r.remove()
	r.recompute()
	r.finish()
}

// beginFollowing is followed up to where it has applied what it read.
func (c *company) beginFollowing(members string, departments ...directory.Department) *run {
	c.t.Helper()
	var events []db.Event
	people := membersOf(members, c.provider)
	for _, m := range people {
		events = append(events, db.Event{ObjectType: db.EventMember, ObjectID: m.ExternalID})
	}
	for _, d := range departments {
		events = append(events, db.Event{ObjectType: db.EventDepartment, ObjectID: d.ExternalID})
	}
	for i := range events {
		events[i].ID, events[i].Kind = uuid.NewString(), "changed"
	}
	_, err := c.store.AddEvents(c.t.Context(), c.provider.ID, events)
	require.NoError(c.t, err)
	r := c.beginLimited("apply", db.NewRun{Events: 300})
	r.stagePeople(members)
	require.NoError(c.t, c.store.StageSingleDepartments(c.t.Context(), r.id, departments, nil))
	require.NoError(c.t, c.store.ApplyDepartments(c.t.Context(), r.id, true))
	require.NoError(c.t, c.store.ApplyMembers(c.t.Context(), r.id, 1, 1))
	return r
}

// A run by events computes anew what hangs on what it changed, and not the rest of a large company:
// of that what was disturbed by hand stays until the next full run.
func TestRunsByEventsRecomputeWhatTheyChanged(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 10<1; 20<1", members: "ann in=10; bob in=20"})
	right := c.heads()
	disturb := func() []string {
		c.exec(t, "UPDATE org_departments SET member_count = 9 WHERE external_id = '10'")
		return c.heads()
	}

	wrong := disturb()
	c.followed("ann title=Chief in=10")
	require.Equal(t, wrong, c.heads(), "a title counts nobody")
	c.followed("ann title=Chief in=10,20")
	require.Equal(t, []string{"1 2 0", "10 1 1", "20 2 2"}, c.heads())
	c.followed("ann title=Chief in=10")
	require.Equal(t, right, c.heads())
	disturb()
	c.followed("ann title=Chief status=inactive in=10")
	require.Equal(t, []string{"1 1 0", "10 0 0", "20 1 1"}, c.heads())
	c.followed("ann title=Chief status=active in=10")

	name := "Renamed"
	c.followed("", directory.Department{ExternalID: "20", ParentID: "1", Name: &name})
	require.Equal(t, c.texts(t, "SELECT path FROM org_departments WHERE external_id = '20'"),
		c.texts(t, "SELECT department_path FROM org_members WHERE external_id = 'bob'"), "members bear paths")

	// What a run left that broke off is made good by the next, whatever that changes.
	c.beginFollowing("bob in=10").finishAs(directory.RunFailed)
	require.Equal(t, right, c.heads())
	c.followed("ann title=Boss in=10")
	require.Equal(t, []string{"1 2 0", "10 2 2", "20 1 1"}, c.heads())
}

// An event of a group whose list could not be read waits for another try. Of the other groups what
// belongs to them is not read, and stays.
func TestEventsOfGroupsWaitForTheirLists(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.DingTalk)
	c.syncGroups(snapshot{departments: groupTree, members: groupers}, groups{list: "g1=a,b; g2=a"})
	stored := c.grouped()
	tell := func() *run {
		_, err := c.store.AddEvents(t.Context(), c.provider.ID, []db.Event{
			{ID: "1", Kind: "label_user_change", ObjectType: db.EventGroup, ObjectID: "g1"},
		})
		require.NoError(t, err)
		return c.beginLimited("apply", db.NewRun{Events: 300})
	}
	end := func(r *run) {
		r.planRemovals()
		r.remove()
		r.recompute()
		r.finish()
	}
	waiting := func() []string {
		return c.texts(t, "SELECT tries FROM provider_events WHERE done_at IS NULL")
	}
	r := tell()
	groupsRead, administrators, err := c.store.ReadsGroups(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{groupsRead, administrators})
	require.NoError(t, c.store.BeginListing(t.Context(), r.id, directory.KindGroup))
	require.NoError(t, c.store.FailListing(t.Context(), r.id, directory.KindGroup, "", "it does not work", false))
	end(r)
	require.Equal(t, []string{"1"}, waiting())
	require.Equal(t, stored, c.grouped())

	c.exec(t, "UPDATE provider_events SET due_at = now()")
	r = tell()
	require.NoError(t, c.store.BeginListing(t.Context(), r.id, directory.KindGroup))
	list := db.ListingPage{Methods: []string{"members", "members"}}
	for _, id := range []string{"g1", "g2"} {
		list.Groups = append(list.Groups, directory.Group{ExternalID: id, Kind: directory.Role, Name: new("G" + id)})
	}
	require.True(t, r.stageListing(directory.KindGroup, list, ""))
	open, err := c.store.ListOpenListings(t.Context(), r.id, directory.KindGroupMembership, "", 10)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.Equal(t, "g1", open[0].ExternalID)
	require.True(t, r.stageListing(directory.KindGroupMembership,
		db.ListingPage{ExternalID: "g1", Members: []directory.GroupMember{{Member: "b"}}}, "g1"))
	end(r)
	require.Empty(t, waiting())
	require.Equal(t, stored, c.grouped(), "a was not looked up, which alone proves that they left")
}
