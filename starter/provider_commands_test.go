package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	providercmd "github.com/orgsync/orgsync/starter/provider"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/starter/cli"
)

const (
	feishuSecret = "s3cr3t-of-the-app"
	tenant       = "0191d2a0-7b1e-7c3a-9d42-5f1c2b3a4d5e"
)

// startFeishu serves a simulated company and returns the provider configuration for it.
func startFeishu(t *testing.T) map[string]string {
	t.Helper()
	company := simulator.Generate(simulator.TypicalSpec(1, 30))
	server := httptest.NewServer(feishu.New(company,
		feishu.Config{AppSecret: feishuSecret, Options: simulator.Options{NoQuotas: true}}))
	t.Cleanup(server.Close)
	return map[string]string{"app_id": "cli_sim", "app_secret": feishuSecret, "base_url": server.URL}
}

// add stores a Feishu provider.
func (in installation) add(name string, config map[string]string) {
	in.t.Helper()
	document, err := json.Marshal(config)
	require.NoError(in.t, err)
	o := in.feed(string(document), "provider", "add", name, "--type", "feishu", "--config", "-")
	require.Equal(in.t, cli.ExitDone, o.status, o.stderr)
}

func feishuConfig() map[string]string {
	return map[string]string{"app_id": "cli_1", "app_secret": feishuSecret, "base_url": "http://127.0.0.1:1/feishu"}
}

func TestProviderLifeNeverShowsASecret(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	file := filepath.Join(t.TempDir(), "acme.json")
	document, err := json.Marshal(feishuConfig())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, document, 0o600))

	var shown string
	note := func(o outcome) outcome { shown += o.stdout + o.stderr; return o }

	var added providercmd.View
	note(in.ok("provider", "add", "acme", "--type", "feishu", "--config", file, "--tenant", tenant, "--removal-limit",
		"7", "--output", "json")).json(&added)
	require.Equal(t, "acme", added.Name)
	require.EqualValues(t, "feishu", added.Type)
	require.Equal(t, tenant, *added.TenantID)
	require.True(t, added.Active)
	require.Nil(t, added.LastSyncedAt)
	require.Equal(t, 7, added.RemovalLimitCount)
	require.InDelta(t, directory.DefaultGuard.Members.Percent, added.RemovalLimitPercent, 0)
	require.Equal(t, directory.DefaultGuard.Departments.Count, added.DepartmentLimitCount)
	require.InDelta(t, directory.DefaultGuard.Departments.Percent, added.DepartmentLimitPercent, 0)
	require.EqualValues(t, directory.DefaultHold/time.Second, added.HoldSeconds)
	require.Equal(t, map[string]string{"app_id": "cli_1", "app_secret": "***",
		"base_url": "http://127.0.0.1:1/feishu"}, added.Config)

	var got providercmd.View
	note(in.ok("provider", "show", "acme", "--output", "json")).json(&got)
	require.Equal(t, added, got)
	var listed []providercmd.View
	note(in.ok("provider", "list", "--output", "json")).json(&listed)
	require.Equal(t, []providercmd.View{added}, listed)
	require.Contains(t, note(in.ok("provider", "show", "acme")).stdout, "***")
	require.Contains(t, note(in.ok("provider", "list")).stdout, "acme")

	note(in.ok("provider", "update", "acme", "--inactive", "--removal-percent", "12.5", "--output", "json")).json(&got)
	require.False(t, got.Active)
	require.Equal(t, 7, got.RemovalLimitCount)
	require.InDelta(t, 12.5, got.RemovalLimitPercent, 0)
	require.Equal(t, added.DepartmentLimitCount, got.DepartmentLimitCount,
		"the people's limits are not the departments'")
	note(in.ok("provider", "update", "acme", "--department-removal-limit", "0", "--department-removal-percent", "1",
		"--hold-for", "90m", "--output", "json")).json(&got)
	require.Equal(t, 7, got.RemovalLimitCount)
	require.Zero(t, got.DepartmentLimitCount)
	require.InDelta(t, 1, got.DepartmentLimitPercent, 0)
	require.EqualValues(t, 5400, got.HoldSeconds)
	note(in.ok("provider", "update", "acme", "--hold-for", "2d", "--output", "json")).json(&got)
	require.EqualValues(t, 2*86400, got.HoldSeconds)
	note(in.ok("provider", "update", "acme", "--hold-for", "90m", "--output", "json")).json(&got)
	note(in.ok("provider", "update", "acme", "--group-removal-limit", "2", "--group-membership-removal-percent", "3",
		"--administrator-removal-limit", "0", "--output", "json")).json(&got)
	require.Equal(t, 2, got.GroupLimitCount)
	require.InDelta(t, directory.DefaultGuard.Groups.Percent, got.GroupLimitPercent, 0)
	require.InDelta(t, 3, got.GroupMembershipLimitPercent, 0)
	require.Zero(t, got.AdministratorLimitCount)
	for flag, problem := range map[string]string{"--group-removal-limit=-1": "group-removal-limit",
		"--group-membership-removal-percent=101": "group-membership-removal-percent",
		"--administrator-removal-limit=":         "administrator-removal-limit"} {
		refused := in.run("provider", "update", "acme", flag)
		require.Equal(t, 2, refused.status, flag)
		require.Contains(t, note(refused).stderr, problem)
	}
	text := note(in.ok("provider", "show", "acme")).stdout
	require.Contains(t, text, "more than the larger of 2 and 10 % of the groups")
	require.Contains(t, text, "more than the larger of 20 and 3 % of the places in groups")
	require.Contains(t, text, "more than the larger of 7 and 12.5 % of the people")
	require.Contains(t, text, "more than the larger of 0 and 1 % of the departments")
	require.Contains(t, text, "1h30m")
	require.Equal(t, added.Config, got.Config)

	var removed struct{ Name string }
	note(in.ok("provider", "remove", "acme", "--yes", "--output", "json")).json(&removed)
	require.Equal(t, "acme", removed.Name)
	note(in.ok("provider", "list", "--output", "json")).json(&listed)
	require.Empty(t, listed)
	require.NotContains(t, shown, feishuSecret)
}

func TestSecretsLieSealed(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	var rows string
	require.NoError(t, in.pool().QueryRow(t.Context(),
		`SELECT (SELECT string_agg(p::text, ' ')
			FROM identity_providers p) || (SELECT string_agg(encode(s.sealed, 'escape'), ' ')
			FROM provider_secrets s)`).Scan(&rows))
	require.Contains(t, rows, "cli_1")
	require.NotContains(t, rows, feishuSecret)
}

func TestUpdateLaysSettingsOverTheStoredOnes(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", startFeishu(t))
	in.ok("provider", "test", "acme")

	// Shown and given back, a provider still works: *** means unchanged.
	var shown providercmd.View
	in.ok("provider", "show", "acme", "--output", "json").json(&shown)
	document, err := json.Marshal(shown.Config)
	require.NoError(t, err)
	require.Equal(t, cli.ExitDone, in.feed(string(document), "provider", "update", "acme", "--config", "-").status)
	in.ok("provider", "test", "acme")

	// A setting alone leaves the others, and the secret, as they are; emptied it goes.
	change := func(document string, want map[string]string) {
		o := in.feed(document, "provider", "update", "acme", "--config", "-", "--output", "json")
		require.Equal(t, cli.ExitDone, o.status, o.stderr)
		shown = providercmd.View{}
		o.json(&shown)
		require.Equal(t, want, shown.Config)
	}
	base := shown.Config["base_url"]
	change(`{"accounts_url":"https://accounts.feishu.cn"}`,
		map[string]string{"app_id": "cli_sim", "app_secret": "***", "base_url": base,
			"accounts_url": "https://accounts.feishu.cn"})
	in.ok("provider", "test", "acme")
	change(`{"accounts_url":""}`, map[string]string{"app_id": "cli_sim", "app_secret": "***", "base_url": base})

	// A new secret takes the old one's place.
	change(`{"app_secret":"another"}`, map[string]string{"app_id": "cli_sim", "app_secret": "***", "base_url": base})
	require.Equal(t, cli.ExitFailed, in.run("provider", "test", "acme").status)

	for document, want := range map[string]string{
		`{"app_secret":""}`: "app_secret", `{"app_idd":"x"}`: "known keys", `[]`: "not a JSON object",
		`{"base_url":"***"}`: "placeholder",
	} {
		o := in.feed(document, "provider", "update", "acme", "--config", "-")
		require.Equal(t, cli.ExitUsage, o.status, document)
		require.Contains(t, o.stderr, want)
	}
}

func TestProviderAddRefuses(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("taken", feishuConfig())
	good, err := json.Marshal(feishuConfig())
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		name, config string
		status       int
		want         string
	}{
		"white space":     {"a b", string(good), cli.ExitUsage, "spaces"},
		"slash":           {"a/b", string(good), cli.ExitUsage, "slashes"},
		"control":         {"a\x1b[2J", string(good), cli.ExitUsage, "ASCII letters"},
		"long":            {strings.Repeat("n", 101), string(good), cli.ExitUsage, "1 to 100"},
		"not ascii":       {"飞书", string(good), cli.ExitUsage, "ASCII letters"},
		"empty":           {"", string(good), cli.ExitUsage, "the value is empty"},
		"taken":           {"taken", string(good), cli.ExitFailed, "orgsync provider update taken"},
		"missing setting": {"acme", `{"app_id":"cli_1"}`, cli.ExitUsage, "app_secret is missing"},
		"placeholder": {"acme", `{"app_id":"your_app_id","app_secret":"` + feishuSecret + `"}`, cli.ExitUsage,
			"app_id still holds a placeholder"},
		"unknown setting": {"acme", `{"app_id":"cli_1","app_secret":"` + feishuSecret + `","x":"y"}`, cli.ExitUsage,
			`unknown key "x"`},
		"hidden secret": {"acme", `{"app_id":"cli_1","app_secret":"***"}`, cli.ExitUsage,
			"app_secret still holds a placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			in := installation{t: t, env: in.env}
			o := in.feed(tt.config, "provider", "add", tt.name, "--type", "feishu", "--config", "-")
			require.Equal(t, tt.status, o.status)
			require.Contains(t, o.stderr, tt.want)
			require.Equal(t, 1, strings.Count(o.stderr, "\n"))
			require.NotContains(t, o.stderr, feishuSecret)
			require.NotContains(t, o.stderr, "\x1b")
		})
	}
	in.add(strings.Repeat("n", 100), feishuConfig())
}

// Configurations as they come out of editors, clipboards and slips of the hand.
func TestConfigurationFiles(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	dir := t.TempDir()
	file := func(content string) string {
		path := filepath.Join(dir, "acme.json")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	const good = `{"app_id":"cli_1","app_secret":"s3cr3t"}`
	in.ok("provider", "add", "marked", "--type", "feishu", "--config", file("\ufeff"+good+"\r\n"))
	for name, tt := range map[string]struct{ content, want string }{
		"a brace too many": {good + " }", "config: something follows the JSON object (line 1, column 42)"},
		"a key twice": {`{"app_id":"cli_1","app_id":"cli_2","app_secret":"s3cr3t"}`,
			`config: the key "app_id" is given more than once`},
		"UTF-16": {"\xff\xfe{\x00", "config: it is encoded as UTF-16; save it as UTF-8"},
		"zero-width space": {"{\"app_id\":\"cli_1\",\"app_secret\":\"s3\u200bcr3t\"}",
			"config: app_secret holds U+200B, a zero-width space, as character 3"},
		"no-break space": {"{\"app_id\":\"cli\u00a01\",\"app_secret\":\"s3cr3t\"}",
			"config: app_id holds U+00A0, a no-break space, as character 4"},
		"an ellipsis": {`{"app_id":"cli_a1b2c3","app_secret":"…"}`,
			"config: app_secret still holds a placeholder"},
		"nothing": {"", "config: not a JSON object (it is empty); it should look like"},
		"a comma too many": {"{\n \"app_id\":\"cli_1\",\n}",
			"config: not a JSON object (line 3, column 1); it should look like"},
		"thirty megabytes": {good + strings.Repeat(" ", 30_000_000-len(good)),
			"acme.json: it is too large: 30.0 MB; at most 1.0 MB are read"},
		"just too long too": {good + strings.Repeat(" ", 1_000_001-len(good)),
			"acme.json: it is too large: 1.0 MB; at most 1.0 MB are read"},
	} {
		o := in.run("provider", "add", "acme", "--type", "feishu", "--config", file(tt.content))
		require.Equal(t, cli.ExitUsage, o.status, name)
		require.Contains(t, o.stderr, tt.want, name)
		require.NotContains(t, o.stderr, "s3cr3t", name)
		o = in.feed(tt.content, "provider", "update", "marked", "--config", "-")
		require.Equal(t, cli.ExitUsage, o.status, name)
	}
}

func TestProviderTest(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	config := startFeishu(t)
	in.add("acme", config)
	require.Contains(t, in.ok("provider", "test", "acme").stdout, "orgsync sync acme --wait")
	var report providercmd.Preflight
	in.ok("provider", "test", "acme", "--output", "json").json(&report)
	require.True(t, report.OK)
	require.NotEmpty(t, report.Findings)
	require.NotNil(t, report.Range)

	config["app_secret"] = "m1styp3d"
	in.add("mistyped", config)
	o := in.run("provider", "test", "mistyped", "--output", "json")
	require.Equal(t, cli.ExitFailed, o.status)
	o.json(&report)
	require.False(t, report.OK)
	last := report.Findings[len(report.Findings)-1]
	require.EqualValues(t, "fail", last.Level)
	require.NotEmpty(t, last.Action)
	o = in.run("provider", "test", "mistyped")
	require.Equal(t, cli.ExitFailed, o.status)
	require.Contains(t, o.stdout, "FAIL")
	require.Empty(t, o.stderr)
	require.NotContains(t, o.stdout, "m1styp3d")
}

// Whatever fails, the test says what to do about it; the network too.
func TestProviderTestSaysWhatToDoAboutEveryFailure(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>Log in to the hotel's network</html>")
	}))
	t.Cleanup(page.Close)
	broken := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	credentials := map[string]map[string]string{
		"feishu":   {"app_id": "cli_1", "app_secret": feishuSecret},
		"dingtalk": {"app_key": "ding1", "app_secret": feishuSecret},
		"wecom":    {"corp_id": "ww1", "secret": feishuSecret},
	}
	for kind, config := range credentials {
		for name, base := range map[string]string{
			"refused": "http://127.0.0.1:1", "unknown-host": "http://nowhere.invalid", "a-web-page": page.URL,
			"bad-gateway": broken.URL,
		} {
			name = kind + "-" + name
			config["base_url"] = base
			if kind == "dingtalk" {
				config["api_base_url"] = base
			}
			document, err := json.Marshal(config)
			require.NoError(t, err)
			o := in.feed(string(document), "provider", "add", name, "--type", kind, "--config", "-")
			require.Equal(t, cli.ExitDone, o.status, o.stderr)
			o = in.run("provider", "test", name)
			require.Equal(t, cli.ExitFailed, o.status, name)
			require.Regexp(t, `(?m)^  FAIL  .+\n        to do: .+$`, o.stdout, name)
			var report providercmd.Preflight
			in.run("provider", "test", name, "--output", "json").json(&report)
			for _, f := range report.Findings {
				require.True(t, f.Level == "pass" || f.Action != "", "%s: %v", name, f)
			}
		}
	}
}

func TestUnknownProviderNamesThoseThatAre(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for _, command := range [][]string{
		{"provider", "show", "acme"}, {"provider", "remove", "acme"}, {"provider", "test", "acme"},
		{"provider", "update", "acme", "--active"},
		{"sync", "acme"}, {"approve", "acme"}, {"reject", "acme"}, {"tree", "acme"}, {"search", "acme", "x"},
		{"runs", "list", "--provider", "acme"},
	} {
		o := in.run(command...)
		require.Equal(t, cli.ExitUsage, o.status, command)
		require.Contains(t, o.stderr, "orgsync provider add", command)
	}
	in.add("globex", feishuConfig())
	in.add("initech", feishuConfig())
	o := in.run("sync", "acme", "--wait", "--output", "json")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, `there is no provider "acme"; the stored providers are: globex, initech`)
}
