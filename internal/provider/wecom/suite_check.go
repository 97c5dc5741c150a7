package wecom

import (
	"context"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
)

// checkSuite tells how a suite stands: its ticket, and what the company has authorised. An app of
// the company's own passes.
func (c *client) checkSuite(ctx context.Context, r *provider.Report) error {
	if c.suite == nil {
		return nil
	}
	held, err := c.env.Grant(ctx)
	if err != nil {
		return err
	}
	age := c.env.Now().Sub(held.TicketAt)
	switch {
	case held.Ticket != "" && age < ticketLife:
		pass(r, "suite ticket", fmt.Sprintf("the newest is of %s UTC", held.TicketAt.UTC().Format(time.DateTime)))
	case held.Ticket != "":
		warn(r, "suite ticket", fmt.Sprintf("none has come for %d minutes: tokens cannot be renewed",
			int(age.Minutes())), awaitTicket)
	}
	granted, err := c.suiteGrants(ctx)
	if err != nil {
		return err
	}
	if granted.byMembers {
		// Then no call lists departments (wecom-more.md §E2).
		return newError(getAuthInfo, provider.Forbidden,
			"members of the company authorise the suite one by one, so that departments cannot be read",
			"have the company's administrator switch the app to authorisation by the administrator")
	}
	pass(r, "suite authorisation", "company "+c.corpID+" has authorised the suite")
	return nil
}
