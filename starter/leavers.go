package main

import (
	"fmt"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// How many of those who would go are named unless all are asked for: enough to see what
// is going on.
const (
	shownLeavers  = 30
	shownEachDept = 5
)

func fewLeavers(all bool) db.Few {
	if all {
		return db.Few{}
	}
	return db.Few{Rows: shownLeavers, Each: shownEachDept}
}

// sayLeavers names who and what would go, where from and why.
func (s *session) sayLeavers(l db.Leavers, planned directory.Removals, all bool) {
	left := s.sayLeavingPeople(l.People)
	more := planned.Members.Planned > len(l.People) || planned.Departments.Planned > len(l.Departments)
	if rest := planned.Members.Planned - left; rest > 0 {
		s.say("  and %s more in other departments", grouped(rest))
	}
	if len(l.Departments) > 0 {
		s.say("\nDepartments that would be removed, the largest first")
	}
	for _, d := range l.Departments {
		s.sayFolded("  ", fmt.Sprintf("%s (%s), %s: %s", plain(d.Path), plain(d.ExternalID), counted(d.Members, "person", "people"), inShort(d.Reason)))
	}
	if rest := planned.Departments.Planned - len(l.Departments); rest > 0 {
		s.say("  and %s more", grouped(rest))
	}
	if len(l.Places) > 0 {
		s.say("\nMemberships that would be removed (the people themselves stay)")
	}
	for _, p := range l.Places {
		s.sayFolded("  ", fmt.Sprintf("%s (%s) in %s: %s", plain(p.Name), plain(p.ExternalID), plain(p.Path), inShort(p.Reason)))
	}
	if more || !all && len(l.Places) == shownLeavers {
		s.say("\nTo see all of them, add --all.")
	}
}

// sayLeavingPeople names people below their departments, and returns how many people
// leave the departments that it told of.
func (s *session) sayLeavingPeople(people []db.LeavingPerson) (told int) {
	if len(people) > 0 {
		s.say("\nPeople who would be removed, by department, the greatest losses first")
	}
	for i := 0; i < len(people); {
		first := people[i]
		end := i
		for end < len(people) && people[end].Department == first.Department && people[end].Path == first.Path {
			end++
		}
		s.sayFolded("  ", fmt.Sprintf("%s: %s", orElse(plain(first.Path), "no department"), share(first)))
		for _, p := range people[i:end] {
			s.sayFolded("    ", fmt.Sprintf("%s (%s): %s", plain(p.Name), plain(p.ExternalID), inShort(p.Reason)))
		}
		if rest := first.Going - (end - i); rest > 0 {
			s.say("    and %s more", grouped(rest))
		}
		told, i = told+first.Going, end
	}
	return told
}

// share says how many people leave a department, and of how many.
func share(p db.LeavingPerson) string {
	if p.There < p.Going { // only active people are counted there
		return grouped(p.Going)
	}
	return fmt.Sprintf("%s of %s", grouped(p.Going), grouped(p.There))
}

// inShort is why something would go, in a few words.
func inShort(reason string) string {
	words := map[string]string{
		"not_listed":        "no longer listed",
		"looked_up":         "gone, according to the provider",
		"not_visible_twice": "not found twice in a row",
		"with_member":       "removed with the person",
		"with_department":   "removed with the department",
	}
	return orElse(words[reason], reason)
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
