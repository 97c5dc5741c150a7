package feed

import "strings"

// Types are all types of events.
var Types = []string{
	"department.created", "department.updated", "department.moved", "department.restored", "department.deleted",
	"member.created", "member.updated", "member.moved", "member.deactivated", "member.restored", "member.deleted",
	"member.linked", "membership.created", "membership.updated", "membership.deleted",
	"group.created", "group.updated", "group.restored", "group.deleted",
	"group_membership.created", "group_membership.deleted", "administrator.created", "administrator.deleted",
	"provider.removed",
}

// ExpandTypes returns the types that texts stand for, of which some may end in ".*", and the first
// that is none.
func ExpandTypes(wanted []string) (types []string, unknown string) {
	for _, text := range wanted {
		kind, all := strings.CutSuffix(text, "*")
		before := len(types)
		for _, name := range Types {
			if name == text || all && strings.HasSuffix(kind, ".") && strings.HasPrefix(name, kind) {
				types = append(types, name)
			}
		}
		if len(types) == before {
			return nil, text
		}
	}
	return types, ""
}
