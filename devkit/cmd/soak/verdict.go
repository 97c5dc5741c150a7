package main

import (
	"errors"
	"fmt"
)

// bound says how much of something there may be in the end against the beginning.
type bound struct {
	name, unit string
	of         func(measures) float64
	// times is how much larger it may be, plus is what is not worth a word.
	times, plus float64
}

// Tables settle above what they need: whatever changes everybody, such as a large part
// of the tree that moves, needs room for the old rows beside the new ones once. A history
// follows what happened to the run, not how many runs there were before.
var bounds = []bound{
	{"worker's resident memory", "MB", func(m measures) float64 { return m.WorkerMB }, 1.25, 15},
	{"worker's goroutines", "", func(m measures) float64 { return m.Goroutines }, 1.1, 20},
	{"worker's open files", "", func(m measures) float64 { return m.Files }, 1.1, 20},
	{"database connections", "", func(m measures) float64 { return m.Connections }, 1.1, 15},
	{"a row of the directory", "bytes", measures.rowBytes, 2, 0},
	{"staging", "MB", func(m measures) float64 { return m.StagingMB }, 2, 10},
	{"records of runs", "MB", func(m measures) float64 { return m.RecordMB }, 1.5, 5},
	{"largest history", "events", func(m measures) float64 { return m.LargestHistory }, 2, 500},
}

// verdict compares one thing in the last tenth of the runs with the second tenth: in
// the first one pools fill and tables find their size.
type verdict struct {
	Name    string  `json:"name"`
	Unit    string  `json:"unit,omitempty"`
	First   float64 `json:"first"`
	Last    float64 `json:"last"`
	Allowed float64 `json:"allowed"`
}

func (v verdict) ok() bool { return v.Last <= v.Allowed }

// tenths is how many parts the runs are divided into, at least one run in each.
const tenths = 10

// verdicts are none for a soak too short to tell.
func (r *report) verdicts() (list []verdict) {
	if len(r.Rounds) < 2*tenths {
		return nil
	}
	for _, b := range bounds {
		first, last := mean(r.tenth(1), b.of), mean(r.tenth(tenths-1), b.of)
		list = append(list, verdict{Name: b.name, Unit: b.unit, First: first, Last: last,
			Allowed: max(first*b.times, first+b.plus)})
	}
	return list
}

// tenth is the nth part of the runs, counted from 0.
func (r *report) tenth(n int) []round {
	return r.Rounds[len(r.Rounds)*n/tenths : len(r.Rounds)*(n+1)/tenths]
}

func mean(rounds []round, of func(measures) float64) (sum float64) {
	for _, one := range rounds {
		sum += of(one.Measured)
	}
	return sum / float64(len(rounds))
}

// grown says what grew without bound.
func (r *report) grown() error {
	var problems []error
	for _, v := range r.Verdicts {
		if !v.ok() {
			problems = append(problems, fmt.Errorf("%s grew from %.1f to %.1f %s, more than %.1f", v.Name, v.First,
				v.Last, v.Unit, v.Allowed))
		}
	}
	return errors.Join(problems...)
}
