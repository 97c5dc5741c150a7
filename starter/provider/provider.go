// Package provider holds the commands that store, show, change, remove and test providers.
package provider

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/schedule"
)

// Commands are those below "orgsync provider".
type Commands struct {
	Add     addCommand     `cmd:"" help:"Store a provider."`
	List    listCommand    `cmd:"" help:"List the stored providers."`
	Show    showCommand    `cmd:"" help:"Show a stored provider; secrets appear as ***."`
	Update  updateCommand  `cmd:"" help:"Change a stored provider."`
	Remove  removeCommand  `cmd:"" help:"Remove a provider with its secrets and run history."`
	Install installCommand `cmd:"" help:"Make the link by which a company installs a WeCom suite."`
	Test    testCommand    `cmd:"" help:"Test the credentials, permissions and visible range against the live API."`
	Dump    dumpCommand    `cmd:"" help:"Print what the provider shows right now, and store nothing."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `A provider is one company's directory at Feishu or Lark, DingTalk or WeCom.

Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider test acme
  orgsync provider list`
}

// View is a provider as the command line shows it: no secret in it.
type View struct {
	ID           string                 `json:"id"`
	Name         string                 `json:"name"`
	Type         directory.ProviderType `json:"provider_type"`
	TenantID     *string                `json:"tenant_id"`
	Active       bool                   `json:"is_active"`
	Config       map[string]string      `json:"config"`
	LastSyncedAt *time.Time             `json:"last_synced_at"`
	CreatedAt    time.Time              `json:"created_at"`
	UpdatedAt    time.Time              `json:"updated_at"`
	UpdatedBy    string                 `json:"updated_by,omitempty"`
	directory.GuardFigures
	HoldSeconds int64 `json:"hold_seconds"`
	// Schedule is when it is synced, where that was asked for.
	Schedule *schedule.View `json:"schedule,omitempty"`
}

func viewOf(p service.Provider) View {
	return View{
		ID: p.ID, Name: p.Name, Type: p.Type, TenantID: p.TenantID, Active: p.Active, Config: p.Config,
		LastSyncedAt: p.LastSyncedAt, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, UpdatedBy: p.UpdatedBy,
		GuardFigures: directory.FiguresOf(p.Guard), HoldSeconds: int64(p.HoldFor / time.Second),
	}
}

// printProvider prints a provider, and its schedule where that is known.
func printProvider(s *cli.Session, p service.Provider, due *schedule.View) error {
	v := viewOf(p)
	v.Schedule = due
	if s.JSON {
		return s.PrintJSON(v)
	}
	t := cli.NewTable()
	t.AppendRow([]any{"name", v.Name})
	t.AppendRow([]any{"type", v.Type})
	t.AppendRow([]any{"id", v.ID})
	t.AppendRow([]any{"tenant", orDash(v.TenantID)})
	t.AppendRow([]any{"active", cli.YesNo(v.Active)})
	t.AppendRow([]any{"last synced", lastSynced(v.LastSyncedAt)})
	t.AppendRow([]any{"created", cli.Moment(v.CreatedAt)})
	t.AppendRow([]any{"updated", cli.Moment(v.UpdatedAt) + cli.Prefixed(" by ", cli.Plain(v.UpdatedBy))})
	t.AppendRow([]any{"held if removing", limitText(p.Guard.Members, "people")})
	t.AppendRow([]any{"", limitText(p.Guard.Departments, "departments")})
	t.AppendRow([]any{"", limitText(p.Guard.Groups, "groups")})
	t.AppendRow([]any{"", limitText(p.Guard.GroupMemberships, "places in groups")})
	t.AppendRow([]any{"", limitText(p.Guard.Administrators, "administrators")})
	t.AppendRow([]any{"held for", message.Length(time.Duration(v.HoldSeconds) * time.Second)})
	for _, key := range slices.Sorted(maps.Keys(v.Config)) {
		t.AppendRow([]any{key, cli.Plain(v.Config[key])})
	}
	if due != nil {
		for _, row := range due.Rows() {
			t.AppendRow(row)
		}
	}
	s.PrintTable(t)
	return nil
}

type listCommand struct{}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `Examples:

  orgsync provider list
  orgsync provider list --output json`
}

// Run implements the command.
func (listCommand) Run(ctx context.Context, s *cli.Session) error {
	stored, err := s.Service.ListProviders(ctx)
	if err != nil {
		return err
	}
	views := cli.Each(stored, viewOf)
	if s.JSON {
		return s.PrintJSON(views)
	}
	if len(views) == 0 {
		s.Printf("No provider is stored. Add one with: orgsync provider add NAME --type TYPE --config FILE")
		return nil
	}
	t := cli.NewTable("name", "type", "active", "last synced", "id").Drop("id", "type", "active")
	for _, v := range views {
		t.AppendRow([]any{v.Name, v.Type, cli.YesNo(v.Active), lastSynced(v.LastSyncedAt), v.ID})
	}
	s.PrintTable(t)
	return nil
}

type showCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `Examples:

  orgsync provider show acme
  orgsync provider show acme --output json`
}

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	p, err := s.Service.GetProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	var due *schedule.View
	found, err := s.Service.GetSchedule(ctx, c.Name)
	none := service.HasCode(err, service.ScheduleUnknown)
	switch {
	case err == nil:
		due = schedule.ViewOf(found)
	case !none:
		s.Warnf("could not tell whether %s has a schedule: %v", c.Name, s.Describe(err))
	}
	if err := printProvider(s, p, due); err != nil {
		return err
	}
	if none {
		s.Printf("It has no schedule. Set one with: orgsync schedule set %s --every 1h", c.Name)
	}
	return nil
}

// maxConfig is far more than any provider's settings take, in bytes.
const maxConfig = 1_000_000

// readConfig reads a configuration document from a file or, for "-", from stdin.
func readConfig(s *cli.Session, path string) ([]byte, error) {
	text, err := s.ReadInput(path, maxConfig)
	if err != nil {
		return nil, cli.UsageError("read config: %w", err)
	}
	return text, nil
}

func lastSynced(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return cli.Moment(*at)
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
