package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/message"
)

const (
	databaseURL = "postgres://orgsync:pass-word@db:5432/orgsync"
	keyset      = `{"primaryKeyId":1,"key":"material"}`
)

// env looks settings up in a map on top of the two required ones.
func env(extra map[string]string) func(string) string {
	return func(name string) string {
		if value, ok := extra[name]; ok {
			return value
		}
		return map[string]string{"DATABASE_URL": databaseURL, "ORGSYNC_KEYSET": keyset}[name]
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(nil))
	require.NoError(t, err)
	require.Equal(t, databaseURL, c.DatabaseURL.Reveal())
	require.Equal(t, keyset, c.Keyset.Reveal())
	c.DatabaseURL, c.Keyset = config.Hidden{}, config.Hidden{}
	require.Equal(t, config.Config{
		Migrate:             true,
		CallTimeout:         45 * time.Second,
		SlowCall:            30 * time.Second,
		CallRate:            1,
		FetchConcurrency:    64,
		ApplyConcurrency:    4,
		DatabaseConnections: 8,
		KeepRuns:            400 * 24 * time.Hour,
		KeepDetails:         90 * 24 * time.Hour,
		KeepRaw:             30 * 24 * time.Hour,
		NotifyPartial:       3,
		NotifyMostlyUnread:  1,
		Language:            message.English,
		ServerAddress:       "127.0.0.1:8080",
		LogFormat:           config.LogText,
		LogLevel:            slog.LevelInfo,
	}, c)
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(map[string]string{
		"DATABASE_URL":                 "  host=/run/postgresql dbname=orgsync\n",
		"ORGSYNC_KEYSET":               "/etc/orgsync/keys.json",
		"ORGSYNC_MIGRATE":              "False",
		"ORGSYNC_CALL_TIMEOUT":         "2m",
		"ORGSYNC_SLOW_CALL":            " 500ms ",
		"ORGSYNC_CALL_RATE":            "0.5",
		"ORGSYNC_FETCH_CONCURRENCY":    "1",
		"ORGSYNC_APPLY_CONCURRENCY":    "2",
		"ORGSYNC_DATABASE_CONNECTIONS": "3",
		"ORGSYNC_KEEP_RUNS":            "Forever",
		"ORGSYNC_KEEP_DETAILS":         "36500d",
		"ORGSYNC_KEEP_RAW":             "90m",
		"ORGSYNC_NOTIFY_PARTIAL":       "0",
		"ORGSYNC_NOTIFY_MOSTLY_UNREAD": "2",
		"ORGSYNC_LANGUAGE":             "ZH",
		"ORGSYNC_METRICS_ADDRESS":      ":9464",
		"ORGSYNC_SERVER_ADDRESS":       ":8000",
		"ORGSYNC_PUBLIC_URL":           "https://orgsync.example.com/",
		"ORGSYNC_LOG_FORMAT":           "\ufeffJSON",
		"ORGSYNC_LOG_LEVEL":            "Debug",
	}))
	require.NoError(t, err)
	require.Equal(t, "host=/run/postgresql dbname=orgsync", c.DatabaseURL.Reveal())
	require.Equal(t, "/etc/orgsync/keys.json", c.Keyset.Reveal())
	c.DatabaseURL, c.Keyset = config.Hidden{}, config.Hidden{}
	require.Equal(t, config.Config{
		CallTimeout:         2 * time.Minute,
		SlowCall:            500 * time.Millisecond,
		CallRate:            0.5,
		FetchConcurrency:    1,
		ApplyConcurrency:    2,
		DatabaseConnections: 3,
		KeepDetails:         36500 * 24 * time.Hour,
		KeepRaw:             90 * time.Minute,
		NotifyMostlyUnread:  2,
		Language:            message.Chinese,
		MetricsAddress:      ":9464",
		ServerAddress:       ":8000",
		PublicURL:           "https://orgsync.example.com",
		LogFormat:           config.LogJSON,
		LogLevel:            slog.LevelDebug,
	}, c)
}

func TestEachProblemIsOneLine(t *testing.T) {
	t.Parallel()
	const wantURL = "DATABASE_URL is wrong; want postgres://user:password@host:5432/database, with special " +
		"characters in the password percent-encoded"
	const wantDuration = "; want a duration above zero with its unit, such as 45s or 2m"
	const wantAge = "; want an age above zero, such as 90d or 12h, or forever"
	const wantCount = "; want a whole number from 1 to 10000"
	for _, c := range []struct{ name, value, want string }{
		{"DATABASE_URL", "",
			"DATABASE_URL is not set; want the Postgres database, such as postgres://user:password@host:5432/orgsync"},
		{"ORGSYNC_LANGUAGE", "de", `ORGSYNC_LANGUAGE is "de"; want en or zh`},
		{"DATABASE_URL", "db:5432", wantURL},
		{"DATABASE_URL", "mysql://root:pass-word@db/x", wantURL},
		{"DATABASE_URL", "postgres://u:pass-word%@db/x", wantURL},
		{"ORGSYNC_KEYSET", " ",
			"ORGSYNC_KEYSET is not set; want the encryption key set, as the path of its file or as it is; create " +
				"one with: orgsync keyset create FILE"},
		{"DATABASE_URL", "postgres://u:pass\u200b-word@db/x",
			"DATABASE_URL holds U+200B, a zero-width space, as character 18; retype it or copy it again"},
		{"ORGSYNC_KEYSET", "/etc/org\u00a0sync",
			"ORGSYNC_KEYSET holds U+00A0, a no-break space, as character 9; retype it or copy it again"},
		{"ORGSYNC_MIGRATE", "maybe", `ORGSYNC_MIGRATE is "maybe"; want true or false`},
		{"ORGSYNC_CALL_TIMEOUT", "60", `ORGSYNC_CALL_TIMEOUT is "60"` + wantDuration},
		{"ORGSYNC_CALL_TIMEOUT", "a\nb", `ORGSYNC_CALL_TIMEOUT is "a\nb"` + wantDuration},
		{"ORGSYNC_SLOW_CALL", "0s", `ORGSYNC_SLOW_CALL is "0s"` + wantDuration},
		{"ORGSYNC_SLOW_CALL", "-1s", `ORGSYNC_SLOW_CALL is "-1s"` + wantDuration},
		{"ORGSYNC_CALL_RATE", "-1", `ORGSYNC_CALL_RATE is "-1"; want a number from 0 to 1000, such as 0.5`},
		{"ORGSYNC_CALL_RATE", "NaN", `ORGSYNC_CALL_RATE is "NaN"; want a number from 0 to 1000, such as 0.5`},
		{"ORGSYNC_FETCH_CONCURRENCY", "0", `ORGSYNC_FETCH_CONCURRENCY is "0"` + wantCount},
		{"ORGSYNC_APPLY_CONCURRENCY", "10001", `ORGSYNC_APPLY_CONCURRENCY is "10001"` + wantCount},
		{"ORGSYNC_DATABASE_CONNECTIONS", "many", `ORGSYNC_DATABASE_CONNECTIONS is "many"` + wantCount},
		{"ORGSYNC_NOTIFY_PARTIAL", "-1", `ORGSYNC_NOTIFY_PARTIAL is "-1"; want a whole number from 0 to 10000`},
		{"ORGSYNC_NOTIFY_MOSTLY_UNREAD", "no",
			`ORGSYNC_NOTIFY_MOSTLY_UNREAD is "no"; want a whole number from 0 to 10000`},
		{"ORGSYNC_KEEP_RUNS", "0", `ORGSYNC_KEEP_RUNS is "0"` + wantAge},
		{"ORGSYNC_KEEP_DETAILS", "90", `ORGSYNC_KEEP_DETAILS is "90"` + wantAge},
		{"ORGSYNC_KEEP_DETAILS", "-1d", `ORGSYNC_KEEP_DETAILS is "-1d"` + wantAge},
		{"ORGSYNC_KEEP_RAW", "1d12h", `ORGSYNC_KEEP_RAW is "1d12h"` + wantAge},
		{"ORGSYNC_KEEP_RAW", "36501d", `ORGSYNC_KEEP_RAW is "36501d"` + wantAge},
		{"ORGSYNC_METRICS_ADDRESS", "9464",
			`ORGSYNC_METRICS_ADDRESS is "9464"; want host:port, such as 127.0.0.1:9464, or :9464 for all of the machine's addresses`},
		{"ORGSYNC_LOG_FORMAT", "xml", `ORGSYNC_LOG_FORMAT is "xml"; want text or json`},
		{"ORGSYNC_LOG_LEVEL", "loud", `ORGSYNC_LOG_LEVEL is "loud"; want debug, info, warn or error`},
	} {
		got, err := config.Load(env(map[string]string{c.name: c.value}))
		require.EqualError(t, err, c.want)
		require.Zero(t, got)
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(
		env(map[string]string{"DATABASE_URL": "", "ORGSYNC_LOG_LEVEL": "loud", "ORGSYNC_MIGRATE": "maybe"}))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3)
	for i, name := range []string{"DATABASE_URL", "ORGSYNC_MIGRATE", "ORGSYNC_LOG_LEVEL"} {
		require.True(t, strings.HasPrefix(lines[i], name+" is "), lines[i])
	}
}

func TestOptionalSettingsMayBeMissingButNotWrong(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(map[string]string{"DATABASE_URL": "", "ORGSYNC_KEYSET": ""}), config.DatabaseURL,
		config.Keyset)
	require.NoError(t, err)
	require.Empty(t, c.DatabaseURL.Reveal())
	_, err = config.Load(env(map[string]string{"ORGSYNC_KEYSET": ""}), config.DatabaseURL)
	require.ErrorContains(t, err, "ORGSYNC_KEYSET is not set")
	_, err = config.Load(env(map[string]string{"DATABASE_URL": "db"}), config.DatabaseURL)
	require.ErrorContains(t, err, "DATABASE_URL is wrong")
}

func TestSecretsHideThemselves(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(nil))
	require.NoError(t, err)
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		shown[verb] = fmt.Sprintf(verb, c)
		shown["pointer "+verb] = fmt.Sprintf(verb, &c)
		require.Equal(t, "***", fmt.Sprintf(verb, c.DatabaseURL))
	}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	shown["json"] = string(encoded)
	require.Contains(t, shown["json"], `"DatabaseURL":"***"`)
	var text, lines bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("started", "config", c, "keyset", c.Keyset)
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("started", "config", c, "keyset", c.Keyset)
	shown["slog text"], shown["slog json"] = text.String(), lines.String()
	for how, s := range shown {
		require.NotContains(t, s, "pass-word", how)
		require.NotContains(t, s, "material", how)
		require.NotContains(t, s, fmt.Sprintf("%x", "pass-word"), how)
		require.Contains(t, s, "***", how)
	}
	require.Empty(t, fmt.Sprint(config.Hidden{}))
}

func TestUsageNamesEverySetting(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	_, err := config.Load(func(name string) string {
		asked[name] = true
		return env(nil)(name)
	})
	require.NoError(t, err)
	usage := config.Usage()
	for name := range asked {
		require.Contains(t, usage, "\n  "+name+" ")
	}
	require.Contains(t, usage, "(required)")
	require.Contains(t, usage, "(default 45s)")
	require.Contains(t, usage, "TEMPORAL_ADDRESS")
	require.Equal(t, 1+len(asked)+2, strings.Count(usage, "\n"), "a line each")
}

func ExampleLoad() {
	_, err := config.Load(func(name string) string {
		return map[string]string{"ORGSYNC_KEYSET": "keys.json", "ORGSYNC_LOG_LEVEL": "loud"}[name]
	})
	fmt.Println(err)
	// Output:
	// DATABASE_URL is not set; want the Postgres database, such as postgres://user:password@host:5432/orgsync
	// ORGSYNC_LOG_LEVEL is "loud"; want debug, info, warn or error
}
