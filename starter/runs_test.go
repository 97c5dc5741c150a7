package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	runcmd "github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/workflows"
)

func (in installation) store() *db.Store {
	in.t.Helper()
	store, err := db.Open(in.t.Context(), in.admin)
	require.NoError(in.t, err)
	in.t.Cleanup(store.Close)
	return store
}

// begin opens a run of a stored provider, as its workflow's first activity does.
func (in installation) begin(store *db.Store, provider, temporalRunID string) string {
	in.t.Helper()
	begun, err := store.BeginRun(in.t.Context(), db.NewRun{
		Provider: provider, WorkflowID: "orgsync/" + provider, TemporalRunID: temporalRunID, Mode: "apply",
		OnRemovals: "hold",
	}, func(context.Context, db.OpenRun) (string, error) { return directory.RunFailed, nil })
	require.NoError(in.t, err)
	return begun.RunID
}

// readDepartment adds a department to what a run has read.
func (in installation) readDepartment(run, department string, read int, problem *string) {
	in.t.Helper()
	in.query(`INSERT INTO sync_run_departments (run_id, external_id, children_complete, members_complete, members_read,
		members_error, error,
		children_method, children_via, members_method, members_via)
		VALUES ($1, $2, true, $4::text IS NULL, $3, $4, $4, '', $2, '', $2)`,
		run, department, read, problem)
}

func TestRunsShow(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.env["ORGSYNC_UI_URL"] = "http://ui:8233/"
	in.add("acme", feishuConfig())
	require.Contains(t, in.ok("runs", "list").stdout, "orgsync sync NAME --wait")
	store, ctx := in.store(), t.Context()

	failed := in.begin(store, "acme", "first")
	require.NoError(t, store.FinishRun(ctx, failed, directory.RunFailed, "the app secret is wrong", directory.Counts{},
		false))
	held := in.begin(store, "acme", "second")
	problem := "department is out of range"
	for i := range 20 + 1 {
		in.readDepartment(held, "od-"+string(rune('a'+i)), i, nil)
	}
	in.readDepartment(held, "od-zz", 0, &problem)
	require.NoError(t, store.AddRunError(ctx, held, "member", "u7", "two people claim this id"))
	counts := directory.Counts{Members: directory.MemberCounts{Read: 1234567, Created: 3, Restored: 2}}
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, name_translit_initial)
		SELECT provider_id, unnest(ARRAY['u2', 'u1']), '', '', '' FROM sync_runs WHERE id = $1`, held)
	in.query(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id) SELECT $1, 'member', id, id
		FROM org_members`, held)
	require.NoError(t, store.HoldRun(ctx, held, "would remove 31 of 40 members", "orgsync/acme/removals/"+held, counts))

	var listed []runcmd.Run
	in.ok("runs", "list", "--provider", "acme", "--output", "json").json(&listed)
	require.Len(t, listed, 2)
	require.Equal(t, held, listed[0].ID)
	in.ok("runs", "list", "--limit", "1", "--output", "json").json(&listed)
	require.Len(t, listed, 1)
	table := in.ok("runs", "list").stdout
	require.Contains(t, table, held[:8])
	require.Contains(t, table, "+5 -0")

	text := in.ok("runs", "show", held[:12]).stdout
	for _, want := range []string{
		held, "would remove 31 of 40 members", "decide by", "they are rejected", "LIMIT", "(u1): no longer listed\n",
		"orgsync/acme/removals/" + held, "orgsync approve acme", "orgsync reject acme",
		"1,234,567", "member u7: two people claim this id", "department od-zz: " + problem, "show them with --all",
		"\nNotes\n",
		"http://ui:8233/namespaces/default/workflows/orgsync%2Facme/second",
	} {
		require.Contains(t, text, want)
	}
	all := in.ok("runs", "show", held, "--all").stdout
	require.NotContains(t, all, "--all")
	require.Greater(t, len(all), len(text))

	var shown runcmd.Shown
	in.ok("runs", "show", held, "--output", "json").json(&shown)
	require.Equal(t, counts, shown.Counts)
	require.Equal(t, directory.RunHeld, shown.Status)
	require.Len(t, shown.Departments, 20+2)
	require.Equal(t, "od-zz", shown.Departments[0].ExternalID, "failed departments come first")
	require.Len(t, shown.Errors, 2)
	require.Equal(t, directory.Removal{Planned: 2, There: 2, Limit: new(10), IDs: []string{"u1", "u2"}},
		shown.Removals.Members)
	require.WithinDuration(t, time.Now().Add(72*time.Hour), *shown.HoldExpiresAt, time.Minute)

	require.Contains(t, in.ok("runs", "show", failed).stdout, "the app secret is wrong")
	require.NotContains(t, in.ok("runs", "show", failed).stdout, "orgsync approve")
	in.query(`UPDATE sync_runs SET decided_by = 'ann@host' WHERE id = $1`, held)
	decided := in.ok("runs", "show", held).stdout
	require.Contains(t, decided, "ann@host")
	require.NotContains(t, decided, "decide by")
}

func TestRunIsFoundByTheBeginningOfItsID(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	const one, other = "0000aaaa-0000-4000-8000-000000000001", "0000aabb-0000-4000-8000-000000000002"
	for temporalRunID, id := range map[string]string{"1": one, "2": other} {
		in.query(`UPDATE sync_runs SET id = $1 WHERE id = $2`, id, in.begin(store, "acme", temporalRunID))
	}
	var shown runcmd.Shown
	in.ok("runs", "show", "0000AAB", "--output", "json").json(&shown)
	require.Equal(t, other, shown.ID)
	for _, tt := range []struct{ id, want string }{
		{"0000aa", "more than one"}, {"ffff", "no run"}, {"%", "no run"}, {"", "the value is empty"},
	} {
		o := in.run("runs", "show", tt.id)
		require.Equal(t, cli.ExitUsage, o.status, tt.id)
		require.Contains(t, o.stderr, tt.want)
	}
}

func TestRunsChanges(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	run := in.begin(in.store(), "acme", "1")
	var changes []runcmd.Change
	in.ok("runs", "changes", run, "--output", "json").json(&changes)
	require.Empty(t, changes)
	require.Contains(t, in.ok("runs", "changes", run).stdout, "changed nothing")

	// More than one page of the database's.
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
		SELECT $1, 'member', gen_random_uuid(), gen_random_uuid(), 'u' || n, 'created', jsonb_build_object('name', 'N'
		|| n) FROM generate_series(1, 2001) n`, run)
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		VALUES ($1, 'member', gen_random_uuid(), gen_random_uuid(), 'u9999', 'updated',
		'{"name": "A", "title": "x", "email": null, "phone": "1", "raw_data": {"a": 1}}',
		'{"name": "B", "title": "x", "email": "b@c", "phone": null, "raw_data": {"a": 2}}')`, run)
	in.ok("runs", "changes", run, "--output", "json").json(&changes)
	require.Len(t, changes, 2002)
	require.JSONEq(t, `{"name":"N2001"}`, string(changes[2000].After))
	text := in.ok("runs", "changes", run).stdout
	require.Contains(t, text, `u9999  email: "b@c", name: "A" -> "B", phone was "1", raw_data changed`+"\n")
	require.Contains(t, text, `u2001  name: "N2001"`+"\n")
}

// A change says whom it is about, also if they are gone, and where; figures that only the
// database needs are left out.
func TestRunsChangesNamesWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	run := in.begin(in.store(), "acme", "1")
	in.query(`WITH p AS (SELECT id FROM identity_providers), top AS (
			INSERT INTO org_departments (provider_id, external_id, name, path) SELECT id, 'od-0', 'Acme', 'Acme' FROM p
			RETURNING id
		), d AS (
			INSERT INTO org_departments (provider_id, external_id, name, path) SELECT id, 'od-1', 'Sales', 'Acme/Sales'
			FROM p RETURNING id
		), m AS (
			INSERT INTO org_members (provider_id, external_id, name, status) SELECT p.id, u, 'Zhang ' || u, 'deleted'
			FROM p, unnest(ARRAY['u1', 'u2']) u RETURNING id, external_id
		)
		INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		SELECT $1::uuid, 'member', m.id, m.id, m.external_id, 'deleted', '{"status": "active"}'::jsonb,
		'{"status": "deleted"}'::jsonb FROM m
		UNION ALL SELECT $1, 'membership', m.id, d.id, m.external_id, 'deleted',
		'{"is_leader": true, "primary_rank": 9223372036854775807}', NULL FROM m, d
		UNION ALL SELECT $1, 'department', d.id, d.id, 'od-1', 'moved', '{"path": "Acme/Old", "depth": 3}',
			jsonb_build_object('path', 'Acme/Sales', 'depth', 1, 'parent_id', top.id) FROM d, top`, run)

	lines := func(args ...string) []string {
		text := strings.TrimSpace(in.ok(append([]string{"runs", "changes", run}, args...)...).stdout)
		all := strings.Split(text, "\n")
		slices.Sort(all)
		return all
	}
	department := `moved       department od-1  Sales  parent_id: "Acme (od-0)", path: "Acme/Old" -> "Acme/Sales"`
	member := func(id string) string {
		return `deleted     member     ` + id + `  Zhang ` + id + `  status: "active" -> "deleted"`
	}
	place := func(id string) string {
		return `deleted     membership ` + id + `  Zhang ` + id + ` in Acme/Sales (od-1)  is_leader was true`
	}
	require.Equal(t, []string{member("u1"), member("u2"), place("u1"), place("u2"), department}, lines())
	require.Equal(t, []string{member("u1"), member("u2")}, lines("--type", "member", "--kind", "deleted,moved"))
	require.Equal(t, []string{member("u2"), place("u2")}, lines("--member", "u2"))
	require.Equal(t, []string{department}, lines("--kind", "moved"))
	require.Equal(t, []string{"The run made no such change."}, lines("--kind", "linked"))

	var changes []runcmd.Change
	o := in.ok("runs", "changes", run, "--type", "membership", "--member", "u1", "--output", "json")
	o.json(&changes)
	require.Len(t, changes, 1)
	require.Equal(t, []string{"Zhang u1", "od-1", "Sales", "Acme/Sales"},
		[]string{changes[0].Name, changes[0].Department, changes[0].DepartmentName, changes[0].DepartmentPath})
	require.NotContains(t, o.stdout, "primary_rank")
	require.NotContains(t, in.ok("explain", "acme", "u1").stdout, "primary_rank")

	for flag, wrong := range map[string]string{"--kind": "gone", "--type": "folder", "--member": "u1,,u2"} {
		o := in.run("runs", "changes", run, flag, wrong)
		require.Equal(t, cli.ExitUsage, o.status)
		require.Contains(t, o.stderr, flag)
	}
}

func TestDecidingNeedsAHeldRun(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	for _, command := range []string{"approve", "reject"} {
		o := in.run(command, "acme")
		require.Equal(t, cli.ExitNothing, o.status)
		require.Contains(t, o.stderr, "no run of acme is waiting for a decision")
	}
}

func TestSyncOfAnInactiveProviderIsRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	in.ok("provider", "update", "acme", "--inactive")
	o := in.run("sync", "acme", "--wait", "--output", "json")
	require.Equal(t, cli.ExitBusy, o.status)
	var document struct{ Error string }
	o.json(&document)
	require.Contains(t, document.Error, "orgsync provider update acme --active")
}

// What an operator approves is what the command shows.
func TestRunsChangesOfAHeldRunShowsWhatWouldBeRemoved(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	in.query(`WITH d AS (
			INSERT INTO org_departments (external_id, name, path) VALUES ('od-1', 'Sales', 'Acme/Sales') RETURNING id
		), m AS (
			INSERT INTO org_members (external_id, name, department_path) VALUES ('u1', 'Ann', 'Acme/Sales') RETURNING id
		)
		INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, applied)
		SELECT $1::uuid, 'department', d.id, d.id, true, false FROM d UNION ALL
		SELECT $1, 'member', m.id, m.id, true, false FROM m UNION ALL
		SELECT $1, 'membership', m.id, d.id, true, false FROM m, d UNION ALL
		SELECT $1, 'member', gen_random_uuid(), gen_random_uuid(), confirmed, confirmed
		FROM unnest(ARRAY[true, false]) confirmed`, run)

	require.Contains(t, in.ok("runs", "changes", run).stdout, "changed nothing",
		"a run at work has decided nothing yet")
	require.NoError(t, store.HoldRun(t.Context(), run, "too many", "orgsync/acme/removals/"+run, directory.Counts{}))
	var changes []runcmd.Change
	in.ok("runs", "changes", run, "--output", "json").json(&changes)
	require.Len(t, changes, 3)
	for i, want := range []string{"department od-1", "member u1", "membership u1"} {
		require.Equal(t, want, changes[i].ObjectType+" "+changes[i].ExternalID)
		require.Equal(t, "deleted", changes[i].Kind)
		require.True(t, changes[i].Planned)
	}
	require.NotEmpty(t, changes[2].DepartmentID)
	text := in.ok("runs", "changes", run).stdout
	require.Contains(t, text, `to remove   member     u1  Ann  path was "Acme/Sales", status was "active"`)
	require.NotContains(t, text, "changed nothing")
	require.Contains(t, text, "to remove   membership u1  Ann in Acme/Sales (od-1)\n")
	require.Equal(t, "to remove   member     u1  Ann  path was \"Acme/Sales\", status was \"active\"\n",
		in.ok("runs", "changes", run, "--type", "member", "--member", "u1", "--kind", "deleted").stdout)
	require.Equal(t, "The run made no such change.\n", in.ok("runs", "changes", run, "--kind", "created").stdout)
}

func TestRunsShowTellsWhatARunWasLimitedTo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	begin := func(n db.NewRun) string {
		n.Provider, n.WorkflowID, n.TemporalRunID, n.Mode, n.OnRemovals = "acme", "orgsync/acme", time.Now().
			String(), "apply", "hold"
		begun, err := store.BeginRun(t.Context(), n,
			func(context.Context, db.OpenRun) (string, error) { return directory.RunFailed, nil })
		require.NoError(t, err)
		return begun.RunID
	}
	whole := begin(db.NewRun{})
	require.NotContains(t, in.ok("runs", "show", whole).stdout, "limited to")
	departments := begin(db.NewRun{Departments: []string{"od-1", "od-2"}})
	require.Contains(t, in.ok("runs", "show", departments).stdout, "departments od-1, od-2 and what is below them")
	people := begin(db.NewRun{Members: []string{"u1", "u2"}})
	require.Contains(t, in.ok("runs", "show", people).stdout, "members u1, u2")
	var shown runcmd.Shown
	in.ok("runs", "show", people, "--output", "json").json(&shown)
	require.Equal(t, []string{"u1", "u2"}, shown.OnlyMembers)
	require.NoError(t, store.AddRunError(t.Context(), people, "member", "u2", "cannot be read"))
	require.NoError(t, store.FinishRun(t.Context(), people, directory.RunPartial, "", directory.Counts{}, false))
	retry := begin(db.NewRun{Retries: people})
	text := in.ok("runs", "show", retry).stdout
	require.Contains(t, text, "what failed in run "+people)
	require.Contains(t, text, "members u2")
}

// What cannot be retried is said at once, before any workflow is started.
func TestRetryIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	o := in.run("runs", "retry", run)
	require.Equal(t, cli.ExitBusy, o.status)
	require.Contains(t, o.stderr, "still at work")
	require.NoError(t, store.FinishRun(t.Context(), run, directory.RunSucceeded, "", directory.Counts{}, true))
	o = in.run("runs", "retry", run[:8], "--wait", "--output", "json")
	require.Equal(t, cli.ExitNothing, o.status)
	var document struct{ Error string }
	o.json(&document)
	require.Contains(t, document.Error, "nothing to retry")
	require.Equal(t, cli.ExitUsage, in.run("runs", "retry", "ffff").status)
	in.ok("provider", "update", "acme", "--inactive")
	require.Contains(t, in.run("runs", "retry", run).stderr, "orgsync provider update acme --active")
}

func TestSyncTakesOneTarget(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	o := in.run("sync", "acme", "--member", "u1", "--departments", "od-1")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "--departments and --members can't be used together")
	temporal := &fakeTemporal{}
	require.Equal(t, cli.ExitDone, in.runWith(t.Context(), temporal, &lines{}, &lines{}, "sync", "acme", "--members",
		"u1,u2"))
	require.Equal(t, []string{"u1", "u2"}, temporal.started.(workflows.SyncInput).Members)
}
