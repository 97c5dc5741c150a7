package run

import (
	"slices"
	"strings"
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
	happenings := []string{
		"read", "created", "updated", "moved", "restored", "deactivated", "deleted", "unchanged", "failed", "linked",
		"account_created",
	}
	kinds := directory.Kinds()
	for len(kinds) > 3 && !counted(c, kinds[len(kinds)-1].Kind, happenings) {
		kinds = kinds[:len(kinds)-1]
	}
	heads, right := []any{""}, []int{}
	for i, kind := range kinds {
		heads, right = append(heads, kind.Plural), append(right, i+2)
	}
	t := cli.NewTable(heads...)
	t.RightAlign(right...)
	for _, what := range happenings {
		row, total := []any{strings.ReplaceAll(what, "_", " ")}, 0
		for _, kind := range kinds {
			n := c.Get(kind.Kind, what)
			row, total = append(row, orNone(n)), total+n
		}
		if what == "read" || total > 0 {
			t.AppendRow(row)
		}
	}
	s.PrintTable(t)
}

// counted reports whether anything happened to objects of a kind.
func counted(c directory.Counts, kind directory.Kind, happenings []string) bool {
	return slices.ContainsFunc(happenings, func(what string) bool { return c.Get(kind, what) > 0 })
}

// orNone writes a figure, and nothing for none.
func orNone(n int) string {
	if n == 0 {
		return "-"
	}
	return cli.Grouped(n)
}
