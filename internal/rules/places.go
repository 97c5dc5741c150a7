package rules

import (
	"cmp"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// Place is where a department stands in the tree.
type Place struct {
	Name string
	// Path is the names from the top, joined by "/".
	Path string
	// Depth counts the departments above.
	Depth int
}

// MemberOf returns a normalised member as expressions see it. in are all departments that the
// member is in, nil if the provider does not say, and places are those of these departments.
func MemberOf(m directory.Member, in []directory.Membership, places map[string]Place) Member {
	return Member{Member: m, Departments: departments(in, places)}
}

// departments returns the departments of a member, of which one is primary: what the
// provider says, else the deepest, else the one with the smallest id. It returns nil if the
// provider does not say where the member is.
func departments(in []directory.Membership, places map[string]Place) []Department {
	if in == nil {
		return nil
	}
	ordered := slices.SortedFunc(slices.Values(in), func(a, b directory.Membership) int {
		return cmp.Or(
			cmp.Compare(rank(b), rank(a)),
			cmp.Compare(places[b.DepartmentID].Depth, places[a.DepartmentID].Depth),
			cmp.Compare(a.DepartmentID, b.DepartmentID),
		)
	})
	out := make([]Department, len(ordered))
	for i, m := range ordered {
		place := places[m.DepartmentID]
		out[i] = Department{
			ID: m.DepartmentID, Name: place.Name, Path: place.Path, Primary: i == 0,
			Leader: m.Leader != nil && *m.Leader,
		}
	}
	return out
}

func rank(m directory.Membership) int64 {
	if m.PrimaryRank == nil {
		return 0
	}
	return *m.PrimaryRank
}
