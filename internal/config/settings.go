package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/document"
	"github.com/orgsync/orgsync/internal/message"
)

// setting is one variable of the environment.
type setting struct {
	name     string
	required bool
	// fallback is the value where none is set, in the form one would set it.
	fallback string
	help     string
	// secret values are not repeated in errors.
	secret bool
	// set stores a value, or says what would be right: "want …".
	set func(*Config, string) error
}

// settings are all variables, in the order in which people read about them.
var settings = []setting{
	{
		name: DatabaseURL, required: true, secret: true,
		help: "the Postgres database, such as postgres://user:password@host:5432/orgsync",
		set: func(c *Config, v string) error {
			c.DatabaseURL = Hidden{v}
			return checkDatabaseURL(v)
		},
	},
	{
		name: Keyset, required: true, secret: true,
		help: "the encryption key set, as the path of its file or as it is; create one with: orgsync keyset create " +
			"FILE",
		set: func(c *Config, v string) error {
			c.Keyset = Hidden{v}
			return nil
		},
	},
	{
		name: "ORGSYNC_MIGRATE", fallback: "true",
		help: "whether the worker migrates the database when it starts",
		set: func(c *Config, v string) (err error) {
			c.Migrate, err = truth(v)
			return err
		},
	},
	{
		name: "ORGSYNC_CALL_TIMEOUT", fallback: "45s",
		help: "the longest a provider call may take",
		set: func(c *Config, v string) (err error) {
			c.CallTimeout, err = duration(v)
			return err
		},
	},
	{
		name: "ORGSYNC_SLOW_CALL", fallback: "30s",
		help: "the worker logs a warning for provider calls that take longer",
		set: func(c *Config, v string) (err error) {
			c.SlowCall, err = duration(v)
			return err
		},
	},
	{
		name: "ORGSYNC_CALL_RATE", fallback: "1",
		help: "share of the providers' documented call limits that orgsync uses: 0.5 leaves half to other programs, " +
			"2 is for an edition with twice the limits, 0 turns the spacing of calls off",
		set: func(c *Config, v string) (err error) {
			c.CallRate, err = factor(v)
			return err
		},
	},
	{
		name: "ORGSYNC_FETCH_CONCURRENCY", fallback: "64",
		help: "how many activities of one worker read from providers at the same time",
		set: func(c *Config, v string) (err error) {
			c.FetchConcurrency, err = count(v)
			return err
		},
	},
	{
		name: "ORGSYNC_APPLY_CONCURRENCY", fallback: "4",
		help: "how many activities of one worker write to the directory at the same time",
		set: func(c *Config, v string) (err error) {
			c.ApplyConcurrency, err = count(v)
			return err
		},
	},
	{
		name: "ORGSYNC_DATABASE_CONNECTIONS", fallback: "8",
		help: "how many database connections one process opens at most",
		set: func(c *Config, v string) (err error) {
			c.DatabaseConnections, err = count(v)
			return err
		},
	},
	{
		name: "ORGSYNC_KEEP_RUNS", fallback: "400d",
		help: "how long a run is kept with its counts after it has ended: for example 400d, 12h or forever",
		set: func(c *Config, v string) (err error) {
			c.KeepRuns, err = age(v)
			return err
		},
	},
	{
		name: "ORGSYNC_KEEP_DETAILS", fallback: "90d",
		help: "how long a run's change log, completeness records, errors and removals are kept",
		set: func(c *Config, v string) (err error) {
			c.KeepDetails, err = age(v)
			return err
		},
	},
	{
		name: "ORGSYNC_KEEP_RAW", fallback: "30d",
		help: "how long raw records are kept in a run's change log, and for the people and departments that it removed",
		set: func(c *Config, v string) (err error) {
			c.KeepRaw, err = age(v)
			return err
		},
	},
	{
		name: "ORGSYNC_NOTIFY", secret: true,
		help: "webhooks that are notified of held, failed and partial runs, separated by spaces: json:URL, " +
			"feishu:URL, dingtalk:URL, wecom:URL; append a robot's signing secret as URL#SECRET",
		set: func(c *Config, v string) (err error) {
			c.Notify, err = webhooks(v)
			return err
		},
	},
	{
		name: "ORGSYNC_NOTIFY_PARTIAL", fallback: "3",
		help: "notify at this many partial runs of a provider in a row, and again each time as many more have " +
			"followed; 0: never",
		set: func(c *Config, v string) (err error) {
			c.NotifyPartial, err = countFrom(0, v)
			return err
		},
	},
	{
		name: "ORGSYNC_NOTIFY_MOSTLY_UNREAD", fallback: "1",
		help: "the same for partial runs that read less than half of the departments",
		set: func(c *Config, v string) (err error) {
			c.NotifyMostlyUnread, err = countFrom(0, v)
			return err
		},
	},
	{
		name: "ORGSYNC_WEBHOOK_NETWORKS",
		help: "private networks to which changes may be delivered, and plain http used, separated by commas: " +
			"10.20.0.0/16; without it webhooks lead to public addresses alone",
		set: func(c *Config, v string) (err error) {
			c.WebhookNetworks, err = networks(v)
			return err
		},
	},
	{
		name: "ORGSYNC_TENANT_ADDRESSES", fallback: "any",
		help: "the addresses (base_url and the like) that administrators bound to a tenant or a provider may give a " +
			"provider: any, or own for the vendor's own alone",
		set: func(c *Config, v string) error {
			c.OwnAddressesOnly = v == "own"
			if v != "any" && v != "own" {
				return errors.New("want any or own")
			}
			return nil
		},
	},
	{
		name: language, fallback: string(message.English),
		help: "the language of notifications, of Temporal's Web UI and of the command line's errors: en or zh",
		set: func(c *Config, v string) (err error) {
			c.Language, err = languageNamed(v)
			return err
		},
	},
	{
		name: "ORGSYNC_UI_URL",
		help: "where Temporal's Web UI is, for links to it",
		set: func(c *Config, v string) error {
			c.UIURL = v
			return checkWebURL(v)
		},
	},
	{
		name: "ORGSYNC_SERVER_ADDRESS", fallback: "127.0.0.1:8080",
		help: "where the server answers, such as 127.0.0.1:8080, or :8080 for all of the machine's addresses",
		set: func(c *Config, v string) error {
			c.ServerAddress = v
			return checkAddress(v)
		},
	},
	{
		name: "ORGSYNC_PUBLIC_URL",
		help: "where browsers and providers reach the server, such as https://orgsync.example.com",
		set: func(c *Config, v string) error {
			c.PublicURL = strings.TrimRight(v, "/")
			return checkWebURL(v)
		},
	},
	{
		name: "ORGSYNC_OIDC_ISSUER",
		help: "the OpenID provider whose people may sign in to the console, such as https://login.example.com",
		set: func(c *Config, v string) error {
			c.OIDC.Issuer = v
			return checkWebURL(v)
		},
	},
	{
		name: "ORGSYNC_OIDC_CLIENT_ID",
		help: "the client that this server is at the OpenID provider",
		set: func(c *Config, v string) error {
			c.OIDC.ClientID = v
			return nil
		},
	},
	{
		name: "ORGSYNC_OIDC_CLIENT_SECRET", secret: true,
		help: "the secret of that client",
		set: func(c *Config, v string) error {
			c.OIDC.ClientSecret = Hidden{v}
			return nil
		},
	},
	{
		name: "ORGSYNC_OIDC_ADMINS",
		help: "the e-mail addresses of the administrators whom the OpenID provider may let in, separated by commas",
		set: func(c *Config, v string) error {
			for _, address := range strings.Split(v, ",") {
				if address = strings.ToLower(strings.TrimSpace(address)); address != "" {
					c.OIDC.Admins = append(c.OIDC.Admins, address)
				}
			}
			return nil
		},
	},
	{
		name: "ORGSYNC_METRICS_ADDRESS",
		help: "where the worker or the server answers /metrics, /healthz and /readyz, such as :9464 or 127.0.0.1:0; " +
			"nowhere if not set",
		set: func(c *Config, v string) error {
			c.MetricsAddress = v
			return checkAddress(v)
		},
	},
	{
		name: "ORGSYNC_LOG_FORMAT", fallback: "text",
		help: "text or json",
		set: func(c *Config, v string) error {
			c.LogFormat = LogFormat(strings.ToLower(v))
			if c.LogFormat != LogText && c.LogFormat != LogJSON {
				return errors.New("want text or json")
			}
			return nil
		},
	},
	{
		name: "ORGSYNC_LOG_LEVEL", fallback: "info",
		help: "debug, info, warn or error",
		set: func(c *Config, v string) (err error) {
			c.LogLevel, err = level(v)
			return err
		},
	},
}

// tracesSettings stand in the help text; OpenTelemetry reads them.
var tracesSettings = setting{
	name: "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_*",
	help: "where the worker and the server send traces, by OpenTelemetry's own variables; nowhere if not set",
}

// temporalSettings stand in the help text; the SDK reads them.
var temporalSettings = setting{
	name: "TEMPORAL_ADDRESS, TEMPORAL_*",
	help: "the Temporal service, as for Temporal's own command line: also TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, " +
		"TEMPORAL_API_KEY, TEMPORAL_TLS…",
}

func (s setting) load(c *Config, value string, optional []string) error {
	// A byte order mark comes with the content of a file that an editor has put it before.
	value = strings.TrimSpace(strings.TrimPrefix(value, "\ufeff"))
	if value == "" {
		if s.required && !slices.Contains(optional, s.name) {
			return fmt.Errorf("%s is not set; want %s", s.name, s.help)
		}
		if s.fallback == "" {
			return nil
		}
		value = s.fallback
	}
	if unseen := document.Invisible(value); unseen != "" {
		return fmt.Errorf("%s holds %s; retype it or copy it again", s.name, unseen)
	}
	err := s.set(c, value)
	switch {
	case err == nil:
		return nil
	case s.secret:
		return fmt.Errorf("%s is wrong; %w", s.name, err)
	default:
		return fmt.Errorf("%s is %q; %w", s.name, value, err)
	}
}
