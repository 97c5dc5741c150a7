package db_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Every case syncs before, then after, and compares rows. same says which external id
// of before is the row of which external id now.
func TestAMemberIsFoundAgain(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct {
		name          string
		kind          directory.ProviderType
		before, after string
		same          string
		people        []string
		undecided     int
		config        string
	}{
		{name: "by unionid", before: "a u=U in=1", after: "a u=U in=1", same: "a=a", people: []string{"a U - active"}},
		{name: "by external id", before: "a in=1", after: "a in=1", same: "a=a", people: []string{"a - - active"}},
		{name: "by open id", before: "a o=O in=1", after: "b o=O in=1", same: "a=b", people: []string{"b - O active"}},
		{name: "external id changed, same unionid", before: "a u=U o=O in=1", after: "b u=U o=O in=1", same: "a=b",
			people: []string{"b U O active"}},
		{name: "open id changed", before: "a u=U o=O in=1", after: "a u=U o=P in=1", same: "a=a",
			people: []string{"a U P active"}},
		{name: "open id changed, no unionid", before: "a o=O in=1", after: "a o=P in=1", same: "a=a",
			people: []string{"a - P active"}},
		{name: "external and open id changed", before: "a u=U o=O in=1", after: "b u=U o=P in=1", same: "a=b",
			people: []string{"b U P active"}},
		{name: "external id recycled", before: "a u=U in=1", after: "a u=V in=1",
			people: []string{"a U - deleted", "a V - active"}},
		{name: "external id recycled, holder has another", before: "a u=U in=1", after: "a u=V in=1; b u=U in=1",
			same: "a=b", people: []string{"a V - active", "b U - active"}},
		{name: "external ids exchanged", before: "a u=U in=1; b u=V in=1", after: "b u=U in=1; a u=V in=1",
			same: "a=b b=a", people: []string{"a V - active", "b U - active"}},
		{name: "open id recycled", before: "a u=U o=O in=1", after: "b u=V o=O in=1",
			people: []string{"a U O deleted", "b V O active"}},
		{name: "unionid not sent any more", before: "a u=U in=1", after: "a in=1", same: "a=a",
			people: []string{"a U - active"}},
		{name: "unionid sent for the first time", before: "a in=1", after: "a u=U in=1", same: "a=a",
			people: []string{"a U - active"}},
		{name: "unionid first sent, found by open id", before: "a o=O in=1", after: "b u=U o=O in=1", same: "a=b",
			people: []string{"b U O active"}},
		{name: "open id not sent any more", before: "a o=O in=1", after: "a in=1", same: "a=a",
			people: []string{"a - O active"}},
		{name: "a fallback never replaces", before: "a o=O in=1", after: "O o=O fallback in=1", same: "a=a",
			people: []string{"a - O active"}},
		{name: "a fallback never replaces, by unionid", before: "a u=U in=1", after: "O u=U o=O fallback in=1",
			same: "a=a", people: []string{"a U O active"}},
		{name: "a fallback is replaced", before: "O o=O fallback in=1", after: "a o=O in=1", same: "O=a",
			people: []string{"a - O active"}},
		{name: "namesakes", before: "a name=Wei in=1; b name=Wei in=1", after: "a name=Wei in=1; b name=Wei in=1",
			same: "a=a b=b", people: []string{"a - - active", "b - - active"}},
		{name: "same e-mail and phone are no identity", before: "a email=x@y phone=1 in=1",
			after: "b email=x@y phone=1 in=1", people: []string{"a - - deleted", "b - - active"}},
		{name: "unionid beats external id", before: "a u=U in=1; b in=1", after: "b u=U in=1", same: "a=b",
			people: []string{"b U - active", "b - - deleted"}},
		{name: "external id beats open id", before: "a o=O in=1; b o=P in=1", after: "b o=O in=1; c o=Q in=1",
			same: "b=b", people: []string{"a - O deleted", "b - O active", "c - Q active"}},
		{name: "two claim one row", before: "a o=O in=1", after: "a o=P in=1; b o=O in=1", same: "a=a",
			people: []string{"a - O active"}, undecided: 2},
		{name: "two claim one row, the owner's unionid decides", before: "a u=U o=O in=1",
			after: "b u=U in=1; c o=O in=1", same: "a=b", people: []string{"b U O active", "c - O active"}},
		{name: "same unionid twice, known", before: "a u=U in=1", after: "a u=U in=1; b u=U in=1", same: "a=a",
			people: []string{"a U - active"}, undecided: 2},
		{name: "same unionid twice, known and changed", before: "a u=U in=1", after: "a u=U title=x in=1; b u=U in=1",
			same: "a=a", people: []string{"a U - active"}, undecided: 2},
		{name: "same unionid twice, new", before: "z in=1", after: "z in=1; a u=U in=1; b u=U in=1",
			people: []string{"z - - active"}, undecided: 2},
		{name: "one person, two unionids", before: "a u=U in=1", after: "a u=U in=1; a u=V in=2", same: "a=a",
			people: []string{"a U - active"}, undecided: 1},
		{name: "ids differ by case", before: "a in=1; A in=1", after: "A in=1",
			people: []string{"A - - active", "a - - deleted"}},
		{name: "wecom ids ignore case, kept to the byte", kind: directory.WeCom, before: "ZhangSan in=1",
			after: "zhangsan in=1", same: "ZhangSan=zhangsan", people: []string{"zhangsan - - active"}},
		{name: "encrypted wecom ids differ by case", kind: directory.WeCom, config: `{"sub_type":"third_party"}`,
			before: "woA in=1; woa in=1", after: "woA in=1", same: "woA=woA",
			people: []string{"woA - - active", "woa - - deleted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.kind == "" {
				c.kind = directory.Feishu
			}
			co := d.companyWith(t, c.kind, cmp.Or(c.config, "{}"))
			co.sync(snapshot{departments: "1;2<1", members: c.before})
			ids := map[string]string{}
			for pair := range strings.FieldsSeq(c.same) {
				old, now, _ := strings.Cut(pair, "=")
				ids[now] = co.id(old)
			}
			r := co.sync(snapshot{departments: "1;2<1", members: c.after})
			require.Equal(t, c.people, co.people())
			for now, id := range ids {
				require.Equal(t, id, co.id(now), "row of %s", now)
			}
			require.Equal(t, c.undecided, r.counts.Members.Failed, "failed: %v", r.problems())
			require.Len(t, r.problems(), c.undecided)
			require.Equal(t, r.counts, co.sync(snapshot{departments: "1;2<1", members: c.after}).since(r),
				"a second time changes nothing")
			require.Equal(t, c.people, co.people())
		})
	}
}

// since is what the counts would be had this run done what was done before.
func (r *run) since(before *run) directory.Counts {
	r.t.Helper()
	require.Empty(r.t, r.changes())
	counts := before.counts
	counts.Members.Read, counts.Members.Failed = r.counts.Members.Read, r.counts.Members.Failed
	return counts
}

// What cannot be decided changes nothing: not the row, not its places, and nobody is
// taken for gone because of it.
func TestTheUndecidedKeepWhatTheyHave(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1;2<1", members: "a o=O name=Ann in=1,2; x in=1"})
	before := c.texts(t, "SELECT m::text FROM org_members m WHERE provider_id = $1 ORDER BY 1", c.provider.ID)
	places := c.places()
	r := c.sync(snapshot{departments: "1;2<1", members: "a o=P name=New in=1; b o=O name=Other in=1; x in=1"})
	require.Equal(t, before, c.texts(t, "SELECT m::text FROM org_members m WHERE provider_id = $1 ORDER BY 1",
		c.provider.ID))
	require.Equal(t, places, c.places())
	require.Empty(t, r.changes())
	require.Equal(t, 2, r.counts.Members.Failed)
	for _, problem := range r.problems() {
		require.Contains(t, problem, "cannot tell which stored member this is")
		require.NotContains(t, problem, "Ann")
		require.NotContains(t, problem, "New")
	}
}

// Of several rows with a recycled external id the one still there is meant; if all
// are deleted nobody can know.
func TestRowsOfOneExternalID(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	t.Run("one still there", func(t *testing.T) {
		t.Parallel()
		c := d.company(t, directory.Feishu)
		c.sync(snapshot{departments: "1", members: "a u=U in=1"})
		c.sync(snapshot{departments: "1", members: "a u=V in=1"})
		c.sync(snapshot{departments: "1", members: "a in=1"})
		require.Equal(t, []string{"a U - deleted", "a V - active"}, c.people())
	})
	t.Run("all deleted", func(t *testing.T) {
		t.Parallel()
		c := d.company(t, directory.Feishu)
		c.sync(snapshot{departments: "1", members: "a u=U in=1"})
		c.sync(snapshot{departments: "1", members: "a u=V in=1"})
		c.sync(snapshot{departments: "1", members: "z in=1"})
		r := c.sync(snapshot{departments: "1", members: "z in=1; a in=1"})
		require.Equal(t, []string{"a U - deleted", "a V - deleted", "z - - active"}, c.people())
		require.Equal(t, 1, r.counts.Members.Failed)
		r = c.sync(snapshot{departments: "1", members: "z in=1; a u=U in=1"})
		require.Equal(t, []string{"a U - active", "a V - deleted", "z - - active"}, c.people())
		require.Equal(t, 1, r.counts.Members.Restored)
	})
}

func TestRehiredPeopleGetTheirRowBack(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, back := range map[string]string{"same id": "a u=U in=1", "new id, same unionid": "b u=U in=1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := d.company(t, directory.Feishu)
			c.sync(snapshot{departments: "1", members: "a u=U in=1; z in=1"})
			id := c.id("a")
			require.Equal(t, []string{"member deleted a", "membership deleted a"},
				c.sync(snapshot{departments: "1", members: "z in=1"}).changes())
			r := c.sync(snapshot{departments: "1", members: back + "; z in=1"})
			require.Equal(t, id, c.id(back[:1]))
			require.Equal(t, []string{"member restored " + back[:1], "membership created " + back[:1]}, r.changes())
			require.Equal(t, []string{back[:1] + " 1*", "z 1*"}, c.places())
		})
	}
}
