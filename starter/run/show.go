package run

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type showCommand struct {
	ID  string `arg:"" help:"The run's id, or as much of its beginning as is unique."`
	All bool   `help:"Name everyone whom a held run would remove, and show all departments. JSON always contains all of it."`
}

// Help implements kong.HelpProvider.
func (showCommand) Help() string {
	return `For a held run it shows who would be removed, from where and why, why the run is held, how to decide, and
by when. The list of departments shows whether the children and the members of each were read to the end: nothing is
removed from one that was not. Failed departments come first.

Examples:

  orgsync runs show 4f1c
  orgsync runs show 4f1c --all`
}

// shownDepartments is how many departments are shown unless all are asked for.
const shownDepartments = 20

// Run implements the command.
func (c showCommand) Run(ctx context.Context, s *cli.Session) error {
	in := service.GetRunInput{RunID: c.ID, Departments: math.MaxInt32, Removals: fewRemovals(s.JSON || c.All)}
	if !s.JSON && !c.All {
		in.Departments = shownDepartments + 1 // one more tells that there are more
	}
	run, err := s.Service.GetRun(ctx, in)
	if err != nil {
		return err
	}
	page := s.WebURL(run.WorkflowID, run.TemporalRunID)
	if s.JSON {
		return s.PrintJSON(shownOf(run, page))
	}
	printRun(s, run, page, c.All)
	printDepartments(s, run.Departments, c.All)
	return nil
}

func readDepartmentOf(d service.RunDepartment) ReadDepartment {
	return ReadDepartment{
		ExternalID: d.ExternalID, ChildrenComplete: d.ChildrenComplete, MembersComplete: d.MembersComplete,
		Pages:       d.Pages,
		MembersRead: d.MembersRead, MembersDeclared: d.MembersDeclared, Error: d.Error, Skipped: d.State == "excluded",
	}
}

func shownOf(run service.GetRunResult, page string) Shown {
	shown := Shown{
		Run: documentOf(run.Run), Errors: run.Errors, WebURL: page,
		Departments: cli.Each(run.Departments, readDepartmentOf),
	}
	if run.Removals != nil {
		shown.Removals, shown.Planned = &run.Removals.Figures, plannedRemovalsOf(run.Removals.ByName)
	}
	return shown
}

func printRun(s *cli.Session, run service.GetRunResult, page string, all bool) {
	t := cli.NewTable()
	t.AppendRow([]any{"run", run.ID})
	t.AppendRow([]any{"provider", run.Provider})
	t.AppendRow([]any{"status", statusText(run.Run)})
	t.AppendRow([]any{"mode", run.Mode})
	if run.Undoes != "" {
		t.AppendRow([]any{"undoes", run.Undoes})
	}
	for _, limit := range limitsOf(run.Run) {
		t.AppendRow([]any{limit[0], limit[1]})
	}
	t.AppendRow([]any{"started", cli.Moment(run.StartedAt) + cli.Prefixed(" by ", cli.Plain(run.StartedBy))})
	if run.FinishedAt != nil {
		t.AppendRow([]any{"finished", cli.Moment(*run.FinishedAt)})
	}
	t.AppendRow([]any{"duration", cli.Span(service.Lasted(run.Run))})
	t.AppendRow([]any{"calls", cli.Grouped(run.Calls)})
	t.AppendRow([]any{"workflow", run.WorkflowID + " (run " + run.TemporalRunID + ")"})
	if page != "" {
		t.AppendRow([]any{"web UI", page})
	}
	if run.DetailsDroppedAt != nil {
		t.AppendRow([]any{"details", detailsDropped(run.Run)})
	}
	if run.Error != "" {
		label := "because"
		if run.Status == directory.RunFailed {
			label = "error"
		}
		t.AppendRow([]any{label, cli.Plain(run.Error)})
	}
	if run.HoldReason != "" {
		t.AppendRow([]any{"held because", cli.Plain(run.HoldReason)})
		t.AppendRow([]any{"held by", run.HoldWorkflowID})
	}
	if run.DecidedBy != "" {
		t.AppendRow([]any{"decided by", cli.Plain(run.DecidedBy)})
	}
	if run.HoldExpiresAt != nil && service.AwaitsDecision(run.Run) {
		t.AppendRow([]any{"decide by", cli.Moment(*run.HoldExpiresAt)})
	}
	s.PrintTable(t)
	if run.Removals != nil {
		printRemovals(s, *run.Removals, all)
	}
	if service.AwaitsDecision(run.Run) {
		printDecide(s, run.Provider, run.ID, run.HoldExpiresAt)
	}
	s.Printf("")
	printCounts(s, run.Counts)
	printProblems(s, run.Status, run.Errors)
}

// detailsDropped says why there is nothing more to see of an old run.
func detailsDropped(run service.Run) string {
	return "deleted on " + cli.Moment(*run.DetailsDroppedAt) + ", as set by ORGSYNC_KEEP_DETAILS"
}

// printFigures tells how much a held run would remove.
func printFigures(s *cli.Session, r directory.Removals) {
	s.Printf("\nWould be removed")
	t := cli.NewTable("", "planned", "of", "limit")
	t.RightAlign(2, 3, 4)
	for _, kind := range directory.Kinds() {
		removal := r.Of(kind.Kind)
		if removal.Planned+removal.There == 0 { // the company has none of the kind
			continue
		}
		limit := "none"
		if removal.Limit != nil {
			limit = cli.Grouped(*removal.Limit)
		}
		t.AppendRow([]any{kind.Plural, cli.Grouped(removal.Planned), cli.Grouped(removal.There), limit})
	}
	s.PrintTable(t)
}

// limitsOf tells what the run was limited to.
func limitsOf(run service.Run) [][2]string {
	var limits [][2]string
	if run.Retries != "" {
		limits = append(limits, [2]string{"retries", "what failed in run " + run.Retries})
	}
	if len(run.OnlyDepartments) > 0 {
		limits = append(limits, [2]string{"limited to", "departments " +
			cli.Plain(strings.Join(run.OnlyDepartments, ", ")) + " and what is below them"})
	}
	if len(run.OnlyMembers) > 0 {
		limits = append(limits, [2]string{"limited to", "members " + cli.Plain(strings.Join(run.OnlyMembers, ", "))})
	}
	return limits
}

// printDecide tells how a held run is decided, and until when if that has an end.
func printDecide(s *cli.Session, provider, runID string, until *time.Time) {
	s.Printf("\nThe removals are waiting for your decision.")
	if until != nil {
		s.Printf("If nobody decides by %s, they are rejected.", cli.Moment(*until))
	}
	s.Printf("  show:     orgsync runs show %s", cli.ShortID(runID))
	s.Printf("  approve:  orgsync approve %s %s", provider, cli.ShortID(runID))
	s.Printf("  reject:   orgsync reject %s %s", provider, cli.ShortID(runID))
}

// printProblems lists what a run has to say about what it met. Only of a run that failed, in
// whole or in part, these are errors.
func printProblems(s *cli.Session, status string, problems []string) {
	if len(problems) == 0 {
		return
	}
	heading := "Notes"
	if status == directory.RunFailed || status == directory.RunPartial {
		heading = "Errors"
	}
	s.Printf("\n%s", heading)
	for _, text := range problems {
		s.PrintFolded("  ", cli.Plain(text))
	}
}

func printDepartments(s *cli.Session, entries []service.RunDepartment, all bool) {
	if len(entries) == 0 {
		return
	}
	more := !all && len(entries) > shownDepartments
	if more {
		entries = entries[:shownDepartments]
	}
	s.Printf("\nDepartments")
	t := cli.NewTable("id", "children", "members", "pages", "read", "declared", "error").Drop("pages", "declared",
		"read", "children", "error")
	t.RightAlign(4, 5, 6)
	for _, e := range entries {
		members := cli.Complete(e.MembersComplete)
		if e.State == "excluded" {
			members = "not asked for"
		}
		declared := ""
		if e.MembersDeclared != nil {
			declared = cli.Grouped(int(*e.MembersDeclared))
		}
		t.AppendRow([]any{cli.Plain(e.ExternalID), cli.Complete(e.ChildrenComplete), members, cli.Grouped(e.Pages),
			cli.Grouped(e.MembersRead), declared, cli.Plain(e.Error)})
	}
	s.PrintTable(t)
	if more {
		s.Printf("There are more; show them with --all.")
	}
}
