// Package console holds the command that lets a person in to the console.
package console

import (
	"context"
	"net/url"

	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// Command makes a sign-in link.
type Command struct {
	Role     string `enum:"admin,operator,reader" default:"admin" placeholder:"admin|operator|reader" help:"What its holder may do."`
	Tenant   string `placeholder:"UUID" help:"Bind its holder to a tenant: nothing else exists for them."`
	Provider string `placeholder:"NAME" help:"Bind its holder to a provider: nothing else exists for them."`
	SignOut  bool   `help:"End everybody's sessions and drop unused links, and make no link."`
}

// Help implements kong.HelpProvider.
func (Command) Help() string {
	return `The link signs in once, within 10 minutes. The address is ORGSYNC_PUBLIC_URL or, where that is not set,
ORGSYNC_SERVER_ADDRESS.

Examples:

  orgsync console
  orgsync console --role reader --provider acme
  orgsync console --sign-out`
}

// Run implements the command.
func (c Command) Run(ctx context.Context, s *cli.Session) error {
	if c.SignOut {
		return signOut(ctx, s)
	}
	cfg, err := config.Load(s.Getenv, config.Keyset)
	if err != nil {
		return err
	}
	made, err := s.Service.CreateSignInLink(ctx, service.CreateSignInLinkInput{
		Role: c.Role, TenantID: c.Tenant, Provider: c.Provider, By: cli.By(),
	})
	if err != nil {
		return err
	}
	link := cfg.ConsoleURL() + "/sign-in/link?" + url.Values{"code": {made.Code}}.Encode()
	if s.JSON {
		return s.PrintJSON(Link{URL: link, Role: made.Role, ExpiresAt: made.ExpiresAt})
	}
	s.Printf("%s", link)
	s.Warnf("the link signs in once, as %s, within 10 minutes", made.Role)
	return nil
}

// signOut ends everybody's sessions.
func signOut(ctx context.Context, s *cli.Session) error {
	ended, err := s.Service.EndSessions(ctx, "", cli.By())
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(SignedOut{Sessions: ended})
	}
	s.Printf("%d sessions ended; links that were not used are worth nothing", ended)
	return nil
}
