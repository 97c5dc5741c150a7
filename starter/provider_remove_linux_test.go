package main

import (
	"testing"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/stretchr/testify/require"
)

// Nobody loses a provider by a slip: whoever removes it sees what goes and types its
// name, and a script says that it means it.
func TestRemovingAProviderAsksForItsName(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	run := in.begin(in.store(), "acme", "1")
	in.query(`INSERT INTO org_departments (provider_id, external_id) SELECT id, 'od-1' FROM identity_providers`)
	in.query(`INSERT INTO org_members (provider_id, external_id, user_id, status)
		SELECT p.id, 'u' || n, CASE n WHEN 1 THEN gen_random_uuid() END, CASE n WHEN 3 THEN 'deleted' ELSE 'active' END
		FROM identity_providers p, generate_series(1, 3) n`)

	for _, args := range [][]string{{}, {"--output", "json"}} {
		o := in.run(append([]string{"provider", "remove", "acme"}, args...)...)
		require.Equal(t, cli.ExitUsage, o.status)
		require.Contains(t, o.stderr, "removing acme also removes people: 2, departments: 1, secrets: 1, runs: 1;")
		require.Contains(t, o.stderr, "--yes")
	}
	const question = "type its name:"
	for _, typed := range []string{"yes", "", "Acme"} {
		o := in.atTerminal(question, typed, "provider", "remove", "acme")
		require.Equal(t, cli.ExitFailed, o.status)
		require.Contains(t, o.stderr, "acme was not removed")
		for _, want := range []string{"people       2, with status deleted from then on; accounts linked to them (1)",
			"departments  1, with", "secrets      1, for good", "runs         1 with their change logs",
			"of these     1 at work"} {
			require.Contains(t, o.stdout, want)
		}
	}
	in.ok("runs", "show", run)
	o := in.atTerminal(question, "acme", "provider", "remove", "acme")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	require.Contains(t, o.stdout, "Provider acme is removed; 1 departments and 2 people now have status deleted.")
}
