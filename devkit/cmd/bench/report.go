package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/orgsync/orgsync/devkit/loadtest"
)

// report is everything measured.
type report struct {
	loadtest.Head
	Workers     int          `json:"workers"`
	Rounds      []round      `json:"rounds"`
	Comparisons []comparison `json:"comparisons,omitempty"`
	Spread      *spread      `json:"spread,omitempty"`
	Limited     *limited     `json:"within_call_limits,omitempty"`
}

func newReport(root string, f flags) *report {
	return &report{Head: loadtest.NewHead(root, f.Vendor), Workers: f.Workers}
}

// complete reports whether the sizes that the published figures need were measured.
func (r *report) complete() bool {
	for _, size := range []int{1000, 10_000, 100_000} {
		if !slices.ContainsFunc(r.Comparisons, func(c comparison) bool { return c.Members == size }) {
			return false
		}
	}
	return r.Spread != nil && r.Limited != nil
}

// save writes the report as JSON, and the chart.
func (r *report) save(dir string) error {
	if err := loadtest.Save(dir, "results.json", r); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "results.svg"), []byte(r.chart()), 0o644)
}

// print writes the table.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s, %s, workers: %d\n\n", r.Vendor, r.Where(), r.Workers)
	t := loadtest.NewTable(table.Row{"members", "round", "seconds", "members/s", "phases: tree, people, removals, settle, finish", "rows written", "calls", "fewest",
		"actions per 1,000", "largest history", "largest payload", "worker MB", "Postgres s (CPU)"})
	t.SetOutputMirror(w)
	for _, m := range r.Rounds {
		t.AppendRow(table.Row{m.Members, m.Round, fmt.Sprintf("%.1f", m.Seconds), fmt.Sprintf("%.0f", m.MembersPerSecond), m.phases(), m.RowsWritten.total(),
			m.Calls.Made, m.Calls.Fewest, fmt.Sprintf("%.1f", m.History.ActionsPer1000), m.History.LargestHistory, m.History.LargestPayload,
			fmt.Sprintf("%.0f", m.WorkerPeakMB), fmt.Sprintf("%.1f (%.1f)", m.Postgres.Seconds, m.Postgres.CPUSeconds)})
	}
	t.Render()
	r.printComparisons(w)
	r.printSpread(w)
	if l := r.Limited; l != nil {
		fmt.Fprintf(w, "\nWithin the documented call limits: %d members in %d departments, %d calls in %.1f s; at %.1f calls a second they take %.1f s: %.2f times; %.2f %% throttled\n",
			l.Members, l.Departments, l.Calls.Made, l.Seconds, l.PerSecond, l.AtRate, l.OfLimit, 100*l.Throttled)
	}
}

// printComparisons writes the ratios to other ways of loading the same rows.
func (r *report) printComparisons(w io.Writer) {
	if len(r.Comparisons) == 0 {
		return
	}
	t := loadtest.NewTable(table.Row{"members", "Postgres CPU s: first load", "plain SQL, directory", "plain SQL, with record", "times of it", "row by row", "times faster",
		"unchanged", "row by row", "times faster"})
	t.SetOutputMirror(w)
	for _, c := range r.Comparisons {
		first, again := r.find(c.Members, firstLoad), r.find(c.Members, unchanged)
		t.AppendRow(table.Row{c.Members, one(first.Postgres.CPUSeconds), one(c.Directory.CPU), one(c.Record.CPU), one(first.Postgres.CPUSeconds / c.Record.CPU),
			one(c.FirstLoad.CPU), one(c.FirstLoad.CPU / first.Postgres.CPUSeconds),
			one(again.Postgres.CPUSeconds), one(c.Unchanged.CPU), one(c.Unchanged.CPU / again.Postgres.CPUSeconds)})
	}
	fmt.Fprintln(w)
	t.Render()
}

// printSpread writes how other workers fare with the largest company.
func (r *report) printSpread(w io.Writer) {
	if r.Spread == nil {
		return
	}
	t := loadtest.NewTable(table.Row{"members", "round", fmt.Sprintf("seconds, workers: %d", r.Workers), fmt.Sprintf("workers: %d", r.Spread.Workers), "times as long",
		"rows of the directory", "of them different"})
	t.SetOutputMirror(w)
	for _, m := range r.Spread.Rounds {
		usual := r.find(r.Spread.Rounds[0].Members, m.Round)
		t.AppendRow(table.Row{m.Members, m.Round, one(usual.Seconds), one(m.Seconds), fmt.Sprintf("%.2f", m.Seconds/usual.Seconds), m.Compared, m.Different})
	}
	fmt.Fprintln(w)
	t.Render()
}

func one(f float64) string { return fmt.Sprintf("%.1f", f) }

// find returns the round of about so many members: a first load reads exactly as many.
func (r *report) find(members int, name string) round {
	for i, m := range r.Rounds {
		if m.Round == firstLoad && m.Members == members {
			for _, other := range r.Rounds[i:min(i+3, len(r.Rounds))] {
				if other.Round == name {
					return other
				}
			}
		}
	}
	return round{}
}

func (m round) phases() string {
	var parts []string
	for _, name := range []string{"departments", "members", "removals", "settle", "finish"} {
		for _, p := range m.Phases {
			if p.Name == name {
				parts = append(parts, fmt.Sprintf("%.1f", p.Seconds))
			}
		}
	}
	return strings.Join(parts, " ")
}

func (r rows) total() (sum int64) {
	for _, n := range r {
		sum += n
	}
	return sum
}
