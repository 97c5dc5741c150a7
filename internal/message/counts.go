package message

import (
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
)

// changeNames are what can happen to an object, as directory.Counts names it.
var changeNames = []string{"created", "updated", "moved", "restored", "deactivated", "deleted", "linked",
	"account_created"}

// Numbers says how many objects of each kind there are, of which there are any.
func (l Language) Numbers(n directory.PerKind) string {
	var all []string
	for _, kind := range directory.Kinds() {
		if number := *n.Of(kind.Kind); number > 0 {
			all = append(all, l.Text(NumberOfKind, Args{"Number": number, "Kind": l.Kind(kind.Plural)}))
		}
	}
	if len(all) == 0 {
		return l.Text(NoChanges, nil)
	}
	return strings.Join(all, l.Text(ListSeparator, nil))
}

// Changes says what was changed, kind by kind.
func (l Language) Changes(c directory.Counts) string {
	return strings.Join(l.ChangeLines(c), l.Text(SentenceSeparator, nil))
}

// ChangeLines say what was changed of each kind, or that nothing was.
func (l Language) ChangeLines(c directory.Counts) (all []string) {
	for _, kind := range directory.Kinds() {
		var changes []string
		for _, name := range changeNames {
			if n := c.Get(kind.Kind, name); n > 0 {
				changes = append(changes, l.Text(Code("change."+name), Args{"Number": n}))
			}
		}
		if len(changes) > 0 {
			list := strings.Join(changes, l.Text(ListSeparator, nil))
			all = append(all, l.Text(ChangesOfKind, Args{"Kind": l.Kind(kind.Plural), "Changes": list}))
		}
	}
	if len(all) == 0 {
		return []string{l.Text(NoChanges, nil)}
	}
	return all
}

// Reason says in a line why something of a run went wrong, and for which objects.
func (l Language) Reason(r directory.Reason) string {
	ids := strings.Join(r.IDs, ", ")
	if more := r.Count - len(r.IDs); more > 0 && r.Count > 1 {
		ids = l.Text(IDsAndMore, Args{"IDs": ids, "Number": more})
	}
	switch {
	case r.Type == "" && r.Count == 1:
		return r.Text
	case r.Type == "":
		return l.Text(ReasonTimes, Args{"Number": r.Count, "Text": r.Text})
	case r.Count == 1:
		return l.Text(ReasonOfOne, Args{"Kind": l.Kind(r.Type), "ID": ids, "Text": r.Text})
	default:
		return l.Text(ReasonOfMany, Args{"Number": r.Count, "Kind": l.Kind(r.Type + "s"), "IDs": ids, "Text": r.Text})
	}
}

// Reasons are reasons one below the other.
func (l Language) Reasons(reasons []directory.Reason) string {
	lines := make([]string, len(reasons))
	for i, reason := range reasons {
		lines[i] = l.Reason(reason)
	}
	return strings.Join(lines, "\n")
}
