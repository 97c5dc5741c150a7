package db_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

const (
	familiarTree   = "1; 10<1; 11<1; 12<1"
	familiarPeople = "ann email=ann@x in=10; bob in=10,11; cid in=11"
)

// unchanged are the departments whose listing the run unchanged, sorted.
func unchanged(r *run) []string {
	slices.Sort(r.unchanged)
	return r.unchanged
}

func TestWhatComesAgainIsRecognised(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	s := snapshot{departments: familiarTree, members: familiarPeople}
	first := c.sync(s)
	require.Empty(t, first.unchanged)
	before := c.versions()

	again := c.begin("apply")
	again.read(s)
	require.Equal(t, []string{"1", "10", "11", "12"}, unchanged(again))
	require.Equal(t, []string{"0"}, c.texts(t, "SELECT count(*)::text FROM staged_members WHERE run_id = $1", again.id))
	for _, entry := range again.completeness() {
		require.True(t, entry.MembersComplete, entry.ExternalID)
		require.Equal(t, 1, entry.Pages)
	}
	again.apply(false)
	require.Zero(t, again.planRemovals().Total())
	require.Zero(t, again.remove())
	again.recompute()
	again.finish()
	require.Equal(t, before, c.versions())
	require.Equal(t, 3, again.counts.Members.Read)
	require.Equal(t, 3, again.counts.Members.Unchanged)
}

// Every case makes the listing of department 10, or what is stored of it, other than
// it was: it has to be compared again, and afterwards everything is as it should be.
func TestOnlyWhatIsTheSameIsRecognised(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	before := snapshot{departments: familiarTree, members: familiarPeople}
	all := []string{"1", "10", "11", "12"}
	for _, c := range []struct {
		name string
		// set is done to ann's row, place to her place, by to whatever it says.
		set, place, by string
		// after is what comes then, if other than before.
		after     snapshot
		unchanged []string
	}{
		{name: "nothing", unchanged: all},
		{name: "what is computed", set: "department_path = 'x', user_id = gen_random_uuid(), synced_at = now()",
			unchanged: all},
		{name: "a name", set: "name = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "letters", set: "name_translit_full = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "initials", set: "name_translit_initial = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "an e-mail", set: "email = NULL", unchanged: []string{"1", "11", "12"}},
		{name: "a phone", set: "phone = '1'", unchanged: []string{"1", "11", "12"}},
		{name: "an avatar", set: "avatar_url = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "a title", set: "title = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "a status", set: "status = 'deleted'", unchanged: []string{"1", "11", "12"}},
		{name: "activation", set: "activated = NOT activated", unchanged: []string{"1", "11", "12"}},
		{name: "a record", set: `raw_data = '{"x": 1}'`, unchanged: []string{"1", "11", "12"}},
		{name: "a unionid", set: "unionid = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "an open id", set: "open_id = 'x'", unchanged: []string{"1", "11", "12"}},
		{name: "a tenant", set: "tenant_id = gen_random_uuid()", unchanged: []string{"1", "11", "12"}},
		{name: "somebody in two departments",
			by:        "UPDATE org_members SET name = 'x' WHERE external_id = 'bob' AND provider_id = $1",
			unchanged: []string{"1", "12"}},
		{name: "a leader", place: "is_leader = true", unchanged: []string{"1", "11", "12"}},
		{name: "an order", place: "sort_order = 9", unchanged: []string{"1", "11", "12"}},
		{name: "a rank", place: "primary_rank = 9", unchanged: []string{"1", "11", "12"}},
		{name: "somebody less",
			by: "DELETE FROM org_member_departments USING org_members m WHERE m.id = member_id " +
				"AND m.external_id = 'ann' AND m.provider_id = $1", unchanged: []string{"1", "11", "12"}},
		{name: "somebody more", by: `INSERT INTO org_member_departments (member_id, department_id) SELECT m.id, d.id
			FROM org_members m, org_departments d
			WHERE m.external_id = 'ann' AND d.external_id = '12' AND m.provider_id = d.provider_id
			AND m.provider_id = $1`, unchanged: []string{"1", "10", "11"}},
		{name: "somebody joins", after: snapshot{departments: familiarTree, members: familiarPeople + "; dan in=12"},
			unchanged: []string{"1", "10", "11"}},
		{name: "somebody leaves", after: snapshot{departments: familiarTree,
			members: "ann email=ann@x in=10; bob in=10,11"}, unchanged: []string{"1", "10", "12"}},
		{name: "a record changes", after: snapshot{departments: familiarTree,
			members: "ann email=ann@y in=10; bob in=10,11; cid in=11"}, unchanged: []string{"1", "11", "12"}},
		{name: "the department's leaders", after: snapshot{departments: "1; 10<1 leaders=ann; 11<1; 12<1",
			members: familiarPeople}, unchanged: []string{"1", "11", "12"}},
		{name: "the department's name", after: snapshot{departments: "1; 10<1 name=Ten; 11<1; 12<1",
			members: familiarPeople}, unchanged: all},
		{name: "the department's place", after: snapshot{departments: "1; 10<11; 11<1; 12<1", members: familiarPeople},
			unchanged: all},
		{name: "unusable records", after: snapshot{departments: "1; 10<1 members=bad; 11<1; 12<1",
			members: familiarPeople}, unchanged: []string{"1", "11", "12"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(before)
			if c.after.departments == "" {
				c.after = before
			}
			switch {
			case c.set != "":
				c.by = "UPDATE org_members SET " + c.set + " WHERE external_id = 'ann' AND provider_id = $1"
			case c.place != "":
				c.by = "UPDATE org_member_departments SET " + c.place +
					" FROM org_members m WHERE m.id = member_id AND m.external_id = 'ann' AND m.provider_id = $1"
			}
			if c.by != "" {
				d.exec(t, c.by, co.provider.ID)
			}
			require.Equal(t, c.unchanged, unchanged(co.sync(c.after)))
			people, places := co.people(), co.places()

			// As if nothing had ever been unchanged.
			d.exec(t,
				"DELETE FROM listing_cache USING org_departments d WHERE d.id = department_id AND d.provider_id = $1",
				co.provider.ID)
			require.Empty(t, co.sync(c.after).unchanged)
			require.Equal(t, people, co.people())
			require.Equal(t, places, co.places())
		})
	}
}

// Whoever is to be removed and is not, by a person's decision, must not slip into what
// counts as known.
func TestWhoWasNotRemovedIsStillMissed(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: familiarTree, members: familiarPeople})
	left := snapshot{departments: familiarTree, members: "ann email=ann@x in=10; bob in=10,11", skipRemovals: true}
	for range 2 {
		r := c.sync(left)
		require.Equal(t, []string{"1", "10", "12"}, unchanged(r))
		require.Equal(t, 1, r.plan.Planned.Members)
	}
	left.skipRemovals = false
	require.Equal(t, 1, c.sync(left).counts.Members.Deleted)
	// What was to be removed is gone now, and the listing is what it was.
	require.Equal(t, []string{"1", "10", "11", "12"}, unchanged(c.sync(left)))
}

// Where all listings were unchanged, whoever else is stored is missing.
func TestWhoIsMissingIsMissedWhereAllIsRecognised(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	s := snapshot{departments: familiarTree, members: familiarPeople}
	const dan = "WITH dan AS (INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'dan') RETURNING id)"
	const stranger = `, stranger AS (INSERT INTO org_members (external_id) VALUES ('eve') RETURNING id), placed AS (
		INSERT INTO org_member_departments (member_id, department_id, is_primary)
		SELECT stranger.id, d.id, true FROM stranger, org_departments d WHERE d.external_id = '10'
		AND d.provider_id = $1)`
	for name, c := range map[string]struct {
		by      string
		missing int
	}{
		"nothing else":                     {by: "SELECT $1::uuid"},
		"somebody in no department":        {by: dan + " SELECT * FROM dan", missing: 1},
		"a stranger":                       {by: "WITH" + stranger[1:] + " SELECT 1"},
		"somebody missing, and a stranger": {by: dan + stranger + " SELECT 1", missing: 1},
		"somebody in another's department": {
			by: dan + `, other AS (INSERT INTO org_departments (external_id) VALUES ('x') RETURNING id)
			INSERT INTO org_member_departments (member_id, department_id, is_primary) SELECT dan.id, other.id, true
			FROM dan, other`, missing: 1},
		"somebody without a primary department": {
			by: `UPDATE org_member_departments md SET is_primary = false FROM org_members m
			WHERE m.id = md.member_id AND m.external_id = 'ann' AND m.provider_id = $1`},
		"somebody missing, who was removed": {
			by: "INSERT INTO org_members (provider_id, external_id, status) VALUES ($1, 'dan', 'deleted')"},
	} {
		co := d.company(t, directory.Feishu)
		co.sync(s)
		co.exec(t, c.by, co.provider.ID)
		r := co.sync(s)
		require.Equal(t, []string{"1", "10", "11", "12"}, unchanged(r), name)
		require.Equal(t, c.missing, r.plan.Planned.Members, name)
		require.Equal(t, c.missing, r.counts.Members.Deleted, name)
		require.Equal(t, 3, r.counts.Members.Unchanged, name)
	}
}

// Two listings of one run that disagree about who somebody is leave both as they were,
// also where one of them is unchanged.
func TestARecognisedPersonIsNotTaken(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"eve u=ANN in=11", "ann u=EVE in=11"} {
		t.Run(other, func(t *testing.T) {
			t.Parallel()
			c := newDatabase(t).company(t, directory.Feishu)
			c.sync(snapshot{departments: "1; 10<1; 11<1", members: "ann u=ANN in=10"})
			before := c.people()
			r := c.sync(snapshot{departments: "1; 10<1; 11<1", members: "ann u=ANN in=10; " + other})
			require.Equal(t, []string{"1", "10"}, unchanged(r))
			require.Len(t, r.problems(), 1)
			require.Contains(t, r.problems()[0], "cannot tell")
			require.Equal(t, before, c.people())
			require.Equal(t, 2, r.counts.Members.Read, "who is unchanged, and who cannot be told")
		})
	}
}

func TestAPlanRemembersNothing(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	r := c.begin("plan")
	r.read(snapshot{departments: familiarTree, members: familiarPeople})
	r.dryRun(true)
	require.Equal(t, []string{"0"}, c.texts(t, "SELECT count(*)::text FROM listing_cache"))
}

// A listing of several pages is unchanged with its last one, in whatever order its
// people come, and what its other pages had staged goes.
func TestALongListingIsRecognisedAtItsEnd(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "ann in=1; bob in=1; cid in=1"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1 members=open"})
	require.NoError(t, c.store.RestartMembers(t.Context(), r.id, "1"))
	require.Empty(t, r.page(0, "more", "cid in=1; ann in=1").Unchanged)
	require.Equal(t, []string{"1"}, r.page(1, "", "bob in=1").Unchanged)
	require.Equal(t, []string{"0"}, c.texts(t, "SELECT count(*)::text FROM staged_members WHERE run_id = $1", r.id))
	require.Equal(t, 3, r.completeness()[0].MembersRead)
}

// An attempt that was given up may still write its page after another one did.
func TestAnAttemptThatLagsBehindTakesNothingBack(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	s := snapshot{departments: "1", members: "ann in=1; bob in=1"}
	c.sync(s)
	r := c.begin("apply")
	r.read(s)
	require.Equal(t, []string{"1"}, unchanged(r))
	require.Equal(t, db.Staged{Unchanged: []string{"1"}}, r.page(0, "", s.members))
	require.Zero(t, r.planRemovals().Total())
}

// What was staged and, for whatever reason, not applied is no reason to remove anybody.
func TestWhatWasNotAppliedIsNotMissed(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 10<1; 11<1", members: "ann in=10; bob in=10; cid in=11"})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1; 11<1", members: "ann in=10; dan in=10; cid in=11"})
	require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
	require.Zero(t, r.planRemovals().Total())
	require.Contains(t, r.problems()[0], "department 10: its people were read but not applied")
}

// What follows from the whole is corrected also by a run that changed nothing else.
func TestWhatIsDerivedIsCorrected(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	s := snapshot{departments: familiarTree, members: familiarPeople}
	c.sync(s)
	looks := func() []string {
		derived := c.texts(t,
			"SELECT concat_ws(' ', path, depth) FROM org_departments UNION ALL "+
				"SELECT concat_ws(' ', department_id, department_path) FROM org_members ORDER BY 1")
		return slices.Concat(derived, c.heads(), c.places())
	}
	settled := looks()
	for _, disturb := range []string{
		"UPDATE org_departments SET member_count = 9 WHERE external_id = '10'",
		"UPDATE org_departments SET direct_member_count = 9 WHERE external_id = '10'",
		"UPDATE org_members SET department_path = 'x' WHERE external_id = 'bob'",
		"UPDATE org_members SET department_id = NULL WHERE external_id = 'bob'",
		"UPDATE org_member_departments SET is_primary = false",
		"UPDATE org_departments SET path = 'x' WHERE external_id = '10'",
		"UPDATE org_departments SET depth = 9 WHERE external_id = '10'",
	} {
		c.exec(t, disturb)
		require.NotEqual(t, settled, looks(), disturb)
		require.Len(t, unchanged(c.sync(s)), 4, disturb)
		require.Equal(t, settled, looks(), disturb)
	}
	before := c.versions()
	c.sync(s)
	require.Equal(t, before, c.versions(), "nothing is written where nothing differs")
}
