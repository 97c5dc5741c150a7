package wecom

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// checkSuite tells how a suite stands: its ticket, and what the company has authorised. It reports whether
// members authorise it one by one. An app of the company's own passes.
func (c *client) checkSuite(ctx context.Context, r *provider.Report) (byMembers bool, err error) {
	if c.suite == nil {
		return false, nil
	}
	held, err := c.env.Grant(ctx)
	if err != nil {
		return false, err
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
		return false, err
	}
	r.Pass(message.Of("tried.suite_authorization", nil),
		message.Of("found.suite_authorized", message.Args{"Company": c.corpID}))
	return granted.byMembers, nil
}
