package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/db"
)

type explainCommand struct {
	Name string `arg:"" help:"The provider's name."`
	What string `arg:"" help:"A person or department: an id of any kind, e-mail address, phone number, name or pinyin."`
}

// Help implements kong.HelpProvider.
func (explainCommand) Help() string {
	return `Shows every change in order, with the run that made it. For a removal it also shows why: which listing should have contained the person or department, how completely it was read, the request id of the provider's answer, and what the removal guard decided. It finds deleted people and departments too, also by earlier names, and shows removals that runs planned but did not carry out. If the person or department is still there, it shows why: which listing could not be read, and what the provider said when asked about them alone.

Examples:

  orgsync explain acme u-7
  orgsync explain acme 'Zhang San'
  orgsync explain acme od-1 --output json`
}

// manyMatches is how many are listed where a text means several.
const manyMatches = 20

// Run implements the command.
func (c explainCommand) Run(ctx context.Context, s *session) error {
	if strings.TrimSpace(c.What) == "" {
		return misuse("what to explain is empty")
	}
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	found, err := store.Objects(ctx, p.ID, c.What, manyMatches+1)
	if err != nil {
		return err
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("no person or department of %s is or was known by %q; see: orgsync search %[1]s TEXT, orgsync tree %[1]s", p.Name, c.What)
	case 1:
		story, err := store.Story(ctx, found[0])
		if err != nil {
			return err
		}
		if s.json {
			return s.printJSON(story)
		}
		s.sayStory(story)
		return nil
	default:
		return s.several(c, found)
	}
}

// several lists what a text may mean, and how to choose.
func (s *session) several(c explainCommand, found []db.Object) error {
	how := fmt.Sprintf("%q matches several; choose one with: orgsync explain %s ID", c.What, c.Name)
	if s.json {
		if err := s.printJSON(failed{Error: how, ExitStatus: exitFailed, Matches: found}); err != nil {
			return err
		}
	} else {
		t := newTable("id", "what", "external id", "name", "status", "path").drop("status", "what")
		for _, o := range found[:min(len(found), manyMatches)] {
			t.AppendRow([]any{o.ID, o.Type, plain(o.ExternalID), plain(o.Name), o.Status, plain(o.Path)})
		}
		printTable(s.stdout, t)
		if len(found) > manyMatches {
			s.say("There are more matches; be more specific.")
		}
	}
	return fmt.Errorf("%s", how)
}

func (s *session) sayStory(story db.Story) {
	s.sayFolded("", fmt.Sprintf("%s %s, %s, %s; %s; row %s", story.Type, plain(story.ExternalID), plain(story.Name), story.Status, plain(story.Path), story.ID))
	if len(story.Chapters) == 0 {
		s.say("\nNo change is on record: either no run has changed it, or the change logs of those runs have been deleted.")
	}
	for _, c := range story.Chapters {
		s.sayChapter(c)
	}
	if story.Presence != nil {
		s.sayPresence(story)
	}
}

func (s *session) sayChapter(c db.Chapter) {
	takes := ""
	if c.Run.Undoes != "" {
		takes = ", takes back run " + shortID(c.Run.Undoes)
	}
	s.say("")
	s.sayFolded(moment(c.Run.StartedAt)+"  ", fmt.Sprintf("run %s (%s%s)%s, workflow %s", shortID(c.Run.ID), c.Run.Status, takes,
		prefixed(", started by ", plain(c.Run.StartedBy)), c.Run.WorkflowID))
	for _, change := range c.Changes {
		kind, where := change.Kind, change.ObjectType
		if change.Planned {
			kind = "to remove"
		}
		if change.ObjectType == "membership" {
			where = "membership in " + plain(change.Department+" "+change.DepartmentName)
		}
		s.sayFolded(fmt.Sprintf("  %-11s ", kind), strings.TrimRight(where+"  "+difference(change.Before, change.After), " "))
		if change.Reason != "" {
			s.sayFolded("              ", fmt.Sprintf("because %s; %s", reasonOf(change, c.Run), decisions(change, c.Run)))
		}
	}
	s.sayStayed(c)
	if c.Evidence != nil {
		s.sayEvidence(*c.Evidence)
	}
}

// reasons are why something was removed, in words.
var reasons = map[string]string{
	"not_listed":        "it is no longer in any listing, and the listings were read to the end",
	"looked_up":         "it is no longer in any listing, and a lookup says that it is gone",
	"not_visible_twice": "neither the listings nor a lookup found it, in two successive runs that read the whole company",
	"with_member":       "the person was removed",
	"with_department":   "the department was removed",
}

// reasonOf is why something was removed. A run of single people has read no listing.
func reasonOf(change db.StoryChange, run db.StoryRun) string {
	if !run.Singly || change.Reason != "looked_up" {
		return reasons[change.Reason]
	}
	if change.ObjectType == "membership" {
		return "the person's own record, looked up alone, no longer contains this membership"
	}
	return "the provider, asked about it alone, says that it is gone"
}

// decisions says what became of a removal.
func decisions(change db.StoryChange, run db.StoryRun) string {
	switch change.Decision {
	case "within_limits":
		return "within the removal limits"
	case "limits_waived":
		return "the run was told to remove without asking"
	case "approved":
		return "held (" + plain(run.HoldReason) + ") and approved" + prefixed(" by ", plain(run.DecidedBy))
	case "held":
		return "held, waiting for a decision: " + plain(run.HoldReason)
	case "skipped":
		return "not carried out: the run was told to remove nothing"
	default:
		return "not carried out: the run ended " + change.Decision + prefixed(", decided by ", plain(run.DecidedBy))
	}
}

func (s *session) sayEvidence(e db.Evidence) {
	if e.DroppedAt != nil {
		s.say("  What the run read is no longer on record: the record was deleted at %s.", moment(*e.DroppedAt))
		return
	}
	skipped := ""
	if e.Skipped > 0 {
		skipped = fmt.Sprintf("; the people of %s were left out on purpose", grouped(e.Skipped))
	}
	s.sayFolded("  ", fmt.Sprintf("What the run read: %s of %s to the end%s", grouped(e.Complete), counted(e.Departments, "department", "departments"), skipped))
	s.sayListings(e.Listings)
}

func (s *session) sayListings(listings []db.Listing) {
	for _, l := range listings {
		line := fmt.Sprintf("%s of department %s: %s, %s", l.Of, plain(l.Department), complete(l.Complete), counted(l.Pages, "page", "pages"))
		if l.Of == "members" {
			line += ", " + counted(l.Read, "person", "people") + " read"
		}
		if l.Declared != nil {
			line += fmt.Sprintf(", the provider counts %s", grouped(int(*l.Declared)))
		}
		if l.ReadAt != nil {
			line += ", " + moment(*l.ReadAt)
		}
		if l.Request != "" {
			line += ", request " + plain(l.Request)
		}
		line += prefixed(": ", plain(l.Error))
		s.sayFolded("    ", line)
	}
}
