package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// ExplainCommand is "orgsync explain".
type ExplainCommand struct {
	Name string `arg:"" help:"The provider's name."`
	What string `arg:"" help:"A person or department: an id of any kind, e-mail address, phone number, name or pinyin."`
}

// Help implements kong.HelpProvider.
func (ExplainCommand) Help() string {
	return `Shows every change in order, with the run that made it. For a removal it also shows why: which listing
should have contained the person or department, how completely it was read, the request id of the provider's answer,
and what the removal guard decided. It finds deleted people and departments too, also by earlier names, and shows
removals that runs planned but did not carry out. If the person or department is still there, it shows why: which
listing could not be read, and what the provider said when asked about them alone.

Examples:

  orgsync explain acme u-7
  orgsync explain acme 'Zhang San'
  orgsync explain acme od-1 --output json`
}

// Run implements the command.
func (c ExplainCommand) Run(ctx context.Context, s *cli.Session) error {
	history, err := s.Service.ExplainObject(ctx, c.Name, c.What)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(historyOf(history))
	}
	printHistory(s, history)
	return nil
}

func printHistory(s *cli.Session, history service.ObjectHistory) {
	s.PrintFolded("", fmt.Sprintf("%s %s, %s, %s%s; row %s", history.Type, cli.Plain(history.ExternalID),
		cli.Plain(history.Name), history.Status, cli.Prefixed("; ", cli.Plain(history.Path)), history.ID))
	if len(history.Runs) == 0 {
		s.Printf("\nNo change is on record: either no run has changed it, or the change logs of those runs have been " +
			"deleted.")
	}
	for _, c := range history.Runs {
		printObjectRun(s, c)
	}
	if history.Presence != nil {
		printPresence(s, history)
	}
}

func printObjectRun(s *cli.Session, c service.ObjectRun) {
	takes := ""
	if c.Run.Undoes != "" {
		takes = ", takes back run " + cli.ShortID(c.Run.Undoes)
	}
	s.Printf("")
	s.PrintFolded(cli.Moment(c.Run.StartedAt)+"  ", fmt.Sprintf("run %s (%s%s)%s, workflow %s", cli.ShortID(c.Run.ID),
		c.Run.Status, takes, cli.Prefixed(", started by ", cli.Plain(c.Run.StartedBy)), c.Run.WorkflowID))
	for _, change := range c.Changes {
		kind, where := change.Kind, change.ObjectType
		if change.Planned {
			kind = "to remove"
		}
		if change.Department != "" {
			where = directory.Kind(change.ObjectType).String() + " in " +
				cli.Plain(change.Department+" "+change.DepartmentName)
		}
		what := strings.TrimRight(where+"  "+cli.Difference(change.Before, change.After), " ")
		s.PrintFolded(fmt.Sprintf("  %-11s ", kind), what)
		if change.Reason != "" {
			s.PrintFolded("              ", fmt.Sprintf("because %s; %s", reasonOf(change, c.Run),
				decisions(change, c.Run)))
		}
	}
	printStayed(s, c)
	if c.Evidence != nil {
		printEvidence(s, *c.Evidence)
	}
}

// reasons are why something was removed, in words.
var reasons = map[string]string{
	"not_listed": "it is no longer in any listing, and the listings were read to the end",
	"looked_up":  "it is no longer in any listing, and a lookup says that it is gone",
	"not_visible_twice": "neither the listings nor a lookup found it, in two successive runs that read the whole " +
		"company",
	"out_of_scope":    "the provider's rules leave it out, although the provider lists it",
	"with_member":     "the person was removed",
	"with_department": "the department was removed",
	"with_group":      "the group was removed",
}

// reasonOf is why something was removed. A run of single people has read no listing.
func reasonOf(change service.ObjectChange, run service.ObjectRunHead) string {
	if !run.ByID || change.Reason != "looked_up" {
		return reasons[change.Reason]
	}
	if change.ObjectType == "membership" {
		return "the person's own record, looked up alone, no longer contains this membership"
	}
	return "the provider, asked about it alone, says that it is gone"
}

// decisions says what became of a removal.
func decisions(change service.ObjectChange, run service.ObjectRunHead) string {
	switch change.Decision {
	case "within_limits":
		return "within the removal limits"
	case "limits_waived":
		return "the run was told to remove without asking"
	case "approved":
		return "held (" + cli.Plain(run.HoldReason) + ") and approved" + cli.Prefixed(" by ", cli.Plain(run.DecidedBy))
	case "held":
		return "held, waiting for a decision: " + cli.Plain(run.HoldReason)
	case "skipped":
		return "not carried out: the run was told to remove nothing"
	default:
		return "not carried out: the run ended " + change.Decision +
			cli.Prefixed(", decided by ", cli.Plain(run.DecidedBy))
	}
}

func printEvidence(s *cli.Session, e service.Evidence) {
	if e.DroppedAt != nil {
		s.Printf("  What the run read is no longer on record: the record was deleted at %s.", cli.Moment(*e.DroppedAt))
		return
	}
	skipped := ""
	if e.Skipped > 0 {
		skipped = fmt.Sprintf("; the people of %s were left out on purpose", cli.Grouped(e.Skipped))
	}
	s.PrintFolded("  ", fmt.Sprintf("What the run read: %s of %s to the end%s", cli.Grouped(e.Complete),
		cli.Counted(e.Departments, "department", "departments"), skipped))
	printListings(s, e.Listings)
}

func printListings(s *cli.Session, listings []service.Listing) {
	for _, l := range listings {
		of := cli.Prefixed(" of department ", cli.Plain(l.Department)) + cli.Prefixed(" of group ", cli.Plain(l.Group))
		line := fmt.Sprintf("%s%s: %s, %s", l.Of, of, cli.Complete(l.Complete), cli.Counted(l.Pages, "page", "pages"))
		if l.Of == "members" {
			line += ", " + cli.Counted(l.Read, "person", "people") + " read"
		}
		if l.Declared != nil {
			line += fmt.Sprintf(", the provider counts %s", cli.Grouped(int(*l.Declared)))
		}
		if l.ReadAt != nil {
			line += ", " + cli.Moment(*l.ReadAt)
		}
		if l.Request != "" {
			line += ", request " + cli.Plain(l.Request)
		}
		line += cli.Prefixed(": ", cli.Plain(l.Error))
		s.PrintFolded("    ", line)
	}
}
