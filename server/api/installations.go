package api

import (
	"context"
	"net/http"
	"time"
)

// Installation is how a provider of a suite stands.
type Installation struct {
	Provider     string     `json:"provider"`
	SuiteID      string     `json:"suite_id"`
	CallbackURL  *string    `json:"callback_url" doc:"The address to save at the vendor; null: ORGSYNC_PUBLIC_URL is not set."`
	TicketAt     *time.Time `json:"ticket_at" doc:"When the vendor made the newest suite ticket."`
	Company      *string    `json:"company" doc:"The company that has installed the suite, if any."`
	AuthorizedAt *time.Time `json:"authorized_at"`
	WithdrawnAt  *time.Time `json:"withdrawn_at" doc:"When the company uninstalled the suite."`
	Problem      *string    `json:"problem" doc:"Why the latest installation came to nothing."`
}

// InstallLink is where a company's administrator installs the suite.
type InstallLink struct {
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

type installationOutput struct{ Body Installation }

type installLinkOutput struct{ Body InstallLink }

func (a *API) registerInstallations() {
	register(a, operation{
		id: "get-installation", method: http.MethodGet, path: "/providers/{name}/installation", tag: "Providers",
		summary: "Show how the installation of a WeCom suite stands",
		errors:  []int{http.StatusNotFound, http.StatusConflict},
	}, func(ctx context.Context, in *Named) (*installationOutput, error) {
		shown, err := a.view(ctx).ShowInstallation(ctx, in.Name)
		return &installationOutput{Installation{
			Provider: shown.Provider, SuiteID: shown.SuiteID, CallbackURL: unlessEmpty(shown.CallbackURL),
			TicketAt: shown.TicketAt, Company: unlessEmpty(shown.Company), AuthorizedAt: shown.AuthorizedAt,
			WithdrawnAt: shown.WithdrawnAt, Problem: unlessEmpty(shown.Problem),
		}}, err
	})
	register(a, operation{
		id: "make-install-link", method: http.MethodPost, path: "/providers/{name}/installation", tag: "Providers",
		summary: "Make a link by which a company's administrator installs the suite",
		status:  http.StatusCreated, slow: true,
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusBadGateway},
	}, func(ctx context.Context, in *Named) (*installLinkOutput, error) {
		made, err := a.view(ctx).MakeInstallLink(ctx, in.Name, by(ctx))
		return &installLinkOutput{InstallLink{Link: made.Link, ExpiresAt: made.ExpiresAt}}, err
	})
}
