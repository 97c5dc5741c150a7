package run

import (
	"fmt"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// How many of those who would go are named unless all are asked for: enough to see what
// is going on.
const (
	shownRemovals = 30
	shownEachDept = 5
)

func fewRemovals(all bool) service.RemovalsLimit {
	if all {
		return service.RemovalsLimit{}
	}
	return service.RemovalsLimit{Rows: shownRemovals, Each: shownEachDept}
}

// printRemovals tells how much a held run would remove, and names who and what would go, where
// from and why.
func printRemovals(s *cli.Session, plan service.RemovalPlan, all bool) {
	printFigures(s, plan.Figures)
	l, planned := plan.ByName, plan.Figures
	left := printLeavingPeople(s, l.People)
	more := planned.Members.Planned > len(l.People) || planned.Departments.Planned > len(l.Departments)
	if rest := planned.Members.Planned - left; rest > 0 {
		s.Printf("  and %s more in other departments", cli.Grouped(rest))
	}
	if len(l.Departments) > 0 {
		s.Printf("\nDepartments that would be removed, the largest first")
	}
	for _, d := range l.Departments {
		s.PrintFolded("  ", fmt.Sprintf("%s (%s), %s: %s", cli.Plain(d.Path), cli.Plain(d.ExternalID),
			cli.Counted(d.Members, "person", "people"), inShort(d.Reason)))
	}
	if rest := planned.Departments.Planned - len(l.Departments); rest > 0 {
		s.Printf("  and %s more", cli.Grouped(rest))
	}
	if len(l.Places) > 0 {
		s.Printf("\nMemberships that would be removed (the people themselves stay)")
	}
	for _, p := range l.Places {
		s.PrintFolded("  ", fmt.Sprintf("%s (%s) in %s: %s", cli.Plain(p.Name), cli.Plain(p.ExternalID),
			cli.Plain(p.Path),
			inShort(p.Reason)))
	}
	more = printLeavingGroups(s, plan, all) || more
	if more || !all && len(l.Places) == shownRemovals {
		s.Printf("\nTo see all of them, add --all.")
	}
}

// printLeavingGroups names groups, places in groups and administrators, and reports whether
// there are more than it named.
func printLeavingGroups(s *cli.Session, plan service.RemovalPlan, all bool) (more bool) {
	l, planned := plan.ByName, plan.Figures
	if len(l.Groups) > 0 {
		s.Printf("\nGroups that would be removed, the largest first")
	}
	for _, g := range l.Groups {
		s.PrintFolded("  ", fmt.Sprintf("%s (%s), %s: %s", cli.Plain(g.Name), cli.Plain(g.ExternalID),
			cli.Counted(g.Members, "person", "people"), inShort(g.Reason)))
	}
	if len(l.GroupPlaces) > 0 {
		s.Printf("\nMembers and departments that would leave a group (they and the group stay)")
	}
	for _, p := range l.GroupPlaces {
		what := ""
		if p.Kind == directory.KindDepartment {
			what = "department "
		}
		s.PrintFolded("  ", fmt.Sprintf("%s%s (%s) in %s (%s): %s", what, cli.Plain(p.Name), cli.Plain(p.ExternalID),
			cli.Plain(p.GroupName), cli.Plain(p.Group), inShort(p.Reason)))
	}
	if len(l.Administrators) > 0 {
		s.Printf("\nMembers who would be administrators no longer")
	}
	for _, a := range l.Administrators {
		s.PrintFolded("  ", fmt.Sprintf("%s (%s), %s: %s", cli.Plain(a.Name), cli.Plain(a.ExternalID),
			cli.Plain(a.Level), inShort(a.Reason)))
	}
	return planned.Groups.Planned > len(l.Groups) ||
		!all && max(len(l.GroupPlaces), len(l.Administrators)) == shownRemovals
}

// printLeavingPeople names people below their departments, and returns how many people
// leave the departments that it told of.
func printLeavingPeople(s *cli.Session, people []service.PlannedMember) (told int) {
	if len(people) > 0 {
		s.Printf("\nPeople who would be removed, by department, the greatest losses first")
	}
	for i := 0; i < len(people); {
		first := people[i]
		end := i
		for end < len(people) && people[end].Department == first.Department && people[end].Path == first.Path {
			end++
		}
		s.PrintFolded("  ", fmt.Sprintf("%s: %s", cli.OrElse(cli.Plain(first.Path), "no department"), share(first)))
		for _, p := range people[i:end] {
			s.PrintFolded("    ", fmt.Sprintf("%s (%s): %s", cli.Plain(p.Name), cli.Plain(p.ExternalID),
				inShort(p.Reason)))
		}
		if rest := first.Going - (end - i); rest > 0 {
			s.Printf("    and %s more", cli.Grouped(rest))
		}
		told, i = told+first.Going, end
	}
	return told
}

// share says how many people leave a department, and of how many.
func share(p service.PlannedMember) string {
	if p.There < p.Going { // only active people are counted there
		return cli.Grouped(p.Going)
	}
	return fmt.Sprintf("%s of %s", cli.Grouped(p.Going), cli.Grouped(p.There))
}

// inShort is why something would go, in a few words.
func inShort(reason string) string {
	words := map[string]string{
		"not_listed":        "no longer listed",
		"looked_up":         "gone, according to the provider",
		"not_visible_twice": "not found twice in a row",
		"out_of_scope":      "left out by the rules",
		"with_member":       "removed with the person",
		"with_department":   "removed with the department",
		"with_group":        "removed with the group",
	}
	return cli.OrElse(words[reason], reason)
}
