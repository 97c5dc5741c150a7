package activities

import (
	"context"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

// TellPartial is after how many partial runs of a provider in a row people are told, and
// told again each time as many more have followed. Zero: never.
type TellPartial struct {
	After int
	// AfterMostUnread counts instead for runs that read less than half of the departments.
	AfterMostUnread int
}

// due reports whether people are to be told of the last of so many partial runs.
func (t TellPartial) due(p db.Partials) bool {
	after := t.After
	if p.MostUnread {
		after = t.AfterMostUnread
	}
	return p.InARow > 0 && after > 0 && p.InARow%after == 0
}

// hooksToTell are the webhooks that may be told of the run as it stands.
func (a *Runs) hooksToTell(ctx context.Context, run report.Run) ([]string, error) {
	switch run.Status {
	case directory.RunHeld, directory.RunFailed, directory.RunRejected:
		return a.Hooks, nil
	case directory.RunPartial:
		partials, err := a.Store.CountPartials(ctx, run)
		if err == nil && a.TellPartial.due(partials) {
			return a.Hooks, nil
		}
		return nil, err
	default:
		return nil, nil
	}
}
