package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Every case syncs before, if given, then after, and compares the whole tree.
func TestTheTree(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct {
		name          string
		before, after string
		limited       bool
		tree          []string
		warned        []string // departments with a warning
		changes       []string
	}{
		{name: "child before parent", after: "11<10; 10<1; 1",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active"}},
		{name: "orphan", after: "1; 10<9; 11<10",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active"}, warned: []string{"10"}},
		{name: "orphan in a limited range", after: "1; 10<9", limited: true,
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active"}},
		{name: "tops of a limited range", after: "10<9; 20<9; 11<10", limited: true,
			tree: []string{"10 D10 0 active", "11 D10/D11 1 active", "20 D20 0 active"}},
		{name: "its own parent", after: "1; 10<10; 11<10",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active"}, warned: []string{"10"}},
		{name: "circle of two", after: "1; 11<10; 10<11",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active"}, warned: []string{"10"}},
		{name: "circle of three with something below", after: "1; 12<11; 11<10; 10<12; 5<12",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active",
				"12 D1/D10/D11/D12 3 active", "5 D1/D10/D11/D12/D5 4 active"}, warned: []string{"10"}},
		{name: "two circles", after: "1; 10<11; 11<10; 20<21; 21<20",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active", "20 D1/D20 1 active",
				"21 D1/D20/D21 2 active"}, warned: []string{"10", "20"}},
		{name: "nothing but a circle", after: "10<11; 11<10",
			tree: []string{"10 D10 0 active", "11 D10/D11 1 active"}, warned: []string{"10"}},
		{name: "renamed", before: "1; 10<1; 11<10", after: "1; 10<1 name=New; 11<10",
			tree:    []string{"1 D1 0 active", "10 D1/New 1 active", "11 D1/New/D11 2 active"},
			changes: []string{"department updated 10"}},
		{name: "moved", before: "1; 10<1; 20<1; 11<10", after: "1; 10<20; 20<1; 11<10",
			tree: []string{"1 D1 0 active", "10 D1/D20/D10 2 active", "11 D1/D20/D10/D11 3 active",
				"20 D1/D20 1 active"}, changes: []string{"department moved 10"}},
		{name: "renamed and moved", before: "1; 10<1; 20<1", after: "1; 10<20 name=New; 20<1",
			tree:    []string{"1 D1 0 active", "10 D1/D20/New 2 active", "20 D1/D20 1 active"},
			changes: []string{"department moved 10"}},
		{name: "turned upside down", before: "1; 10<1; 11<10", after: "1; 11<1; 10<11",
			tree:    []string{"1 D1 0 active", "10 D1/D11/D10 2 active", "11 D1/D11 1 active"},
			changes: []string{"department moved 10", "department moved 11"}},
		{name: "other sort order", before: "1; 10<1 order=1", after: "1; 10<1 order=2",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active"}, changes: []string{"department updated 10"}},
		{name: "sort order not sent", before: "1; 10<1 order=1", after: "1; 10<1",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active"}},
		{name: "only the raw record", before: `1 raw={"x":1}`, after: `1 raw={"x":2}`,
			tree: []string{"1 D1 0 active"}, changes: []string{"department updated 1"}},
		{name: "gone", before: "1; 10<1; 11<10", after: "1",
			tree:    []string{"1 D1 0 active", "10 D1/D10 1 deleted", "11 D1/D10/D11 2 deleted"},
			changes: []string{"department deleted 10", "department deleted 11"}},
		{name: "parent gone, child moved up", before: "1; 10<1; 11<10", after: "1; 11<1",
			tree:    []string{"1 D1 0 active", "10 D1/D10 1 deleted", "11 D1/D11 1 active"},
			changes: []string{"department deleted 10", "department moved 11"}},
		{name: "parent gone, child still names it", before: "1 order=1; 10<1 order=1; 11<10 order=1",
			after: "1 order=1; 11<10 order=1",
			tree:  []string{"1 D1 0 active", "10 D1/D10 1 deleted", "11 D1/D11 1 active"}, warned: []string{"11"},
			changes: []string{"department deleted 10", "department moved 11"}},
		{name: "parent not sent", before: "1; 10<1; 11<10", after: "1; 10<1; 11<",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active", "11 D1/D10/D11 2 active"}},
		{name: "parent never sent", after: "1; 10<",
			tree: []string{"1 D1 0 active", "10 D1/D10 1 active"}},
		{name: "parent not sent, the stored one gone", before: "1; 10<1; 11<10", after: "1; 11<",
			tree:    []string{"1 D1 0 active", "10 D1/D10 1 deleted", "11 D1/D11 1 active"},
			changes: []string{"department deleted 10", "department moved 11"}},
		{name: "name not sent", before: "1 name=Root", after: "1 noname", tree: []string{"1 Root 0 active"}},
		{name: "name sent empty", before: "1 name=Root", after: "1 name=", tree: []string{"1 1 0 active"},
			changes: []string{"department updated 1"}},
		{name: "name never sent", after: "1 noname", tree: []string{"1 1 0 active"}},
		{name: "slashes and namesakes", after: "1 name=a/b; 10<1 name=a/b; 11<1 name=a/b; 12<10 name=/",
			tree: []string{"1 a/b 0 active", "10 a/b/a/b 1 active", "11 a/b/a/b 1 active", "12 a/b/a/b// 2 active"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			if c.before != "" {
				co.sync(snapshot{departments: c.before})
			}
			r := co.sync(snapshot{departments: c.after, limited: c.limited})
			require.Equal(t, c.tree, co.tree())
			var warned []string
			for _, problem := range r.problems() {
				id, _, _ := strings.Cut(strings.TrimPrefix(problem, "department "), ":")
				warned = append(warned, id)
			}
			require.ElementsMatch(t, c.warned, warned)
			if c.before != "" {
				require.ElementsMatch(t, c.changes, r.changes())
			}
			require.Empty(t, co.sync(snapshot{departments: c.after, limited: c.limited}).changes())
			require.Equal(t, c.tree, co.tree())
		})
	}
}

// Whatever anybody did to the stored tree is put right by the next run, and what is
// repaired in the tree that was read is said in every run.
func TestATreeIsPutRight(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const set = "UPDATE org_departments SET "
	const own = " WHERE external_id = '10' AND provider_id = $1"
	for name, c := range map[string]struct{ tree, by string }{
		"as it was":         {by: "SELECT $1::uuid"},
		"what was not sent": {tree: "1 noname; 10<1 order=1; 12<1 order=1", by: "SELECT $1::uuid"},
		"a head count":      {by: set + "member_count = 9" + own},
		"a name":            {by: set + "name = 'x'" + own},
		"an order":          {by: set + "sort_order = 9" + own},
		"a record":          {by: set + `raw_data = '{"x": 1}'` + own},
		"a tenant":          {by: set + "tenant_id = NULL" + own},
		"a status":          {by: set + "status = 'deleted'" + own},
		"no parent":         {by: set + "parent_id = NULL" + own},
		"another parent": {
			by: set +
				"parent_id = (SELECT id FROM org_departments d WHERE d.external_id = '12' AND d.provider_id = $1)" +
				own},
		"another's parent": {
			by: "WITH other AS (INSERT INTO org_departments (external_id) VALUES ('1') RETURNING id) " + set +
				"parent_id = (SELECT id FROM other)" + own},
		"one that is not":   {by: set + "external_id = 'x'" + own},
		"a parent not read": {tree: "1 order=1; 10<9 order=1", by: "SELECT $1::uuid"},
		"a parent not sent": {tree: "1 order=1; 10< order=1", by: "SELECT $1::uuid"},
		"a circle made whole": {tree: "1 order=1; 10<11 order=1; 11<10 order=1",
			by: set +
				"parent_id = (SELECT id FROM org_departments d WHERE d.external_id = '11' AND d.provider_id = $1)" +
				own},
	} {
		co := d.company(t, directory.Feishu)
		if c.tree == "" {
			c.tree = "1 order=1; 10<1 order=1; 12<1 order=1"
		}
		s := snapshot{departments: c.tree}
		co.sync(s)
		before := co.tree()
		co.exec(t, c.by, co.provider.ID)
		r := co.sync(s)
		require.Subset(t, co.tree(), before, name)
		require.Len(t,
			co.texts(t,
				"SELECT external_id FROM org_departments WHERE tenant_id = $1 AND raw_data = '{}' "+
					"AND coalesce(sort_order, 0) < 9 AND status = 'active' AND provider_id = $2",
				co.provider.TenantID, co.provider.ID), len(before), name)
		require.Equal(t, strings.Contains(c.tree, "<11") || strings.Contains(c.tree, "<9"), len(r.problems()) > 0,
			"%s: what is repaired is said in every run", name)
	}
}

func TestARestoredDepartmentKeepsItsRow(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	both := snapshot{departments: "1; 10<1", members: "a in=10; z in=1"}
	c.sync(both)
	id := c.text(t, "SELECT id::text FROM org_departments WHERE provider_id = $1 AND external_id = '10'", c.provider.ID)
	r := c.sync(snapshot{departments: "1", members: "z in=1"})
	require.Equal(t, []string{"department deleted 10", "member deleted a", "membership deleted a"}, r.changes())
	require.Equal(t, []string{"z 1*"}, c.places())
	r = c.sync(snapshot{departments: "1; 10<1 name=Back", members: "a in=10; z in=1"})
	require.Equal(t, []string{"department restored 10", "member restored a", "membership created a"}, r.changes())
	require.Equal(t, id,
		c.text(t, "SELECT id::text FROM org_departments WHERE provider_id = $1 AND external_id = '10'", c.provider.ID))
	require.Equal(t, []string{"1 D1 0 active", "10 D1/Back 1 active"}, c.tree())
	require.Equal(t, []string{"1 2 1", "10 1 1"}, c.heads())
}

func TestADeletedDepartmentTakesItsMembershipsAlong(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 10<1", members: "a in=1,10"})
	r := c.sync(snapshot{departments: "1", members: "a in=1"})
	require.Equal(t, []string{"department deleted 10", "member moved a", "membership deleted a"}, r.changes())
	require.Equal(t, []string{"a 1*"}, c.places())
	require.Equal(t, "D1", c.member("department_path", "a"))
}

func TestADeepTreeHasItsPaths(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	const levels = 120
	text := "1000 name=n"
	for n := 1; n < levels; n++ {
		text += fmt.Sprintf(";%d<%d name=n", 1000+n, 999+n)
	}
	r := c.begin("apply")
	r.read(snapshot{departments: text, members: "a in=1119"})
	require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
	require.NoError(t, c.store.ApplyMembers(t.Context(), r.id, 1, levels))
	r.recompute()
	require.Equal(t, strings.TrimSuffix(strings.Repeat("n/", levels), "/"), c.member("department_path", "a"))
	require.Equal(t, "119",
		c.text(t, "SELECT max(depth)::text FROM org_departments WHERE member_count = 1 AND provider_id = $1",
			c.provider.ID))
}

// What people made by hand and what other providers own is nothing to a sync.
func TestForeignRowsAreNeverTouched(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c, other := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	both := snapshot{departments: "1; 10<1", members: "a u=U o=O email=a@x in=1,10; b in=10"}
	c.sync(both)
	other.sync(both)
	d.exec(t, `WITH dep AS (INSERT INTO org_departments (external_id, name, path, parent_id)
			SELECT 'hand', 'By hand', 'By hand', id FROM org_departments WHERE provider_id = $1 AND external_id = '1'
			RETURNING id),
		mem AS (INSERT INTO org_members (external_id, unionid, name, department_id) SELECT '10', 'U2', 'By hand', id
		FROM dep RETURNING id)
		INSERT INTO org_member_departments (member_id, department_id, is_primary)
		SELECT mem.id, dep.id, true FROM mem, dep
		UNION ALL SELECT mem.id, d.id, false FROM mem, org_departments d WHERE d.provider_id = $1
		AND d.external_id = '10'`, c.provider.ID)
	foreign := func() []string {
		return d.texts(t, `SELECT d::text || xmin FROM org_departments d WHERE provider_id IS DISTINCT FROM $1
			UNION ALL SELECT m::text || xmin FROM org_members m WHERE provider_id IS DISTINCT FROM $1
			UNION ALL SELECT md::text || md.xmin FROM org_member_departments md
			JOIN org_members m ON m.id = md.member_id
				WHERE m.provider_id IS DISTINCT FROM $1 ORDER BY 1`, c.provider.ID)
	}
	before := foreign()
	require.Len(t, before, 11, "2 departments, 2 members, 3 places of the other company, 1, 1 and 2 by hand")
	c.sync(both)
	require.Equal(t, before, foreign(), "an unchanged company")
	c.sync(snapshot{departments: "1 name=New", members: "c in=1"})
	require.Equal(t, before, foreign(), "a company that lost nearly all")
}

// A sort figure that was never sent is none, and no zero; one that was sent before stays.
func TestASortFigureThatWasNotSent(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.DingTalk)
	figures := func() []string {
		return c.texts(t, `SELECT d.external_id || ' ' || coalesce(d.sort_order::text, 'none') FROM org_departments d
			WHERE d.provider_id = $1
			UNION ALL SELECT 'a in ' || d.external_id || ' ' || coalesce(md.sort_order::text, 'none')
			FROM org_member_departments md
				JOIN org_departments d ON d.id = md.department_id WHERE d.provider_id = $1 ORDER BY 1`, c.provider.ID)
	}
	said := snapshot{departments: "1 order=0; 10<1 order=7; 11<1", members: "a in=1#0,10#7,11"}
	want := []string{"1 0", "10 7", "11 none", "a in 1 0", "a in 10 7", "a in 11 none"}
	c.sync(said)
	require.Equal(t, want, figures())
	require.Empty(t, c.sync(said).changes())
	require.Empty(t, c.sync(snapshot{departments: "1; 10<1; 11<1", members: "a in=1,10,11"}).changes())
	require.Equal(t, want, figures())

	r := c.sync(snapshot{departments: "1; 10<1; 11<1 order=0", members: "a in=1,10,11#0"})
	require.Equal(t, []string{"department updated 11", "membership updated a"}, r.changes())
	require.Equal(t, []string{"1 0", "10 7", "11 0", "a in 1 0", "a in 10 7", "a in 11 0"}, figures())
}
