package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/secret"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/group"
	"github.com/orgsync/orgsync/starter/member"
	"github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/workflows"
)

// startWorker starts a worker for the installation, in a namespace of its own.
func (in installation) startWorker(name string) {
	in.t.Helper()
	namespace(in.t, name)
	in.t.Setenv("TEMPORAL_NAMESPACE", name)
	temporal := dial(in.t)
	require.NoError(in.t, app.EnsureSearchAttributes(in.t.Context(), temporal, name))
	env := maps.Clone(in.env)
	env["DATABASE_URL"] = dbtest.As(in.t, "orgsync_worker", in.admin)
	cfg, err := config.Load(func(name string) string { return env[name] })
	require.NoError(in.t, err)
	box, err := secret.Load(cfg.Keyset.Reveal())
	require.NoError(in.t, err)
	store, err := db.Open(in.t.Context(), env["DATABASE_URL"])
	require.NoError(in.t, err)
	opener := app.NewOpener(store.Providers, box, cfg, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.NewWorker(temporal, workflows.TaskQueue, store, opener, cfg).Run(ctx); err != nil {
			in.t.Errorf("worker: %v", err)
		}
	})
	in.t.Cleanup(func() {
		cancel()
		running.Wait()
		store.Close()
	})
}

func TestLocalAdministratorsAreNamed(t *testing.T) {
	in := newInstallation(t)
	in.seedFacts()
	in.startWorker("administrators")
	named := func(args ...string) (list []string) {
		t.Helper()
		var administrators []group.Administrator
		in.ok(append([]string{"admins", "acme", "-o", "json"}, args...)...).json(&administrators)
		for _, a := range administrators {
			list = append(list, fmt.Sprint(a.ExternalID, " ", a.Source, " ", a.Level))
		}
		return list
	}
	require.Empty(t, named())
	require.Equal(t, []string{"u1 local admin", "u2 local admin"}, named("--add", "u1,u2"))
	require.Equal(t, []string{"u1 local admin", "u2 local admin"}, named("--add", "u2"), "who is one stays one")
	require.Equal(t, []string{"u3 local admin", "u2 local admin"}, named("--add", "u3", "--remove", "u1"))
	require.Contains(t, in.ok("admins", "acme").stdout, "徐茂公")
	for _, wrong := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--add", "stranger"}, cli.ExitFailed, "the directory has no member stranger"},
		{[]string{"--add", "u1", "--remove", "stranger"}, cli.ExitFailed, "the directory has no member stranger"},
		{[]string{"--add="}, cli.ExitUsage, "--add"},
		{[]string{"--add", "u1,,u2"}, cli.ExitUsage, "empty id"},
		{[]string{"--remove", " "}, cli.ExitUsage, "--remove"},
		{[]string{"--add", "u1,u2", "--remove", "u2"}, cli.ExitUsage, "add and remove name the same member"},
	} {
		o := in.run(append([]string{"admins", "acme"}, wrong.args...)...)
		require.Equal(t, wrong.status, o.status, "%v: %s", wrong.args, o.stderr)
		require.Contains(t, o.stderr, wrong.says)
	}
	require.Equal(t, []string{"u3 local admin", "u2 local admin"}, named(), "one who is unknown stops all")
	require.Equal(t, cli.ExitUsage, in.run("admins", "globex", "--add", "u1").status)
	var list []run.Run
	in.ok("runs", "list", "--provider", "acme", "-o", "json").json(&list)
	require.Len(t, list, 5, "what was named is on record, and what was refused")
	for _, r := range list {
		require.Contains(t, r.StartedBy, "@")
	}
	require.Equal(t, []string{"u3 local admin"}, named("--remove", "u2"))

	// A member named twice, in two ways, is marked once.
	require.Contains(t, in.ok("member", "offline", "acme", "u1", "E00017", "u1", "--wait").stdout, "deactivated")
	many := strings.TrimSuffix(strings.Repeat("x,", workflows.MaxMembers+1), ",")
	require.Contains(t, in.run("admins", "acme", "--add", many).stderr, "name at most 300 members")
}

func TestGroupsAndAdministratorsAreShown(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.query(`INSERT INTO org_groups (provider_id, external_id, kind, name, member_count)
		SELECT id, 'g1', 'group', 'Contractors', 2 FROM identity_providers`)
	in.query(`INSERT INTO org_group_members (group_id, member_id) SELECT g.id, m.id FROM org_groups g, org_members m
		WHERE m.external_id = 'u2'`)
	in.query(`INSERT INTO org_group_departments (group_id, department_id)
		SELECT g.id, d.id FROM org_groups g, org_departments d WHERE d.external_id = 'od-2'`)
	in.query(`INSERT INTO org_administrators (provider_id, member_id, source, level)
		SELECT provider_id, id, 'provider', 'main' FROM org_members WHERE external_id = 'u2'`)

	var list []group.Group
	in.ok("groups", "acme", "-o", "json").json(&list)
	require.Len(t, list, 1)
	require.Equal(t, []any{"g1", "Contractors", 2}, []any{list[0].ExternalID, list[0].Name, list[0].Members})

	var shown group.Shown
	in.ok("groups", "acme", "Contractors", "-o", "json").json(&shown)
	require.Equal(t, "od-2", shown.Departments[0].ExternalID)
	direct := map[string]bool{}
	for _, p := range shown.People {
		direct[p.ExternalID] = p.Direct
	}
	require.Equal(t, map[string]bool{"u1": false, "u2": true}, direct)
	require.Contains(t, in.ok("explain", "acme", "g1").stdout, "group g1, Contractors, active; row ")
	text := in.ok("groups", "acme", "g1").stdout
	require.Contains(t, text, "(od-2) and below")
	require.Contains(t, text, "through a department")
	require.Contains(t, in.run("groups", "acme", "g2").stderr,
		`no group of acme is known by "g2"; see: orgsync groups acme`)

	var administrators []group.Administrator
	in.ok("admins", "acme", "-o", "json").json(&administrators)
	require.Equal(t, []string{"u2", "provider", "main"},
		[]string{administrators[0].ExternalID, administrators[0].Source, administrators[0].Level})

	var through member.Shown
	in.ok("member", "show", "acme", "u1", "-o", "json").json(&through)
	require.Equal(t, "g1", through.Groups[0].ExternalID)
	require.False(t, through.Groups[0].Direct)
}
