package wecom

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/message"
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
	check, age := message.Of("tried.suite_ticket", nil), c.env.Now().Sub(held.TicketAt)
	switch {
	case held.Ticket != "" && age < ticketLife:
		r.Pass(
			check,
			message.Of("found.ticket_newest", message.Args{"Time": held.TicketAt.UTC().Format(time.DateTime)}),
		)
	case held.Ticket != "":
		r.Add(provider.Warn, check, message.Of("found.ticket_old", message.Args{"Minutes": int(age.Minutes())}),
			message.Of(awaitTicket, nil))
	}
	granted, err := c.suiteGrants(ctx)
	if err != nil {
		return err
	}
	if granted.byMembers {
		// Then no call lists departments (wecom-more.md §E2).
		return newError(getAuthInfo, provider.Forbidden,
			"fault.suite_by_members", "remedy.suite_by_administrator")
	}
	r.Pass(message.Of("tried.suite_authorization", nil),
		message.Of("found.suite_authorized", message.Args{"Company": c.corpID}))
	return nil
}
