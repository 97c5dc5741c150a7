package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/orgsync/orgsync/devkit/loadtest"
)

// report is everything that came of a soak.
type report struct {
	loadtest.Head
	Members  int       `json:"members"`
	Seed     uint64    `json:"seed"`
	Seconds  float64   `json:"seconds"`
	Verdicts []verdict `json:"verdicts,omitempty"`
	Rounds   []round   `json:"rounds"`
}

func newReport(root string, f flags) *report {
	return &report{Head: loadtest.NewHead(root, f.Vendor), Members: f.Members, Seed: f.Seed}
}

// end sums up.
func (r *report) end() {
	r.Seconds = time.Since(r.Date).Seconds()
	r.Verdicts = r.verdicts()
}

func (r *report) title() string {
	equal, slowest := 0, 0.0
	for _, one := range r.Rounds {
		if one.Equal {
			equal++
		}
		slowest = max(slowest, one.DeliverySeconds)
	}
	return fmt.Sprintf("%d runs in a row, %s, %d members, seed %d, two workers; %s, %.0f minutes.\n"+
		"After %d of them the directory had to equal the company, and did; after none somebody was gone who still "+
		"works there. An application that was told by a webhook alone had the same directory after each. 95 of 100 "+
		"publications reached it within %.1f seconds.",
		len(r.Rounds), r.Vendor, r.Members, r.Seed, r.Where(), r.Seconds/60, equal, slowest)
}

func (r *report) summary() loadtest.Summary {
	return loadtest.Summary{Title: "Soak", Text: r.title(), Tables: r.tables()}
}

// tables are what happened, how everything grew, and the verdict.
func (r *report) tables() []table.Writer {
	happened := loadtest.NewTable(table.Row{"kind of run", "runs", "of them equal afterwards", "ended",
		"seconds on average"})
	for _, k := range slices.Concat(kinds, eventKinds) {
		var n, equal int
		var seconds float64
		ends := map[string]int{}
		for _, one := range r.Rounds {
			if one.Kind == k.name {
				n, seconds = n+1, seconds+one.Seconds
				ends[one.Status]++
				if one.Equal {
					equal++
				}
			}
		}
		if n > 0 {
			happened.AppendRow(table.Row{k.name, n, equal, counted(ends), fmt.Sprintf("%.1f", seconds/float64(n))})
		}
	}
	grew := loadtest.NewTable(table.Row{"runs", "worker MB", "goroutines", "open files", "connections", "rows",
		"directory MB", "bytes a row", "staging MB", "records MB", "largest history"})
	for n := range tenths {
		part := r.tenth(n)
		if len(part) == 0 {
			continue
		}
		at := func(of func(measures) float64) string { return fmt.Sprintf("%.0f", mean(part, of)) }
		grew.AppendRow(table.Row{
			fmt.Sprintf("%d to %d", part[0].Number, part[len(part)-1].Number),
			at(func(m measures) float64 { return m.WorkerMB }), at(func(m measures) float64 { return m.Goroutines }),
			at(func(m measures) float64 { return m.Files }), at(func(m measures) float64 { return m.Connections }),
			at(func(m measures) float64 { return m.Rows }),
			at(func(m measures) float64 { return m.TableMB + m.IndexMB }), at(measures.rowBytes),
			at(func(m measures) float64 { return m.StagingMB }), at(func(m measures) float64 { return m.RecordMB }),
			at(func(m measures) float64 { return m.LargestHistory }),
		})
	}
	tables := []table.Writer{happened, grew}
	if len(r.Verdicts) > 0 {
		trends := loadtest.NewTable(table.Row{"average", "second tenth", "last tenth", "at most", "verdict"})
		for _, v := range r.Verdicts {
			word := "bounded"
			if !v.ok() {
				word = "GROWS"
			}
			trends.AppendRow(table.Row{v.Name + unit(v.Unit), fmt.Sprintf("%.1f", v.First),
				fmt.Sprintf("%.1f", v.Last), fmt.Sprintf("%.1f", v.Allowed), word})
		}
		tables = append(tables, trends)
	}
	return tables
}

func unit(of string) string {
	if of == "" {
		return ""
	}
	return ", " + of
}

// counted is "3 failed, 1 partial".
func counted(ends map[string]int) (list string) {
	var all []string
	for status := range ends {
		all = append(all, status)
	}
	slices.Sort(all)
	for i, status := range all {
		if i > 0 {
			list += ", "
		}
		list += fmt.Sprintf("%d %s", ends[status], status)
	}
	return list
}
