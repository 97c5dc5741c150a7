package activities

import (
	"context"
	"unicode/utf8"
)

const (
	// shownID is how many bytes of an external id are shown: all of any that a
	// provider gives today (feishu.md §3, 64 at most), and a bound for others.
	shownID = 64
	// namedSlices is up to how many slices their ends are named: 500 pairs of ids
	// make 64 KB at most.
	namedSlices = 500
)

// DepartmentIDs names departments for people, in the run's order.
type DepartmentIDs struct {
	IDs []string `json:"ids,omitempty"`
}

// DepartmentIDs returns the external ids of a range of departments, so that the
// activities that read them can say which they are.
func (a *Pull) DepartmentIDs(ctx context.Context, in Range) (DepartmentIDs, error) {
	ids, err := a.Store.ListDepartmentIDsBetween(ctx, in.RunID, in.First, in.Last)
	for i, id := range ids {
		ids[i] = short(id)
	}
	return DepartmentIDs{IDs: ids}, classify(err)
}

// sliceEnds returns the ids of the first and the last of every size departments.
func (a *Pull) sliceEnds(ctx context.Context, runID string, departments, size int) ([][2]string, error) {
	if departments > namedSlices*size {
		return nil, nil
	}
	var ordinals []int
	for first := 1; first <= departments; first += size {
		ordinals = append(ordinals, first)
		if last := min(first+size-1, departments); last > first {
			ordinals = append(ordinals, last)
		}
	}
	ids, err := a.Store.ListDepartmentIDs(ctx, runID, ordinals)
	if err != nil || len(ids) != len(ordinals) {
		return nil, err
	}
	var ends [][2]string
	for i, ordinal := range ordinals {
		id := short(ids[i])
		if (ordinal-1)%size == 0 {
			ends = append(ends, [2]string{id, id})
		}
		ends[len(ends)-1][1] = id
	}
	return ends, nil
}

// short cuts an id that is longer than any should be.
func short(id string) string {
	if len(id) <= shownID {
		return id
	}
	end := shownID
	for !utf8.RuneStart(id[end]) {
		end--
	}
	return id[:end] + "…"
}
