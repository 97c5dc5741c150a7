package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Every case has the accounts given, "name email phone" with - for none, syncs the
// members, and compares who is linked to which account, and the accounts afterwards.
func TestLinking(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct {
		name     string
		accounts []string
		members  string
		linked   []string // "member account"
		after    []string // accounts, if changed
	}{
		{name: "by e-mail", accounts: []string{"A a@x -"}, members: "a email=a@x in=1", linked: []string{"a A"}},
		{name: "by e-mail in other letters", accounts: []string{"A A@X -"}, members: "a email=a@x in=1",
			linked: []string{"a A"}, after: []string{"A a@x -"}},
		{name: "by phone", accounts: []string{"A - +8613800000001"}, members: "a phone=+8613800000001 in=1",
			linked: []string{"a A"}},
		{name: "by phone without country code", accounts: []string{"A - 13800000001"},
			members: "a phone=+8613800000001 in=1", linked: []string{"a A"}, after: []string{"A - +8613800000001"}},
		{name: "by phone with punctuation", accounts: []string{"A - 138-0000-0001"},
			members: "a phone=+8613800000001 in=1", linked: []string{"a A"}, after: []string{"A - +8613800000001"}},
		{name: "a foreign number needs its code", accounts: []string{"A - 2025550123"},
			members: "a phone=+12025550123 in=1"},
		{name: "e-mail and phone of two accounts", accounts: []string{"A a@x -", "B - +8613800000001"},
			members: "a email=a@x phone=+8613800000001 in=1"},
		{name: "nothing in common", accounts: []string{"A a@x +8613800000001"},
			members: "a email=b@x phone=+8613800000002 in=1"},
		{name: "nothing known", accounts: []string{"A - -"}, members: "a in=1"},
		{name: "two accounts with the e-mail", accounts: []string{"A a@x -", "B A@x -"}, members: "a email=a@x in=1"},
		{name: "two members with the e-mail", accounts: []string{"A a@x -"},
			members: "a email=a@x in=1; b email=a@x in=1"},
		{name: "two members with the phone", accounts: []string{"A - +8613800000001"},
			members: "a phone=+8613800000001 in=1; b phone=+8613800000001 in=1"},
		{name: "ambiguous e-mail, clear phone", accounts: []string{"A a@x +8613800000001", "B a@x -"},
			members: "a email=a@x phone=+8613800000001 in=1"},
		{name: "the account's phone follows", accounts: []string{"A a@x +8613800000001"},
			members: "a email=a@x phone=+8613800000002 in=1", linked: []string{"a A"},
			after: []string{"A a@x +8613800000002"}},
		{name: "the account's e-mail follows", accounts: []string{"A old@x +8613800000001"},
			members: "a email=a@x phone=+8613800000001 in=1", linked: []string{"a A"},
			after: []string{"A a@x +8613800000001"}},
		{name: "an e-mail for two linked accounts", accounts: []string{"A - +8613800000001", "B - +8613800000002"},
			members: "a email=c@x phone=+8613800000001 in=1; b email=c@x phone=+8613800000002 in=1",
			linked:  []string{"a A", "b B"}},
		{name: "a phone for two linked accounts", accounts: []string{"A a@x -", "B b@x -"},
			members: "a email=a@x phone=+8613800000001 in=1; b email=b@x phone=+8613800000001 in=1",
			linked:  []string{"a A", "b B"}},
		{name: "the inactive too", accounts: []string{"A a@x -"}, members: "a email=a@x status=inactive in=1",
			linked: []string{"a A"}},
	} {
		t.Run(c.name, func(t *testing.T) { // one after the other: accounts belong to no provider
			d.exec(t, "TRUNCATE users, identities")
			co := d.company(t, directory.Feishu)
			co.accounts(c.accounts...)
			r := co.sync(snapshot{departments: "1", members: c.members})
			require.Equal(t, append([]string{}, c.linked...), co.linked())
			require.Equal(t, len(c.linked), r.counts.Members.Linked)
			if c.after == nil {
				c.after = c.accounts
			}
			require.Equal(t, c.after, co.texts(t,
				`SELECT concat_ws(' ', display_name, coalesce(email, '-'), coalesce(phone, '-'))
				FROM users u JOIN identities i ON i.id = u.identity_id ORDER BY display_name`))
			before := co.versions()
			require.Empty(t, co.sync(snapshot{departments: "1", members: c.members}).changes())
			require.Equal(t, before, co.versions(), "linking again writes nothing")
		})
	}
}

// accounts adds accounts in the company's tenant.
func (c *company) accounts(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		c.exec(c.t, `WITH a AS (SELECT string_to_array($1, ' ') AS v), i AS (
			INSERT INTO identities (email, phone) SELECT nullif(v[2], '-'), nullif(v[3], '-') FROM a RETURNING id)
			INSERT INTO users (tenant_id, identity_id, display_name) SELECT $2, i.id, v[1]
			FROM i, a`, line, *c.provider.TenantID)
	}
}

func (c *company) linked() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT external_id || ' ' || display_name FROM org_members m JOIN users u ON u.id = m.user_id
		WHERE provider_id = $1 ORDER BY 1`, c.provider.ID)
}

// What another account has is given to no second one. The link stays, and is noted.
func TestAnAddressThatAnotherAccountHas(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A a@x +8613800000001", "B b@x +8613800000002", "C B@x -")
	c.sync(snapshot{departments: "1", members: "a email=a@x phone=+8613800000001 in=1"})
	accounts := c.accountsNow()
	r := c.sync(snapshot{departments: "1", members: "a email=b@x phone=+8613800000002 in=1"})
	require.Equal(t, []string{"a A"}, c.linked())
	require.Equal(t, accounts, c.accountsNow())
	require.Len(t, r.problems(), 2)
	require.Contains(t, r.problems()[0],
		"member a: its e-mail names another account than the one it is linked to; the link stays")
	require.Contains(t, r.problems()[1], "member a: its phone names another account")
}

func TestOnlyTheTenantsAccountsAreLinked(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c, other := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	other.accounts("A a@x -")
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1"})
	require.Empty(t, c.linked())
	c.accounts("B a@x -")
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1"})
	require.Equal(t, []string{"a B"}, c.linked())
}

func TestALinkIsNeverChanged(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A a@x -", "B b@x -")
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1"})
	r := c.sync(snapshot{departments: "1", members: "a email=b@x in=1; n email=a@x in=1"})
	require.Equal(t, []string{"a A"}, c.linked(), "the account of another address stays, and is nobody else's")
	require.Zero(t, r.counts.Members.Linked)
}

func TestTheDeletedAreNotLinked(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1; z in=1"})
	c.sync(snapshot{departments: "1", members: "z in=1"})
	c.accounts("A a@x -")
	c.sync(snapshot{departments: "1", members: "z in=1"})
	require.Empty(t, c.linked())
}
