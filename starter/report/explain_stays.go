package report

import (
	"fmt"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// printStayed tells why a run left something as it is. What it put on record says more
// than what came of the look-up alone.
func printStayed(s *cli.Session, c service.ObjectRun) {
	for _, note := range c.Notes {
		s.PrintFolded("  note        ", cli.Plain(note))
	}
	if why := results[c.LookUp]; why != "" && len(c.Notes) == 0 && !removes(c) {
		s.PrintFolded("  left        ", why)
	}
}

// results are what came of looking up something that a run missed and left as it was.
var results = map[service.LookupResult]string{
	service.LookupExists: "no listing contained it, but the provider, asked about it alone, still has it",
	service.LookupNotVisible: "no listing contained it, and the provider, asked about it alone, does not say whether " +
		"it is gone",
	service.LookupIDReused:   "no listing contained it, and its id now belongs to somebody else at the provider",
	service.LookupNotListed:  "neither the listings nor the list of all members, fetched once more, contained it",
	service.LookupOutOfScope: "no listing contained it, since it is in departments that the rules leave out",
	service.LookupFailed:     "no listing contained it, and it could not be looked up",
	service.LookupNotAsked: "it was not found where it used to be, but may be where the run could not read; it was " +
		"not looked up, because more were missing than the removal limit allows, or because these credentials cannot " +
		"look anybody up",
}

// printPresence tells why something is there, by the newest run that read the company.
func printPresence(s *cli.Session, history service.ObjectHistory) {
	p := history.Presence
	s.Printf("")
	s.PrintFolded("", fmt.Sprintf("Why it is still there, according to run %s (%s) of %s, the newest that read the "+
		"whole company", cli.ShortID(p.Run.ID), p.Run.Status, cli.Moment(p.Run.StartedAt)))
	printListings(s, p.Listings)
	s.PrintFolded("  ", presenceOf(history))
}

func presenceOf(history service.ObjectHistory) string {
	for _, c := range history.Runs {
		if c.Run.ID == history.Presence.Run.ID && (len(c.Notes) > 0 || c.LookUp != "" || planned(c)) {
			return "What the run found out about it is shown above."
		}
	}
	for _, l := range history.Presence.Listings {
		switch {
		case history.Type == "department" && l.Of == "members":
			return "The run found it among the departments."
		case !l.Complete:
			return "Not every listing that should contain it was read to the end, so nothing was removed from there."
		}
	}
	return "Every listing that should contain it was read to the end, and the provider still lists it."
}

// removes reports whether the run removed or planned to remove the person or department
// itself.
func removes(c service.ObjectRun) bool {
	for _, change := range c.Changes {
		if change.Kind == "deleted" && change.ObjectType != "membership" {
			return true
		}
	}
	return false
}

// planned reports whether the run was about to remove something and did not.
func planned(c service.ObjectRun) bool {
	for _, change := range c.Changes {
		if change.Planned {
			return true
		}
	}
	return false
}
