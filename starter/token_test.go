package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/token"
)

func TestATokenIsShownOnce(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	require.Contains(t, in.ok("token", "list").stdout, "There are no tokens")
	var made token.Created
	in.ok("token", "create", "payroll", "--role", "reader", "--provider", "acme", "--expires", "90d", "--output",
		"json").json(&made)
	require.Regexp(t, `^org_[a-z2-7]{52}$`, made.Token)
	require.Equal(t, "acme", made.Provider)
	require.NotNil(t, made.ExpiresAt)
	plain := in.ok("token", "create", "ci", "--role", "admin")
	require.Regexp(t, `^org_[a-z2-7]{52}\n$`, plain.stdout, "a script takes it as it is")
	require.Contains(t, plain.stderr, "cannot be shown again")

	for _, args := range [][]string{{"token", "list"}, {"token", "list", "--output", "json"}} {
		listed := in.ok(args...)
		require.Contains(t, listed.stdout, "payroll")
		require.NotContains(t, listed.stdout, made.Token)
		require.NotContains(t, listed.stdout, made.Token[4:])
	}
	var stored int
	hash, _ := access.HashToken(made.Token)
	require.NoError(t, in.pool().QueryRow(t.Context(),
		`SELECT (SELECT count(*) FROM api_tokens t WHERE t::text LIKE '%' || $1 || '%')
		+ (SELECT count(*) FROM audit_log a WHERE a::text LIKE '%' || $1 || '%'
		OR a::text LIKE '%' || encode($2, 'hex') || '%')`, made.Token[4:], hash).Scan(&stored))
	require.Zero(t, stored)

	require.Contains(t, in.ok("token", "revoke", "payroll").stdout, "Token payroll is revoked.")
	audit := in.ok("audit", "--limit", "2").stdout
	require.Regexp(t, "(?s)token.revoke +token/payroll.*token.create +token/ci", audit)
	require.NotContains(t, audit, "provider.create")
	require.Contains(t, in.ok("audit", "--provider", "acme").stdout, "provider.create")
	require.NotContains(t, in.ok("audit", "--provider", "acme").stdout, "token/ci")
	again := in.run("token", "revoke", "payroll")
	require.Equal(t, cli.ExitUsage, again.status)
	require.Contains(t, again.stderr, `there is no token "payroll" that can still be used`)
	var listed []token.View
	in.ok("token", "list", "--output", "json").json(&listed)
	require.Equal(t, []string{"active", "revoked"}, []string{listed[0].State, listed[1].State})
	require.Equal(t, cli.Actor(), listed[1].CreatedBy)
	require.Equal(t, made.ID, listed[1].ID)
}

func TestATokenMustBePossible(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	in.ok("token", "create", "taken", "--role", "app")
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{cli.ExitUsage, "--role", []string{"x"}},
		{cli.ExitUsage, "--role", []string{"x", "--role", "king"}},
		{cli.ExitUsage, `there is no provider "other"; the stored providers are: `, []string{"x", "--role", "reader", "--provider", "other"}},
		{cli.ExitUsage, "must be a UUID", []string{"x", "--role", "reader", "--tenant", "t1"}},
		{cli.ExitUsage, "bind it to less", []string{"x", "--role", "reader", "--provider", "acme", "--tenant",
			"11111111-1111-1111-1111-111111111111"}},
		{cli.ExitUsage, "must be above zero", []string{"x", "--role", "reader", "--expires", "0s"}},
		{cli.ExitUsage, "no blank at its ends", []string{" x", "--role", "reader"}},
		{cli.ExitFailed, `there is a token "taken" already`, []string{"taken", "--role", "reader"}},
	} {
		out := in.run(append([]string{"token", "create"}, c.args...)...)
		require.Equal(t, c.status, out.status, out.stderr)
		require.Contains(t, out.stderr, c.says)
	}
}
