package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/directory"
)

// raising is a trigger function of a platform that takes no foreign numbers.
const raising = `CREATE FUNCTION home_only() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.phone LIKE '+1%' OR NEW.email LIKE '%.example' THEN RAISE 'not here: %', NEW.phone; END IF;
		RETURN NEW;
	END $$;`

// platforms are rules of a platform's own table that take neither the phone nor the
// e-mail of member b, and what the run says of that.
var platforms = []struct{ name, rules, code string }{
	{"a narrow column", `ALTER TABLE identities ALTER email TYPE varchar(8), ALTER phone TYPE varchar(14)`, "22001"},
	{
		"a CHECK",
		`ALTER TABLE identities ADD CONSTRAINT home CHECK (phone LIKE '+86%' AND email NOT LIKE '%.example')`,
		"23514, home",
	},
	{
		"a trigger",
		raising + `CREATE TRIGGER home BEFORE UPDATE ON identities FOR EACH ROW EXECUTE FUNCTION home_only()`, "P0001",
	},
	{
		"a trigger at the end of the transaction",
		raising + `CREATE CONSTRAINT TRIGGER home AFTER UPDATE ON identities DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION home_only()`, "P0001",
	},
	{
		"a unique key of its own making",
		`CREATE UNIQUE INDEX home ON identities (right(phone, 2)) WHERE phone LIKE '+%';
		CREATE UNIQUE INDEX homes ON identities (left(email, 3)) WHERE email LIKE '%.%';
		INSERT INTO identities (phone, email) VALUES ('+4923456702', 'b@b.de')`, "23505, home",
	},
	{
		"a unique key at the end of the transaction",
		`ALTER TABLE identities ADD tail text GENERATED ALWAYS AS (CASE WHEN phone LIKE '+%' THEN right(phone, 2) END)
			STORED,
			ADD head text GENERATED ALWAYS AS (CASE WHEN email LIKE '%.%' THEN left(email, 3) END) STORED;
		ALTER TABLE identities ADD CONSTRAINT home UNIQUE (tail) DEFERRABLE INITIALLY DEFERRED,
			ADD CONSTRAINT homes UNIQUE (head) DEFERRABLE INITIALLY DEFERRED;
		INSERT INTO identities (phone, email) VALUES ('+4923456702', 'b@b.de')`, "23505, home",
	},
	{
		"a view with a check",
		`ALTER TABLE identities RENAME TO accounts; CREATE VIEW identities AS SELECT id, email, phone FROM accounts
			WHERE coalesce(phone, '') NOT LIKE '+1%'
			AND coalesce(email, '') NOT LIKE '%.example' WITH CHECK OPTION`, "44000",
	},
}

// One account that its table refuses leaves the others alone, and is named with its column.
func TestARefusedAccountStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for _, platform := range platforms {
		t.Run(platform.name, func(t *testing.T) {
			t.Parallel()
			c := newDatabase(t).company(t, directory.Feishu)
			c.accounts("A a@x +8613800000001", "B b@x +8613800000009", "C c@x +8613800000003")
			c.sync(snapshot{departments: "1", members: "a email=a@x in=1; b email=b@x in=1; c email=c@x in=1"})
			require.Equal(t, []string{"a A", "b B", "c C"}, c.linked())
			c.exec(t, platform.rules)
			const changed = "a email=a@y phone=+8613800000004 in=1; b email=b@b.example phone=+12025550120202 in=1; " +
				"c email=c@y phone=+8613800000006 in=1; d in=1"
			const after = "A a@y +8613800000004; B b@x +8613800000009; C c@y +8613800000006"
			for range 2 {
				r := c.sync(snapshot{departments: "1", members: changed})
				require.Equal(t, after, strings.Join(c.accountsNow(), "; "))
				require.Len(t, r.problems(), 2)
				require.Contains(t, r.problems()[0],
					"member b: table identities refuses its e-mail (SQLSTATE "+platform.code)
				require.Contains(t, r.problems()[1],
					"member b: table identities refuses its phone (SQLSTATE "+platform.code)
				require.NotContains(t, strings.Join(r.problems(), ""), "202555")
				require.Zero(t, r.counts.Members.Failed)
			}
		})
	}
}

// The worker's role has no more rights to accounts than to read them and write two columns.
func TestAWorkerMayWriteAccountsOneByOne(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A a@x -", "B b@x -")
	c.exec(t, "ALTER TABLE identities ADD CONSTRAINT home CHECK (phone LIKE '+86%')")
	r := c.begin("apply")
	r.read(
		snapshot{departments: "1",
			members: "a email=a@x phone=+8613800000001 in=1; b email=b@x phone=+12025550123 in=1"})
	r.apply(false)
	worker, err := db.Open(t.Context(), dbtest.As(t, "orgsync_worker", c.pool.Config().ConnString()))
	require.NoError(t, err)
	t.Cleanup(worker.Close)
	_, err = worker.LinkAccounts(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, []string{"A a@x +8613800000001", "B b@x"}, c.accountsNow())
	require.Len(t, r.problems(), 1)
}

// What Postgres refuses for other reasons than a value is no account's fault.
func TestAFailureOfTheTableFailsTheRun(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.accounts("A a@x +8613800000001")
	c.sync(snapshot{departments: "1", members: "a email=a@x in=1"})
	c.exec(t, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE 'disk' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE UPDATE ON identities FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	r := c.begin("apply")
	r.read(snapshot{departments: "1", members: "a email=a@y in=1"})
	r.apply(false)
	_, err := c.store.LinkAccounts(t.Context(), r.id)
	require.ErrorContains(t, err, "postgres 53100")
	require.Empty(t, r.problems())
}

func TestManyRefusedAccounts(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	var members []string
	for n := range 40 {
		c.accounts(fmt.Sprintf("p%02d p%02d@x 138000001%02d", n, n, n))
		members = append(members, fmt.Sprintf("p%02d email=p%02d@x phone=+86138000001%02d in=1", n, n, n))
	}
	c.exec(t, "ALTER TABLE identities ALTER phone TYPE varchar(11)")
	accounts := c.accountsNow()
	r := c.sync(snapshot{departments: "1", members: strings.Join(members, ";")})
	require.Equal(t, 40, r.counts.Members.Linked)
	require.Equal(t, accounts, c.accountsNow())
	require.Len(t, r.problems(), 11)
	require.Contains(t, r.problems()[0], "member p00: table identities refuses its phone (SQLSTATE 22001)")
	require.Equal(t, "there are 30 more members whose phone table identities refuses", r.problems()[10])
}

// Undoing writes accounts, too: what one was before may be refused by now.
func TestARefusedAccountStopsNoUndoing(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "z in=1"})
	c.accounts("A a@x -", "B b@x 138-0000-0002", "C - +8613800000003")
	target := c.sync(snapshot{departments: "1", members: `z in=1; a email=a@x phone=+8613800000001 in=1
		b email=b@x phone=+8613800000002 in=1; c email=c@x phone=+8613800000003 in=1`})
	require.Equal(t, []string{"a A", "b B", "c C"}, c.linked())
	c.exec(t, "ALTER TABLE identities ADD CONSTRAINT dialled CHECK (phone LIKE '+%'), ALTER phone SET NOT NULL")

	undone := c.undo(target, db.UndoScope{})
	require.Zero(t, undone.LeftAlone)
	require.Empty(t, c.linked())
	require.Equal(t, []string{"A a@x +8613800000001", "B b@x +8613800000002", "C +8613800000003"}, c.accountsNow())
	problems := undone.problems()
	require.Len(t, problems, 2)
	require.Contains(t, problems[0], "member a: table identities refuses its former phone (SQLSTATE 23502)")
	require.Contains(t, problems[1], "member b: table identities refuses its former phone (SQLSTATE 23514, dialled)")
}
