// Package token holds the commands about the API's tokens.
package token

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Commands are those below "orgsync token".
type Commands struct {
	Create createCommand `cmd:"" help:"Make a token and print it, once."`
	List   listCommand   `cmd:"" help:"List the tokens; none is shown."`
	Revoke revokeCommand `cmd:"" help:"End a token at once."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `Programs send a token to the server's API. It has one of these roles:

  reader    reads the directory
  operator  also starts, decides and takes back runs, and sets schedules
  admin     also changes providers and tokens, and sees raw records and the audit log
  app       resolves logins, and nothing else

Examples:

  orgsync token create payroll --role reader --provider acme --expires 90d
  orgsync token list
  orgsync token revoke payroll`
}

type createCommand struct {
	Name     string `arg:"" help:"A name of your choice, by which the token stands on record."`
	Role     string `required:"" enum:"admin,operator,reader,app" placeholder:"admin|operator|reader|app" help:"What it may do."`
	Tenant   string `placeholder:"UUID" help:"Bind it to a tenant: nothing else exists for it."`
	Provider string `placeholder:"NAME" help:"Bind it to a provider: nothing else exists for it."`
	// Expires is nil if it never does.
	Expires *time.Duration `placeholder:"90d" help:"After what time it can no longer be used."`
}

// Help implements kong.HelpProvider.
func (createCommand) Help() string {
	return `The token is printed once and cannot be shown again: only a hash of it is stored. If it is lost, revoke it
and make another.

Examples:

  orgsync token create ci --role operator --expires 90d
  orgsync token create payroll --role reader --provider acme`
}

// Run implements the command.
func (c createCommand) Run(ctx context.Context, s *cli.Session) error {
	made, err := s.Service.CreateToken(ctx, service.CreateTokenInput{
		Name: c.Name, Role: c.Role, TenantID: c.Tenant, Provider: c.Provider, ExpiresIn: c.Expires, By: cli.By(),
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Created{View: viewOf(made.Token), Token: made.Secret})
	}
	s.Printf("%s", made.Secret)
	s.Warnf("token %s is made; keep it now, it cannot be shown again", c.Name)
	return nil
}

type listCommand struct{}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `Examples:

  orgsync token list`
}

// page is how many tokens are read at a time.
const page = 1000

// Run implements the command.
func (listCommand) Run(ctx context.Context, s *cli.Session) error {
	views := []View{}
	for last := (service.Token{}); ; {
		tokens, err := s.Service.ListTokens(ctx, access.Reach{}, last, page)
		if err != nil {
			return err
		}
		for _, one := range tokens {
			views = append(views, viewOf(one))
		}
		if len(tokens) < page {
			break
		}
		last = tokens[page-1]
	}
	if s.JSON {
		return s.PrintJSON(views)
	}
	if len(views) == 0 {
		s.Printf("There are no tokens; make one with: orgsync token create NAME --role ROLE")
		return nil
	}
	t := cli.NewTable("name", "role", "bound to", "expires", "last used", "state").Drop("last used", "bound to")
	for _, v := range views {
		t.AppendRow([]any{cli.Plain(v.Name), v.Role, v.bounds(), day(v.ExpiresAt), day(v.LastUsedAt), v.State})
	}
	s.PrintTable(t)
	return nil
}

type revokeCommand struct {
	Name string `arg:"" help:"The token's name, or its id."`
}

// Help implements kong.HelpProvider.
func (revokeCommand) Help() string {
	return `It stays in the list as revoked. Its name can be used again.

Examples:

  orgsync token revoke payroll`
}

// Run implements the command.
func (c revokeCommand) Run(ctx context.Context, s *cli.Session) error {
	revoked, err := s.Service.RevokeToken(ctx, access.Reach{}, c.Name, cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Revoked{ID: revoked.ID, Name: revoked.Name})
	}
	s.Printf("Token %s is revoked.", revoked.Name)
	return nil
}
