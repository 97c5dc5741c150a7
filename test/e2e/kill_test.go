package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// barrier makes whoever changes certain rows wait, in the middle of their transaction,
// until it is opened.
type barrier struct {
	w    *world
	key  int32
	conn *pgx.Conn
}

// barriers numbers them, for the databases of one server share advisory locks' numbers.
var barriers atomic.Int32

// barrier puts one before the rows of a table that are to change as the condition says,
// which names the provider's id as %s.
func (w *world) barrier(table, provider, condition string) *barrier {
	w.t.Helper()
	return w.barrierBefore("UPDATE", table, provider, condition)
}

// barrierBefore is barrier for rows that are changed in another way, such as INSERT.
func (w *world) barrierBefore(change, table, provider, condition string) *barrier {
	w.t.Helper()
	b := &barrier{w: w, key: barriers.Add(1)}
	stored, err := w.store.Providers.FindByName(w.t.Context(), provider)
	require.NoError(w.t, err)
	b.conn, err = pgx.Connect(w.t.Context(), w.url)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = b.conn.Close(w.t.Context()) })
	_, err = b.conn.Exec(w.t.Context(), fmt.Sprintf(`
		CREATE FUNCTION barrier_%[1]d() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM pg_advisory_xact_lock_shared(45, %[1]d); RETURN NEW; END';
		CREATE TRIGGER barrier_%[1]d BEFORE %[4]s ON %[2]s FOR EACH ROW
			WHEN (%[3]s) EXECUTE FUNCTION barrier_%[1]d();
		SELECT pg_advisory_lock(45, %[1]d)`, b.key, table, fmt.Sprintf(condition, "'"+stored.ID+"'"), change))
	require.NoError(w.t, err)
	return b
}

// await returns once somebody waits at it.
func (b *barrier) await() {
	b.w.t.Helper()
	require.Eventually(b.w.t, func() bool {
		var waiting bool
		err := b.conn.QueryRow(b.w.t.Context(),
			`SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 45 AND l.objid = $1
			AND NOT l.granted)`, b.key).Scan(&waiting)
		return err == nil && waiting
	}, time.Minute, 20*time.Millisecond)
}

func (b *barrier) open() {
	b.w.t.Helper()
	_, err := b.conn.Exec(b.w.t.Context(), "SELECT pg_advisory_unlock(45, $1)", b.key)
	require.NoError(b.w.t, err)
}

// A worker that is killed after the people were read is replaced by another, which goes on
// where it stood: while removals are looked up, removed, settled, held, let go on or
// carried out after an approval, or while a run is begun or given its end. Everything
// happens, and once.
func TestKilledWorkerIsReplacedAfterTheReading(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.configure(map[string]string{"ORGSYNC_APPLY_CONCURRENCY": "16", "ORGSYNC_DATABASE_CONNECTIONS": "24"})
	victim := w.spawn()

	// One company for each place at which the worker is to be killed. A barrier cannot be put
	// up where somebody already waits, so all of them are before any run begins.
	type stop struct {
		*staff
		table, when string
		barrier     *barrier
		run         client.WorkflowRun
	}
	const (
		removed = "NEW.provider_id = %s AND NEW.status = 'deleted' AND OLD.status <> 'deleted'"
		heldNow = "NEW.provider_id = %s AND NEW.status = 'held' AND OLD.status <> 'held'"
		resumed = "NEW.provider_id = %s AND NEW.status = 'running' AND OLD.status = 'held'"
	)
	stops := map[string]*stop{
		"begin":     {table: "identity_providers", when: "NEW.id = %s AND NEW.newest_run_id <> OLD.newest_run_id"},
		"removals":  {table: "org_members", when: removed},
		"recompute": {table: "org_departments", when: "NEW.provider_id = %s AND NEW.member_count <> OLD.member_count"},
		"finish":    {table: "sync_runs", when: "NEW.provider_id = %s AND NEW.status = 'succeeded'"},
	}
	for _, s := range stops {
		s.staff = newStaff(w)
		s.change()
		s.barrier = w.barrier(s.table, s.name, s.when)
	}
	held := newLeaving(w, directory.WeCom)
	holding := w.barrier("sync_runs", held.name, heldNow)
	approved := map[string]*leaving{"org_members": newLeaving(w, directory.DingTalk),
		"sync_runs": newLeaving(w, directory.Feishu)}
	carryingOut := []*barrier{w.barrier("org_members", approved["org_members"].name, removed),
		w.barrier("sync_runs", approved["sync_runs"].name, resumed)}
	looked := newLab(t, 72)
	_, people := looked.below(simulator.Root, "First", 5)
	asked, answered := make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(answered) })
	t.Cleanup(answer)
	var armed atomic.Bool
	single := w.simulateWith(directory.Feishu, looked.Company,
		simulator.Options{BeforeCall: func(endpoint string, _ int) {
			if endpoint == readers[directory.Feishu].member && armed.CompareAndSwap(true, false) {
				close(asked)
				<-answered
			}
		}})
	w.succeed(single)

	for _, s := range stops {
		s.run = w.start(workflows.SyncInput{Provider: s.name})
	}
	looked.must(looked.Leave(people[0]))
	armed.Store(true)
	looking := w.start(workflows.SyncInput{Provider: single.name})
	leavers, newcomer := held.leave(limit + 1)
	holds := w.start(workflows.SyncInput{Provider: held.name})
	decided := make(chan workflows.SyncResult, len(approved))
	for _, c := range approved {
		gone, come := c.leave(limit + 1)
		waiting := w.held(c, gone, come)
		go func() {
			result, err := w.decide(waiting, workflows.ApproveUpdate)
			if err != nil {
				t.Errorf("approve: %v", err)
			}
			decided <- result
		}()
	}

	for _, s := range stops {
		s.barrier.await()
	}
	holding.await()
	for _, b := range carryingOut {
		b.await()
	}
	<-asked
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	killed := time.Now()
	w.spawn()
	for _, s := range stops {
		s.barrier.open()
	}
	holding.open()
	for _, b := range carryingOut {
		b.open()
	}
	answer()

	once := func(result workflows.SyncResult) {
		t.Helper()
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		var twice int
		require.NoError(t, w.pool.QueryRow(t.Context(),
			`SELECT count(*) FROM (SELECT 1 FROM org_changes WHERE run_id = $1
			GROUP BY object_type, object_id, department_id, kind HAVING count(*) > 1) c`, result.RunID).Scan(&twice))
		require.Zero(t, twice, "on record more than once")
		var changed, counted int
		require.NoError(t, w.pool.QueryRow(t.Context(),
			`SELECT (SELECT count(*) FROM org_changes WHERE run_id = $1 AND object_type = 'member'
				AND kind = 'deleted'),
			(SELECT (counts->'members'->>'deleted')::int FROM sync_runs
			WHERE id = $1)`, result.RunID).Scan(&changed, &counted))
		require.Equal(t, changed, counted)
		require.Equal(t, result.Members.Deleted, counted)
	}
	for name, s := range stops {
		result := w.wait(s.run)
		once(result)
		require.Equal(t, 1, result.Members.Deleted, name)
		w.requireEqual(s.source)
	}
	result := w.wait(looking)
	once(result)
	require.Equal(t, 1, result.Members.Deleted)
	w.requireEqual(single)

	for range approved {
		result = <-decided
		once(result)
		require.Equal(t, limit+1, result.Members.Deleted)
	}
	for _, c := range approved {
		w.requireEqual(c.source)
	}

	result = w.wait(holds)
	// A dead worker is known by its heartbeats, long before its work would be overdue.
	require.Less(t, time.Since(killed), 90*time.Second)
	require.Equal(t, directory.RunHeld, result.Status, result.Errors)
	require.Contains(t, w.members(held.name), newcomer)
	for _, id := range leavers {
		require.Equal(t, "active", w.members(held.name)[id].Status)
	}
	result, err := w.decide(result, workflows.ApproveUpdate)
	require.NoError(t, err)
	once(result)
	w.requireEqual(held.source)
}
