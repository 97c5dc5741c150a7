package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysetCreateTouchesNoExistingFile(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	path := filepath.Join(t.TempDir(), "keyset.json")
	in.ok("keyset", "create", path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	again := in.run("keyset", "create", path)
	require.Equal(t, exitUsage, again.status)
	require.Contains(t, again.stderr, "exists already")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestKeysetCreateIntoAMissingFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "etc", "orgsync")
	o := installation{t: t}.run("keyset", "create", filepath.Join(folder, "keyset.json"))
	require.Equal(t, exitUsage, o.status)
	require.Equal(t, "orgsync: create key set: there is no folder "+folder+"; make it with: mkdir -p "+folder+"\n", o.stderr)
}

func TestKeysetRotateRefusesWhatIsNoKeySet(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"hunter2":1}`), 0o600))
	o := in.run("keyset", "rotate", path)
	require.Equal(t, exitUsage, o.status)
	require.NotContains(t, o.stderr, "hunter2")
	require.Equal(t, exitUsage, in.run("keyset", "rotate", path+".not").status)
}

// A rotation must leave nothing sealed under the key that is to be given up.
func TestSecretsOutliveTheKeyTheyWereSealedUnder(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	feishu := startFeishu(t)
	in.add("acme", feishu)
	first, err := os.ReadFile(in.env["ORGSYNC_KEYSET"])
	require.NoError(t, err)

	in.ok("keyset", "rotate", in.env["ORGSYNC_KEYSET"])
	in.ok("provider", "test", "acme")
	o := in.run("keyset", "prune", in.env["ORGSYNC_KEYSET"])
	require.Equal(t, exitFailed, o.status)
	require.Contains(t, o.stderr, "1 stored secrets are sealed under other keys")
	in.ok("provider", "test", "acme")
	var done struct{ Resealed int }
	in.ok("keyset", "reseal", "--output", "json").json(&done)
	require.Equal(t, 1, done.Resealed)
	in.ok("provider", "test", "acme")
	var pruned struct{ Removed int }
	in.ok("keyset", "prune", in.env["ORGSYNC_KEYSET"], "--output", "json").json(&pruned)
	require.Equal(t, 1, pruned.Removed)
	in.ok("provider", "test", "acme")

	require.NoError(t, os.WriteFile(in.env["ORGSYNC_KEYSET"], first, 0o600))
	o = in.run("provider", "test", "acme")
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, "app_secret")
	require.NotContains(t, o.stdout+o.stderr, feishuSecret)
}
