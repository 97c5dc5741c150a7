package main

import (
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
	db.There:   "no listing showed it, but the provider, asked for it alone, does",
	db.Unseen:  "no listing showed it, and the provider, asked for it alone, does not say whether it is gone",
	db.Taken:   "no listing showed it, and the provider has somebody else under its id",
	db.Unnamed: "no listing showed it, nor did the list of everybody, asked for once more",
	db.Failed:  "no listing showed it, and it could not be looked up",
	db.Unasked: "it was not found where it used to be, but may be where the run could not read; it was not looked up, since more were missing than the removal limit, or nobody could be asked",
}

// sayPresence tells why something is there, by the newest run that read the company.
func (s *session) sayPresence(story db.Story) {
	p := story.Presence
	s.say("\nWhy it is there, by run %s (%s) of %s, the newest that read the whole company", shortID(p.Run.ID), p.Run.Status, moment(p.Run.StartedAt))
	s.sayListings(p.Listings)
	s.say("  %s", presenceOf(story))
}

func presenceOf(story db.Story) string {
	for _, c := range story.Chapters {
		if c.Run.ID == story.Presence.Run.ID && (len(c.Notes) > 0 || c.LookUp != "" || planned(c)) {
			return "What the run found out about it is told above."
		}
	}
	for _, l := range story.Presence.Listings {
		switch {
		case story.Type == "department" && l.Of == "members":
			return "The run found it among the departments."
		case !l.Complete:
			return "Not everything that should show it was read to the end; nothing is removed where that is so."
		}
	}
	return "All that should show it was read to the end, and it was not missed: the provider lists it."
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
