package main

import (
	"testing"

	"github.com/orgsync/orgsync/starter/cli"
	"github.com/stretchr/testify/require"
)

func TestRulesThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"missing flags: --every=1h or --cron=EXPR": {},
		"--every and --cron can't be used together": {"--every", "1h", "--cron",
			"10 2 * * *"},
		"an interval of 30s is not allowed; it must be in whole seconds, at least 1m": {"--every", "30s"},
		"an interval of -1h is not allowed":                                           {"--every=-1h"},
		"an interval of 1m0.5s is not allowed":                                        {"--every", "60.5s"},
		"--offset is 1h; it must be": {"--every", "1h", "--offset",
			"1h"},
		"--offset is -1s; it must be":                                {"--every", "1h", "--offset=-1s"},
		"--jitter is 1h; it must be shorter than the interval of 1h": {"--every", "1h", "--jitter", "60m"},
		"--jitter is -1s; it must be":                                {"--cron", "10 2 * * *", "--jitter=-1s"},
		"--tz goes with a cron expression":                           {"--every", "1h", "--tz", "UTC"},
		"--offset goes with an interval":                             {"--cron", "10 2 * * *", "--offset", "1m"},
		`--tz is "Mars/Base", which is no time zone`:                 {"--cron", "10 2 * * *", "--tz", "Mars/Base"},
		`--tz is "Local", which is no time zone`:                     {"--cron", "10 2 * * *", "--tz", "Local"},
		`--cron is "@daily"; it must have five fields`:               {"--cron", "@daily"},
		`--cron is "0 10 2 * * *"; it must have five fields`:         {"--cron", "0 10 2 * * *"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := installation{t: t}.run(append([]string{"schedule", "set", "acme"}, args...)...)
			require.Equal(t, cli.ExitUsage, o.status)
			require.Contains(t, o.stderr, want)
			require.Empty(t, o.stdout)
		})
	}
	o := installation{t: t}.run("provider", "add", "acme", "--type", "feishu", "--config", "-", "--interval", "1s")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "an interval of 1s is not allowed")
	o = installation{t: t}.run("provider", "add", "acme", "--type", "feishu", "--config", "-", "--now")
	require.Equal(t, cli.ExitUsage, o.status)
	require.Contains(t, o.stderr, "--now goes with --interval")
}
