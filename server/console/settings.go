package console

import (
	"net/http"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) settingsRoutes() []route {
	return []route{
		{pattern: "GET /settings", operation: "list-tokens", handle: showSettings},
		{pattern: "POST /settings/tokens", operation: "create-token", handle: createToken},
		{pattern: "POST /settings/tokens/{id}/revoke", operation: "revoke-token", handle: revokeToken},
		{pattern: "GET /settings/audit", operation: "list-audit", handle: showAudit},
		{pattern: "GET /accounts", operation: "list-account-conflicts", handle: listConflicts},
		{pattern: "POST /accounts/{id}", operation: "decide-account-conflict", handle: decideConflict},
	}
}

// shownSettings is what the page of settings shows.
type shownSettings struct {
	tokens service.Rows[service.Token]
	// secret is a token that was made just now; it is shown this once.
	secret, mistake string
}

func showSettings(q *request) error { return q.showSettings(http.StatusOK, shownSettings{}) }

func (q *request) showSettings(status int, shown shownSettings) (err error) {
	if shown.tokens, err = q.view.ListTokens(q.ctx, q.paging()); err != nil {
		return err
	}
	return q.renderAs(status, q.page.T("nav.settings"), settingsPage(q.page, shown))
}

func createToken(q *request) error {
	in := service.CreateTokenInput{
		Name: q.form("name"), Role: q.form("role"), Provider: q.form("provider"),
		Within: q.page.Caller.Reach, By: q.by(),
	}
	if days, err := time.ParseDuration(q.form("days") + "h"); err == nil && days > 0 {
		expires := 24 * days
		in.ExpiresIn = &expires
	}
	made, err := q.c.service.CreateToken(q.ctx, in)
	if e := service.Classify(err); err != nil && e.Code != service.Internal {
		return q.showSettings(http.StatusUnprocessableEntity, shownSettings{mistake: q.page.errorText(err)})
	}
	if err != nil {
		return err
	}
	return q.showSettings(http.StatusOK, shownSettings{secret: made.Secret})
}

func revokeToken(q *request) error {
	if _, err := q.c.service.RevokeToken(q.ctx, q.page.Caller.Reach, q.r.PathValue("id"), q.by()); err != nil {
		return err
	}
	return q.redirect("/settings")
}

func showAudit(q *request) error {
	rows, err := q.view.ListAudit(q.ctx, q.paging())
	if err != nil {
		return err
	}
	return q.render(q.page.T("audit.title"), auditPage(q.page, rows))
}

func listConflicts(q *request) error {
	rows, err := q.view.ListConflicts(q.ctx, q.form("provider"), nil, q.paging())
	if err != nil {
		return err
	}
	names, err := q.view.CandidateNames(q.ctx, rows.Items)
	if err != nil {
		return err
	}
	return q.render(q.page.T("nav.accounts"), accountsPage(q.page, rows, names))
}

func decideConflict(q *request) error {
	in := service.DecideAccountInput{Decision: q.form("decision"), User: q.form("user"), By: q.by()}
	if in.Decision != "link" {
		in.User = ""
	}
	if _, err := q.view.DecideConflict(q.ctx, q.r.PathValue("id"), in); err != nil {
		return err
	}
	if in.Decision == "unlink" { // where it was asked for
		return q.redirect("/people/" + q.r.PathValue("id"))
	}
	return q.redirect("/accounts")
}
