package provider

import (
	"context"
	"fmt"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/schedule"
)

type updateCommand struct {
	Name     string `arg:"" help:"The provider's name."`
	Config   string `placeholder:"FILE|-" help:"JSON file with the settings to change, or - for standard input."`
	Tenant   string `placeholder:"UUID" help:"Tenant to write into the rows."`
	Active   bool   `xor:"state" help:"Allow syncs."`
	Inactive bool   `xor:"state" help:"Refuse syncs, and remove the schedule."`
	guardFlags
}

// Help implements kong.HelpProvider.
func (updateCommand) Help() string {
	return `Settings that you do not give stay as they are, and so do secrets given as "***". An empty setting is
removed. What "orgsync provider show NAME --output json" prints as config can be given back.

Examples:

  echo '{"app_secret":"n3w"}' | orgsync provider update acme --config -
  orgsync provider update acme --inactive
  orgsync provider update acme --removal-limit 100 --removal-percent 10
  orgsync provider update acme --department-removal-limit 3 --hold-for 24h`
}

// Run implements the command.
func (c updateCommand) Run(ctx context.Context, s *cli.Session) error {
	if c == (updateCommand{Name: c.Name}) {
		return cli.UsageError(
			"nothing to change; give --config, --tenant, --active, --inactive, --hold-for or a limit " +
				"of removals")
	}
	in := service.UpdateProviderInput{Name: c.Name, TenantID: c.Tenant, Guard: c.guard(), By: cli.By()}
	if c.Active || c.Inactive {
		in.Active = &c.Active
	}
	if c.Config != "" {
		var err error
		if in.Config, err = readConfig(s, c.Config); err != nil {
			return err
		}
	}
	updated, err := s.Service.UpdateProvider(ctx, in)
	if service.HasCode(err, service.KeyNotHeld) {
		return fmt.Errorf("update provider: %w", s.Describe(err))
	}
	if err != nil {
		return err
	}
	schedule.WarnRemoval(s, c.Name, updated.Schedule)
	s.Printf("Provider %s is changed.", c.Name)
	return printProvider(s, updated.Provider, nil)
}
