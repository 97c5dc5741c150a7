package report

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/access"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// AuditCommand shows what administrators changed.
type AuditCommand struct {
	Provider string `placeholder:"NAME" help:"Only what was done to this provider."`
	Limit    int    `default:"50" placeholder:"N" help:"How many entries to show at most. (${default})"`
}

// Help implements kong.HelpProvider.
func (AuditCommand) Help() string {
	return `The latest stand first. What a sync changed in the directory is not among them: orgsync runs changes shows
it.

Examples:

  orgsync audit
  orgsync audit --provider acme --limit 5
  orgsync audit --output json`
}

// AuditEntry is one thing that was done.
type AuditEntry struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Actor string    `json:"actor"`
	// Action is what was done, such as provider.update; Object what it was done to, such as
	// provider/acme.
	Action string `json:"action"`
	Object string `json:"object"`
	// Before and After hold no secrets; they are null where there was, or is, nothing.
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	// Address is where it was asked for from, left out if that is no network address.
	Address string `json:"address,omitempty"`
}

// Run implements the command.
func (c AuditCommand) Run(ctx context.Context, s *cli.Session) error {
	var within access.Reach
	if c.Provider != "" {
		provider, err := s.Service.GetProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		within.ProviderID = provider.ID
	}
	found, err := s.Service.ListAudit(ctx, within, 0, c.Limit)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(cli.Each(found, auditEntryOf))
	}
	if len(found) == 0 {
		s.Printf("Nothing is on record.")
		return nil
	}
	t := cli.NewTable("time", "who", "action", "object", "from").Drop("from")
	for _, e := range found {
		t.AppendRow([]any{cli.Moment(e.Time), cli.Plain(e.Name), e.Action, cli.Plain(e.Object), e.Address})
	}
	s.PrintTable(t)
	return nil
}

func auditEntryOf(e service.AuditEntry) AuditEntry {
	return AuditEntry{
		ID: strconv.FormatInt(e.ID, 10), Time: e.Time,
		Actor: e.Name, Action: e.Action, Object: e.Object, Before: e.Before, After: e.After,
		Address: e.Address,
	}
}
