package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/maintenance"
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
	require.Equal(t, cli.ExitUsage, again.status)
	require.Contains(t, again.stderr, "exists already")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestKeysetCreateIntoAMissingFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "etc", "orgsync")
	o := installation{t: t}.run("keyset", "create", filepath.Join(folder, "keyset.json"))
	require.Equal(t, cli.ExitUsage, o.status)
	require.Equal(t, "orgsync: create key set: there is no folder "+folder+"; make it with: mkdir -p "+folder+"\n",
		o.stderr)
}

func TestKeysetRotateRefusesWhatIsNoKeySet(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"hunter2":1}`), 0o600))
	o := in.run("keyset", "rotate", path)
	require.Equal(t, cli.ExitUsage, o.status)
	require.NotContains(t, o.stderr, "hunter2")
	require.Equal(t, cli.ExitUsage, in.run("keyset", "rotate", path+".not").status)
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
	require.Equal(t, cli.ExitFailed, o.status)
	require.Contains(t, o.stderr, "1 stored secret is still encrypted with a key older than the newest")
	in.ok("provider", "test", "acme")
	var done maintenance.Resealed
	in.ok("keyset", "reseal", "--output", "json").json(&done)
	require.Equal(t, 1, done.Secrets)
	in.ok("provider", "test", "acme")
	var pruned maintenance.PrunedKeyset
	in.ok("keyset", "prune", in.env["ORGSYNC_KEYSET"], "--output", "json").json(&pruned)
	require.Equal(t, 1, pruned.Removed)
	in.ok("provider", "test", "acme")

	require.NoError(t, os.WriteFile(in.env["ORGSYNC_KEYSET"], first, 0o600))
	o = in.run("provider", "test", "acme")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "app_secret")
	require.NotContains(t, o.stdout+o.stderr, feishuSecret)
}

// While a worker runs that was not restarted since the key set was rotated, nothing is
// sealed under the new key: the runs that it takes part in would fail.
func TestNothingIsSealedUnderAKeyThatAWorkerLacks(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store, err := db.Open(t.Context(), dbtest.As(t, "orgsync_worker", in.env["DATABASE_URL"]))
	require.NoError(t, err)
	defer store.Close()
	box := func() *secret.Box {
		box, err := secret.Load(in.env["ORGSYNC_KEYSET"])
		require.NoError(t, err)
		return box
	}
	old := providers.Worker{ID: uuid.NewString(), Name: "4711@host-1", KeyIDs: box().KeyIDs()}
	require.NoError(t, store.Providers.RecordWorker(t.Context(), old))
	in.ok("keyset", "rotate", in.env["ORGSYNC_KEYSET"])
	require.NoError(t, store.Providers.RecordWorker(t.Context(),
		providers.Worker{ID: uuid.NewString(), Name: "1@host-2", KeyIDs: box().KeyIDs()}))

	config, err := json.Marshal(feishuConfig())
	require.NoError(t, err)
	commands := [][]string{
		{"keyset", "reseal"}, {"keyset", "prune", in.env["ORGSYNC_KEYSET"]},
		{"provider", "update", "acme", "--config", "-"},
		{"provider", "add", "other", "--type", "feishu", "--config", "-"},
	}
	refused := func(command []string) {
		t.Helper()
		o := in.feed(string(config), command...)
		require.Equal(t, cli.ExitFailed, o.status, o.stdout)
		require.Contains(t, o.stderr,
			fmt.Sprintf(
				"do not hold the newest key (%d): 4711@host-1; copy the key set's file to each of them, restart them",
				box().PrimaryKeyID()))
	}
	for _, command := range commands {
		if command[1] != "prune" {
			refused(command)
		}
	}
	in.ok("provider", "update", "acme", "--removal-limit", "7") // seals nothing

	// Killed, it is forgotten.
	pool := in.pool()
	_, err = pool.Exec(t.Context(), "UPDATE sync_workers SET seen_at = now() - interval '61 s' WHERE id = $1", old.ID)
	require.NoError(t, err)
	in.ok("keyset", "reseal")
	// It was only slow: it is there again, and could not do without the old key.
	require.NoError(t, store.Providers.RecordWorker(t.Context(), old))
	refused(commands[1])
	require.NoError(t, store.Providers.RemoveWorker(t.Context(), old.ID))
	for _, command := range commands {
		require.Equal(t, cli.ExitDone, in.feed(string(config), command...).status, command)
	}
}
