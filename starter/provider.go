package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/document"
)

type providerCommands struct {
	Add    providerAdd    `cmd:"" help:"Store a provider."`
	List   providerList   `cmd:"" help:"List the stored providers."`
	Show   providerShow   `cmd:"" help:"Show a stored provider; secrets appear as ***."`
	Update providerUpdate `cmd:"" help:"Change a stored provider."`
	Remove providerRemove `cmd:"" help:"Remove a provider with its secrets and run history."`
	Test   providerTest   `cmd:"" help:"Test the credentials, permissions and visible range against the live API."`
}

// Help implements kong.HelpProvider.
func (providerCommands) Help() string {
	return `A provider is one company's directory at Feishu or Lark, DingTalk or WeCom.

Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider test acme
  orgsync provider list`
}

// providerView is a provider as the command line shows it: no secret in it.
type providerView struct {
	ID             string                 `json:"id"`
	Name           string                 `json:"name"`
	Type           directory.ProviderType `json:"provider_type"`
	TenantID       *string                `json:"tenant_id"`
	Active         bool                   `json:"is_active"`
	Config         map[string]string      `json:"config"`
	LastSyncedAt   *time.Time             `json:"last_synced_at"`
	CreatedAt      time.Time              `json:"created_at"`
	UpdatedAt      time.Time              `json:"updated_at"`
	UpdatedBy      string                 `json:"updated_by,omitempty"`
	RemovalLimit   int                    `json:"removal_limit_count"`
	RemovalPercent float64                `json:"removal_limit_percent"`
	// The departments' limits as they count: their own, or else the people's.
	DepartmentLimit   int     `json:"department_limit_count"`
	DepartmentPercent float64 `json:"department_limit_percent"`
	HoldSeconds       int64   `json:"hold_seconds"`
	// Schedule is when it is synced, where that was asked for.
	Schedule *scheduleView `json:"schedule,omitempty"`
}

func view(ctx context.Context, store *db.Store, p db.Provider) (providerView, error) {
	config, err := shownConfig(ctx, store, p)
	return providerView{
		ID: p.ID, Name: p.Name, Type: p.Type, TenantID: p.TenantID, Active: p.Active, Config: config, LastSyncedAt: p.LastSyncedAt,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, UpdatedBy: p.UpdatedBy, RemovalLimit: p.Guard.Members.Count, RemovalPercent: p.Guard.Members.Percent,
		DepartmentLimit: p.Guard.Departments.Count, DepartmentPercent: p.Guard.Departments.Percent, HoldSeconds: int64(p.HoldFor / time.Second),
	}, err
}

// shownConfig returns the stored settings with clients.Hidden for each secret.
func shownConfig(ctx context.Context, store *db.Store, p db.Provider) (map[string]string, error) {
	settings := map[string]string{}
	if err := json.Unmarshal(p.Config, &settings); err != nil {
		return nil, fmt.Errorf("provider %s: stored config is not a JSON object of strings: %w", p.Name, err)
	}
	secrets, err := store.Secrets(ctx, p.ID)
	for _, secret := range secrets {
		settings[secret.Key] = clients.Hidden
	}
	return settings, err
}

// printProvider prints the provider of that name as it is now stored, and its schedule
// where that is known.
func (s *session) printProvider(ctx context.Context, store *db.Store, name string, due *scheduleView) error {
	p, err := s.provider(ctx, store, name)
	if err != nil {
		return err
	}
	v, err := view(ctx, store, p)
	if err != nil {
		return err
	}
	v.Schedule = due
	if s.json {
		return s.printJSON(v)
	}
	t := newTable()
	t.AppendRow([]any{"name", v.Name})
	t.AppendRow([]any{"type", v.Type})
	t.AppendRow([]any{"id", v.ID})
	t.AppendRow([]any{"tenant", orDash(v.TenantID)})
	t.AppendRow([]any{"active", yesNo(v.Active)})
	t.AppendRow([]any{"last synced", lastSynced(v.LastSyncedAt)})
	t.AppendRow([]any{"created", moment(v.CreatedAt)})
	t.AppendRow([]any{"updated", moment(v.UpdatedAt) + prefixed(" by ", plain(v.UpdatedBy))})
	t.AppendRow([]any{"held if removing", limitText(v.RemovalLimit, v.RemovalPercent, "people")})
	t.AppendRow([]any{"", limitText(v.DepartmentLimit, v.DepartmentPercent, "departments")})
	t.AppendRow([]any{"held for", length(time.Duration(v.HoldSeconds) * time.Second)})
	for _, key := range slices.Sorted(maps.Keys(v.Config)) {
		t.AppendRow([]any{key, plain(v.Config[key])})
	}
	if due != nil {
		for _, row := range due.rows() {
			t.AppendRow(row)
		}
	}
	printTable(s.stdout, t)
	return nil
}

type providerList struct{}

// Help implements kong.HelpProvider.
func (providerList) Help() string {
	return `Examples:

  orgsync provider list
  orgsync provider list --output json`
}

// Run implements the command.
func (providerList) Run(ctx context.Context, s *session) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	stored, err := store.Providers(ctx)
	if err != nil {
		return err
	}
	views := make([]providerView, len(stored))
	for i, p := range stored {
		if views[i], err = view(ctx, store, p); err != nil {
			return err
		}
	}
	if s.json {
		return s.printJSON(views)
	}
	if len(views) == 0 {
		s.say("No provider is stored. Add one with: orgsync provider add NAME --type TYPE --config FILE")
		return nil
	}
	t := newTable("name", "type", "active", "last synced", "id").drop("id", "type", "active")
	for _, v := range views {
		t.AppendRow([]any{v.Name, v.Type, yesNo(v.Active), lastSynced(v.LastSyncedAt), v.ID})
	}
	printTable(s.stdout, t)
	return nil
}

type providerShow struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (providerShow) Help() string {
	return `Examples:

  orgsync provider show acme
  orgsync provider show acme --output json`
}

// Run implements the command.
func (c providerShow) Run(ctx context.Context, s *session) error {
	store, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	if _, err := s.provider(ctx, store, c.Name); err != nil {
		return err
	}
	due, known := s.knownSchedule(ctx, c.Name)
	if err := s.printProvider(ctx, store, c.Name, due); err != nil {
		return err
	}
	if due == nil && known {
		s.say("It has no schedule. Set one with: orgsync schedule set %s --every 1h", c.Name)
	}
	return nil
}

// maxConfig is far more than any provider's settings take, in bytes.
const maxConfig = 1_000_000

// readConfig reads a configuration document from a file or, for "-", from stdin.
func (s *session) readConfig(path string) ([]byte, error) {
	text, err := s.readInput(path, maxConfig)
	if err != nil {
		return nil, misuse("read config: %w", err)
	}
	return text, nil
}

// readInput reads a file or, for "-", standard input, of at most limit bytes.
func (s *session) readInput(path string, limit int64) ([]byte, error) {
	if path == "-" {
		return document.Read(s.stdin, limit)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := document.Read(file, limit)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	return text, nil
}

func lastSynced(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return moment(*at)
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
