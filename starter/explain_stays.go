package main

import (
	"fmt"

	"github.com/orgsync/orgsync/db"
)

// sayStayed tells why a run left something as it is. What it put on record says more
// than what came of the look-up alone.
func (s *session) sayStayed(c db.Chapter) {
	for _, note := range c.Notes {
		s.sayFolded("  note        ", plain(note))
	}
	if why := fates[c.LookUp]; why != "" && len(c.Notes) == 0 && !removes(c) {
		s.sayFolded("  left        ", why)
	}
}

// fates are what came of looking up something that a run missed and left as it was.
var fates = map[db.Fate]string{
	db.There:   "no listing contained it, but the provider, asked about it alone, still has it",
	db.Unseen:  "no listing contained it, and the provider, asked about it alone, does not say whether it is gone",
	db.Taken:   "no listing contained it, and its id now belongs to somebody else at the provider",
	db.Unnamed: "neither the listings nor the list of all members, fetched once more, contained it",
	db.Failed:  "no listing contained it, and it could not be looked up",
	db.Unasked: "it was not found where it used to be, but may be where the run could not read; it was not looked up, because more were missing than the removal limit allows, or because these credentials cannot look anybody up",
}

// sayPresence tells why something is there, by the newest run that read the company.
func (s *session) sayPresence(story db.Story) {
	p := story.Presence
	s.say("")
	s.sayFolded("", fmt.Sprintf("Why it is still there, according to run %s (%s) of %s, the newest that read the whole company", shortID(p.Run.ID), p.Run.Status, moment(p.Run.StartedAt)))
	s.sayListings(p.Listings)
	s.sayFolded("  ", presenceOf(story))
}

func presenceOf(story db.Story) string {
	for _, c := range story.Chapters {
		if c.Run.ID == story.Presence.Run.ID && (len(c.Notes) > 0 || c.LookUp != "" || planned(c)) {
			return "What the run found out about it is shown above."
		}
	}
	for _, l := range story.Presence.Listings {
		switch {
		case story.Type == "department" && l.Of == "members":
			return "The run found it among the departments."
		case !l.Complete:
			return "Not every listing that should contain it was read to the end, so nothing was removed from there."
		}
	}
	return "Every listing that should contain it was read to the end, and the provider still lists it."
}

// removes reports whether the run removed or planned to remove the person or department
// itself.
func removes(c db.Chapter) bool {
	for _, change := range c.Changes {
		if change.Kind == "deleted" && change.ObjectType != "membership" {
			return true
		}
	}
	return false
}

// planned reports whether the run was about to remove something and did not.
func planned(c db.Chapter) bool {
	for _, change := range c.Changes {
		if change.Planned {
			return true
		}
	}
	return false
}
