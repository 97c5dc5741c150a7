package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/starter/account"
	"github.com/orgsync/orgsync/starter/cli"
)

func TestAccountsAreReportedAndDecided(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.query(`INSERT INTO account_conflicts (provider_id, member_id, reason, candidates)
		SELECT m.provider_id, m.id, 'several_members', (SELECT array_agg(id) FROM users) FROM org_members m
		WHERE external_id = 'u2'`)
	var report account.Report
	in.ok("accounts", "report", "acme", "--output", "json").json(&report)
	require.Equal(t, []int64{1, 1}, []int64{report.Matched, report.Ambiguous})
	require.Len(t, report.Conflicts, 1)
	require.Equal(t, []string{"u2", "several_members"},
		[]string{report.Conflicts[0].ExternalID, report.Conflicts[0].Reason})
	user := report.Conflicts[0].Candidates[0]
	text := in.ok("accounts", "report", "acme").stdout
	require.Contains(t, text, "several people have the address")
	require.Contains(t, text, "Shan ("+user+")")

	for _, wrong := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"u2"}, cli.ExitUsage, "--link"},
		{[]string{"u2", "--link", "x"}, cli.ExitUsage, "give a UUID"},
		{[]string{"u2", "--link", user}, cli.ExitFailed, "another member's"},
		{[]string{"u1", "--ignore"}, cli.ExitFailed, "linked to an account"},
		{[]string{"nobody", "--ignore"}, cli.ExitUsage, "nobody"},
	} {
		out := in.run(append([]string{"accounts", "decide", "acme"}, wrong.args...)...)
		require.Equal(t, wrong.status, out.status, "%v: %s", wrong.args, out.stderr)
		require.Contains(t, out.stderr, wrong.says)
	}
	var decided account.Decided
	in.ok("accounts", "decide", "acme", "u2", "--ignore", "--output", "json").json(&decided)
	require.Equal(t, []string{"u2", "ignore"}, []string{decided.ExternalID, decided.Decision})
	require.NotEmpty(t, decided.DecidedBy)
	in.ok("accounts", "report", "acme", "--output", "json").json(&report)
	require.Equal(t, []int64{0, 1}, []int64{report.Ambiguous, report.Ignored})

	in.feed(`{"accounts":{"policy":"none"}}`, "rules", "set", "acme", "--file", "-")
	off := in.run("accounts", "apply", "acme")
	require.Equal(t, cli.ExitNothing, off.status)
	require.Contains(t, off.stderr, "set the policy to link or link_or_create: orgsync rules set acme")
}
