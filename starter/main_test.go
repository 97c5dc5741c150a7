package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/starter/cli"
)

// installation is a database and a key set with a command line on them.
type installation struct {
	t   *testing.T
	env map[string]string
	// admin is the database's URL with all rights; the command line has its role's.
	admin string
}

// newInstallation returns one with a migrated, empty database.
func newInstallation(t *testing.T) installation {
	t.Helper()
	in := installation{t: t, admin: dbtest.New(t)}
	in.env = map[string]string{"DATABASE_URL": dbtest.As(t, "orgsync_operator", in.admin)}
	keys := filepath.Join(t.TempDir(), "keyset.json")
	require.Equal(t, cli.ExitDone, in.run("keyset", "create", keys).status)
	in.env["ORGSYNC_KEYSET"] = keys
	return in
}

// outcome is what a command left behind.
type outcome struct {
	t              *testing.T
	status         int
	stdout, stderr string
}

func (in installation) run(args ...string) outcome { return in.feed("", args...) }

// feed runs a command with input.
func (in installation) feed(input string, args ...string) outcome {
	in.t.Helper()
	var stdout, stderr bytes.Buffer
	status := execute(in.t.Context(), args, strings.NewReader(input), &stdout, &stderr,
		func(name string) string { return in.env[name] })
	o := outcome{t: in.t, status: status, stdout: stdout.String(), stderr: stderr.String()}
	if wantsJSON(args) && !slices.Contains(args, "--version") {
		o.requireDocumented(args)
	}
	return o
}

// ok runs a command that must succeed.
func (in installation) ok(args ...string) outcome {
	in.t.Helper()
	o := in.run(args...)
	require.Equal(in.t, cli.ExitDone, o.status, o.stderr)
	return o
}

// json decodes standard output, which must be exactly one document.
func (o outcome) json(into any) {
	o.t.Helper()
	decoder := json.NewDecoder(strings.NewReader(o.stdout))
	require.NoError(o.t, decoder.Decode(into), o.stdout)
	var more any
	require.ErrorIs(o.t, decoder.Decode(&more), io.EOF, "something follows the document: %s", o.stdout)
}

// query runs SQL on the installation's database.
func (in installation) query(sql string, args ...any) {
	in.t.Helper()
	_, err := in.pool().Exec(in.t.Context(), sql, args...)
	require.NoError(in.t, err)
}

func (in installation) pool() *pgxpool.Pool {
	in.t.Helper()
	pool, err := pgxpool.New(in.t.Context(), in.admin)
	require.NoError(in.t, err)
	in.t.Cleanup(pool.Close)
	return pool
}

func TestWrongUsageIsOneLineAndStatusTwo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no command":       {nil, "a command is missing; give one of: status, provider, rules, sync"},
		"unknown command":  {[]string{"synch"}, `unexpected argument synch`},
		"unknown flag":     {[]string{"sync", "acme", "--now"}, "unknown flag --now; see: orgsync sync --help"},
		"missing argument": {[]string{"runs", "show"}, `missing: <id>; see: orgsync runs show --help`},
		"unknown provider type": {[]string{"provider", "add", "acme", "--type", "okta", "--config", "-"},
			"--type must be one of"},
		"unknown removal way": {[]string{"sync", "acme", "--on-removals", "ask"}, "--on-removals must be one of"},
		"unknown output":      {[]string{"version", "--output", "yaml"}, "--output must be one of"},
		"active and inactive": {[]string{"provider", "update", "acme", "--active", "--inactive"},
			"can't be used together"},
		"limit of nothing": {[]string{"runs", "list", "--limit", "0"}, "--limit is 0"},
		"no command below": {[]string{"keyset"},
			"a command is missing; give one of: create, rotate, reseal, prune; see: orgsync keyset --help"},
		"no depth": {[]string{"tree", "acme", "--depth", "x"},
			`--depth: expected a whole number, not "x"`},
		"negative depth":    {[]string{"tree", "acme", "--depth=-1"}, "--depth is -1"},
		"nothing to change": {[]string{"provider", "update", "acme"}, "nothing to change"},
		"empty search":      {[]string{"search", "acme", " "}, "<text>: the value is empty"},
		"no members": {[]string{"sync", "acme", "--member", ""},
			"--members: the value is empty; give a value, or leave --members out"},
		"no departments": {[]string{"sync", "acme", "--departments", ""}, "--departments: the value is empty"},
		"no departments after": {[]string{"sync", "acme", "--departments", "a", "--departments="},
			"--departments: the value is empty"},
		"blank member":     {[]string{"sync", "acme", "--member", "a, "}, "--members contains an empty id"},
		"only a comma":     {[]string{"sync", "acme", "--member", ","}, "--members contains an empty id"},
		"nobody to undo":   {[]string{"undo", "4f1c", "--members", ""}, "--members: the value is empty"},
		"nothing to undo":  {[]string{"undo", "4f1c", "--departments", " "}, "--departments: the value is empty"},
		"runs of nobody":   {[]string{"runs", "list", "--provider", ""}, "--provider: the value is empty"},
		"replay of no run": {[]string{"replay", "orgsync/acme", "--run-id", ""}, "--run-id: the value is empty"},
		"no tenant": {[]string{"provider", "update", "acme", "--tenant", "", "--active"},
			"--tenant: the value is empty"},
		"no name":          {[]string{"sync", ""}, "<name>: the value is empty; give a value"},
		"depth of nothing": {[]string{"tree", "acme", "--depth", "0"}, "--depth is 0"},
		"empty department": {[]string{"sync", "acme", "--departments", "a,,b"}, "empty id"},
		"bad tenant": {[]string{"provider", "add", "acme", "--type", "feishu", "--config", "-", "--tenant",
			"7"}, "--tenant"},
		"bad percentage": {[]string{"provider", "add", "acme", "--type", "feishu", "--config", "-",
			"--removal-percent", "NaN"}, "--removal-percent"},
		"bad department limit": {[]string{"provider", "update", "acme", "--department-removal-limit=-1"},
			"--department-removal-limit"},
		"hold for nothing": {[]string{"provider", "update", "acme", "--hold-for", "0s"},
			"--hold-for is 0s; it must be in whole seconds"},
		"no duration": {[]string{"schedule", "set", "acme", "--every", "1"},
			`"1" is no duration; want a number with its unit, such as 30m, 12h or 2d`},
		"hold for ever": {[]string{"provider", "update", "acme", "--hold-for", "9000h"}, "--hold-for"},
		"bad limit": {[]string{"provider", "add", "acme", "--type", "feishu", "--config", "-",
			"--removal-limit=-1"}, "--removal-limit"},
		"no such config file": {[]string{"provider", "add", "acme", "--type", "feishu", "--config",
			"/nowhere/at.all"}, "there is no file /nowhere/at.all"},
		"no database":           {[]string{"provider", "list"}, "DATABASE_URL is not set"},
		"no database to sync":   {[]string{"sync", "acme"}, "DATABASE_URL is not set"},
		"no database to change": {[]string{"migrate"}, "DATABASE_URL is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := installation{t: t}.run(tt.args...)
			require.Equal(t, cli.ExitUsage, o.status)
			require.Contains(t, o.stderr, tt.want)
			require.Equal(t, 1, strings.Count(o.stderr, "\n"), o.stderr)
			require.True(t, strings.HasPrefix(o.stderr, "orgsync: "), o.stderr)
			require.Empty(t, o.stdout)
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env    map[string]string
		args   []string
		status int
		want   string
	}{
		"database url": {map[string]string{"DATABASE_URL": "mysql://u:hunter2@h/d"}, []string{"runs", "list"},
			cli.ExitUsage, "DATABASE_URL is wrong"},
		"database away": {map[string]string{"DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/d"},
			[]string{"runs", "list"}, cli.ExitFailed, "check DATABASE_URL"},
		"migrate away": {map[string]string{"DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/d"},
			[]string{"migrate"}, cli.ExitFailed, "check DATABASE_URL"},
		"key set missing": {map[string]string{"DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/d"},
			[]string{"keyset", "reseal"}, cli.ExitUsage, "ORGSYNC_KEYSET is not set"},
		"key set unusable": {map[string]string{"DATABASE_URL": "postgres://u:hunter2@127.0.0.1:1/d",
			"ORGSYNC_KEYSET": `{"key":"hunter2"}`}, []string{"keyset", "reseal"}, cli.ExitUsage,
			"orgsync keyset create FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := installation{t: t, env: tt.env}
			o := in.run(append(tt.args, "--output", "json")...)
			require.Equal(t, tt.status, o.status)
			require.Contains(t, o.stderr, tt.want)
			require.Equal(t, 1, strings.Count(o.stderr, "\n"), o.stderr)
			require.NotContains(t, o.stdout+o.stderr, "hunter2")
			var document struct{ Error string }
			o.json(&document)
			require.Contains(t, document.Error, tt.want)
		})
	}
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"", "provider", "provider add", "provider list", "provider show", "provider update", "provider remove",
		"provider install",
		"provider test",
		"sync", "runs", "runs list", "runs show", "runs changes", "approve", "reject", "replay", "tree", "search",
		"migrate",
		"schedule", "schedule set", "schedule list", "schedule pause", "schedule resume", "schedule trigger",
		"schedule remove",
		"keyset", "keyset create", "keyset rotate", "keyset reseal", "version",
		"status", "cancel", "runs watch", "runs retry", "undo", "explain", "notify", "notify test", "completion",
		"help",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			o := installation{t: t}.run(append(strings.Fields(command), "--help")...)
			require.Equal(t, cli.ExitDone, o.status)
			require.Contains(t, o.stdout, "Examples:\n")
			require.Contains(t, o.stdout, "  orgsync "+command)
			require.Empty(t, o.stderr)
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	require.Contains(t, in.ok("version").stdout, "orgsync ")
	var document map[string]string
	in.ok("version", "--output", "json").json(&document)
	require.NotEmpty(t, document["version"])
	require.NotEmpty(t, document["go"])
	require.Equal(t, in.ok("version").stdout, in.ok("--version").stdout)
	require.Equal(t, in.ok("version", "-o", "json").stdout, in.ok("--version", "-o", "json").stdout)
}

func TestHelpOnACommand(t *testing.T) {
	t.Parallel()
	in := installation{t: t}
	require.Equal(t, in.ok("--help").stdout, in.ok("help").stdout)
	require.Equal(t, in.ok("provider", "add", "--help").stdout, in.ok("help", "provider", "add").stdout)
	o := in.run("help", "synch")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "unexpected argument synch")
	for _, line := range strings.Split(in.ok("help").stdout, "\n") {
		require.LessOrEqual(t, cli.Columns(line), 84, "what is longer than a line is folded") // one exit status is
	}
}
