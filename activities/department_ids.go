package activities

import (
	"context"
	"unicode/utf8"
)

const (
	// maxShownID is how many bytes of an external id are shown: all of any that a
	// provider gives today (feishu.md §3, 64 at most), and a bound for others.
	maxShownID = 64
	// maxNamedShards is up to how many slices their ends are named: 500 pairs of ids
	// make 64 KB at most.
	maxNamedShards = 500
)

// DepartmentIDsResult names departments for people, in the run's order.
type DepartmentIDsResult struct {
	IDs []string `json:"ids,omitempty"`
}

// DepartmentIDs returns the external ids of a range of departments, so that the
// activities that read them can say which they are.
func (a *Reader) DepartmentIDs(ctx context.Context, in BatchInput) (DepartmentIDsResult, error) {
	ids, err := a.Store.ListDepartmentIDsBetween(ctx, in.RunID, in.First, in.Last)
	for i, id := range ids {
		ids[i] = shorten(id)
	}
	return DepartmentIDsResult{IDs: ids}, classify(err)
}

// shardEnds returns the ids of the first and the last of every size departments.
func (a *Reader) shardEnds(ctx context.Context, runID string, departments, size int) ([][2]string, error) {
	if departments > maxNamedShards*size {
		return nil, nil
	}
	var positions []int
	for first := 1; first <= departments; first += size {
		positions = append(positions, first)
		if last := min(first+size-1, departments); last > first {
			positions = append(positions, last)
		}
	}
	ids, err := a.Store.ListDepartmentIDs(ctx, runID, positions)
	if err != nil || len(ids) != len(positions) {
		return nil, err
	}
	var ends [][2]string
	for i, position := range positions {
		id := shorten(ids[i])
		if (position-1)%size == 0 {
			ends = append(ends, [2]string{id, id})
		}
		ends[len(ends)-1][1] = id
	}
	return ends, nil
}

// shorten cuts an id that is longer than any should be.
func shorten(id string) string {
	if len(id) <= maxShownID {
		return id
	}
	end := maxShownID
	for !utf8.RuneStart(id[end]) {
		end--
	}
	return id[:end] + "…"
}
