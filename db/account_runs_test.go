package db_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/internal/directory"
)

// people writes so many members with an e-mail address each.
func people(from, to int) string {
	var all []string
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprintf("p%03d email=p%03d@x in=1", n, n))
	}
	return strings.Join(all, ";")
}

// Of a directory that was linked before, more than a fifth get no account unasked.
func TestManyAccountsAreNotCreatedUnasked(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.policy = creating
	r := c.sync(snapshot{departments: "1", members: people(0, 60)})
	require.Equal(t, 60, r.counts.Members.AccountCreated, "nobody was linked before")
	r = c.sync(snapshot{departments: "1", members: people(0, 110)})
	require.Equal(t, 50, r.counts.Members.AccountCreated, "as many as go unasked")
	r = c.sync(snapshot{departments: "1", members: people(0, 161)})
	require.Equal(t, db.Linked{Creations: 51, Active: 161, Limit: 50, Beyond: true}, r.linked)
	require.Zero(t, r.counts.Members.AccountCreated)
	require.Equal(t,
		[]string{"51 accounts are to be created for 161 active members; the limit is 50, so nobody got one; " +
			"plan a run for accounts to see who, and apply it to decide"}, r.problems())

	// The plan of a run for accounts shows them all; applied it waits.
	plan := c.beginLimited("plan", db.NewRun{Task: db.TaskAccounts})
	out, err := c.store.CarryOut(t.Context(), plan.id)
	require.NoError(t, err)
	require.Equal(t, 51, out.Counts.Members.AccountCreated)
	require.True(t, out.Linked.Beyond)
	require.Len(t, plan.changes(), 102)
	require.Equal(t, 110, c.count(t, "SELECT count(*) FROM users"))

	held := c.beginLimited("apply", db.NewRun{Task: db.TaskAccounts})
	done, err := c.store.CarryOut(t.Context(), held.id)
	require.NoError(t, err)
	require.True(t, done.Linked.Beyond)
	require.Equal(t, 110, c.count(t, "SELECT count(*) FROM users"))
	require.NoError(t, c.store.HoldRun(t.Context(), held.id, "many accounts", "hold", directory.Counts{}))

	// A sync leaves the question open. Asked for everybody anew, the older one is moot.
	c.sync(snapshot{departments: "1", members: people(0, 161)})
	status := func(r *run) []string {
		return c.texts(t, "SELECT status || coalesce(': ' || error, '') FROM sync_runs WHERE id = $1", r.id)
	}
	require.Equal(t, []string{"held"}, status(held))
	older := held
	held = c.beginLimited("apply", db.NewRun{Task: db.TaskAccounts})
	require.Equal(t, []string{"superseded: superseded by a newer run before anybody decided on the accounts"},
		status(older))
	done, err = c.store.CarryOut(t.Context(), held.id)
	require.NoError(t, err)
	require.True(t, done.Linked.Beyond)
	require.NoError(t, c.store.HoldRun(t.Context(), held.id, "many accounts", "hold", directory.Counts{}))

	// Whoever came after the question is not among those that were allowed.
	limited := c.beginLimited("apply", db.NewRun{Members: []string{"late"}})
	limited.stagePeople("late email=late@x in=1")
	require.NoError(t, c.store.ApplyMembers(t.Context(), limited.id, 1, 1))
	limited.finish()
	require.NoError(t, c.store.ResumeRun(t.Context(), held.id, gone))
	done, err = c.store.CarryOut(t.Context(), held.id)
	require.NoError(t, err)
	require.Equal(t, 52, done.Linked.Creations)
	require.Equal(t, 161, c.count(t, "SELECT count(*) FROM users"))
	require.Zero(t, c.count(t, "SELECT count(*) FROM org_members WHERE external_id = 'late' AND user_id IS NOT NULL"))
	require.Zero(t, c.count(t, "SELECT count(*) FROM account_matches"))
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	const members = "a email=a@x in=1; b email=a@x in=1; c email=a@x in=1; d in=1; e email=e@x in=1"
	c.accounts("A a@x -", "D d@x -")
	c.sync(snapshot{departments: "1", members: members})
	require.Equal(t, []string{"a several_members A", "b several_members A", "c several_members A"}, c.conflicts())
	id := func(of string) string {
		return c.texts(t, "SELECT id::text FROM org_members WHERE provider_id = $1 AND external_id = $2",
			c.provider.ID, of)[0]
	}
	account := func(of string) string {
		return c.texts(t, "SELECT id::text FROM users WHERE display_name = $1", of)[0]
	}
	decide := func(of string, decision, user string) error {
		return c.store.DecideAccount(t.Context(), db.AccountDecision{
			ProviderID: c.provider.ID, MemberID: id(of), Decision: decision, UserID: user,
			By: audit.By{Name: "ann@host"},
		})
	}
	require.NoError(t, decide("a", "link", account("A")))
	require.NoError(t, decide("b", "create", ""))
	require.NoError(t, decide("c", "ignore", ""))
	require.NoError(t, decide("d", "link", account("D")), "also where there was no conflict")
	r := c.sync(snapshot{departments: "1", members: members})
	require.Equal(t, []string{"a A", "b Nb", "d D"}, c.linked())
	require.Equal(t, 3, r.counts.Members.Linked)
	require.Empty(t, c.conflicts())
	require.Equal(t, []string{"a link ann@host several_members", "b create ann@host several_members",
		"c ignore ann@host several_members",
		"d link ann@host manual"}, c.texts(t, `SELECT concat_ws(' ', external_id, decision, decided_by, reason)
		FROM account_conflicts x JOIN org_members m ON m.id = x.member_id ORDER BY 1`))
	require.Equal(t, []string{"decision"}, c.texts(t,
		`SELECT DISTINCT after ->> 'by' FROM org_changes WHERE kind = 'linked' AND run_id = $1
		AND external_id <> 'b'`, r.id))
	require.Equal(t, []string{"Nb"}, c.texts(t, `SELECT concat_ws(' ', display_name, email, phone) FROM identities i
		JOIN users u ON u.identity_id = i.id WHERE display_name = 'Nb'`), "no address that another account has")
	// Nothing more comes of it, and nobody's account is taken over.
	require.Empty(t, c.sync(snapshot{departments: "1", members: members}).changes())
	require.ErrorIs(t, decide("a", "ignore", ""), db.ErrLinked)
	require.ErrorIs(t, decide("e", "link", account("A")), db.ErrAccountTaken)
	require.ErrorIs(t, decide("e", "link", c.provider.ID), db.ErrNoAccount)
	// Links that somebody made stay when the keys name another one, and the next undoing takes them back.
	undone := c.undo(r, db.UndoScope{})
	require.Empty(t, undone.problems())
	require.Empty(t, c.linked())
	require.Equal(t, []string{"A a@x", "D d@x"}, c.accountsNow())
}

// A link is taken away for good, although the account is found by its key, and undone it is back.
func TestUnlinking(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	company := snapshot{departments: "1", members: "a email=a@x in=1; b email=b@x in=1"}
	c.accounts("A a@x -")
	c.sync(company)
	require.Equal(t, []string{"a A"}, c.linked())
	decide := func(of string) error {
		return c.store.DecideAccount(t.Context(), db.AccountDecision{
			ProviderID: c.provider.ID, Decision: "unlink", By: audit.By{Name: "ann@host"},
			MemberID: c.texts(t, "SELECT id::text FROM org_members WHERE external_id = $1", of)[0],
		})
	}
	require.ErrorIs(t, decide("b"), db.ErrUnlinked)
	require.NoError(t, decide("a"))
	unlinking := c.sync(company)
	require.Empty(t, c.linked())
	require.Zero(t, unlinking.counts.Members.Linked)
	require.Equal(t, []string{"ignore ann@host"},
		c.texts(t, "SELECT concat_ws(' ', decision, decided_by) FROM account_conflicts"))
	require.Empty(t, c.sync(company).changes())
	require.Empty(t, c.undo(unlinking, db.UndoScope{}).problems())
	require.Equal(t, []string{"a A"}, c.linked())
	require.Empty(t, c.sync(company).changes(), "it is not taken away twice")
}

// An account that a run created goes with its undoing, unless it was used since.
func TestUndoingCreatedAccounts(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.policy = creating
	target := c.sync(snapshot{departments: "1",
		members: "a email=a@x in=1; b email=b@x in=1; c email=c@x in=1; d email=d@x in=1"})
	require.Equal(t, []string{"a Na", "b Nb", "c Nc", "d Nd"}, c.linked())
	c.exec(t, `CREATE TABLE sessions (user_id uuid REFERENCES users);
		INSERT INTO sessions SELECT id FROM users WHERE display_name = 'Nb';
		UPDATE users SET updated_at = now() + interval '1 second' WHERE display_name = 'Nc'`)
	plan := c.beginUndo("plan", target.id)
	_, err := c.store.Undo(t.Context(), plan.id, db.UndoScope{}, nil)
	require.NoError(t, err)
	require.Equal(t, 4, c.count(t, "SELECT count(*) FROM users"), "a plan removes nothing")
	undone := c.undo(target, db.UndoScope{})
	require.Equal(t, plan.changes(), undone.changes())
	require.Empty(t, c.linked())
	require.Equal(t, []string{"Nb b@x", "Nc c@x"}, c.accountsNow())
	require.Equal(t, 2, c.count(t, "SELECT count(*) FROM identities"))
	require.Len(t, undone.problems(), 2)
	require.Contains(t, undone.problems()[0], "member b: its account stays, since it was used")
	// Undoing the undoing links nobody to an account that is gone.
	redone := c.undo(undone.run, db.UndoScope{})
	require.Equal(t, []string{"b Nb", "c Nc"}, c.linked())
	require.Empty(t, redone.problems())
}

// Whoever leaves is told of once, whatever the policy; the link goes only if it says so.
func TestLeaving(t *testing.T) {
	t.Parallel()
	for _, unlink := range []bool{false, true} {
		t.Run(fmt.Sprint("unlink ", unlink), func(t *testing.T) {
			t.Parallel()
			c := newDatabase(t).company(t, directory.Feishu)
			c.policy.Unlink = unlink
			c.exec(t, `CREATE TABLE goodbyes (name text);
				CREATE OR REPLACE FUNCTION orgsync_account_leave(user_id uuid, member_id uuid) RETURNS void LANGUAGE
				plpgsql AS $$
				BEGIN
					IF (SELECT m.external_id FROM org_members m WHERE m.id = $2) = 'b' AND NOT EXISTS (SELECT
					FROM goodbyes WHERE name = 'open') THEN
						RAISE 'not b';
					END IF;
					INSERT INTO goodbyes SELECT u.display_name || ' of ' || m.external_id FROM users u, org_members m
					WHERE u.id = $1 AND m.id = $2;
				END $$`)
			c.accounts("A a@x -", "B b@x -")
			const all = "a u=ua email=a@x in=1; b u=ub email=b@x in=1; z in=1"
			c.sync(snapshot{departments: "1", members: all})
			require.Equal(t, []string{"a A", "b B"}, c.linked())
			left := c.sync(snapshot{departments: "1", members: "z in=1"})
			require.Equal(t, []string{"A of a"}, c.texts(t, "SELECT name FROM goodbyes ORDER BY 1"))
			require.Len(t, left.problems(), 1)
			require.Contains(t, left.problems()[0],
				"member b: function orgsync_account_leave failed (SQLSTATE P0001)")
			require.Zero(t, left.counts.Members.Linked)
			linked := []string{"a A", "b B"}
			if unlink {
				linked = []string{"b B"}
			}
			require.Equal(t, linked, c.linked())

			c.exec(t, "INSERT INTO goodbyes VALUES ('open')")
			require.Empty(t, c.sync(snapshot{departments: "1", members: "z in=1"}).problems())
			require.Equal(t, []string{"A of a", "B of b", "open"}, c.texts(t, "SELECT name FROM goodbyes ORDER BY 1"))
			undone := c.undo(left, db.UndoScope{})
			require.Empty(t, undone.problems())
			require.Contains(t, c.linked(), "a A", "undoing gives it back")
			c.sync(snapshot{departments: "1", members: all})
			require.Equal(t, []string{"a A", "b B"}, c.linked(), "and so does coming back")
			require.Zero(t, c.count(t, "SELECT count(*) FROM account_leavers"))
		})
	}
}

func TestAccountsThatDoNotFollow(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.policy.KeepContact = true
	c.accounts("A a@x -")
	target := c.sync(snapshot{departments: "1", members: "a email=a@x phone=" + phoneOne + " in=1"})
	require.Equal(t, []string{"A a@x"}, c.accountsNow())
	c.exec(t, "UPDATE identities SET phone = $1", phoneOne) // the platform's own doing
	c.undo(target, db.UndoScope{})
	require.Equal(t, []string{"A a@x " + phoneOne}, c.accountsNow(), "what the run did not write is not taken back")
}

// Two providers' runs at the same moment make one account of a person, not two.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	one, two := d.company(t, directory.Feishu), d.company(t, directory.DingTalk)
	d.exec(t, "UPDATE identity_providers SET tenant_id = $1", *one.provider.TenantID)
	var runs []*run
	for _, c := range []*company{one, two} {
		c.policy = creating
		r := c.begin("apply")
		r.read(snapshot{departments: "1", members: "a email=a@x in=1"})
		r.apply(false)
		runs = append(runs, r)
	}
	var linking sync.WaitGroup
	for _, r := range runs {
		linking.Go(func() {
			if _, err := r.c.store.LinkAccounts(t.Context(), r.id); err != nil {
				t.Error(err)
			}
		})
	}
	linking.Wait()
	require.Equal(t, 1, d.count(t, "SELECT count(*) FROM users"))
	require.Equal(t, 2, d.count(t, "SELECT count(*) FROM org_members WHERE user_id IS NOT NULL"))
}

// Ten thousand members are linked, or given accounts, in seconds.
func TestAccountsOfTenThousand(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.policy = creating
	const size = 10_000
	c.exec(t, `INSERT INTO org_members (provider_id, tenant_id, external_id, name, email, phone)
		SELECT $1, $2, 'u' || n, 'N' || n, 'u' || n || '@acme.cn', '+861380' || lpad(n::text, 7, '0')
		FROM generate_series(1, $3::int) n`,
		c.provider.ID, *c.provider.TenantID, size)
	c.exec(t, `WITH i AS (INSERT INTO identities (email, phone)
			SELECT 'u' || n || '@acme.cn', '1380' || lpad(n::text, 7, '0') FROM generate_series(1, $2::int) n
			RETURNING id)
		INSERT INTO users (tenant_id, identity_id) SELECT $1, id FROM i`, *c.provider.TenantID, size/2)
	r := c.begin("apply")
	began := time.Now()
	_, err := c.store.LinkAccounts(t.Context(), r.id)
	require.NoError(t, err)
	t.Logf("linked %d members and created %d accounts in %v", size/2, size/2, time.Since(began))
	r.finish()
	require.Empty(t, r.problems())
	require.Equal(t, size, r.counts.Members.Linked)
	require.Equal(t, size/2, r.counts.Members.AccountCreated)
	require.Equal(t, size, c.count(t, "SELECT count(*) FROM users"))
	began = time.Now()
	again := c.begin("apply")
	_, err = c.store.LinkAccounts(t.Context(), again.id)
	require.NoError(t, err)
	t.Logf("found nothing to do in %v", time.Since(began))
	require.Empty(t, again.changes())
}
