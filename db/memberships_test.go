package db_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Every case syncs before, if given, then after, and compares all memberships: * is
// the primary one, ! a leader's.
func TestThePlacesOfAMember(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 12<10"
	for _, c := range []struct {
		name          string
		before, after string
		departments   string // after, if another one
		places        []string
		changes       []string
	}{
		{name: "three departments", after: "a in=1,11,12", places: []string{"a 1", "a 11*", "a 12"}},
		{name: "leaves one", before: "a in=1,11,12", after: "a in=11,12", places: []string{"a 11*", "a 12"},
			changes: []string{"membership deleted a"}},
		{name: "leaves the primary one", before: "a in=1,11", after: "a in=1", places: []string{"a 1*"},
			changes: []string{"member moved a", "membership deleted a"}},
		{name: "joins one", before: "a in=11", after: "a in=11,12", places: []string{"a 11*", "a 12"},
			changes: []string{"membership created a"}},
		{name: "the highest rank is primary", after: "a in=11,10^1,1^2", places: []string{"a 1*", "a 10", "a 11"}},
		{name: "a negative rank beats none", after: "a in=11,1^-5", places: []string{"a 1*", "a 11"}},
		{name: "else the deepest", after: "a in=1,10,12", places: []string{"a 1", "a 10", "a 12*"}},
		{name: "else the smallest id", after: "a in=12,11", places: []string{"a 11*", "a 12"}},
		{name: "ids are compared as text", departments: "1; 9<1; 10<1", after: "a in=9,10",
			places: []string{"a 10*", "a 9"}},
		{name: "the rank changes", before: "a in=10^2,11^1", after: "a in=10^1,11^2",
			places:  []string{"a 10", "a 11*"},
			changes: []string{"member moved a", "membership updated a", "membership updated a"}},
		{name: "the department moves deeper", before: "a in=10,11", departments: "1; 10<12; 11<1; 12<1",
			after: "a in=10,11", places: []string{"a 10*", "a 11"},
			changes: []string{"department moved 10", "department moved 11", "department moved 12", "member moved a"}},
		{name: "leader by the member's record", after: "a in=10!,11~", places: []string{"a 10!", "a 11*"}},
		{name: "leader by the department's list", departments: "1; 10<1 leaders=a", after: "a in=10; b in=10",
			places: []string{"a 10*!", "b 10*"}},
		{name: "leader by open id", departments: "1; 10<1 leaders=O", after: "a o=O in=10; b o=P in=10",
			places: []string{"a 10*!", "b 10*"}},
		{name: "the member's record beats the list", departments: "1; 10<1 leaders=a", after: "a in=10~",
			places: []string{"a 10*"}},
		{name: "no leader any more, by the record", before: "a in=10!", after: "a in=10~", places: []string{"a 10*"},
			changes: []string{"membership updated a"}},
		{name: "leader not sent stays", before: "a in=10!", after: "a in=10", places: []string{"a 10*!"}},
		{name: "sort order changes", before: "a in=10#1", after: "a in=10#2", places: []string{"a 10*"},
			changes: []string{"membership updated a"}},
		{name: "sort order not sent stays", before: "a in=10#1", after: "a in=10", places: []string{"a 10*"}},
		{name: "placed in an unknown department", after: "a in=10,99", places: []string{"a 10*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			if c.before != "" {
				co.sync(snapshot{departments: tree, members: c.before})
			}
			if c.departments == "" {
				c.departments = tree
			}
			r := co.sync(snapshot{departments: c.departments, members: c.after})
			require.Equal(t, c.places, co.places())
			if c.before != "" {
				require.ElementsMatch(t, c.changes,
					slices.DeleteFunc(r.changes(),
						func(s string) bool { return strings.HasPrefix(s, "department deleted") }))
			}
		})
	}
}

func TestALeaderWhoLeftTheListIsNoLeader(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, member := range []string{"a in=1", "a o=O in=1"} {
		for _, leaders := range []string{"", "b"} {
			t.Run(member+" leaders="+leaders, func(t *testing.T) {
				t.Parallel()
				c := d.company(t, directory.Feishu)
				c.sync(snapshot{departments: "1 leaders=a", members: member})
				require.Equal(t, []string{"a 1*!"}, c.places())
				c.sync(snapshot{departments: "1", members: member})
				require.Equal(t, []string{"a 1*!"}, c.places(), "a list that was not sent")
				c.sync(snapshot{departments: "1 leaders=" + leaders, members: member})
				require.Equal(t, []string{"a 1*"}, c.places())
			})
		}
	}
}

// A list of ids alone says nothing of leaders, and a department's own list may disagree with
// the members' records: what is stored goes by these, however often all is read.
func TestIDsAloneLeaveLeadersToTheRecords(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.WeCom)
	read := func() *run {
		r := c.begin("apply")
		r.read(snapshot{departments: "1; 10<1 leaders=b", members: "a in=10!; b in=10~"})
		r.page(1, "", "a in=10 noname noraw; b in=10 noname noraw; c in=10 noname noraw")
		r.apply(false)
		r.recompute()
		r.finish()
		return r
	}
	read()
	want := []string{"a 10*!", "b 10*", "c 10*"}
	require.Equal(t, want, c.places())
	before := c.versions()
	require.Empty(t, read().changes())
	require.Equal(t, before, c.versions())
}

// The primary department depends on what was read, not on when: a company read in
// any order is stored the same.
func TestTheOrderOfReadingDoesNotMatter(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	departments := strings.Split("1;10<1;11<10;12<10;13<11;20<1;21<20", ";")
	members := strings.Split("a in=11,12;b in=12,11,21;c in=1,10^1,13;d in=21,13#1,20!;e in=20^1,21^1;f", ";")
	random := rand.New(rand.NewPCG(1, 2))
	var want []string
	for range 6 {
		c := d.company(t, directory.Feishu)
		r := c.begin("apply")
		r.read(snapshot{departments: strings.Join(departments, ";"), members: strings.Join(members, ";")})
		require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
		for _, n := range random.Perm(r.size) {
			require.NoError(t, c.store.ApplyMembers(t.Context(), r.id, n+1, n+1))
		}
		r.recompute()
		got := append(append(c.places(), c.heads()...),
			c.texts(t,
				"SELECT external_id || ' ' || department_path FROM org_members WHERE provider_id = $1 ORDER BY 1",
				c.provider.ID)...)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got)
		random.Shuffle(len(departments), func(i, j int) {
			departments[i], departments[j] = departments[j], departments[i]
		})
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
}

func TestHeadCounts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 11<10; 12<10; 20<1"
	for _, c := range []struct {
		name, before, after string
		heads               []string
	}{
		{name: "nobody", after: "", heads: []string{"1 0 0", "10 0 0", "11 0 0", "12 0 0", "20 0 0"}},
		{name: "the subtree counts", after: "a in=1; b in=11; c in=20",
			heads: []string{"1 3 1", "10 1 0", "11 1 1", "12 0 0", "20 1 1"}},
		{name: "a person counts once", after: "a in=11,12,10,20",
			heads: []string{"1 1 0", "10 1 1", "11 1 1", "12 1 1", "20 1 1"}},
		{name: "the inactive do not count", after: "a in=11; b status=inactive in=11",
			heads: []string{"1 1 0", "10 1 0", "11 1 1", "12 0 0", "20 0 0"}},
		{name: "the not activated count", after: "a activated=false in=20",
			heads: []string{"1 1 0", "10 0 0", "11 0 0", "12 0 0", "20 1 1"}},
		{name: "who becomes inactive", before: "a in=11; b in=11", after: "a in=11; b status=inactive in=11",
			heads: []string{"1 1 0", "10 1 0", "11 1 1", "12 0 0", "20 0 0"}},
		{name: "who is gone", before: "a in=11; b in=12", after: "a in=11",
			heads: []string{"1 1 0", "10 1 0", "11 1 1", "12 0 0", "20 0 0"}},
		{name: "who moves", before: "a in=11", after: "a in=20",
			heads: []string{"1 1 0", "10 0 0", "11 0 0", "12 0 0", "20 1 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(snapshot{departments: tree, members: c.before})
			co.sync(snapshot{departments: tree, members: c.after})
			require.Equal(t, c.heads, co.heads())
		})
	}
}
