package db_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

const (
	goodEmail = "ann@acme.cn"
	goodPhone = "+8613800000101"
)

// noEmails and noPhones are what providers send in place of an address.
var (
	noEmails = []string{
		"-", "无", "n/a", "none", "a@x; b@x", "a@x,b@x", "a@x b@x", "a@x/b@x", "a@x，b@x",
		"a***@acme.cn", "a@", "@acme.cn", "acme.cn", "a@@acme.cn",
		"a@acme..cn", ".a@acme.cn", "a.@acme.cn", "a@-acme.cn",
		"a@acme.cn.", "a@acme。cn", "ann <ann@acme.cn>", "无@acme.cn", "a@acme.cn\nb",
		strings.Repeat("a", 250) + "@acme.cn",
	}
	noPhones = []string{
		"138****0101", "-", "无", "+86", "110", "8001", "13800000101", "+86 13800000101", "010-88886666-8",
		"13800000101/13800000102",
		"+8613800000101,8", "+08613800000101", "+861380000010100", "+１３８００００００００", "+8613800000101 ", "８６１３８００００００００",
	}
)

func TestOnlyAddressesAreGivenToAccounts(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, field := range []struct {
		name  string
		wrong []string
		says  string
	}{
		{"email", noEmails, "member a: its e-mail is not one well-formed address"},
		{"phone", noPhones, "member a: its phone is not one number in E.164 form"},
	} {
		for _, wrong := range field.wrong {
			// One after the other: accounts belong to no provider.
			t.Run(fmt.Sprintf("%s %.20q", field.name, wrong), func(t *testing.T) {
				d.exec(t, "TRUNCATE users, identities")
				c := d.company(t, directory.Feishu)
				c.accounts("A "+goodEmail+" "+goodPhone, "S stranger@acme.cn +8613800000199")
				values := map[string]string{"email": goodEmail, "phone": goodPhone}
				c.sync(snapshot{departments: "1", members: memberLine("a", values)})
				require.Equal(t, []string{"a A"}, c.linked())
				accounts := c.accountsNow()

				values[field.name] = wrong
				for time := range 2 { // the account still needs an address the second time
					before := c.versions()
					r := c.sync(snapshot{departments: "1", members: memberLine("a", values)})
					require.Equal(t, accounts, c.accountsNow())
					stored := c.texts(t, "SELECT "+field.name+" FROM org_members WHERE provider_id = $1", c.provider.ID)
					require.Equal(t, []string{wrong}, stored, "the directory keeps what the provider says")
					problems := r.problems()
					require.Len(t, problems, 1)
					require.Contains(t, problems[0], field.says)
					require.Zero(t, r.counts.Members.Failed)
					if time > 0 {
						require.Equal(t, before, c.versions())
					}
				}

				values[field.name] = map[string]string{"email": "new@acme.cn", "phone": "+8613800000102"}[field.name]
				require.Empty(t, c.sync(snapshot{departments: "1", members: memberLine("a", values)}).problems())
				followed := "A " + values["email"] + " " + values["phone"]
				require.Equal(t, []string{followed, "S stranger@acme.cn +8613800000199"}, c.accountsNow())
			})
		}
	}
}

// memberLine is a member with the values given, in the notation of notation_test.go.
func memberLine(id string, values map[string]string) string {
	line := id
	for key, value := range values {
		line += " " + key + "=" + url.PathEscape(strings.ReplaceAll(value, ";", "\x00"))
	}
	return strings.ReplaceAll(line, "%00", "%3B") + " in=1"
}

func TestOnlyAddressesAreMatched(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	match := func(t *testing.T, account, says string, values map[string]string) {
		t.Helper()
		d.exec(t, "TRUNCATE users, identities")
		c := d.company(t, directory.Feishu)
		d.exec(t, `WITH i AS (INSERT INTO identities (email, phone) VALUES ($1, $2) RETURNING id)
			INSERT INTO users (tenant_id, identity_id, display_name) SELECT $3, id, 'S' FROM i`,
			values["email"], account, *c.provider.TenantID)
		accounts := c.accountsNow()
		for range 2 {
			r := c.sync(snapshot{departments: "1", members: memberLine("a", values)})
			require.Empty(t, c.linked(), "a stranger's account")
			require.Zero(t, r.counts.Members.Linked)
			require.Equal(t, accounts, c.accountsNow())
			require.Len(t, r.problems(), 1)
			require.Contains(t, r.problems()[0], says)
		}
	}
	for _, wrong := range noEmails {
		t.Run(fmt.Sprintf("email %.20q", wrong), func(t *testing.T) {
			match(t, "+8613800000199", "member a: its e-mail is not one well-formed address",
				map[string]string{"email": wrong, "phone": goodPhone})
		})
	}
	for _, wrong := range []string{"110", "8001", "+86", "13800000101", "+861380000010100"} {
		t.Run("phone "+wrong, func(t *testing.T) {
			match(t, wrong, "member a: its phone is not one number in E.164 form", map[string]string{"phone": wrong})
		})
	}
}

func TestWhatNoAccountNeedsIsNoWarning(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A " + goodEmail + " 138****0101")
	members := "a email=" + goodEmail + " phone=138****0101 in=1; " +
		"b email=%E6%97%A0 phone=138****0102 in=1; c email=- phone=- in=1; d in=1"
	for range 2 {
		r := c.sync(snapshot{departments: "1", members: members})
		require.Equal(t, []string{"a A"}, c.linked())
		require.Empty(t, r.problems())
	}
}

// However many accounts are left alone, some are named and the others counted.
func TestManyValuesThatAreNoAddress(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	var good, masked []string
	for n := range 40 {
		id := fmt.Sprintf("p%02d", n)
		c.accounts(fmt.Sprintf("%s %s@acme.cn -", id, id))
		good = append(good, fmt.Sprintf("%s email=%s@acme.cn phone=+86138000001%02d in=1", id, id, n))
		masked = append(masked, fmt.Sprintf("%s email=%s@acme.cn phone=138****01%02d in=1", id, id, n))
	}
	require.Empty(t, c.sync(snapshot{departments: "1", members: strings.Join(good, ";")}).problems())
	accounts := c.accountsNow()
	problems := c.sync(snapshot{departments: "1", members: strings.Join(masked, ";")}).problems()
	require.Equal(t, accounts, c.accountsNow())
	require.Len(t, problems, 11)
	require.Contains(t, problems[0], "member p00: its phone is not one number in E.164 form")
	require.Contains(t, problems[9], "member p09: ")
	require.Equal(t, "there are 30 more members whose phone is not one number in E.164 form", problems[10])
	require.NotContains(t, strings.Join(problems, ""), "****")
}

func TestASingleMembersRunWarnsOfNobodyElse(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A a@x -", "B b@x -", "S - 8001")
	c.sync(snapshot{departments: "1", members: "a email=a@x phone=- in=1; b email=b@x phone=- in=1; s phone=8001 in=1"})
	r := c.syncPeople([]string{"b"}, "b email=b@x phone=%E6%97%A0 in=1")
	require.Len(t, r.problems(), 1)
	require.Contains(t, r.problems()[0], "member b: its phone")
}

// syncPeople carries out a run of single people.
func (c *company) syncPeople(ids []string, people string) *run {
	c.t.Helper()
	r := c.beginLimited("apply", db.NewRun{Members: ids})
	r.stagePeople(people)
	require.NoError(c.t, c.store.ApplyMembers(c.t.Context(), r.id, 1, len(ids)))
	r.planRemovals()
	r.remove()
	r.recompute()
	r.finish()
	return r
}

func TestUndoingGivesAccountsOnlyAddresses(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A " + goodEmail + " 8001")
	c.sync(snapshot{departments: "1", members: "a email=" + goodEmail + " phone=138****0101 in=1"})
	target := c.sync(snapshot{departments: "1", members: "a email=" + goodEmail + " phone=" + goodPhone + " in=1"})
	require.Equal(t, []string{"A " + goodEmail + " " + goodPhone}, c.accountsNow())
	undone := c.undo(target, db.UndoScope{})
	restored := c.texts(t, "SELECT phone FROM org_members WHERE provider_id = $1", c.provider.ID)
	require.Equal(t, []string{"138****0101"}, restored)
	require.Equal(t, []string{"A " + goodEmail + " " + goodPhone}, c.accountsNow())
	require.Len(t, undone.problems(), 1)
	require.Contains(t, undone.problems()[0], "member a: its phone is not one number in E.164 form")
}
