package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/internal/directory"
)

// derivedColumns are those that make no events, and that a reader may have old values of.
var derivedColumns = []string{"synced_at", "path", "member_count", "direct_member_count",
	"department_id", "department_path", "is_primary"}

// follower keeps a copy of a company by what the feed tells alone.
type follower struct {
	c    *company
	of   feed.Filter
	at   feed.Position
	rows map[string]map[string]any
	// types counts the events, seen are the cursors that were told.
	types map[string]int
	seen  map[string]bool
}

func (c *company) follower() *follower {
	return &follower{c: c, of: feed.Filter{ProviderID: c.provider.ID, Raw: true}, rows: map[string]map[string]any{},
		types: map[string]int{}, seen: map[string]bool{}}
}

// read takes in one page and returns whether there is more.
func (f *follower) read(limit int) bool {
	f.c.t.Helper()
	page, err := f.c.store.Feed.Read(f.c.t.Context(), f.of, f.at, limit)
	require.NoError(f.c.t, err)
	last := f.at
	for _, e := range page.Events {
		require.True(f.c.t, last.Before(e.Position), "events are told in their order")
		require.False(f.c.t, f.seen[e.Position.Cursor()], "nothing is told twice under one cursor")
		last, f.seen[e.Position.Cursor()] = e.Position, true
		f.types[e.Type]++
		kind, what, _ := strings.Cut(e.Type, ".")
		object := map[string]any{}
		require.NoError(f.c.t, json.Unmarshal(e.Object, &object))
		key := kind + " " + object["id"].(string)
		if what == "deleted" && slices.Contains([]string{"membership", "group_membership", "administrator"}, kind) {
			delete(f.rows, key)
			continue
		}
		delete(object, "provider_id")
		if kind != "department" && kind != "member" && kind != "group" {
			delete(object, "id")
		}
		f.rows[key] = object
	}
	f.at = page.Next
	return page.More
}

func (f *follower) readAll() {
	f.c.t.Helper()
	for f.read(7) {
	}
}

// requireEqual fails unless the copy equals the tables in every column that is not derived.
func (f *follower) requireEqual() {
	f.c.t.Helper()
	stored := map[string]map[string]any{}
	for _, line := range f.c.texts(f.c.t, `SELECT 'department ' || id || ' ' || (to_jsonb(d) - 'depth')
		FROM org_departments d WHERE provider_id = $1
		UNION ALL SELECT 'member ' || id || ' ' || (to_jsonb(m)
			- '{manager_external_id,offline_at,offline_status,content_hash}'::text[])
			FROM org_members m WHERE provider_id = $1
		UNION ALL SELECT 'membership ' || md.member_id || ':' || md.department_id || ' ' || (to_jsonb(md) - 'primary_rank')
			FROM org_member_departments md JOIN org_members m ON m.id = md.member_id WHERE m.provider_id = $1
		UNION ALL SELECT 'group ' || id || ' ' || to_jsonb(g) FROM org_groups g WHERE provider_id = $1
		UNION ALL SELECT 'group_membership ' || member_id || ':' || group_id || ' ' || to_jsonb(p)
			FROM org_group_members p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT 'group_membership ' || department_id || ':' || group_id || ' ' || to_jsonb(p)
			FROM org_group_departments p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT 'administrator ' || member_id || ':' || source || ' ' || to_jsonb(a)
			FROM org_administrators a WHERE provider_id = $1`, f.c.provider.ID) {
		parts := strings.SplitN(line, " ", 3)
		row := map[string]any{}
		require.NoError(f.c.t, json.Unmarshal([]byte(parts[2]), &row))
		delete(row, "provider_id")
		stored[parts[0]+" "+parts[1]] = row
	}
	copied := map[string]map[string]any{}
	for key, row := range f.rows {
		copied[key] = maps.Clone(row)
	}
	for _, rows := range []map[string]map[string]any{stored, copied} {
		for _, row := range rows {
			for _, column := range derivedColumns {
				delete(row, column)
			}
		}
	}
	require.Equal(f.c.t, stored, copied)
}

// finishAs ends the run as it is.
func (r *run) finishAs(status string) {
	r.t.Helper()
	require.NoError(r.t, r.c.store.FinishRun(r.t.Context(), r.id, status, "", r.counts, false))
}

// Whatever runs do, be they held, approved, rejected, overtaken or undone, a reader of the feed
// alone has the directory, however far apart it reads.
func TestTheFeedTellsTheWholeDirectory(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	types := map[string]int{}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { // one after the other: accounts belong to no provider
			c := d.company(t, directory.Feishu)
			d.exec(t, "TRUNCATE users, identities")
			c.accounts("A 1@x -", "B 2@x -", "C 3@x +8613800000001")
			rng := rand.New(rand.NewPCG(seed, 7))
			f, slow := c.follower(), c.follower()
			var last *run
			for step := range uint64(10) {
				r := c.beginGroups("apply", shifting(seed, step, 40), shiftingGroups(seed, step, 40))
				r.planRemovals()
				switch rng.IntN(4) {
				case 0: // held, then decided
					r.recompute()
					r.hold()
					f.readAll()
					f.requireEqual()
					slow.read(5)
					if rng.IntN(3) > 0 {
						r.approve()
						slow.read(5)
						require.NoError(t, c.store.LeaveAccounts(t.Context(), r.id))
					}
					r.finishAs(directory.RunSucceeded)
				case 1: // canceled half way
					r.finishAs(directory.RunCanceled)
				default:
					r.remove()
					r.recompute()
					r.finish()
					last = r
				}
				f.readAll()
				f.requireEqual()
				if last != nil && rng.IntN(3) == 0 {
					c.undo(last, db.UndoScope{})
					f.readAll()
					f.requireEqual()
				}
				slow.read(40)
			}
			slow.readAll()
			slow.requireEqual()
			for name, n := range f.types {
				types[name] += n
			}
		})
	}
	for _, name := range []string{
		"department.created", "department.updated", "department.moved", "department.restored", "department.deleted",
		"member.created", "member.updated", "member.moved", "member.restored", "member.deactivated", "member.deleted",
		"member.linked", "membership.created", "membership.updated", "membership.deleted", "group.created",
		"group.restored", "group.deleted", "group_membership.created", "group_membership.deleted",
		"administrator.created", "administrator.deleted",
	} {
		require.Positive(t, types[name], "%s was never told", name)
	}
}

func TestTheFeed(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"a plan tells nothing":                       aPlanTellsNothing,
		"what is derived makes no events":            whatIsDerivedMakesNoEvents,
		"a change after a hold is told again":        aChangeAfterAHoldIsToldAgain,
		"previous holds what changed":                previousHoldsWhatChanged,
		"a manager who goes or comes is told":        aManagerWhoGoesOrComesIsTold,
		"an overtaken hold tells what it had done":   anOvertakenHoldTellsWhatItHadDone,
		"a dead run is published by the next":        aDeadRunIsPublishedByTheNext,
		"types and providers are told apart":         typesAndProvidersAreToldApart,
		"raw records are for those who may see them": rawRecordsAreForThoseWhoMaySeeThem,
	})
}

// What is about locks, or about what is dropped, has a database to itself.
func TestTheFeedAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *company){
		"what commits late is told": whatCommitsLateIsTold, "what comes too late is refused": whatComesTooLateIsRefused,
		"who reads too late is told to begin anew": whoReadsTooLateIsToldToBeginAnew,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newDatabase(t).company(t, directory.Feishu))
		})
	}
}

// events reads what follows a position.
func (c *company) events(after feed.Position, of feed.Filter) (out []feed.Event) {
	c.t.Helper()
	of.ProviderID = c.provider.ID
	page, err := c.store.Feed.Read(c.t.Context(), of, after, 1000)
	require.NoError(c.t, err)
	return page.Events
}

func (c *company) published() feed.Position {
	c.t.Helper()
	at, err := c.store.Feed.FindNewest(c.t.Context())
	require.NoError(c.t, err)
	return at
}

func typesOf(events []feed.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

func aPlanTellsNothing(t *testing.T, c *company) {
	r := c.begin("plan")
	r.read(snapshot{departments: "1", members: "a in=1"})
	r.dryRun(true)
	require.NotEmpty(t, r.changes())
	r.finish()
	require.Empty(t, c.events(feed.Position{}, feed.Filter{}))
}

func whatIsDerivedMakesNoEvents(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1; 20<1; 21<20", members: "a in=10,20; b in=10"})
	at := c.published()
	// 10 comes to lie deeper than 20: a's primary department, all paths and head counts change.
	c.sync(snapshot{departments: "1; 10<21; 20<1; 21<20", members: "a in=10,20; b in=10"})
	require.Equal(t, []string{"department.moved"}, typesOf(c.events(at, feed.Filter{})))
	at = c.published()
	c.sync(snapshot{departments: "1; 10<21; 20<1; 21<20", members: "a in=10,20; b in=20"})
	require.ElementsMatch(t, []string{"membership.created", "membership.deleted", "member.moved"},
		typesOf(c.events(at, feed.Filter{})))
}

func aChangeAfterAHoldIsToldAgain(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1", members: "a in=10; b in=10"})
	at := c.published()
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1", members: "a in=1 title=boss"})
	r.apply(false)
	require.Empty(t, c.events(at, feed.Filter{}), "nothing is told before it is settled")
	r.planRemovals()
	r.recompute()
	r.hold()
	held := c.events(at, feed.Filter{})
	require.ElementsMatch(t, []string{"member.updated", "membership.created"}, typesOf(held))
	middle := c.published()
	r.approve()
	require.Empty(t, c.events(middle, feed.Filter{}))
	r.finishAs(directory.RunSucceeded)
	require.ElementsMatch(t, []string{"membership.deleted", "membership.deleted", "member.deleted", "member.moved"},
		typesOf(c.events(middle, feed.Filter{})))
	for _, e := range c.events(at, feed.Filter{}) {
		require.NotContains(t, fmt.Sprint(e.Type), "updated", "it is told behind the hold by now, as moved")
	}
}

func previousHoldsWhatChanged(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1", members: "a in=10 title=x email=a@x mgr=b; b in=1"})
	at := c.published()
	c.sync(snapshot{departments: "1; 10<1 name=New", members: "a in=10 title=y email=a@x; b in=1"})
	told := map[string]string{}
	for _, e := range c.events(at, feed.Filter{}) {
		told[e.Type] = string(e.Previous)
		require.Equal(t, c.provider.Name, e.Provider)
		require.NotEmpty(t, e.RunID)
		for _, private := range []string{"content_hash", "manager_external_id", "raw_data", "depth", "offline"} {
			require.NotContains(t, string(e.Object), private)
		}
	}
	require.Equal(t, map[string]string{"department.updated": `{"name": "D10"}`, "member.updated": `{"title": "x"}`}, told)
}

func aManagerWhoGoesOrComesIsTold(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1", members: "a in=1 mgr=b; b in=1"})
	manager := c.text(t, "SELECT id FROM org_members WHERE provider_id = $1 AND external_id = 'b'", c.provider.ID)
	previous := func(members string) (told []string) {
		at := c.published()
		c.sync(snapshot{departments: "1", members: members})
		for _, e := range c.events(at, feed.Filter{Types: []string{"member.updated"}}) {
			told = append(told, string(e.Previous))
		}
		return told
	}
	was := []string{fmt.Sprintf(`{"manager_id": %q}`, manager)}
	require.Equal(t, was, previous("a in=1 mgr=b"), "b has left, though a still names b")
	require.Equal(t, []string{`{"manager_id": null}`}, previous("a in=1 mgr=b; b in=1"))
	require.Equal(t, was, previous("a in=1 mgr="), "a names nobody any more, and b has left")
	require.Empty(t, previous("a in=1 mgr=x"), "x is nobody: nothing has changed that can be seen")
}

func anOvertakenHoldTellsWhatItHadDone(t *testing.T, c *company) {
	c.held()
	f := c.follower()
	f.readAll()
	f.requireEqual()
	c.sync(snapshot{departments: "1; 10<1; 20<1; 30<1", members: before})
	f.readAll()
	f.requireEqual()
}

func whoReadsTooLateIsToldToBeginAnew(t *testing.T, c *company) {
	first := c.sync(snapshot{departments: "1", members: "a in=1"})
	read := c.events(feed.Position{}, feed.Filter{})
	c.sync(snapshot{departments: "1", members: "a in=1 title=x"})
	at := c.published()
	c.exec(t, "UPDATE sync_runs SET finished_at = now() - interval '100 days' WHERE id = $1", first.id)
	for more := true; more; {
		cleaned, err := c.store.CleanDetails(t.Context(), 90*24*time.Hour)
		require.NoError(t, err)
		more = cleaned.More
	}
	of := feed.Filter{ProviderID: c.provider.ID}
	_, err := c.store.Feed.Read(t.Context(), of, feed.Position{}, 10)
	require.ErrorIs(t, err, feed.ErrExpired)
	page, err := c.store.Feed.Read(t.Context(), of, read[len(read)-1].Position, 10)
	require.NoError(t, err, "who had read it all misses nothing")
	require.Equal(t, []string{"member.updated"}, typesOf(page.Events))
	_, err = c.store.Feed.Read(t.Context(), of, at, 10)
	require.NoError(t, err)
	oldest, err := c.store.Feed.FindOldest(t.Context())
	require.NoError(t, err)
	_, err = c.store.Feed.Read(t.Context(), of, oldest, 10)
	require.NoError(t, err)
}

func aDeadRunIsPublishedByTheNext(t *testing.T, c *company) {
	r := c.begin("apply")
	r.read(snapshot{departments: "1", members: "a in=1"})
	r.apply(false)
	f := c.follower()
	f.readAll()
	require.Empty(t, f.seen)
	c.begin("apply")
	f.readAll()
	f.requireEqual()
}

func typesAndProvidersAreToldApart(t *testing.T, c *company) {
	other := c.company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1"})
	other.sync(snapshot{departments: "1", members: "z in=1"})
	require.Equal(t, []string{"member.created"}, typesOf(c.events(feed.Position{}, feed.Filter{
		Types: []string{"member.created", "provider.removed"}})))
	page, err := c.store.Feed.Read(t.Context(), feed.Filter{TenantID: *other.provider.TenantID}, feed.Position{}, 100)
	require.NoError(t, err)
	require.Len(t, page.Events, 3)
	at := c.published()
	_, err = c.store.Providers.Remove(t.Context(), other.provider.ID, audit.By{Name: "test"})
	require.NoError(t, err)
	page, err = c.store.Feed.Read(t.Context(), feed.Filter{TenantID: *other.provider.TenantID}, at, 100)
	require.NoError(t, err)
	require.Equal(t, []string{"provider.removed"}, typesOf(page.Events))
	require.JSONEq(t, fmt.Sprintf(`{"id": %q, "name": %q}`, other.provider.ID, other.provider.Name),
		string(page.Events[0].Object))
	page, err = c.store.Feed.Read(t.Context(), feed.Filter{TenantID: *other.provider.TenantID}, feed.Position{}, 100)
	require.NoError(t, err)
	require.Equal(t, []string{"provider.removed"}, typesOf(page.Events), "its removal is one event")
	require.Empty(t, c.events(at, feed.Filter{}))
}

func rawRecordsAreForThoseWhoMaySeeThem(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1", members: `a in=1 raw={"x":1}`})
	at := c.published()
	c.sync(snapshot{departments: "1", members: `a in=1 raw={"x":2}`})
	require.Empty(t, c.events(at, feed.Filter{}), "a change that the reader may not see is none")
	events := c.events(at, feed.Filter{Raw: true})
	require.Equal(t, []string{"member.updated"}, typesOf(events))
	require.JSONEq(t, `{"raw_data": {"x": 1}}`, string(events[0].Previous))
}

// A batch that is being written when its run is canceled is in time for the publication.
func whatCommitsLateIsTold(t *testing.T, c *company) {
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1", members: "a in=10; b in=1"})
	require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
	release := c.block(t, "LOCK TABLE org_member_departments IN SHARE MODE")
	var ends sync.WaitGroup
	ends.Go(func() { assert.NoError(t, c.store.ApplyMembers(t.Context(), r.id, 1, 1)) })
	c.waitsFor(t, "relation")
	ends.Go(func() {
		assert.NoError(t, c.store.FinishRun(t.Context(), r.id, directory.RunCanceled, "", directory.Counts{}, false))
	})
	c.waitsFor(t, "transactionid")
	release()
	ends.Wait()
	f := c.follower()
	f.readAll()
	f.requireEqual()
	require.NotEmpty(t, f.types["membership.created"])
}

// A batch that comes to the fence while its run is being published is refused: it would appear
// behind the back of readers who have passed.
func whatComesTooLateIsRefused(t *testing.T, c *company) {
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1", members: "a in=10; b in=1"})
	require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
	release := c.block(t, "SELECT FROM change_feed FOR UPDATE")
	var ends sync.WaitGroup
	ends.Go(func() {
		assert.NoError(t, c.store.FinishRun(t.Context(), r.id, directory.RunCanceled, "", directory.Counts{}, false))
	})
	c.waitsFor(t, "transactionid")
	ends.Go(func() { assert.ErrorIs(t, c.store.ApplyMembers(t.Context(), r.id, 1, 1), db.ErrSuperseded) })
	c.waitsFor(t, "transactionid", "tuple")
	release()
	ends.Wait()
	f := c.follower()
	f.readAll()
	f.requireEqual()
}

// block holds a lock until release is called.
func (c *company) block(t *testing.T, statement string) (release func()) {
	t.Helper()
	tx, err := c.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), statement)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return func() { assert.NoError(t, tx.Rollback(t.Context())) }
}

// waitsFor waits until a statement waits for a lock of each kind.
func (c *company) waitsFor(t *testing.T, kinds ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, c.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = ANY ($1)`, kinds).Scan(&waiting))
		return waiting >= len(kinds)
	}, 20*time.Second, 10*time.Millisecond)
}

// Runs of several providers end at the same time, and readers follow meanwhile: each sees the
// same order, without gaps.
func TestReadersSeeOneOrder(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	var companies []*company
	for range 4 {
		companies = append(companies, d.company(t, directory.Feishu))
	}
	const rounds = 8
	stop := make(chan struct{})
	orders := make([][]string, 3)
	var readers, writers sync.WaitGroup
	for i := range orders {
		readers.Go(func() {
			at := feed.Position{}
			for done := false; ; {
				page, err := d.store.Feed.Read(t.Context(), feed.Filter{}, at, 3+i)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range page.Events {
					orders[i] = append(orders[i], e.Position.Cursor())
				}
				at = page.Next
				if !page.More {
					if done {
						return
					}
					select {
					case <-stop:
						done = true
					default:
					}
				}
			}
		})
	}
	for _, c := range companies {
		writers.Go(func() {
			for n := range rounds {
				c.sync(snapshot{departments: "1", members: fmt.Sprintf("a in=1 title=t%d; b in=1 title=t%d", n, n)})
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	require.Len(t, orders[0], len(companies)*(5+2*(rounds-1)))
	require.Equal(t, orders[0], orders[1])
	require.Equal(t, orders[0], orders[2])
}

// Whoever listens is told of a publication when it can be read, and not before.
func TestPublicationsAreNotified(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	conn, err := pgx.ConnectConfig(t.Context(), c.pool.Config().ConnConfig)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), "LISTEN "+feed.Channel)
	require.NoError(t, err)
	c.sync(snapshot{departments: "1", members: "a in=1"})
	told, err := conn.WaitForNotification(t.Context())
	require.NoError(t, err)
	position, err := feed.ParseCursor(told.Payload)
	require.NoError(t, err)
	require.Equal(t, c.published(), position)
	c.sync(snapshot{departments: "1", members: "a in=1"}) // nothing to tell
	c.sync(snapshot{departments: "1", members: "a in=1 title=x"})
	told, err = conn.WaitForNotification(t.Context())
	require.NoError(t, err)
	require.Equal(t, c.published().Cursor(), told.Payload)
}
