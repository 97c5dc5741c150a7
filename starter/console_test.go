package main

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/console"
)

func TestConsolePrintsALinkThatIsNotStored(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	in.env["ORGSYNC_SERVER_ADDRESS"] = ":8123"
	plain := in.ok("console")
	require.Regexp(t, `^http://127\.0\.0\.1:8123/sign-in/link\?code=org_[a-z2-7]{52}\n$`, plain.stdout)
	require.Contains(t, plain.stderr, "signs in once, as admin, within 10 minutes")

	in.env["ORGSYNC_PUBLIC_URL"] = "https://orgsync.example.com/"
	var link console.Link
	in.ok("console", "--role", "reader", "--provider", "acme", "--output", "json").json(&link)
	require.Equal(t, "reader", link.Role)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), link.ExpiresAt, time.Minute)
	to, err := url.Parse(link.URL)
	require.NoError(t, err)
	require.Equal(t, "https://orgsync.example.com/sign-in/link", to.Scheme+"://"+to.Host+to.Path)
	code := to.Query().Get("code")
	_, ok := access.HashToken(code)
	require.True(t, ok)

	var stored int
	require.NoError(t, in.pool().QueryRow(t.Context(), `SELECT count(*) FROM sign_in_links l WHERE l::text LIKE '%' || $1 || '%'`,
		code[4:]).Scan(&stored))
	require.Zero(t, stored)
	require.NoError(t, in.pool().QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'link.create'
		AND actor = $1 AND object = 'console/' || $1 AND NOT audit_log::text LIKE '%' || $2 || '%'`, cli.Actor(), code[4:]).Scan(&stored))
	require.Equal(t, 2, stored)
}

func TestConsoleKnowsItsRolesAndProviders(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	require.Contains(t, in.run("console", "--role", "app").stderr, "--role")
	require.Contains(t, in.run("console", "--provider", "nobody").stderr, `nobody`)
}
