// Package report holds the commands that show how things stand and what the directory holds.
package report

import (
	"context"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// StatusCommand is "orgsync status".
type StatusCommand struct{}

// Help implements kong.HelpProvider.
func (StatusCommand) Help() string {
	return `Shows for each provider when it was last synced completely, what it is doing, whether a run waits for a
decision, since when its full syncs have failed, and when the next one is due.

Examples:

  orgsync status
  orgsync status --output json`
}

// Run implements the command.
func (StatusCommand) Run(ctx context.Context, s *cli.Session) error {
	status, err := s.Service.GetStatus(ctx)
	if err != nil {
		return err
	}
	if status.SchedulesUnknown != nil {
		s.Warnf("cannot tell when providers are due next: %v", s.Describe(status.SchedulesUnknown))
	}
	if s.JSON {
		return s.PrintJSON(cli.Each(status.Providers, standingOf))
	}
	if len(status.Providers) == 0 {
		s.Printf("No provider is stored. Add one with: orgsync provider add NAME --type TYPE --config FILE")
		return nil
	}
	printStatus(s, status.Providers, status.SchedulesUnknown == nil)
	return nil
}

func printStatus(s *cli.Session, all []service.ProviderStatus, known bool) {
	t := cli.NewTable("provider", "now", "last success", "failing since", "next").Drop("next",
		"failing since").Fold("now")
	for _, one := range all {
		t.AppendRow([]any{one.Provider, doing(one), lastSuccess(one.LastSyncedAt), failing(one), dueNext(one, known)})
	}
	s.PrintTable(t)
	for _, one := range all {
		if one.Held != nil {
			s.PrintFolded("\n", fmt.Sprintf("%s: held, %s", one.Provider, cli.Plain(one.Held.HoldReason)))
			s.Printf("  see it:  orgsync runs show %s", cli.ShortID(one.Held.RunID))
		}
		if one.FailingSince != nil && one.Newest != nil && one.Newest.Status != "succeeded" {
			s.PrintFolded("\n", fmt.Sprintf("%s: %s, %d times since the last success%s", one.Provider,
				one.Newest.Status,
				one.FailingRuns, cli.Prefixed(": ", cli.Plain(one.Newest.Failure))))
			s.Printf("  see it:  orgsync runs show %s", cli.ShortID(one.Newest.RunID))
		}
	}
}

// doing says what a provider is doing.
func doing(one service.ProviderStatus) string {
	switch {
	case one.Running != nil:
		return fmt.Sprintf("running (%s) %s", cli.Plain(one.Running.Phase), cli.ShortID(one.Running.RunID))
	case one.Held != nil:
		return "held " + cli.ShortID(one.Held.RunID)
	case !one.Active:
		return "switched off"
	case one.Newest != nil:
		return one.Newest.Status
	default:
		return "not synced yet"
	}
}

func lastSuccess(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return cli.About(time.Since(*at)) + " ago"
}

func failing(one service.ProviderStatus) string {
	if one.FailingSince == nil {
		return "-"
	}
	return cli.About(time.Since(*one.FailingSince)) + " ago"
}

// dueNext says when a provider is synced next.
func dueNext(one service.ProviderStatus, known bool) string {
	switch {
	case !known:
		return "?"
	case one.SchedulePaused:
		return "paused"
	case one.NextRunAt == nil:
		return "-"
	default:
		return "in " + cli.About(time.Until(*one.NextRunAt))
	}
}
