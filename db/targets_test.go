package db_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// What a run limited to departments reads: those and what is below them, by the tree
// that this very run has read.
func TestScopeOfARunOfDepartments(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 12<11; 20<1; 21<20"
	for _, c := range []struct {
		name        string
		departments string
		only        string
		read        string
	}{
		{"not limited", tree, "", "1 10 11 12 20 21"},
		{"a leaf", tree, "12", "12"},
		{"with what is below", tree, "10", "10 11 12"},
		{"two, one below the other", tree, "11,10", "10 11 12"},
		{"two apart", tree, "11,20", "11 12 20 21"},
		{"the root", tree, "1", "1 10 11 12 20 21"},
		{"the root with what its repair will hang there", "1; 10<1; 30<29; 40<41; 41<40", "1", "1 10 30 40 41"},
		{"an orphan", "1; 10<1; 30<29; 31<30", "30", "30 31"},
		{"in a circle", "1; 40<41; 41<40; 42<41", "40", "40 41 42"},
		{"covered by another's listing", "1; 10<1; 11<10 members=via:1; 20<1", "11", "1 11"},
		{"unknown", tree, "99", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			r := co.beginLimited("apply", db.NewRun{Departments: split(c.only)})
			r.read(snapshot{departments: c.departments})
			require.Equal(t, c.read, r.readDepartments())
			require.Equal(t, c.only == "99", len(r.problems()) == 1, r.problems())
		})
	}
}

func split(ids string) []string {
	return strings.FieldsFunc(ids, func(r rune) bool { return r == ',' })
}

// readDepartments are the departments that the run does not leave out. They have the
// first positions, so that nothing needs to look at the others.
func (r *run) readDepartments() string {
	r.t.Helper()
	var wanted []string
	for _, entry := range r.completeness() {
		if entry.State != "excluded" {
			wanted = append(wanted, entry.ExternalID)
		}
	}
	for i, id := range wanted {
		position, err := r.c.store.GetPosition(r.t.Context(), r.id, id)
		require.NoError(r.t, err)
		require.Equal(r.t, i+1, position)
	}
	return strings.Join(wanted, " ")
}

// end carries a run that has been read through and ends it.
func (r *run) end(status string) {
	r.t.Helper()
	r.apply(false)
	require.NoError(r.t, r.c.store.ApplyMembers(r.t.Context(), r.id, 1, 1)) // single people are no positions
	r.planRemovals()
	counts, err := r.c.store.CountRun(r.t.Context(), r.id)
	require.NoError(r.t, err)
	require.NoError(r.t, r.c.store.FinishRun(r.t.Context(), r.id, status, "", counts, false))
}

func TestScopeOfARetry(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 20<1; 30<1"
	for _, c := range []struct {
		name          string
		first         string
		only          string
		second        string
		read          string
		thenRetryRead string
	}{
		{name: "what failed", first: "1; 10<1 members=fail; 11<10; 20<1; 30<1", second: tree, read: "10"},
		{name: "not what is below it", first: "1; 10<1 members=fail; 11<10; 20<1 members=fail; 30<1", second: tree,
			read: "10 20"},
		{name: "what was never seen", first: "1; 10<1 children=fail; 20<1", second: tree, read: "11 30"},
		{name: "a listing with a bad record", first: "1; 10<1; 11<10 members=bad; 20<1; 30<1", second: tree,
			read: "11"},
		{name: "a listing that stayed open", first: "1; 10<1; 11<10 members=open; 20<1; 30<1", second: tree,
			read: "11"},
		{name: "a covering listing", first: "1 members=fail; 10<1; 11<10 members=via:1; 20<1; 30<1",
			second: "1; 10<1; 11<10 members=via:1; 20<1; 30<1", read: "1"},
		{name: "what failed is gone", first: "1; 10<1; 11<10; 20<1; 30<1 members=fail", second: "1; 10<1; 11<10; 20<1",
			read: ""},
		{name: "of a run of departments", first: "1; 10<1 children=fail; 20<1 members=fail; 30<1 members=fail",
			only: "10,20", second: tree, read: "11 20"},
		{name: "of a retry", first: "1; 10<1 members=fail; 11<10; 20<1 members=fail; 30<1",
			second: "1; 10<1; 11<10; 20<1 members=fail; 30<1",
			read:   "10 20", thenRetryRead: "20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			first := co.beginLimited("apply", db.NewRun{Departments: split(c.only)})
			first.read(snapshot{departments: c.first})
			first.end(directory.RunPartial)
			again := co.beginLimited("apply", db.NewRun{Retries: first.id})
			again.read(snapshot{departments: c.second})
			require.Equal(t, c.read, again.readDepartments())
			again.end(directory.RunPartial)
			stored, err := d.store.Report.GetRun(t.Context(), again.id)
			require.NoError(t, err)
			require.Equal(t, first.id, stored.Retries)
			require.Equal(t, append([]string{}, split(c.only)...), stored.OnlyDepartments)
			if c.thenRetryRead != "" {
				third := co.beginLimited("apply", db.NewRun{Retries: again.id})
				third.read(snapshot{departments: tree})
				require.Equal(t, c.thenRetryRead, third.readDepartments())
			}
		})
	}
}

func TestWhatCannotBeRetried(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	failing := snapshot{departments: "1; 10<1 members=fail"}
	ended := func(mode, status string, s snapshot) func(*company) string {
		return func(c *company) string {
			r := c.begin(mode)
			r.read(s)
			r.end(status)
			return r.id
		}
	}
	for name, c := range map[string]struct {
		run  func(*company) string
		want string
	}{
		"not an id":      {func(*company) string { return "4f1c" }, "not a run's id"},
		"an unknown run": {func(*company) string { return uuid.NewString() }, "there is no such run"},
		"another's run": {func(c *company) string {
			return ended("apply", "partial", failing)(d.company(c.t, directory.WeCom))
		}, "another provider"},
		"a run at work": {func(c *company) string { return c.begin("apply").id }, "still at work"},
		"nothing failed": {ended("apply", "succeeded", snapshot{departments: "1; 10<1"}),
			"nothing to retry: all its departments were read"},
		"a plan": {ended("plan", "partial", failing), "it was a plan"},
		"a failed run": {ended("apply", "failed", failing),
			"it ended failed before everything that it read was applied; start a full sync"},
		"a canceled run":  {ended("apply", "canceled", failing), "it ended canceled"},
		"all people read": {peopleRun("ann", ""), "nothing to retry: all its members were read"},
		"cleaned up": {func(c *company) string {
			id := ended("apply", "partial", failing)(c)
			_, err := c.pool.Exec(c.t.Context(),
				`UPDATE sync_runs SET details_dropped_at = '2026-02-03' WHERE id = $1`, id)
			require.NoError(c.t, err)
			return id
		}, "the record of what failed was deleted on 2026-02-03; start a full sync"},
		"an undo": {func(c *company) string {
			id := ended("apply", "partial", failing)(c)
			_, err := c.pool.Exec(c.t.Context(), `UPDATE sync_runs SET undoes = id WHERE id = $1`, id)
			require.NoError(c.t, err)
			return id
		}, "which reads nothing; undo that run again instead"},
		"a held run": {func(c *company) string {
			r := c.begin("apply")
			r.read(failing)
			require.NoError(c.t, c.store.HoldRun(c.t.Context(), r.id, "too many", "w", directory.Counts{}))
			return r.id
		}, "it is held; approve or reject"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			id := c.run(co)
			before := co.newest()
			var refused *db.RetryError
			require.ErrorAs(t, co.store.CheckRetry(t.Context(), co.provider.ID, id), &refused)
			require.Contains(t, refused.Error(), c.want)
			_, err := co.store.BeginRun(t.Context(), db.NewRun{
				Provider: co.provider.Name, WorkflowID: "w", TemporalRunID: "t", Mode: "apply", OnRemovals: "hold",
				Retries: id,
			}, gone)
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Error(), c.want)
			require.Equal(t, before, co.newest(), "what is refused takes no fence and ends no run")
		})
	}
	co := d.company(t, directory.Feishu)
	for _, status := range []string{"partial", "rejected", "superseded"} {
		require.NoError(t, co.store.CheckRetry(t.Context(), co.provider.ID, ended("apply", status, failing)(co)),
			status)
	}
}

// newest is the run that has the fence, with its status.
func (c *company) newest() (newest string) {
	c.t.Helper()
	require.NoError(c.t, c.pool.QueryRow(c.t.Context(),
		`SELECT coalesce(max(r.id::text || ' ' || r.status), '') FROM identity_providers p
		JOIN sync_runs r ON r.id = p.newest_run_id WHERE p.id = $1`, c.provider.ID).Scan(&newest))
	return newest
}

// peopleRun ends a run of single people, of whom some failed.
func peopleRun(members, failed string) func(*company) string {
	return func(c *company) string {
		r := c.beginLimited("apply", db.NewRun{Members: split(members)})
		for _, id := range split(members) {
			if strings.Contains(failed, id) {
				require.NoError(c.t, c.store.AddRunError(c.t.Context(), r.id, "member", id, "cannot be read"))
			} else {
				r.stagePeople(id)
			}
		}
		r.end(directory.RunPartial)
		return r.id
	}
}

// stagePeople stages people of whom each was read by itself.
func (r *run) stagePeople(members string) {
	r.t.Helper()
	for _, m := range membersOf(members, r.c.provider) {
		_, err := r.c.store.StageMembers(r.t.Context(), db.MemberPage{
			Page: db.Page{RunID: r.id, Listing: m.ExternalID}, People: []db.StagedMember{m},
		})
		require.NoError(r.t, err)
	}
	require.Empty(r.t, r.completeness(), "which is of departments")
}

func TestRetryOfPeopleIsLimitedToThoseWhoFailed(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	first := peopleRun("ann,bob,cid", "bob cid")(c)
	r := c.beginLimited("apply", db.NewRun{Retries: first})
	pending, err := c.store.ListPendingMemberIDs(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, []string{"bob", "cid"}, pending)
	require.NoError(t, c.store.AddRunError(t.Context(), r.id, "member", "cid", "cannot be read"))
	r.stagePeople("bob")
	pending, err = c.store.ListPendingMemberIDs(t.Context(), r.id)
	require.NoError(t, err)
	require.Empty(t, pending)
}

// A run of single people changes those alone, whatever else there would be to do.
func TestRunOfSinglePeople(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 20<1"
	const everybody = "ann u=A in=10; bob u=B in=10,20; cid u=C in=11; dan in=20"
	for _, c := range []struct {
		name    string
		members string
		people  string
		want    []string
	}{
		{"nothing new", "ann,bob", "ann u=A in=10; bob u=B in=10,20", []string{}},
		{"a title", "ann", "ann u=A title=Boss in=10", []string{"member updated ann"}},
		{"a mover", "ann", "ann u=A in=20", []string{"member moved ann", "membership created ann",
			"membership deleted ann"}},
		{"one place less", "bob", "bob u=B in=20", []string{"member moved bob", "membership deleted bob"}},
		{"a new hire", "eve", "eve u=E in=11", []string{"member created eve", "membership created eve"}},
		{"a new hire in an unknown department", "eve", "eve u=E in=99", []string{"member created eve"}},
		{"a leaver", "dan", "dan status=deleted", []string{"member deleted dan", "membership deleted dan"}},
		{"a leaver with a unionid", "cid", "cid u=C status=deleted",
			[]string{"member deleted cid", "membership deleted cid"}},
		{"somebody of that id, but another person", "cid", "cid u=X status=deleted", []string{}},
		{"who left already", "fay", "fay status=deleted", []string{}},
		{"a leader", "ann", "ann u=A in=10!", []string{"membership updated ann"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []string{"plan", "apply"} {
				co := d.company(t, directory.Feishu)
				co.sync(snapshot{departments: tree, members: everybody})
				// What a sync of everybody would do besides: recompute, and link an account.
				if !strings.Contains(c.members, "bob") {
					co.disturb("bob")
				}
				r := co.beginLimited(mode, db.NewRun{Members: split(c.members)})
				r.stagePeople(c.people)
				if mode == "plan" {
					r.dryRun(true)
				} else {
					require.NoError(t, co.store.ApplyMembers(t.Context(), r.id, 1, len(split(c.members))))
					plan := r.planRemovals()
					require.True(t, plan.Incomplete)
					require.Zero(t, directory.Sum(plan.Unconfirmed))
					r.remove()
					r.recompute()
				}
				require.Equal(t, c.want, r.changes(), mode)
				require.Empty(t, r.problems())
			}
		})
	}
}

// disturb makes something for a sync of everybody to do about a member that is not
// theirs to change: a wrong primary department and an account to link.
func (c *company) disturb(externalID string) {
	c.t.Helper()
	for _, statement := range []string{
		`UPDATE org_members SET department_id = (SELECT d.id FROM org_departments d WHERE d.provider_id = $1
			AND d.external_id = '20'),
			email = external_id || '@x.example' WHERE provider_id = $1 AND external_id = $2`,
		`WITH i AS (INSERT INTO identities (email) SELECT $2::text || '@x.example' WHERE $1::uuid IS NOT NULL
			RETURNING id)
			INSERT INTO users (identity_id, tenant_id) SELECT i.id, p.tenant_id FROM i, identity_providers p
			WHERE p.id = $1`,
	} {
		_, err := c.pool.Exec(c.t.Context(), statement, c.provider.ID, externalID)
		require.NoError(c.t, err)
	}
}

func TestUnreadMemberIsAFailure(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "ann in=1"})
	r := c.beginLimited("apply", db.NewRun{Members: []string{"ann", "bob"}})
	r.stagePeople("ann in=1")
	r.end(directory.RunPartial)
	require.Equal(t, []string{"member bob: this member was not read; retry the run to read them"}, r.problems())
	stored, err := c.store.Report.GetRun(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, []string{"ann", "bob"}, stored.OnlyMembers)
	require.Equal(t, directory.MemberCounts{Read: 1, Unchanged: 1, Failed: 1}, stored.Counts.Members)
}

func TestStoredPeopleByID(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, kind := range []directory.ProviderType{directory.Feishu, directory.WeCom} {
		c := d.company(t, kind)
		c.sync(snapshot{departments: "1; 10<1", members: "Ann u=A o=oa in=1,10; bob in=10; ann2 u=Z in=1"})
		p, err := c.store.Providers.FindByName(t.Context(), c.provider.Name)
		require.NoError(t, err)
		// Ann's id was given to somebody else while she kept her row.
		_, err = c.pool.Exec(t.Context(), `UPDATE org_members SET external_id = 'Ann', status = 'deleted'
			WHERE provider_id = $1 AND external_id = 'ann2'`, p.ID)
		require.NoError(t, err)
		people, err := c.store.FindStoredMembers(t.Context(), p, "Ann")
		require.NoError(t, err)
		require.Equal(t, []db.StoredMember{{ExternalID: "Ann", UnionID: "A", OpenID: "oa"},
			{ExternalID: "Ann", UnionID: "Z", Deleted: true}}, people)
		people, err = c.store.FindStoredMembers(t.Context(), p, "ann")
		require.NoError(t, err)
		require.Equal(t, kind == directory.WeCom, len(people) == 2, "WeCom ignores case")

		places, err := c.store.ListMemberDepartments(t.Context(), p, "Ann", "A")
		require.NoError(t, err)
		require.Equal(t, []string{"1", "10"}, places)
		places, err = c.store.ListMemberDepartments(t.Context(), p, "Ann", "other")
		require.NoError(t, err)
		require.Empty(t, places, "another person of the same id")
		places, err = c.store.ListMemberDepartments(t.Context(), p, "bob", "")
		require.NoError(t, err)
		require.Equal(t, []string{"10"}, places)

		unknown, err := c.store.ListUnknownDepartments(t.Context(), p, []string{"10", "99"})
		require.NoError(t, err)
		require.Equal(t, []string{"99"}, unknown)
	}
}
