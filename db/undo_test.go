package db_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// rowsNow are all rows of the company, every column but synced_at, by table and key.
func (c *company) rowsNow() map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for _, line := range c.texts(c.t, `SELECT 'department ' || id || ' ' || (to_jsonb(d) - 'synced_at')
		FROM org_departments d WHERE provider_id = $1
		UNION ALL SELECT 'member ' || id || ' ' || (to_jsonb(m) - 'synced_at') FROM org_members m WHERE provider_id = $1
		UNION ALL SELECT 'place ' || md.member_id || '/' || md.department_id || ' ' || to_jsonb(md)
			FROM org_member_departments md JOIN org_members m ON m.id = md.member_id WHERE m.provider_id = $1
		UNION ALL SELECT 'group ' || id || ' ' || (to_jsonb(g) - 'synced_at') FROM org_groups g WHERE provider_id = $1
		UNION ALL SELECT 'group-member ' || group_id || '/' || member_id || ' ' || to_jsonb(p)
			FROM org_group_members p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT 'group-department ' || group_id || '/' || department_id || ' ' || to_jsonb(p)
			FROM org_group_departments p JOIN org_groups g ON g.id = group_id WHERE provider_id = $1
		UNION ALL SELECT 'administrator ' || member_id || ' ' || to_jsonb(a) FROM org_administrators a
		WHERE provider_id = $1`, c.provider.ID) {
		parts := strings.SplitN(line, " ", 3)
		out[parts[0]+" "+parts[1]] = parts[2]
	}
	return out
}

// requireRestored fails unless the rows are what they were, to the byte; rows that were
// not there yet must be deleted ones.
func (c *company) requireRestored(before map[string]string) {
	c.t.Helper()
	now := c.rowsNow()
	for key, row := range now {
		if _, was := before[key]; was {
			continue
		}
		var r struct{ Status string }
		require.NoError(c.t, json.Unmarshal([]byte(row), &r))
		require.Equal(c.t, "deleted", r.Status, "%s was not there", key)
		delete(now, key)
	}
	require.Equal(c.t, before, now)
}

// undoing is one run that takes back another.
type undoing struct {
	*run
	db.Undone
}

func (c *company) beginUndo(mode, target string) *run {
	c.t.Helper()
	begun, err := c.store.BeginRun(c.t.Context(), db.NewRun{
		Provider: c.provider.Name, WorkflowID: "orgsync/" + c.provider.Name, TemporalRunID: uuid.NewString(),
		Mode: mode, OnRemovals: "hold", Undoes: target,
	}, gone)
	require.NoError(c.t, err)
	return &run{c: c, t: c.t, id: begun.RunID}
}

func (c *company) undo(target *run, scope db.UndoScope) undoing {
	c.t.Helper()
	r := c.beginUndo("apply", target.id)
	done, err := c.store.Undo(c.t.Context(), r.id, scope, nil)
	require.NoError(c.t, err)
	again, err := c.store.Undo(c.t.Context(), r.id, scope, nil)
	require.NoError(c.t, err)
	require.Zero(c.t, again, "repeated after a lost answer it does nothing")
	r.finish()
	return undoing{r, done}
}

// shifting is a company in which everything that a run can change changes from one
// time to the next: a name, a parent, who is there, ids, every field, places, ranks,
// leaders, orders, records.
func shifting(seed, time uint64, n int) snapshot {
	rng := rand.New(rand.NewPCG(seed, time))
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	departments, members := []string{"100 name=Root"}, []string{}
	there := []int{100}
	for d := 101; d < 101+n/3; d++ {
		if rng.IntN(5) == 0 {
			continue
		}
		departments = append(departments, fmt.Sprintf("%d<%d name=n%d order=%d %s raw={\"a\":%d}", d,
			there[rng.IntN(len(there))], rng.IntN(3),
			rng.IntN(3), one("", "leaders=p1,p2", "leaders="), rng.IntN(2)))
		there = append(there, d)
	}
	for p := range n {
		if rng.IntN(5) == 0 {
			continue
		}
		id := fmt.Sprint("p", p)
		if p%3 > 0 && rng.IntN(3) == 0 {
			id += "x" // found again by union id or open id
		}
		line := []string{id}
		if p%3 != 2 && rng.IntN(3) > 0 {
			line = append(line, fmt.Sprint("u=u", p))
		}
		line = append(line, fmt.Sprint("o=o", p), one("", "name=Ann", "name=Bea", "noname"),
			one("", "email=", fmt.Sprint("email=", p%7, "@x")),
			one("", "phone=", fmt.Sprint("phone=+861380000000", p%5)), one("", "avatar=", "avatar=a", "avatar=b"),
			one("", "title=", "title=t1", "title=t2"),
			one("", "status=active", "status=inactive"), one("", "activated=true", "activated=false"),
			fmt.Sprintf("raw={\"b\":%d,\"is_tenant_manager\":%t}", rng.IntN(3), p%9 == int(time)))
		var places []string
		for range 1 + rng.IntN(2) {
			places = append(places, fmt.Sprint(there[rng.IntN(len(there))], one("", "^1", "^7"), one("", "!", "~"),
				one("", "#1", "#2")))
		}
		members = append(members, strings.Join(append(line, "in="+strings.Join(places, ",")), " "))
	}
	rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return snapshot{departments: strings.Join(departments, ";"), members: strings.Join(members, ";")}
}

// shiftingGroups are groups and administrators that change in everything as well.
func shiftingGroups(seed, time uint64, n int) groups {
	rng := rand.New(rand.NewPCG(seed, time+1000))
	var list, administrators []string
	for g := range n / 6 {
		if rng.IntN(4) == 0 {
			continue
		}
		var members, departments []string
		for range rng.IntN(6) {
			member := fmt.Sprint("o", rng.IntN(n))
			if rng.IntN(2) == 0 {
				member += fmt.Sprint("^", 100+rng.IntN(4))
			}
			members = append(members, member)
		}
		for range rng.IntN(3) {
			departments = append(departments, fmt.Sprint(100+rng.IntN(n/3)))
		}
		list = append(list, fmt.Sprintf("g%d=%s+%s", g, strings.Join(members, ","), strings.Join(departments, ",")))
	}
	for range 3 {
		administrators = append(administrators, fmt.Sprintf("o%d:level%d", rng.IntN(n), rng.IntN(2)))
	}
	return groups{list: strings.Join(list, ";"), administrators: strings.Join(administrators, ",")}
}

// The property that undoing rests on: on an otherwise unchanged directory it restores
// every row to the byte, and undoing the undoing brings back what the run had made.
func TestUndoingAnyRunRestoresTheDirectory(t *testing.T) {
	t.Parallel()
	var kinds sync.Map
	t.Run("seeds", func(t *testing.T) { // ends when all of them have
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				undoSeed(t, seed, &kinds)
			})
		}
	})
	for _, kind := range []string{
		"department created", "department updated", "department moved", "department restored", "department deleted",
		"member created", "member updated", "member moved", "member restored", "member deactivated", "member deleted",
		"member linked",
		"membership created", "membership updated", "membership deleted", "group created", "group restored",
		"group deleted",
		"group_membership created", "group_membership updated", "group_membership deleted",
		"administrator created", "administrator updated", "administrator deleted",
	} {
		_, undone := kinds.Load(kind)
		require.True(t, undone, "%s was never undone", kind)
	}
}

// undoSeed undoes a run, its undoing and so on, on a database of its own, as accounts belong to no provider, and adds
// the kinds of change that the run made.
func undoSeed(t *testing.T, seed uint64, kinds *sync.Map) {
	t.Helper()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	for time := range uint64(2) { // some is deleted before, some was and is back
		c.syncGroups(shifting(seed, time, 60), shiftingGroups(seed, time, 60))
	}
	c.accounts("A 1@x -", "B 2@x -", "C 3@x +8613800000001", "D - +8613800000002", "E old@x +8613800000003")
	if seed%4 == 1 { // the provider comes to belong to another tenant
		d.exec(t, "UPDATE identity_providers SET tenant_id = gen_random_uuid() WHERE id = $1", c.provider.ID)
	}
	before, accounts := c.rowsNow(), c.accountsNow()
	target := c.syncGroups(shifting(seed, 3, 60), shiftingGroups(seed, 3, 60))
	for _, change := range target.changes() {
		kinds.Store(strings.Join(strings.Fields(change)[:2], " "), true)
	}
	made, followed := c.rowsNow(), c.accountsNow()
	require.NotEqual(t, before, made)

	untouched := c.versions()
	plan := c.beginUndo("plan", target.id)
	foretold, err := d.store.Undo(t.Context(), plan.id, db.UndoScope{}, nil)
	require.NoError(t, err)
	require.Equal(t, untouched, c.versions(), "a plan writes nothing")
	require.NoError(t, d.store.FinishRun(t.Context(), plan.id, directory.RunSucceeded, "", foretold.Counts,
		false))

	undone := c.undo(target, db.UndoScope{})
	require.Zero(t, undone.LeftAlone, "%v", undone.problems())
	c.requireRestored(before)
	require.Equal(t, accounts, c.accountsNow())
	require.Equal(t, plan.changes(), undone.changes(), "what the plan foretold")
	require.Equal(t, foretold, undone.Undone)

	redone := c.undo(undone.run, db.UndoScope{})
	require.Zero(t, redone.LeftAlone, "%v", redone.problems())
	require.Equal(t, made, c.rowsNow(), "undoing the undoing")
	require.Equal(t, followed, c.accountsNow())

	c.undo(redone.run, db.UndoScope{})
	c.requireRestored(before)

	// The provider is followed again.
	c.syncGroups(shifting(seed, 3, 60), shiftingGroups(seed, 3, 60))
	for key, row := range c.rowsNow() {
		require.Equal(t, made[key], row, key)
	}
}

func (c *company) accountsNow() []string {
	c.t.Helper()
	return c.texts(c.t, `SELECT concat_ws(' ', display_name, email, phone) FROM identities i
		JOIN users u ON u.identity_id = i.id ORDER BY 1`)
}

// Every case syncs before, then target, then, if given, later; undoes target and
// compares who and what is there, and what it says.
func TestUndoingLeavesAloneWhatCameLater(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for _, c := range []struct {
		name                  string
		before, target, later snapshot
		scope                 db.UndoScope
		people, tree, places  []string // nil: not compared
		left                  int
		problems              []string // LATER stands for the later run's id
	}{
		{
			name:   "a removed member, all of it",
			before: snapshot{departments: "1; 2<1", members: "a in=1,2!#4^3; b in=1"},
			target: snapshot{departments: "1", members: "b in=1"},
			people: []string{"a - - active", "b - - active"}, places: []string{"a 1", "a 2*!", "b 1*"},
			tree: []string{"1 D1 0 active", "2 D1/D2 1 active"},
		},
		{
			name:   "a member changed since keeps that and their places",
			before: snapshot{departments: "1; 2<1; 3<1", members: "a title=x in=1,2; b in=1"},
			target: snapshot{departments: "1; 2<1; 3<1", members: "a title=y in=1,3"},
			later:  snapshot{departments: "1; 2<1; 3<1", members: "a title=z in=1,3"},
			people: []string{"a - - active", "b - - active"}, places: []string{"a 1", "a 3*", "b 1*"}, left: 1,
			problems: []string{"left unchanged: 1 member", "member a: left alone: changed since by run LATER"},
		},
		{
			name:   "a place that came since protects a new member, and the member their department",
			before: snapshot{departments: "1; 2<1"},
			target: snapshot{departments: "1; 2<1; 3<2; 4<3; 5<4", members: "a in=4; b in=5"},
			later:  snapshot{departments: "1; 2<1; 3<2; 4<3; 5<4", members: "a in=4,1; b in=5"},
			people: []string{"a - - active", "b - - deleted"}, places: []string{"a 1", "a 4*"}, left: 3,
			tree: []string{"1 D1 0 active", "2 D1/D2 1 active", "3 D1/D2/D3 2 active", "4 D1/D2/D3/D4 3 active",
				"5 D1/D2/D3/D4/D5 4 deleted"},
			problems: []string{"left unchanged: 2 departments and 1 member",
				"department 3: left alone: there are still people or departments in it",
				"department 4: left alone: there are still people or departments in it",
				"member a: left alone: changed since by run LATER"},
		},
		{
			name:   "moving back would form a circle",
			before: snapshot{departments: "1; 2<1; 3<2"}, target: snapshot{departments: "1; 2<1; 3<1 name=X"},
			later: snapshot{departments: "1; 2<3; 3<1 name=X"},
			tree:  []string{"1 D1 0 active", "2 D1/D3/D2 2 active", "3 D1/D3 1 active"}, left: 1,
			problems: []string{"left unchanged: 1 department",
				"department 3: left alone: it stays below its present parent, which by now is below it"},
		},
		{
			name:   "what only followed from a later run is in nobody's way",
			before: snapshot{departments: "1; 2<1; 3<1", members: "a title=x in=2,3"},
			target: snapshot{departments: "1; 2<1; 3<1", members: "a title=y in=2,3"},
			later:  snapshot{departments: "1; 2<1; 4<1; 3<4", members: "a title=y in=2,3"},
			people: []string{"a - - active"}, places: []string{"a 2", "a 3*"},
		},
		{
			name:   "one member alone, whose department is gone",
			before: snapshot{departments: "1; 2<1", members: "a in=1,2; b in=2"}, target: snapshot{departments: "1"},
			scope:  db.UndoScope{Members: []string{"a"}},
			people: []string{"a - - active", "b - - deleted"}, places: []string{"a 1*"},
			tree:     []string{"1 D1 0 active", "2 D1/D2 1 deleted"},
			problems: []string{"member a: is not put back into department 2, which is deleted"},
		},
		{
			name: "one department with what is below it and everybody there",
			before: snapshot{departments: "1; 2<1; 3<2; 4<1",
				members: "a in=3; b in=4; c in=4,3; d title=x in=3; e title=x in=4"},
			target:   snapshot{departments: "1", members: "d title=y in=1; e title=y in=1"},
			scope:    db.UndoScope{Departments: []string{"2"}},
			people:   []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - active"},
			places:   []string{"a 3*", "c 3*", "d 3*", "e 1*"},
			tree:     []string{"1 D1 0 active", "2 D1/D2 1 active", "3 D1/D2/D3 2 active", "4 D1/D4 1 deleted"},
			problems: []string{"member c: is not put back into department 4, which is deleted"},
		},
		{
			name:   "what there is not",
			before: snapshot{departments: "1", members: "a in=1; b in=1"},
			target: snapshot{departments: "1", members: "a in=1"},
			scope:  db.UndoScope{Departments: []string{"9"}, Members: []string{"a", "z"}},
			people: []string{"a - - active", "b - - deleted"},
			problems: []string{"department 9: the directory has no such department",
				"member a: the run changed no such member", "member z: the run changed no such member"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := d.company(t, directory.Feishu)
			co.sync(c.before)
			target := co.sync(c.target)
			if c.later.departments != "" {
				later := co.sync(c.later)
				for i := range c.problems {
					c.problems[i] = strings.ReplaceAll(c.problems[i], "LATER", later.id)
				}
			}
			undone := co.undo(target, c.scope)
			require.Equal(t, c.left, undone.LeftAlone)
			require.ElementsMatch(t, c.problems, undone.problems())
			if c.people != nil {
				require.Equal(t, c.people, co.people())
			}
			if c.tree != nil {
				require.Equal(t, c.tree, co.tree())
			}
			if c.places != nil {
				require.Equal(t, c.places, co.places())
			}
		})
	}
}

func TestUndoingIgnoresTheCaseOfWeComIds(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.WeCom)
	c.sync(snapshot{departments: "1", members: "Ann in=1; Bea in=1"})
	target := c.sync(snapshot{departments: "1"})
	undone := c.undo(target, db.UndoScope{Members: []string{"aNN"}})
	require.Empty(t, undone.problems())
	require.Equal(t, []string{"Ann - - active", "Bea - - deleted"}, c.people())
}

// An id that somebody else has by now cannot be given back.
func TestUndoingLeavesIdsToTheirNewOwner(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "o1 o=o1 in=1"})
	target := c.sync(snapshot{departments: "1", members: "u1 o=o1 in=1"})
	c.exec(t, "INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'o1')", c.provider.ID)
	undone := c.undo(target, db.UndoScope{})
	require.Equal(t, []string{"left unchanged: 1 member",
		"member u1: left alone: its former ids now belong to another member"}, undone.problems())
	require.Equal(t, []string{"o1 - - active", "u1 - o1 active"}, c.people())
}

// An outcome that is refused leaves nothing behind, and tells what would have gone.
func TestAnUndoingThatIsRefusedWritesNothing(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1"})
	target := c.sync(snapshot{departments: "1; 2<1", members: "a in=1; b in=2; c in=2"})
	before := c.versions()
	r := c.beginUndo("apply", target.id)
	refusal := errors.New("too much")
	_, err := c.store.Undo(t.Context(), r.id, db.UndoScope{}, func(u db.Undone) error {
		require.Equal(t, db.RemovalPlan{
			Planned:     directory.PerKind{Members: 2, Departments: 1, Memberships: 2},
			Independent: directory.PerKind{Members: 2, Departments: 1},
			Active:      directory.PerKind{Members: 3, Departments: 2}, Guard: u.Plan.Guard,
		}, u.Plan)
		return refusal
	})
	require.ErrorIs(t, err, refusal)
	require.Equal(t, before, c.versions())
	require.Empty(t, r.changes())
}

func TestWhatCannotBeUndone(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	first := c.sync(snapshot{departments: "1", members: "a in=1"})
	plan := c.begin("plan")
	plan.finish()
	held := c.begin("apply")
	require.NoError(t, c.store.HoldRun(t.Context(), held.id, "too many", "hold", directory.Counts{}))
	refused := func(id, want string) {
		t.Helper()
		_, err := c.store.FindUndoTarget(t.Context(), id)
		var reason *db.NotUndoableError
		require.ErrorAs(t, err, &reason)
		require.Contains(t, reason.Error(), want)
	}
	refused(plan.id, "was a plan")
	refused(held.id, "approve or reject them first")
	running := c.begin("apply")
	refused(running.id, "still at work in workflow orgsync/")
	running.finish()
	_, err := c.store.FindUndoTarget(t.Context(), first.id)
	require.NoError(t, err)
	c.exec(t, "UPDATE sync_runs SET details_dropped_at = now() WHERE id = $1", first.id)
	refused(first.id, "was deleted at")
	_, err = c.store.FindUndoTarget(t.Context(), uuid.NewString())
	require.ErrorIs(t, err, db.ErrNotFound)

	// Also between asking and doing.
	r := c.beginUndo("apply", first.id)
	_, err = c.store.Undo(t.Context(), r.id, db.UndoScope{}, nil)
	require.ErrorContains(t, err, "was deleted at")
}

// A held run goes on after runs that began later: what was changed since goes by the
// order of the changes, not by that of the runs.
func TestUndoingGoesByTheOrderOfChanges(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 20<1"
	arrange := func(t *testing.T) (c *company, held, between *run) {
		c = d.company(t, directory.Feishu)
		c.sync(
			snapshot{departments: tree, members: "a title=0 in=1,10; b title=0 in=1; c title=0 in=10; d title=0 in=10"})
		held = c.begin("apply") // changes a and takes a place of theirs, changes d, and removes b
		held.read(snapshot{departments: tree, members: "a title=1 in=10; c title=0 in=10; d title=1 in=10"})
		held.apply(false)
		held.planRemovals()
		held.recompute()
		held.hold()
		between = c.beginLimited("apply", db.NewRun{Departments: []string{"1"}})
		between.read(snapshot{departments: tree,
			members: "a title=2 in=1,10; b title=2 in=1; c title=2 in=10; d title=1 in=10"})
		between.apply(false)
		between.recompute()
		between.finish()
		require.Equal(t, 3, held.approve())
		held.finish()
		require.Equal(t, []string{"2 deleted", "2 active", "2 active", "1 active"}, titles(c, "b", "a", "c", "d"))
		return c, held, between
	}
	t.Run("of the run that was held", func(t *testing.T) {
		t.Parallel()
		c, held, between := arrange(t)
		undone := c.undo(held, db.UndoScope{})
		require.Equal(t, []string{"left unchanged: 1 member",
			"member a: left alone: changed since by run " + between.id}, undone.problems())
		require.Equal(t, []string{"2 active", "2 active", "2 active", "0 active"}, titles(c, "b", "a", "c", "d"),
			"b is as it was when it was removed")
	})
	t.Run("of the run between", func(t *testing.T) {
		t.Parallel()
		c, held, between := arrange(t)
		undone := c.undo(between, db.UndoScope{})
		require.Equal(t, []string{"left unchanged: 2 members", "member a: left alone: changed since by run " + held.id,
			"member b: left alone: changed since by run " + held.id}, undone.problems())
		require.Equal(t, []string{"2 deleted", "2 active", "0 active", "1 active"}, titles(c, "b", "a", "c", "d"))
	})
}

func titles(c *company, people ...string) (out []string) {
	c.t.Helper()
	for _, id := range people {
		out = append(out, c.member("title", id)+" "+c.member("status", id))
	}
	return out
}
