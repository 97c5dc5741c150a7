package provider

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type installCommand struct {
	Name    string `arg:"" help:"The provider's name."`
	Show    bool   `xor:"do" help:"Make no link; show how the installation stands."`
	Company string `xor:"do" placeholder:"ID" help:"Take a company that installed the suite without a link."`
}

// Help implements kong.HelpProvider.
func (installCommand) Help() string {
	return `For providers of a WeCom suite or 代开发 template. Prints the link at which the company's administrator
installs it. The link is good for 20 minutes, that of a template for 10 days. The authorisation then arrives at the
server, which needs no further command.

Examples:

  orgsync provider install acme
  orgsync provider install acme --show
  orgsync provider install acme --company wpOpenCorp01`
}

// Installation is how a provider of a suite stands, as JSON.
type Installation struct {
	Provider     string     `json:"provider"`
	SuiteID      string     `json:"suite_id"`
	CallbackURL  string     `json:"callback_url"`
	TicketAt     *time.Time `json:"ticket_at"`
	Company      string     `json:"company_id"`
	AuthorizedAt *time.Time `json:"authorized_at"`
	WithdrawnAt  *time.Time `json:"withdrawn_at"`
	// Problem is why the latest installation came to nothing.
	Problem   string      `json:"problem"`
	Unclaimed []Unclaimed `json:"unclaimed"`
	// Link is where the company's administrator installs the suite.
	Link          string     `json:"link,omitempty"`
	LinkExpiresAt *time.Time `json:"link_expires_at,omitempty"`
}

// Unclaimed is a company that installed the suite without a link.
type Unclaimed struct {
	Company      string    `json:"company_id"`
	AuthorizedAt time.Time `json:"authorized_at"`
}

func installationOf(in service.Installation) Installation {
	return Installation{
		Provider: in.Provider, SuiteID: in.SuiteID, CallbackURL: in.CallbackURL, TicketAt: in.TicketAt,
		Company: in.Company, AuthorizedAt: in.AuthorizedAt, WithdrawnAt: in.WithdrawnAt, Problem: in.Problem,
		Unclaimed: cli.Each(in.Unclaimed, func(u service.UnclaimedCompany) Unclaimed { return Unclaimed(u) }),
	}
}

// Run implements the command.
func (c installCommand) Run(ctx context.Context, s *cli.Session) error {
	var shown service.Installation
	var link service.InstallLink
	var err error
	if c.Company != "" {
		shown, err = s.Service.ClaimCompany(ctx, c.Name, c.Company, cli.By())
	} else {
		if !c.Show {
			if link, err = s.Service.MakeInstallLink(ctx, c.Name, cli.By()); err != nil {
				return err
			}
		}
		shown, err = s.Service.ShowInstallation(ctx, c.Name)
	}
	if err != nil {
		return err
	}
	return printInstallation(s, shown, link)
}

// printInstallation prints how an installation stands, and the link if there is one.
func printInstallation(s *cli.Session, in service.Installation, link service.InstallLink) error {
	v := installationOf(in)
	if link.Link != "" {
		v.Link, v.LinkExpiresAt = link.Link, &link.ExpiresAt
	}
	if s.JSON {
		return s.PrintJSON(v)
	}
	s.Printf("Callback address of suite %s: %s", v.SuiteID, cli.OrElse(v.CallbackURL, "ORGSYNC_PUBLIC_URL is not set"))
	if v.TicketAt == nil {
		s.Printf("No suite ticket has come yet.")
	} else {
		s.Printf("The newest suite ticket is of %s.", cli.Moment(*v.TicketAt))
	}
	switch {
	case v.WithdrawnAt != nil:
		s.Printf("Company %s uninstalled the suite %s. Nobody was removed for that.", v.Company,
			cli.Moment(*v.WithdrawnAt))
	case v.Company != "":
		s.Printf("Company %s has installed the suite.", v.Company)
	default:
		s.Printf("No company has installed the suite for %s.", v.Provider)
	}
	if v.Problem != "" {
		s.Printf("The latest installation came to nothing: %s", cli.Plain(v.Problem))
	}
	for _, u := range v.Unclaimed {
		s.Printf("Company %s installed the suite without a link, %s. If it is the one: orgsync provider install %s "+
			"--company %s", u.Company, cli.Moment(u.AuthorizedAt), v.Provider, u.Company)
	}
	if v.Link != "" {
		s.Printf("Send this link to the company's administrator; it is good until %s:\n%s",
			cli.Moment(*v.LinkExpiresAt), v.Link)
	}
	return nil
}
