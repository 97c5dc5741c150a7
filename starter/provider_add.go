package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/workflows"
)

type providerAdd struct {
	Name   string `arg:"" help:"A name of your choice: up to 100 ASCII characters without spaces and slashes."`
	Type   string `required:"" enum:"feishu,dingtalk,wecom" placeholder:"feishu|dingtalk|wecom" help:"Kind of provider; feishu is also for Lark."`
	Config string `required:"" placeholder:"FILE|-" help:"JSON file with the settings, or - for standard input."`
	Tenant string `placeholder:"UUID" help:"Tenant to write into the rows."`
	// Interval is nil if none is to be set.
	Interval *time.Duration `placeholder:"1h" help:"Sync it at this interval; see: orgsync schedule set --help."`
	Now      bool           `help:"With --interval: start a first sync now."`
	guardFlags
}

// Help implements kong.HelpProvider.
func (providerAdd) Help() string {
	return `Secrets are encrypted before they reach the database. The settings, by type (* is required):

` + settingsHelp() + `
Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider add acme --type feishu --config acme.json --interval 1h --now
  echo '{"corp_id":"ww12","secret":"s3cr3t"}' | orgsync provider add acme --type wecom --config -`
}

// settingsWidth leaves room for the two columns by which help is indented.
const settingsWidth = defaultWidth - 2

// settingsHelp lists the vendors' settings, indented to be kept as they are.
func settingsHelp() string {
	var b strings.Builder
	vendors := app.Vendors()
	for _, t := range directory.ProviderTypes() {
		fmt.Fprintf(&b, "  %s\n", t)
		for _, key := range vendors[t].Keys {
			mark := " "
			if key.Required {
				mark = "*"
			}
			lead := fmt.Sprintf("   %s %-13s ", mark, key.Name)
			b.WriteString(strings.Join(foldBehind(lead, key.Help, settingsWidth), "\n") + "\n")
		}
	}
	return b.String()
}

// Run implements the command.
func (c providerAdd) Run(ctx context.Context, s *session) error {
	guard, err := c.guardFlags.change()
	if err := errors.Join(checkName(c.Name), err); err != nil {
		return err
	}
	due, err := c.due()
	if err != nil {
		return err
	}
	tenant, err := tenantOf(c.Tenant)
	if err != nil {
		return err
	}
	document, err := s.readConfig(c.Config)
	if err != nil {
		return err
	}
	vendor := app.Vendors()[directory.ProviderType(c.Type)]
	settings, err := clients.Parse(vendor, document, nil)
	if err != nil {
		return &failure{status: exitUsage, err: err}
	}
	public, secrets, err := separate(vendor, settings)
	if err != nil {
		return err
	}
	vault, err := s.openVault(ctx)
	if err != nil {
		return err
	}
	if err := demandKey(ctx, vault.Store, vault.Box.PrimaryKeyID()); err != nil {
		return fmt.Errorf("add provider: %w", err)
	}
	var temporal client.Client
	if due != nil { // asked for before anything is stored
		if temporal, err = s.openTemporal(ctx); err != nil {
			return err
		}
	}
	_, err = vault.Store.ProviderAdd(ctx, db.NewProvider{
		TenantID: tenant, Name: c.Name, Type: vendor.Type, Config: public, Guard: guard, By: who(),
	}, vault.Seal(secrets))
	if errors.Is(err, db.ErrNameTaken) {
		return fmt.Errorf("there is a provider %q already; change it with: orgsync provider update %s --config FILE", c.Name, c.Name)
	}
	if err != nil {
		return err
	}
	s.say("Provider %s is stored. Next: orgsync provider test %s", c.Name, c.Name)
	if due == nil {
		return s.printProvider(ctx, vault.Store, c.Name, nil)
	}
	if _, err := s.setSchedule(ctx, temporal, timetable{provider: c.Name, due: *due, onRemovals: workflows.RemovalsHold}, c.Now); err != nil {
		return fmt.Errorf("provider %s is stored, but not its schedule: %w; set it with: %s", c.Name, err, due.command(c.Name))
	}
	view, err := scheduleOf(ctx, temporal, c.Name).view(ctx)
	if err != nil {
		return err
	}
	return s.printProvider(ctx, vault.Store, c.Name, &view)
}

// due is when the provider is to be synced, nil if nobody said.
func (c providerAdd) due() (*rule, error) {
	if c.Interval == nil {
		if c.Now {
			return nil, misuse("--now goes with --interval; start a single sync with: orgsync sync %s", c.Name)
		}
		return nil, nil
	}
	due, err := interval(c.Name, *c.Interval, nil, nil)
	return &due, err
}

// separate checks that settings are complete and divides them into the JSON that is
// stored as it is and the secrets. Empty settings count as not given.
func separate(vendor provider.Vendor, settings provider.Settings) (json.RawMessage, map[string]string, error) {
	for key, value := range settings {
		if value == "" {
			delete(settings, key)
		}
	}
	if err := clients.Validate(vendor, settings); err != nil {
		return nil, nil, &failure{status: exitUsage, err: err}
	}
	public, secrets := clients.Split(settings)
	document, err := json.Marshal(public)
	return document, secrets, err
}

const maxName = 100

// checkName refuses what would be ambiguous in a workflow id or on a command line, or
// what Temporal's clients cannot send: they put the workflow id into a header, which
// holds printable ASCII only.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return misuse("a provider's name has 1 to %d characters", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r <= ' ' || r > '~' }):
		return misuse("a provider's name may contain ASCII letters, digits and punctuation, but no spaces or slashes, since it becomes part of a workflow id; %q is not such a name", name)
	case strings.HasPrefix(name, "-"):
		return misuse("a provider's name does not begin with a dash; %q does", name)
	}
	return nil
}

func tenantOf(text string) (*string, error) {
	if text == "" {
		return nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, misuse("--tenant is %q; it must be a UUID such as 0191d2a0-7b1e-7c3a-9d42-5f1c2b3a4d5e", text)
	}
	text = id.String()
	return &text, nil
}
