package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// A rule is said in words, and in the command that sets it again.
func TestRulesInWords(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		rule    service.Rule
		command string
	}{
		"every 1h, offset 10m, up to 5m later": {
			service.Rule{Every: time.Hour, Offset: 10 * time.Minute, Jitter: 5 * time.Minute},
			"orgsync schedule set acme --every 1h --offset 10m --jitter 5m"},
		"every 24h, offset 18h30m": {
			service.Rule{Every: 24 * time.Hour, Offset: 18*time.Hour + 30*time.Minute},
			"orgsync schedule set acme --every 24h --offset 18h30m --jitter 0s"},
		"cron 30 2 * * MON-fri": {
			service.Rule{Cron: "30 2 * * MON-fri", TimeZone: "Asia/Shanghai"},
			"orgsync schedule set acme --cron '30 2 * * MON-fri' --tz Asia/Shanghai"},
		"cron */15 2,4-6 1-31 1/2 5-7, up to 1m later": {
			service.Rule{Cron: "*/15 2,4-6 1-31 1/2 5-7", TimeZone: "UTC", Jitter: time.Minute},
			"orgsync schedule set acme --cron '*/15 2,4-6 1-31 1/2 5-7' --tz UTC --jitter 1m"},
		"every 1h0m0s offset 0s; every 1m0s offset 0s": {
			service.Rule{Other: "every 1h0m0s offset 0s; every 1m0s offset 0s"},
			"orgsync schedule set acme --every 1h"},
	} {
		require.Equal(t, text, ruleText(c.rule))
		require.Equal(t, c.command, SetCommand("acme", c.rule))
	}
}
