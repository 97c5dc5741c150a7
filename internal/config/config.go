// Package config reads the programs' settings from the environment and says in
// one clear line each what is wrong with them. It opens nothing: whether the
// database answers or the key set fits is found out by those who use them. The
// connection to Temporal is not configured here but by the SDK's own TEMPORAL_*
// variables and profiles (temporal.md §8).
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/message"
)

// Config holds the settings of a program. It may be printed and logged: what is
// secret in it hides itself.
type Config struct {
	// DatabaseURL is Postgres' connection string; it may hold a password.
	DatabaseURL Hidden
	// Keyset is the path of the key set's file or the key set itself.
	Keyset Hidden
	// Migrate says whether the worker migrates the database when it starts.
	Migrate bool

	// CallTimeout bounds one provider call from dialling to the last byte.
	CallTimeout time.Duration
	// SlowCall is how long a provider call may take before it is warned of.
	SlowCall time.Duration
	// CallRate is what part of the providers' documented call limits is used: 1 all of
	// it, 0 for calls that are not spaced at all.
	CallRate float64

	// FetchConcurrency is how many activities of one worker process read from
	// providers at a time, ApplyConcurrency how many write to the directory.
	FetchConcurrency int
	ApplyConcurrency int
	// DatabaseConnections is the most that one process opens.
	DatabaseConnections int

	// KeepRuns, KeepDetails and KeepRaw are how long retention keeps runs, their
	// details, and raw records after a run has ended; zero: for ever.
	KeepRuns    time.Duration
	KeepDetails time.Duration
	KeepRaw     time.Duration

	// Notify are the webhooks that are told of held, failed and partial runs.
	Notify []Webhook
	// NotifyPartial is after how many partial runs in a row they are told, and each time
	// as many more have followed; NotifyMostlyUnread is that of runs which read less than
	// half of the departments. Zero: never.
	NotifyPartial      int
	NotifyMostlyUnread int
	// WebhookNetworks are the private networks to which changes may be delivered.
	WebhookNetworks []netip.Prefix
	// OwnAddressesOnly says that administrators bound to a tenant or a provider may give a provider no other
	// address than the vendor's own.
	OwnAddressesOnly bool
	// UIURL is where Temporal's Web UI is; empty: no links are given.
	UIURL string
	// Language is that of notifications, of what Temporal's Web UI shows, and of errors of
	// the command line.
	Language message.Language
	// ServerAddress is where the server answers, PublicURL where browsers and providers reach
	// it; empty: there only.
	ServerAddress string
	PublicURL     string
	// OIDC is the OpenID provider whose people may sign in to the console; Issuer is empty: none.
	OIDC OIDC
	// MetricsAddress is where the worker or the server tells metrics and health; empty: nowhere.
	MetricsAddress string

	LogFormat LogFormat
	LogLevel  slog.Level
}

// OIDC is an OpenID provider.
type OIDC struct {
	Issuer, ClientID string
	ClientSecret     Hidden
	// Admins are the e-mail addresses of those who may sign in, in lower case.
	Admins []string
}

// LogFormat is how log lines are written.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Names of the settings that a command may be able to do without.
const (
	DatabaseURL = "DATABASE_URL"
	Keyset      = "ORGSYNC_KEYSET"
	language    = "ORGSYNC_LANGUAGE"
)

// LanguageOf returns the language that is set, for errors about other settings: English where
// this one is wrong itself.
func LanguageOf(getenv func(string) string) message.Language {
	set, err := languageNamed(strings.TrimSpace(getenv(language)))
	if err != nil {
		return message.English
	}
	return set
}

// Load reads all settings through getenv (os.Getenv). DATABASE_URL and
// ORGSYNC_KEYSET must be set unless named in optional, for commands that use
// neither; a value that is set is always checked. An empty value counts as not
// set. The error names every wrong setting, one line each, and never shows a
// secret's value.
func Load(getenv func(string) string, optional ...string) (Config, error) {
	var c Config
	var problems []error
	for _, s := range settings {
		if err := s.load(&c, getenv(s.name), optional); err != nil {
			problems = append(problems, err)
		}
	}
	if o := c.OIDC; o.Issuer != "" && (o.ClientID == "" || len(o.Admins) == 0) {
		problems = append(problems, errors.New(
			"ORGSYNC_OIDC_ISSUER needs ORGSYNC_OIDC_CLIENT_ID and ORGSYNC_OIDC_ADMINS beside it"))
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Usage lists the settings for a program's help text, a line each.
func Usage() string {
	text := "Settings (environment):\n"
	for _, s := range append(slices.Clip(settings), temporalSettings, tracesSettings) {
		text += fmt.Sprintf("  %-28s  %s", s.name, s.help)
		switch {
		case s.required:
			text += " (required)"
		case s.fallback != "":
			text += " (default " + s.fallback + ")"
		}
		text += "\n"
	}
	return text
}

// Hidden is a value that shows as "***" wherever it is printed, logged or
// marshalled, and as nothing if it is empty.
type Hidden struct{ value string }

// Reveal returns the value.
func (h Hidden) Reveal() string { return h.value }

// String implements fmt.Stringer.
func (h Hidden) String() string {
	if h.value == "" {
		return ""
	}
	return "***"
}

// Format implements fmt.Formatter, since verbs such as %#v and %x would get
// round String.
func (h Hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON and slog.
func (h Hidden) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// ConsoleURL is where browsers find the server: PublicURL or, where that is not set, this
// machine's own address.
func (c Config) ConsoleURL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, port, _ := net.SplitHostPort(c.ServerAddress)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
