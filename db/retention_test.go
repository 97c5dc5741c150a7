package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

const day = 24 * time.Hour

// keep is how long the tests keep things.
var keep = struct{ raw, details, runs time.Duration }{30 * day, 90 * day, 400 * day}

// cleanUp carries out every part to its end and returns what each did, and how many
// transactions it took altogether.
func (d *database) cleanUp(t *testing.T) (rows map[string]int, transactions int) {
	t.Helper()
	rows = map[string]int{}
	for _, part := range []struct {
		name string
		do   func(context.Context) (db.Cleaned, error)
	}{
		{"staging", d.store.CleanStaging},
		{"raw", func(ctx context.Context) (db.Cleaned, error) { return d.store.CleanRaw(ctx, keep.raw) }},
		{"details", func(ctx context.Context) (db.Cleaned, error) { return d.store.CleanDetails(ctx, keep.details) }},
		{"runs", func(ctx context.Context) (db.Cleaned, error) { return d.store.CleanRuns(ctx, keep.runs) }},
		{"calls", d.store.CleanCalls},
	} {
		for more := true; more; transactions++ {
			cleaned, err := part.do(t.Context())
			require.NoError(t, err)
			require.LessOrEqual(t, cleaned.Rows, 4*5000, "%s: one transaction is bounded", part.name)
			if cleaned.Rows > 0 {
				rows[part.name] += cleaned.Rows
			}
			more = cleaned.More
			require.Less(t, transactions, 200, "%s does not end", part.name)
		}
	}
	return rows, transactions
}

// age makes a run, and what it removed, look as if it had ended that long ago.
func (r *run) age(ago time.Duration) {
	r.t.Helper()
	r.c.exec(r.t, `UPDATE sync_runs SET started_at = now() - $2::interval, finished_at = now() - $2::interval
		WHERE id = $1`, r.id, ago)
	for _, table := range []string{"org_members", "org_departments"} {
		r.c.exec(r.t, `UPDATE `+table+` o SET synced_at = now() - $2::interval FROM org_changes c
			WHERE c.run_id = $1 AND c.object_id = o.id AND c.kind = 'deleted'`, r.id, ago)
	}
}

// left is how many rows of a run there are by table.
func (r *run) left() map[string]string {
	r.t.Helper()
	out := map[string]string{}
	for _, table := range []string{
		"org_changes", "sync_run_departments", "sync_run_errors", "sync_run_removals", "sync_run_lookups",
		"staged_departments", "staged_members", "member_matches", "dry_run_changes",
	} {
		if n := r.c.text(r.t, `SELECT count(*)::text FROM `+table+` WHERE run_id = $1`, r.id); n != "0" {
			out[table] = n
		}
	}
	return out
}

// raw is how many raw records its change log holds.
func (r *run) raw() int {
	r.t.Helper()
	n := 0
	require.NoError(r.t, r.c.store.Report.StreamChanges(r.t.Context(), r.id, report.ChangeFilter{},
		func(c report.Change) error {
			if strings.Contains(string(c.Before)+string(c.After), "raw_data") {
				n++
			}
			return nil
		}))
	return n
}

func (r *run) exists() bool {
	r.t.Helper()
	return r.c.text(r.t, `SELECT count(*)::text FROM sync_runs WHERE id = $1`, r.id) == "1"
}

// finished is one whole run of the company, ended so long ago.
func (c *company) finished(ago time.Duration, s snapshot) *run {
	c.t.Helper()
	r := c.sync(s)
	r.age(ago)
	return r
}

const (
	withBob    = "ann in=1; bob in=1"
	withoutBob = "ann in=1 title=Boss"
)

// Raw records go first, then the details, then the run; the newest run keeps all.
func TestRetentionDropsInStages(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	old := c.finished(500*day, snapshot{departments: "1 name=Acme", members: withBob})
	older := c.finished(100*day, snapshot{departments: "1 name=Acme", members: withoutBob})
	recent := c.finished(40*day, snapshot{departments: "1 name=Acme", members: withBob + " title=x"})
	fresh := c.finished(20*day, snapshot{departments: "1 name=Acme", members: "ann in=1"})
	newest := c.finished(500*day, snapshot{departments: "1 name=Acme", members: "ann in=1 title=y raw={\"id\":\"z\"}"})
	require.NotEmpty(t, old.left())

	d.cleanUp(t)
	require.False(t, old.exists())
	require.True(t, older.exists())
	require.Empty(t, older.left())
	stored, err := d.store.Report.GetRun(t.Context(), older.id)
	require.NoError(t, err)
	require.NotNil(t, stored.DetailsDroppedAt)
	require.Equal(t, 1, stored.Counts.Members.Deleted, "the counts stay")

	for _, kept := range []*run{recent, fresh, newest} {
		require.NotEmpty(t, kept.left(), "runs that are not old enough, and the newest, keep their details")
	}
	require.Zero(t, recent.raw())
	require.NotZero(t, newest.raw())
	stored, err = d.store.Report.GetRun(t.Context(), fresh.id)
	require.NoError(t, err)
	require.Nil(t, stored.DetailsDroppedAt)
	require.Equal(t, `{"id": "bob"}`, c.member("raw_data", "bob"), "removed twenty days ago: undoing may need it")

	fresh.age(31 * day)
	d.cleanUp(t)
	require.Equal(t, "{}", c.member("raw_data", "bob"))
	require.Equal(t, `{"id": "z"}`, c.member("raw_data", "ann"), "people who are there keep theirs")

	rows, _ := d.cleanUp(t)
	require.Empty(t, rows, "once more finds nothing")
}

// A run may have very many rows: they go in bounded transactions.
func TestRetentionIsBounded(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	big := c.finished(100*day, snapshot{departments: "1 name=Acme", members: "ann in=1"})
	c.finished(0, snapshot{departments: "1 name=Acme", members: "ann in=1"})
	d.exec(t, `INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		SELECT $1, 'member', id, id, n::text, 'updated', '{"name": "x", "raw_data": {}}',
		'{"name": "y", "raw_data": {"z": 1}}'
		FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 12000) n) x`, big.id)
	d.exec(t, `INSERT INTO sync_run_departments (run_id, external_id, children_method, children_via, members_method,
		members_via)
		SELECT $1, 'd' || n, '', '', '', '' FROM generate_series(1, 11000) n`, big.id)
	d.exec(t, `INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
		SELECT $1, 'member', n::text, 'x' FROM generate_series(1, 6000) n`, big.id)
	d.exec(t, `INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
		SELECT $1, 'member', gen_random_uuid(), gen_random_uuid() FROM generate_series(1, 5000) n`, big.id)
	d.exec(t, `INSERT INTO staged_members (run_id, listing, page, n, member_key, external_id, external_is_fallback)
		SELECT $1, '1', 1, n, n::text, n::text, false FROM generate_series(1, 12000) n`, big.id)

	rows, transactions := d.cleanUp(t)
	require.Empty(t, big.left())
	require.True(t, big.exists())
	require.Equal(t, 12000, rows["staging"])
	require.Equal(t, 12000, rows["raw"])
	require.GreaterOrEqual(t, rows["details"], 12000+11000+6000+5000)
	require.Greater(t, transactions, 9)

	d.exec(t, `INSERT INTO sync_runs (provider_id, generation, workflow_id, temporal_run_id, status, finished_at,
		details_left, raw_left)
		SELECT $1, 1000 + n, 'w', n::text, 'succeeded', now() - interval '500 days', false, false
		FROM generate_series(1, 11000) n`, c.provider.ID)
	rows, _ = d.cleanUp(t)
	require.Equal(t, 11000, rows["runs"])
}

// Runs at work, held ones, and one that another is about to take back keep everything.
func TestRetentionLeavesOpenRunsAlone(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, prepare := range map[string]func(*company) *run{
		"running": func(c *company) *run {
			r := c.begin("apply")
			r.read(snapshot{departments: "1 name=Acme", members: "ann in=1"})
			c.exec(t, `UPDATE sync_runs SET started_at = now() - interval '500 days' WHERE id = $1`, r.id)
			return r
		},
		"held": func(c *company) *run {
			r := c.begin("apply")
			r.read(snapshot{departments: "1 name=Acme", members: "ann in=1"})
			r.apply(false)
			require.NoError(t, c.store.HoldRun(t.Context(), r.id, "too many", "hold", directory.Counts{}))
			c.exec(t, `UPDATE sync_runs SET started_at = now() - interval '500 days' WHERE id = $1`, r.id)
			return r
		},
		"being undone": func(c *company) *run {
			r := c.finished(500*day, snapshot{departments: "1 name=Acme", members: withBob})
			c.exec(t, `UPDATE sync_runs SET undoes = $2 WHERE id = $1`, c.begin("apply").id, r.id)
			return r
		},
		"being retried": func(c *company) *run {
			r := c.finished(100*day, snapshot{departments: "1 name=Acme", members: withBob})
			c.exec(t, `UPDATE sync_runs SET retries = $2 WHERE id = $1`, c.begin("apply").id, r.id)
			return r
		},
	} {
		r := prepare(d.company(t, directory.Feishu))
		before := r.left()
		require.NotEmpty(t, before, name)
		d.cleanUp(t)
		require.True(t, r.exists(), name)
		require.Equal(t, before, r.left(), name)
	}
}

// What a broken-off dry run and a run that ended in an unusual way leave behind.
func TestRetentionDropsSnapshotsOfEndedRuns(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	c.sync(snapshot{departments: "1 name=Acme", members: "bob in=1"})
	r := c.begin("plan")
	r.read(snapshot{departments: "1 name=Acme", members: "ann in=1; bob in=1"})
	d.exec(t, `INSERT INTO dry_run_changes (run_id, object_type, object_id, department_id, external_id, kind)
		VALUES ($1, 'member', $1, $1, 'ann', 'created')`, r.id)
	before := r.left()
	d.cleanUp(t)
	require.Equal(t, before, r.left())

	ended, err := d.store.EndDeadRun(t.Context(), r.id, directory.RunCanceled)
	require.NoError(t, err)
	require.True(t, ended)
	d.cleanUp(t)
	left := r.left()
	for _, table := range []string{"staged_departments", "staged_members", "dry_run_changes"} {
		require.Contains(t, before, table)
		require.NotContains(t, left, table)
	}
}

func TestUnfinishedRuns(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	old, young, held := d.company(t, directory.Feishu).begin("apply"), d.company(t,
		directory.Feishu).begin("apply"), d.company(t, directory.Feishu).begin("apply")
	require.NoError(t, d.store.HoldRun(t.Context(), held.id, "too many", "hold", directory.Counts{}))
	for _, r := range []*run{old, held} {
		d.exec(t, `UPDATE sync_runs SET started_at = now() - interval '2 days' WHERE id = $1`, r.id)
	}
	open, err := d.store.ListUnfinishedRuns(t.Context(), day)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.Equal(t, old.id, open[0].ID)

	for r, want := range map[*run]bool{old: true, held: false} {
		ended, err := d.store.EndDeadRun(t.Context(), r.id, directory.RunFailed)
		require.NoError(t, err)
		require.Equal(t, want, ended)
	}
	run, err := d.store.Report.GetRun(t.Context(), old.id)
	require.NoError(t, err)
	require.Equal(t, directory.RunFailed, run.Status)
	require.NotNil(t, run.FinishedAt)

	// Approved days later, a run is at work in the workflow that held it.
	require.NoError(t, d.store.ResumeRun(t.Context(), held.id, gone))
	open, err = d.store.ListUnfinishedRuns(t.Context(), day)
	require.NoError(t, err)
	require.Equal(t, []db.OpenRun{{ID: held.id, WorkflowID: "hold", Status: directory.RunRunning}}, open)
	require.NotEmpty(t, young.id)
}

func TestRetentionDropsOldEventsThatAreDone(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	for id, state := range map[string]string{
		"done": "done_at = now()", "set aside": "set_aside_at = now()", "waiting": "done_at = NULL",
		"recent": "done_at = now(), received_at = now() - interval '89 days'",
	} {
		added, err := d.store.AddEvents(t.Context(), c.provider.ID, []db.Event{
			{ID: id, Kind: "user_add_org", ObjectType: db.EventMember, ObjectID: "u1"}})
		require.NoError(t, err)
		require.Equal(t, 1, added)
		d.exec(t, `UPDATE provider_events SET received_at = now() - interval '91 days' WHERE event_id = $1`, id)
		d.exec(t, `UPDATE provider_events SET `+state+` WHERE event_id = $1`, id)
	}
	rows, _ := d.cleanUp(t)
	require.Equal(t, map[string]int{"details": 2}, rows)
	require.Equal(t, []string{"recent", "waiting"}, d.texts(t, `SELECT event_id FROM provider_events ORDER BY event_id`))
}

// Expired tokens, call slots long past and forgotten logins go; those in use stay.
func TestRetentionDropsOldTokensAndSlots(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	for name, expires := range map[string]time.Duration{"old": -2 * time.Hour, "valid": time.Hour} {
		d.exec(t, `INSERT INTO provider_tokens (provider_id, name, sealed, key_id, expires_at)
			VALUES ($1, $2, '', 1, now() + $3::interval)`, c.provider.ID, name, expires)
		d.exec(t, `INSERT INTO provider_call_slots (provider_id, endpoint, next_at)
			VALUES ($1, $2, now() + $3::interval)`, uuid.NewString(), name, expires)
		d.exec(t, `INSERT INTO login_members (provider_id, external_id, facts, created_at)
			VALUES ($1, $2, 'sealed', now() - interval '23 hours' + $3::interval)`, c.provider.ID, name, expires)
	}
	rows, _ := d.cleanUp(t)
	require.Equal(t, map[string]int{"calls": 3}, rows)
	require.Equal(t, []string{"valid"}, d.texts(t, `SELECT external_id FROM login_members`))
	require.Equal(t, []string{"valid"}, d.texts(t, `SELECT name FROM provider_tokens`))
	require.Equal(t, []string{"valid"}, d.texts(t, `SELECT endpoint FROM provider_call_slots`))
}
