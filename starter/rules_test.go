package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/rules"
)

const someRules = `# who belongs
scope:
  members: active && email.endsWith("@acme.com")
mapping:
  - { target: title, expression: 'title + "!"' }
  - { target: attributes.level, source: attributes.custom.level, default: none }
`

// Departments of the scope that no run ever met are likely misspelt.
func TestRulesOfUnknownDepartments(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	in.add("new", feishuConfig())
	misspelt := `{"scope":{"departments":{"include":["od-1","od-x"],"exclude":["od-y"]}}}`
	require.Empty(t, in.feed(misspelt, "rules", "set", "new", "--file", "-").stderr, "nothing is known yet")
	o := in.feed(misspelt, "rules", "set", "acme", "--file", "-")
	require.Equal(t, cli.ExitDone, o.status)
	require.Contains(t, o.stderr, "no run of acme ever met these departments of the scope: od-x, od-y")
	var set rules.Version
	in.feed(misspelt, "rules", "set", "acme", "--file", "-", "--output", "json").json(&set)
	require.Equal(t, []string{"od-x", "od-y"}, set.UnknownDepartments)
}

// Single objects are looked up at DingTalk alone: elsewhere the listings tell everything.
func TestRulesOfDetails(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	details := `{"scope":{"details":true}}`
	o := in.feed(details, "rules", "set", "acme", "--file", "-")
	require.Equal(t, cli.ExitDone, o.status)
	require.Contains(t, o.stderr, "scope.details has no effect on acme: its listings tell managers and order already")
	var set rules.Version
	in.feed(details, "rules", "set", "acme", "--file", "-", "--output", "json").json(&set)
	require.True(t, set.DetailsUnused)
}

func TestRulesLife(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(someRules), 0o600))

	require.Contains(t, in.ok("rules", "show", "acme").stdout, "acme has no rules")
	var shown rules.Shown
	in.ok("rules", "show", "acme", "--output", "json").json(&shown)
	require.Equal(t, rules.Shown{Version: rules.Version{Provider: "acme"}, Earlier: []rules.Version{}}, shown)
	o := in.run("rules", "remove", "acme")
	require.Equal(t, cli.ExitNothing, o.status)
	require.Contains(t, o.stderr, "acme has no rules; set some with: orgsync rules set acme --file RULES.yaml")
	require.Equal(t, cli.ExitNothing, in.run("rules", "try", "acme", "--member", "u1").status)

	require.Contains(t, in.ok("rules", "set", "acme", "--file", file).stdout,
		"Version 1 of the rules of acme is in force")
	var set rules.Version
	in.ok("rules", "set", "acme", "--file", file, "--output", "json").json(&set)
	require.Equal(t, 1, set.Version, "the same rules keep their version")
	require.Equal(t, someRules, *set.Document)
	require.Contains(t, set.SetBy, "@")
	out := in.ok("rules", "show", "acme").stdout
	require.Contains(t, out, someRules)
	require.Regexp(t, `(?m)^# version 1, set \d{4}-.* by .+@`, out)

	o = in.feed(`{"scope":{"details":true}}`, "rules", "set", "acme", "--file", "-")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	require.Contains(t, in.ok("rules", "remove", "acme").stdout, "acme has no rules any more")
	in.ok("rules", "show", "acme", "--output", "json").json(&shown)
	require.Equal(t, []any{3, (*string)(nil)}, []any{shown.Version.Version, shown.Document})
	require.Len(t, shown.Earlier, 2)
	require.Equal(t, `{"scope":{"details":true}}`, *shown.Earlier[0].Document)
}

// Of rules that are set at the same moment each has a version, and the last one is in force. The
// same rules set twice are one version.
func TestRulesSetAtTheSameMoment(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	const sets = 6
	set := func(document func(n int) string) []string {
		said := make([]string, sets)
		var setting sync.WaitGroup
		for n := range sets {
			setting.Go(func() {
				o := in.feed(document(n), "rules", "set", "acme", "--file", "-")
				said[n] = o.stdout + o.stderr
			})
		}
		setting.Wait()
		return said
	}
	mapping := func(n int) string {
		return fmt.Sprintf(`{"mapping":[{"target":"attributes.a","constant":"%d"}]}`, n)
	}
	said := set(mapping)
	var last rules.Shown
	in.ok("rules", "show", "acme", "--output", "json").json(&last)
	require.Equal(t, sets, last.Version.Version)
	for version := range sets {
		says := fmt.Sprintf("Version %d of the rules of acme is in force", version+1)
		n := slices.IndexFunc(said, func(text string) bool { return strings.Contains(text, says) })
		require.GreaterOrEqual(t, n, 0, said)
		if version+1 == sets {
			require.Equal(t, mapping(n), *last.Document)
		}
	}
	for _, text := range set(func(int) string { return someRules }) {
		require.Contains(t, text, fmt.Sprintf("Version %d of the rules of acme is in force", sets+1))
	}
}

// What is wrong is refused with all places before anything is stored or started.
func TestWrongRulesAreRefused(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	wrong := "scope:\n  members: emial != ''\nmaping: []\n"
	for _, command := range [][]string{
		{"rules", "set", "acme", "--file", "-"},
		{"rules", "set", "acme", "--file", "-", "--plan"},
		{"rules", "try", "acme", "--member", "u1", "--file", "-"},
	} {
		o := in.feed(wrong, command...)
		require.Equal(t, cli.ExitUsage, o.status, command)
		require.Contains(t, o.stderr,
			`line 2, column 12: scope.members: the expression does not compile: at line 1, column 1`)
		require.Contains(t, o.stderr,
			`line 3, column 1: "maping" is no field here; fields are accounts, mapping, scope`)
	}
	require.Contains(t, in.ok("rules", "show", "acme").stdout, "acme has no rules")
	require.Equal(t, cli.ExitUsage, in.feed(someRules, "rules", "set", "other", "--file", "-").status)
	o := in.run("rules", "set", "acme")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Equal(t, cli.ExitUsage, in.run("rules", "try", "acme", "--member", "").status)
}

// Without an answer of the provider the stored person is taken, and that is said.
func TestTryRulesOnAStoredPerson(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.seedFacts()
	var tried rules.Tried
	o := in.feed(someRules, "rules", "try", "acme", "--member", "E00017", "--file", "-", "--output", "json")
	o.json(&tried)
	require.False(t, tried.Fresh)
	require.NotEmpty(t, tried.Stale)
	require.Equal(t, "u1", tried.ExternalID)
	require.Contains(t, string(tried.Inputs), `"title": "Engineer"`)
	require.False(t, *tried.InScope, "whose address is of acme.cn")
	require.Equal(t, []string{"title", "attributes.level"}, []string{tried.Fields[0].Target, tried.Fields[1].Target})
	require.Equal(t, "Engineer!", *tried.Fields[0].Value)
	require.Equal(t, "none", *tried.Fields[1].Value)

	text := in.feed(`{"mapping":[{"target":"title","expression":"string(int(title))"}]}`,
		"rules", "try", "acme", "--member", "u1", "--file", "-").stdout
	require.Contains(t, text, "u1 as the directory has them (")
	require.Contains(t, text, `title: "Engineer"`)
	require.Contains(t, text, "in scope: yes")
	require.Regexp(t, `title: as before, since the expression failed: a value .*`, text)
	o = in.feed(someRules, "rules", "try", "acme", "--member", "nobody", "--file", "-")
	require.Contains(t, o.stderr, "connection failed", "without a stored person that is the end")
}

// A person whom the provider shows is taken as they are now, whether or not they are stored.
func TestTryRulesOnAFreshPerson(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", startFeishu(t))
	truth := simulator.Generate(simulator.TypicalSpec(1, 30)).Truth(directory.Feishu)
	known := slices.Min(slices.Collect(maps.Keys(truth.Members)))
	o := in.feed(`{
		"scope":   {"members": "departments.exists(d, d.primary)"},
		"mapping": [
			{"target": "attributes.id", "source": "raw.open_id"},
			{"target": "title", "expression": "string(int(\"x\"))", "when": "create"}
		]
	}`, "rules", "try", "acme", "--member", known, "--file", "-", "--output", "json")
	require.Equal(t, cli.ExitDone, o.status, o.stderr)
	var tried rules.Tried
	o.json(&tried)
	require.True(t, tried.Fresh)
	require.True(t, *tried.InScope, "%+v", tried)
	require.NotEmpty(t, *tried.Fields[0].Value)
	require.True(t, tried.Fields[1].OnCreate)
	require.Contains(t, tried.Fields[1].Error, "a value cannot be converted as the expression wants")
	require.Contains(t, string(tried.Inputs), `"raw":`)

	require.Contains(t, in.feed(someRules, "rules", "try", "acme", "--member", "stranger", "--file", "-").stderr,
		"stranger")
}
