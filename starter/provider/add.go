package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/schedule"
)

type addCommand struct {
	Name   string `arg:"" help:"A name of your choice: up to 100 ASCII characters without spaces and slashes."`
	Type   string `required:"" enum:"feishu,dingtalk,wecom" placeholder:"feishu|dingtalk|wecom" help:"Kind of provider; feishu is also for Lark."`
	Config string `required:"" placeholder:"FILE|-" help:"JSON file with the settings, or - for standard input."`
	Tenant string `placeholder:"UUID" help:"Tenant to write into the rows."`
	Suite  bool   `help:"The company installs a WeCom suite or 代开发 template; prints the install link."`
	// Interval is nil if none is to be set.
	Interval *time.Duration `placeholder:"1h" help:"Sync it at this interval; see: orgsync schedule set --help."`
	Now      bool           `help:"With --interval: start a first sync now."`
	guardFlags
}

// Help implements kong.HelpProvider.
func (addCommand) Help() string {
	return `Secrets are encrypted before they reach the database. The settings, by type (* is required):

` + settingsHelp() + `
Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider add acme --type feishu --config acme.json --interval 1h --now
  orgsync provider add acme --type wecom --suite --config suite.json
  echo '{"corp_id":"ww12","secret":"s3cr3t"}' | orgsync provider add acme --type wecom --config -`
}

// settingsWidth leaves room for the two columns by which help is indented.
const settingsWidth = cli.DefaultWidth - 2

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
			b.WriteString(strings.Join(cli.FoldBehind(lead, key.Help, settingsWidth), "\n") + "\n")
		}
	}
	return b.String()
}

// Run implements the command.
func (c addCommand) Run(ctx context.Context, s *cli.Session) error {
	if c.Now && c.Interval == nil {
		return cli.UsageError("--now goes with --interval; start a single sync with: orgsync sync %s", c.Name)
	}
	config, err := readConfig(s, c.Config)
	if err != nil {
		return err
	}
	in := service.AddProviderInput{
		Name: c.Name, Type: c.Type, Config: config, Suite: c.Suite,
		TenantID: c.Tenant, Guard: c.guard(), StartNow: c.Now, By: cli.By(),
	}
	if c.Interval != nil {
		in.Schedule = &service.RuleInput{Every: *c.Interval}
	}
	added, err := s.Service.AddProvider(ctx, in)
	unscheduled := service.HasCode(err, service.ScheduleNotSet)
	if err != nil && !unscheduled {
		return c.failure(s, err)
	}
	if c.Suite && !unscheduled {
		return c.install(ctx, s)
	}
	s.Printf("Provider %s is stored. Next: orgsync provider test %s", c.Name, c.Name)
	if unscheduled {
		failed := service.Classify(err)
		return fmt.Errorf("provider %s is stored, but not its schedule: %w; set it with: %s", c.Name,
			s.Describe(failed.Err),
			schedule.SetCommand(c.Name, failed.Args.Rule))
	}
	if added.Schedule == nil {
		return printProvider(s, added.Provider, nil)
	}
	s.WarnTrouble(added.Schedule.Trouble)
	return printProvider(s, added.Provider, schedule.ViewOf(added.Schedule.Schedule))
}

// install prints the install link, or what to do before there can be one.
func (c addCommand) install(ctx context.Context, s *cli.Session) error {
	link, err := s.Service.MakeInstallLink(ctx, c.Name, cli.By())
	if err != nil {
		s.Warnf("provider %s is stored, but there is no install link yet: %v", c.Name, s.Describe(err))
	} else {
		s.Printf("Provider %s is stored.", c.Name)
	}
	shown, err := s.Service.ShowInstallation(ctx, c.Name)
	if err != nil {
		return err
	}
	return printInstallation(s, shown, link)
}

// failure says what was being done where a key of the workers is at fault.
func (addCommand) failure(s *cli.Session, err error) error {
	if service.HasCode(err, service.KeyNotHeld) {
		return fmt.Errorf("add provider: %w", s.Describe(err))
	}
	return err
}
