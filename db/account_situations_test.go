package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
)

// platform is a database whose accounts are the platform's own, with a column that must be
// filled and of which we know nothing, and with a function of its own if one is given.
func platform(t *testing.T, function string) *database {
	t.Helper()
	url := dbtest.Empty(t)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), `CREATE TABLE identities (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text
		UNIQUE, phone text UNIQUE);
		CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid, identity_id uuid NOT NULL
		REFERENCES identities,
			display_name text NOT NULL, badge text NOT NULL DEFAULT 'by hand');`+function)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), url))
	require.NoError(t, db.Migrate(t.Context(), url))
	store, err := db.Open(t.Context(), url, db.Connections(8))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return &database{store: store, pool: pool}
}

// badgeFirst is a platform's own way of making an account. It takes nobody without a name.
const badgeFirst = `CREATE FUNCTION orgsync_account_create(member_id uuid) RETURNS uuid LANGUAGE plpgsql AS $$
	DECLARE
		person record;
		made uuid;
	BEGIN
		SELECT m.*, p.tenant_id AS tenant INTO person
		FROM org_members m JOIN identity_providers p ON p.id = m.provider_id WHERE m.id = $1;
		IF person.name = 'Nobody' THEN RAISE 'no name for %', person.email; END IF;
		WITH i AS (INSERT INTO identities (email, phone) SELECT k.email, k.phone FROM orgsync_account_keys($1) k
		RETURNING id)
		INSERT INTO users (tenant_id, identity_id, display_name, badge)
		SELECT person.tenant, i.id, person.name, 'badge of ' || person.external_id FROM i RETURNING id INTO made;
		RETURN made;
	END $$;`

// situation is a row of the table of situations: what there is, and what is done.
type situation struct {
	name string
	// accounts are "name email phone", others those of another tenant.
	accounts, others []string
	policy           db.AccountPolicy
	// syncs are the members of one sync after the other.
	syncs []string
	// linked, and conflicts "member reason accounts", are what there is afterwards; created
	// is how many accounts were made.
	linked, conflicts []string
	created           int
	// quiet is false where the last sync has something to say.
	noted string
}

var creating = db.AccountPolicy{Create: true}

const phoneOne, phoneTwo = "+8613800000001", "+8613800000002"

var situations = []situation{
	{name: "one account, one member", accounts: []string{"A a@x -"}, syncs: []string{"a email=a@x in=1"},
		linked: []string{"a A"}},
	{name: "link stands", accounts: []string{"A a@x -", "B b@x -"},
		syncs: []string{"a email=a@x in=1", "a email=b@x in=1"}, linked: []string{"a A"},
		noted: "names another account"},
	{name: "e-mail says A, phone says B", accounts: []string{"A a@x -", "B - " + phoneOne},
		syncs: []string{"a email=a@x phone=" + phoneOne + " in=1"}, conflicts: []string{"a keys_disagree A,B"}},
	{name: "several accounts share the key", accounts: []string{"A a@x -", "B A@x -"},
		syncs:     []string{"a email=a@x in=1"},
		conflicts: []string{"a several_accounts A,B"}},
	{name: "several accounts share the key, another names one", accounts: []string{"A a@x " + phoneOne, "B A@x -"},
		syncs: []string{"a email=a@x phone=" + phoneOne + " in=1"}, conflicts: []string{"a several_accounts A,B"}},
	{name: "several members share the key", accounts: []string{"A a@x -"},
		syncs:     []string{"a email=a@x in=1; b email=a@x in=1"},
		conflicts: []string{"a several_members A", "b several_members A"}},
	{name: "several members share the key that no account has", policy: creating,
		syncs:     []string{"a email=a@x in=1; b email=a@x in=1"},
		conflicts: []string{"a several_members ", "b several_members "}},
	{name: "several members share a key, and have another of their own", policy: creating,
		syncs:  []string{"a email=a@x phone=" + phoneOne + " in=1; b email=b@x phone=" + phoneOne + " in=1"},
		linked: []string{"a Na", "b Nb"}, created: 2},
	{name: "two members by different keys", accounts: []string{"A a@x " + phoneOne},
		syncs: []string{"a email=a@x in=1; b phone=" + phoneOne + " in=1"}, linked: []string{"a A"},
		conflicts: []string{"b account_taken A"}},
	{name: "account of another active member", accounts: []string{"A a@x -"},
		syncs: []string{"a email=a@x in=1", "a in=1 email=b@x; b email=b@x in=1",
			"a in=1 email=b@x phone=" + phoneOne + "; b phone=" + phoneOne + " in=1"},
		linked: []string{"a A"}, conflicts: []string{"b account_taken A"}},
	{name: "account of a deleted member with another unionid", accounts: []string{"A - " + phoneOne},
		syncs: []string{"a u=ua phone=" + phoneOne + " in=1; z in=1", "z in=1",
			"b u=ub phone=" + phoneOne + " in=1; z in=1"},
		linked: []string{"a A"}, conflicts: []string{"b former_member A"}},
	{name: "account of a deleted member, unlinked when they left", accounts: []string{"A - " + phoneOne},
		policy: db.AccountPolicy{Unlink: true},
		syncs: []string{"a u=ua phone=" + phoneOne + " in=1; z in=1", "z in=1",
			"b u=ub phone=" + phoneOne + " in=1; z in=1"},
		conflicts: []string{"b former_member A"}},
	{name: "member comes back", accounts: []string{"A a@x -"},
		syncs:  []string{"a u=ua email=a@x in=1; z in=1", "z in=1", "a2 u=ua email=n@x in=1; z in=1"},
		linked: []string{"a2 A"}},
	{name: "member comes back after being unlinked", accounts: []string{"A a@x -", "B n@x -"},
		policy: db.AccountPolicy{Unlink: true, KeepContact: true},
		syncs:  []string{"a u=ua email=a@x in=1; z in=1", "z in=1", "a2 u=ua email=n@x in=1; z in=1"},
		linked: []string{"a2 A"}, noted: "names another account"},
	{name: "no key", policy: creating, syncs: []string{"a in=1; b email=- phone=110 in=1"}},
	{name: "no account", policy: creating, syncs: []string{"a email=a@x phone=" + phoneOne + " in=1"},
		linked: []string{"a Na"}, created: 1},
	{name: "no account, and none is created", syncs: []string{"a email=a@x in=1"}},
	{name: "no account of somebody suspended", policy: creating, syncs: []string{"a email=a@x status=inactive in=1"}},
	{name: "a key that only another tenant's account has", policy: creating, others: []string{"O a@x -"},
		syncs: []string{"a email=a@x in=1"}, conflicts: []string{"a other_tenant "}},
	{name: "never", policy: db.AccountPolicy{Never: true, Create: true}, accounts: []string{"A a@x -"},
		syncs: []string{"a email=a@x in=1; b email=b@x in=1"}},
	{name: "phone first", policy: db.AccountPolicy{Match: []string{"phone"}},
		accounts: []string{"A a@x -", "B - " + phoneOne},
		syncs:    []string{"a email=a@x phone=" + phoneOne + " in=1; b email=a@x in=1"}, linked: []string{"a B"},
		noted: "-"},
}

// flavours are the databases on which each situation is tried.
var flavours = map[string]func(*testing.T) *database{
	"our tables":            newDatabase,
	"the platform's own":    func(t *testing.T) *database { return platform(t, badgeFirst) },
	"the worker's own role": newDatabase,
}

func TestSituations(t *testing.T) {
	t.Parallel()
	for name, open := range flavours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			for _, s := range situations {
				t.Run(s.name, func(t *testing.T) { s.run(t, d, name) })
			}
		})
	}
}

func (s situation) run(t *testing.T, d *database, flavour string) {
	d.exec(t, "TRUNCATE users, identities")
	if flavour == "the platform's own" {
		d.exec(t, "ALTER TABLE users ALTER badge SET DEFAULT 'by hand'")
	}
	c := d.company(t, directory.Feishu)
	c.policy = s.policy
	c.accounts(s.accounts...)
	if s.others != nil {
		d.company(t, directory.Feishu).accounts(s.others...)
	}
	if flavour == "the platform's own" {
		d.exec(t, "ALTER TABLE users ALTER badge DROP DEFAULT")
	}
	if flavour == "the worker's own role" {
		worker, err := db.Open(t.Context(), dbtest.As(t, "orgsync_worker", c.pool.Config().ConnString()))
		require.NoError(t, err)
		defer worker.Close()
		c.database = &database{store: worker, pool: d.pool}
	}
	var last *run
	for _, members := range s.syncs {
		last = c.sync(snapshot{departments: "1", members: members})
	}
	require.Equal(t, append([]string{}, s.linked...), c.linked())
	require.Equal(t, append([]string{}, s.conflicts...), c.conflicts())
	require.Equal(t, len(s.accounts)+len(s.others)+s.created, c.count(t, "SELECT count(*) FROM users"))
	switch s.noted {
	case "":
		require.Empty(t, last.problems())
	case "-":
	default:
		require.NotEmpty(t, last.problems())
		require.Contains(t, last.problems()[0], s.noted)
	}
	// Once more changes nothing.
	before, conflicts := c.versions(), c.texts(t, "SELECT xmin::text FROM account_conflicts ORDER BY 1")
	require.Empty(t, c.sync(snapshot{departments: "1", members: s.syncs[len(s.syncs)-1]}).changes())
	require.Equal(t, before, c.versions())
	require.Equal(t, conflicts, c.texts(t, "SELECT xmin::text FROM account_conflicts ORDER BY 1"))
	require.Zero(t, c.count(t, "SELECT count(*) FROM account_matches"))
}

// count is the one number that a query returns.
func (d *database) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, d.pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// conflicts are what waits for a person.
func (c *company) conflicts() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', m.external_id, x.reason, coalesce((
			SELECT string_agg(u.display_name, ',' ORDER BY u.display_name) FROM users u
			WHERE u.id = ANY (x.candidates)), ''))
		FROM account_conflicts x JOIN org_members m ON m.id = x.member_id
		WHERE x.provider_id = $1 AND x.decision IS NULL ORDER BY 1`, c.provider.ID)
}

// The same person at two providers has one account only if both are known by the e-mail.
func TestTheSamePersonAtTwoProviders(t *testing.T) {
	t.Parallel()
	for _, s := range []struct{ name, first, second, conflict string }{
		{"equal e-mails", "a email=a@x in=1", "b email=a@x in=1", ""},
		{"equal phones", "a phone=" + phoneOne + " in=1", "b phone=" + phoneOne + " in=1", "b other_provider A"},
		{"another e-mail, equal phones", "a email=a@x phone=" + phoneOne + " in=1",
			"b email=b@x phone=" + phoneOne + " in=1", "b other_provider A"},
	} {
		for _, flavour := range []string{"our tables", "the platform's own"} {
			t.Run(s.name+" on "+flavour, func(t *testing.T) {
				t.Parallel()
				d := flavours[flavour](t)
				one, two := d.company(t, directory.Feishu), d.company(t, directory.DingTalk)
				two.provider.TenantID = one.provider.TenantID
				d.exec(t, "UPDATE identity_providers SET tenant_id = $1", *one.provider.TenantID)
				one.accounts("A a@x " + phoneOne)
				one.sync(snapshot{departments: "1", members: s.first})
				two.sync(snapshot{departments: "1", members: s.second})
				require.Equal(t, []string{"a A"}, one.linked())
				if s.conflict == "" {
					require.Equal(t, []string{"b A"}, two.linked())
				} else {
					require.Empty(t, two.linked())
					require.Equal(t, []string{s.conflict}, two.conflicts())
				}
				// A provider that was removed leaves its members behind.
				d.exec(t, "UPDATE org_members SET status = 'deleted', provider_id = NULL WHERE provider_id = $1",
					one.provider.ID)
				two.sync(snapshot{departments: "1", members: s.second})
				if s.conflict != "" {
					require.Equal(t, []string{"b former_member A"}, two.conflicts())
				}
			})
		}
	}
}

// A column that we do not know stops nobody: who cannot get an account is named.
func TestAPlatformsColumnThatWeDoNotKnow(t *testing.T) {
	t.Parallel()
	d := platform(t, "")
	c := d.company(t, directory.Feishu)
	c.policy = creating
	c.accounts("L l@x -")
	d.exec(t, "ALTER TABLE users ALTER badge DROP DEFAULT")
	var members []string
	for n := range 14 {
		members = append(members, fmt.Sprintf("p%02d email=p%02d@x in=1", n, n))
	}
	r := c.sync(snapshot{departments: "1", members: "l email=l@x in=1;" + strings.Join(members, ";")})
	require.Equal(t, []string{"l L"}, c.linked())
	require.Equal(t, 1, c.count(t, "SELECT count(*) FROM identities"),
		"nothing is left of an account that was not made")
	require.Len(t, r.problems(), 11)
	require.Contains(t, r.problems()[0], "member p00: function orgsync_account_create failed (SQLSTATE 23502, badge)")
	require.Equal(t, "there are 4 more members for whom function orgsync_account_create failed", r.problems()[10])

	d.exec(t, strings.Replace(badgeFirst, "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
	members[3] = "p03 name=Nobody email=p03@x in=1"
	require.NoError(t, db.Migrate(t.Context(), c.pool.Config().ConnString()))
	r = c.sync(snapshot{departments: "1", members: "l email=l@x in=1;" + strings.Join(members, ";")})
	require.Equal(t, 13, r.counts.Members.AccountCreated)
	require.Equal(t, 13, r.counts.Members.Linked)
	require.Len(t, r.problems(), 1)
	require.Contains(t, r.problems()[0], "member p03: function orgsync_account_create failed (SQLSTATE P0001)")
	require.NotContains(t, r.problems()[0], "@x")
	require.Equal(t, []string{"badge of p00"}, c.texts(t, "SELECT badge FROM users WHERE display_name = 'Np00'"))
}
