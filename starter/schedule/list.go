package schedule

import (
	"context"

	"github.com/orgsync/orgsync/starter/cli"
)

type listCommand struct{}

// Help implements kong.HelpProvider.
func (listCommand) Help() string {
	return `What a sync found is in the run history, see "orgsync runs list". A change may take a moment to show here.

Examples:

  orgsync schedule list
  orgsync schedule list --output json`
}

// Run implements the command.
func (listCommand) Run(ctx context.Context, s *cli.Session) error {
	listed, err := s.Service.ListSchedules(ctx)
	if err != nil {
		return err
	}
	views := cli.Each(listed, viewOf)
	if s.JSON {
		return s.PrintJSON(views)
	}
	if len(views) == 0 {
		s.Printf("There is no schedule. Set one with: orgsync schedule set NAME --every 1h")
		return nil
	}
	t := cli.NewTable("provider", "due", "next", "last", "result").Drop("last", "result").Fold("due")
	for _, v := range views {
		last, result := "never", ""
		if len(v.LastRuns) > 0 {
			last, result = cli.Moment(v.LastRuns[0].StartedAt), v.LastRuns[0].Outcome
		}
		t.AppendRow([]any{cli.Plain(v.Provider), v.due(), v.next(), last, cli.Plain(result)})
	}
	s.PrintTable(t)
	return nil
}

// due says in words when a schedule starts something, in which time zone.
func (v View) due() string { return cli.Plain(v.Rule) + " (" + cli.Plain(v.TimeZone) + ")" }

// next says in words when a schedule starts something next.
func (v View) next() string {
	switch {
	case v.Paused:
		return "paused: " + cli.Plain(v.Note)
	case len(v.NextRuns) == 0:
		return "never"
	default:
		return cli.Moment(v.NextRuns[0])
	}
}

// printSchedule prints a schedule as it is now.
func printSchedule(s *cli.Session, v View) error {
	if s.JSON {
		return s.PrintJSON(v)
	}
	t := cli.NewTable()
	for _, row := range v.Rows() {
		t.AppendRow(row)
	}
	s.PrintTable(t)
	return nil
}

// Rows are the lines that show a schedule.
func (v View) Rows() [][]any {
	rows := [][]any{{"due", v.due()}, {"next", v.next()}}
	if !v.Paused {
		for _, at := range v.NextRuns[min(1, len(v.NextRuns)):] {
			rows = append(rows, []any{"", cli.Moment(at)})
		}
	}
	for i, run := range v.LastRuns {
		label := ""
		if i == 0 {
			label = "last"
		}
		rows = append(rows, []any{label, cli.Moment(run.StartedAt) + "  " + cli.Plain(run.Outcome)})
	}
	return rows
}
