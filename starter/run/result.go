package run

import (
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// printEnd prints how a run ended and returns what sets the exit status.
func printEnd(s *cli.Session, result service.RunResult) error {
	if err := printResult(s, result); err != nil {
		return err
	}
	return cli.Ended(cli.StatusOfRun(result.Status))
}

// printResult prints how a run ended.
func printResult(s *cli.Session, r service.RunResult) error {
	if r.Errors == nil {
		r.Errors = []string{}
	}
	if s.JSON {
		return s.PrintJSON(Result(r))
	}
	s.Printf("%s: %s (%s), %s, %s", r.Provider, s.Screen().Hue(r.Status, r.Status), r.Mode,
		cli.Span(time.Duration(r.DurationMS)*time.Millisecond),
		cli.Counted(r.Calls, "provider call", "provider calls"))
	printCounts(s, r.Counts)
	if r.HoldReason != "" {
		s.Printf("\nHeld: %s", cli.Plain(r.HoldReason))
	}
	printProblems(s, r.Status, r.Errors)
	if r.Status == directory.RunHeld {
		printDecide(s, r.Provider, r.RunID, r.HoldExpiresAt)
	}
	if r.RunID != "" {
		s.Printf("\nMore: orgsync runs show %s", cli.ShortID(r.RunID))
	}
	return nil
}

// printCounts writes what a run did as a table, a line for each thing that happened.
func printCounts(s *cli.Session, c directory.Counts) {
	d, m, p := c.Departments, c.Members, c.Memberships
	t := cli.NewTable("", "departments", "members", "memberships")
	t.RightAlign(2, 3, 4)
	for _, line := range []struct {
		what                              string
		departments, members, memberships int
	}{
		{"read", d.Read, m.Read, 0},
		{"created", d.Created, m.Created, p.Created},
		{"updated", d.Updated, m.Updated, 0},
		{"moved", d.Moved, m.Moved, 0},
		{"restored", d.Restored, m.Restored, 0},
		{"deactivated", 0, m.Deactivated, 0},
		{"deleted", d.Deleted, m.Deleted, p.Deleted},
		{"unchanged", d.Unchanged, m.Unchanged, 0},
		{"failed", d.Failed, m.Failed, 0},
		{"linked", 0, m.Linked, 0},
	} {
		if line.what == "read" || line.departments+line.members+line.memberships > 0 {
			t.AppendRow([]any{line.what, orNone(line.departments), orNone(line.members), orNone(line.memberships)})
		}
	}
	s.PrintTable(t)
}

// orNone writes a figure, and nothing for none.
func orNone(n int) string {
	if n == 0 {
		return "-"
	}
	return cli.Grouped(n)
}
