package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/report"
)

// A person who was removed while a place was held back, as a run leaves it behind.
func TestExplain(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	in.query(`INSERT INTO org_departments (provider_id, external_id, name, path)
		SELECT id, 'od-1', 'Sales', 'Acme/Sales' FROM identity_providers`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, name_translit_full, status, department_path)
		SELECT id, x, 'Zhang San', 'zhangsan', 'deleted', 'Acme/Sales'
		FROM identity_providers, unnest(ARRAY['u1', 'u2']) x`)
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
		SELECT $1::uuid, 'member', m.id, m.id, 'u1', 'deleted', '{"status": "active"}'::jsonb,
		'{"status": "deleted"}'::jsonb FROM org_members m WHERE external_id = 'u1'
		UNION ALL SELECT $1, 'membership', m.id, d.id, 'u1', 'deleted', '{"is_leader": true}', NULL
		FROM org_members m, org_departments d WHERE m.external_id = 'u1'`, run)
	in.query(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, applied, reason)
		SELECT run_id, object_type, object_id, department_id, true, CASE object_type WHEN 'member' THEN 'looked_up'
		ELSE 'not_listed' END FROM org_changes`)
	in.readDepartment(run, "od-1", 1234, nil)
	in.query(
		`UPDATE sync_run_departments SET pages = 13, members_declared = 1230, members_request = 'LOG7', members_read_at
			= now()`)
	in.query(`UPDATE sync_runs SET status = 'succeeded', finished_at = now(), hold_reason = 'too many'`)

	text := in.ok("explain", "acme", "u1").stdout
	for _, want := range []string{
		"member u1, Zhang San, deleted; Acme/Sales; row ", "run " + run[:8] + " (succeeded), workflow orgsync/acme",
		`  deleted     member  status: "active" -> "deleted"`, "says that it is gone; held (too many) and approved",
		"  deleted     membership in od-1 Sales  is_leader was true", "and the listings were read to the end; held",
		"What the run read: 1 of 1 department to the end",
		"members of department od-1: complete, 13 pages, 1,234 people read, the provider counts 1,230, ",
		", request LOG7",
	} {
		require.Contains(t, text, want)
	}
	var history report.ObjectHistory
	in.ok("explain", "acme", "u1", "--output", "json").json(&history)
	require.Equal(t, "LOG7", history.Runs[0].Evidence.Listings[0].Request)
	require.Contains(t, in.ok("explain", "acme", "u2").stdout, "No change is on record")

	o := in.run("explain", "acme", "zhangsan")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stdout, "u1")
	require.Contains(t, o.stdout, "u2")
	require.Contains(t, o.stderr, "choose one with: orgsync explain acme ID")
	o = in.run("explain", "acme", "zhangsan", "--output", "json")
	require.Equal(t, cli.ExitUsage, o.status)
	var several struct {
		Error   string
		Matches []cli.Object
	}
	o.json(&several)
	require.Len(t, several.Matches, 2)
	require.Equal(t, history.ID, in.explained(several.Matches[0].ID).ID)

	o = in.run("explain", "acme", "nobody")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr,
		`no person or department of acme is or was known by "nobody"; see: orgsync search acme TEXT`)
	require.Equal(t, cli.ExitUsage, in.run("explain", "acme", " ").status)

	in.query(`UPDATE sync_runs SET details_dropped_at = now()`)
	require.Contains(t, in.ok("explain", "acme", "u1").stdout, "no longer on record: the record was deleted at")
}

func (in installation) explained(what string) (history report.ObjectHistory) {
	in.t.Helper()
	in.ok("explain", "acme", what, "--output", "json").json(&history)
	return history
}

// Why somebody is still there, and a removal that rests on no listing.
func TestExplainTellsWhySomebodyStayed(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	run := in.begin(store, "acme", "1")
	in.query(`INSERT INTO org_departments (provider_id, external_id, name, path)
		SELECT id, 'od-1', 'Sales', 'Acme/Sales' FROM identity_providers`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, department_path)
		SELECT id, x, 'Name ' || x, 'Acme/Sales' FROM identity_providers, unnest(ARRAY['u1', 'u2', 'u3', ' u4 ']) x`)
	in.query(`INSERT INTO org_member_departments (member_id, department_id) SELECT m.id, d.id
		FROM org_members m, org_departments d`)
	problem := "Feishu 40004: the department is outside the app's contact range"
	in.readDepartment(run, "od-1", 0, &problem)
	require.NoError(t, store.AddRunError(t.Context(), run, "member", "u1",
		"no listing shows it any more, but it could not be confirmed as gone; it was left as it is"))
	in.query(`INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted, result)
		SELECT $1, 'member', id, false, 'not_asked' FROM org_members WHERE external_id = 'u2'`, run)
	require.NoError(t, store.FinishRun(t.Context(), run, directory.RunPartial, "", directory.Counts{}, false))

	text := in.ok("explain", "acme", "u1").stdout
	require.Contains(t, text, "run "+run[:8]+" (partial)")
	require.Contains(t, text, "  note        no listing shows it any more, but it could not be confirmed as gone")
	require.Contains(t, text, "Why it is still there, according to run "+run[:8]+" (partial)")
	require.Contains(t, text, "members of department od-1: incomplete")
	require.Contains(t, text, problem)
	require.Contains(t, text, "What the run found out about it is shown above.")
	require.Contains(t, in.ok("explain", "acme", "u2").stdout,
		"  left        it was not found where it used to be, but may be where the run could not read")
	require.Contains(t, in.ok("explain", "acme", "u3").stdout,
		"Not every listing that should contain it was read to the end")
	in.query(`UPDATE sync_run_departments SET members_complete = true, members_error = NULL, error = NULL`)
	require.Contains(t, in.ok("explain", "acme", "u3").stdout, "was read to the end, and the provider still lists it")
	require.Contains(t, in.ok("explain", "acme", " u4 ").stdout, "Name  u4")

	singly := in.begin(store, "acme", "2")
	in.query(`UPDATE sync_runs SET members = ARRAY['u3'] WHERE id = $1`, singly)
	in.query(`UPDATE org_members SET status = 'deleted' WHERE external_id = 'u3'`)
	in.query(`INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind)
		SELECT $1::uuid, 'member', id, id, 'u3', 'deleted' FROM org_members WHERE external_id = 'u3'`, singly)
	in.query(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, applied, reason)
		SELECT run_id, object_type, object_id, department_id, true, 'looked_up' FROM org_changes`)
	text = in.ok("explain", "acme", "u3").stdout
	require.Contains(t, text,
		"because the provider, asked about it alone, says that it is gone; within the removal limits")
	require.NotContains(t, text, "listing")
	require.NotContains(t, text, "What the run read")
}
