package main

import (
	"testing"

	runcmd "github.com/orgsync/orgsync/starter/run"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
)

// heldRun stores a company of two departments and a run that is held since it would
// remove so many people of the first, one of the second, the department that is left
// empty and somebody's second place.
func (in installation) heldRun(temporalRunID string, leavers int) string {
	in.t.Helper()
	store := in.store()
	run := in.begin(store, "acme", temporalRunID)
	in.query(`INSERT INTO org_departments (provider_id, external_id, name, path, direct_member_count, member_count)
		SELECT p.id, 'od-' || n, 'D' || n, 'Acme/D' || n, 40, 7 FROM identity_providers p, generate_series(1, 3) n
		WHERE p.name = 'acme' ON CONFLICT DO NOTHING`)
	in.query(`INSERT INTO org_members (provider_id, external_id, name, department_id)
		SELECT d.provider_id, 'u' || lpad(n::text, 3, '0'), 'Person ' || n, d.id FROM generate_series(1, $1::int + 2) n
		JOIN org_departments d ON d.external_id = CASE WHEN n > $1 THEN 'od-2' ELSE 'od-1' END
		ON CONFLICT DO NOTHING`, leavers)
	in.query(`INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
		SELECT $1::uuid, 'member', m.id, m.id, CASE m.external_id WHEN 'u001' THEN 'looked_up' ELSE 'not_listed' END
			FROM org_members m WHERE substr(m.external_id, 2)::int <= $2::int + 1
		UNION ALL SELECT $1, 'department', d.id, d.id, 'not_listed' FROM org_departments d WHERE d.external_id = 'od-3'
		UNION ALL SELECT $1, 'membership', m.id, d.id, 'not_listed' FROM org_members m, org_departments d
			WHERE d.external_id = 'od-1' AND substr(m.external_id, 2)::int IN (1, $2::int + 2)`, run, leavers)
	require.NoError(in.t, store.HoldRun(in.t.Context(), run, "it would remove many", "orgsync/acme/removals/"+run,
		directory.Counts{}))
	return run
}

// Whoever decides reads names: who would go, from where, why, and those departments
// first that lose most.
func TestHeldRunNamesWhoWouldGo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	run := in.heldRun("1", 12)
	in.query(`WITH made AS (
			INSERT INTO org_groups (provider_id, external_id, kind, name, member_count)
			SELECT p.id, g.id, 'group', g.name, g.members FROM identity_providers p,
				(VALUES ('g1', 'Auditors', 3), ('g2', 'Drivers', 1)) g (id, name, members) RETURNING *
		), placed AS (
			INSERT INTO org_group_members (group_id, member_id)
			SELECT g.id, m.id FROM made g, org_members m WHERE g.external_id = 'g2' AND m.external_id = 'u014' RETURNING *
		), named AS (
			INSERT INTO org_administrators (provider_id, member_id, source, level)
			SELECT m.provider_id, m.id, 'provider', 'sub' FROM org_members m WHERE m.external_id = 'u014' RETURNING *
		)
		INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
		SELECT $1::uuid, 'group', g.id, g.id FROM made g WHERE g.external_id = 'g1'
		UNION ALL SELECT $1, 'group_membership', member_id, group_id FROM placed
		UNION ALL SELECT $1, 'administrator', member_id, member_id FROM named`, run)
	text := in.ok("runs", "show", run).stdout
	require.Contains(t, text, `
People who would be removed, by department, the greatest losses first
  Acme/D1: 12 of 40
    Person 1 (u001): gone, according to the provider
    Person 10 (u010): no longer listed
    Person 11 (u011): no longer listed
    Person 12 (u012): no longer listed
    Person 2 (u002): no longer listed
    and 7 more
  Acme/D2: 1 of 40
    Person 13 (u013): no longer listed

Departments that would be removed, the largest first
  Acme/D3 (od-3), 7 people: no longer listed

Memberships that would be removed (the people themselves stay)
  Person 14 (u014) in Acme/D1: no longer listed

Groups that would be removed, the largest first
  Auditors (g1), 3 people: no longer listed

Members and departments that would leave a group (they and the group stay)
  Person 14 (u014) in Drivers (g2): no longer listed

Members who would be administrators no longer
  Person 14 (u014), sub: no longer listed
`)
	require.Contains(t, text, "orgsync approve acme "+run[:8]+"\n")
	require.Contains(t, text, "orgsync reject acme "+run[:8]+"\n")
	require.NotContains(t, text, "Person 3 ")
	all := in.ok("runs", "show", run, "--all").stdout
	require.Contains(t, all, "    Person 3 (u003): no longer listed\n")
	require.NotContains(t, all, "--all")
	require.NotContains(t, all, "and 7 more")

	var shown runcmd.Shown
	in.ok("runs", "show", run, "--output", "json").json(&shown)
	require.Len(t, shown.Planned.People, 13)
	require.Equal(t, "Person 1 od-1 Acme/D1 looked_up",
		shown.Planned.People[0].Name+" "+shown.Planned.People[0].Department+" "+
			shown.Planned.People[0].Path+" "+shown.Planned.People[0].Reason)
	require.Equal(t, "od-3", shown.Planned.Departments[0].ExternalID)
	require.Len(t, shown.Planned.Places, 1)
}

// A decision is for the run that was named or shown, never for another that took its
// place meanwhile.
func TestDecidingNamesTheRun(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	in.add("other", feishuConfig())
	first := in.heldRun("1", 57)
	second := in.heldRun("2", 151) // supersedes the first
	for _, command := range []string{"approve", "reject"} {
		o := in.run(command, "acme", first[:8])
		require.Equal(t, cli.ExitNothing, o.status)
		require.Contains(t, o.stderr, "run "+first[:8]+" is not held: it ended superseded; run "+second[:8]+
			" is held (it would remove many); see: orgsync runs show "+second[:8])

		o = in.run(command, "acme")
		require.Equal(t, cli.ExitUsage, o.status)
		require.Contains(t, o.stderr, "name the run, or give --yes; held runs:")
		require.Contains(t, o.stderr, "orgsync "+command+" acme "+second[:8]+"   (it would remove many)")

		require.Contains(t, in.run(command, "other", second).stderr, "belongs to acme, not to other")
		require.Equal(t, cli.ExitUsage, in.run(command, "acme", "ffff").status)

		// Shown, and not wanted after all.
		o = in.atTerminal("Type yes to "+command+":", "no", command, "acme")
		require.Equal(t, cli.ExitHeld, o.status)
		for _, want := range []string{"Run " + second[:8] + " of acme", "is held: it would\nremove many", "people",
			"152", "LIMIT", "Acme/D1: 149\n", "Person 1 (u001)", "and 144 more",
			"To see all of them, add --all.", "Nothing was decided"} {
			require.Contains(t, o.stdout, want)
		}
		require.Contains(t, in.atTerminal("Type yes to "+command+":", "", command, "acme", "--all").stdout,
			"Person 99 (u099)")
	}

	// One that was approved and waits for its turn is decided.
	require.NoError(t, in.store().RecordDecision(t.Context(), second, "ann@host", "", true))
	o := in.run("approve", "acme", second)
	require.Equal(t, cli.ExitNothing, o.status)
	require.Contains(t, o.stderr, "it was decided by ann@host already")
	require.Equal(t, cli.ExitNothing, in.run("approve", "acme", "--yes").status)
	require.NotContains(t, in.ok("runs", "show", second).stdout, "orgsync approve")
}
