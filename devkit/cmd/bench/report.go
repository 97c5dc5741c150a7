package main

import (
	"fmt"
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

// summary is what people read.
func (r *report) summary() loadtest.Summary {
	text := fmt.Sprintf("%s, %s, workers: %d", r.Vendor, r.Where(), r.Workers)
	if l := r.Limited; l != nil {
		text += fmt.Sprintf("\n\nWithin the documented call limits: %d members in %d departments, %d calls in %.1f s; "+
			"at %.1f calls a second they take %.1f s: %.2f times; %.2f %% throttled.",
			l.Members, l.Departments, l.Calls.Made, l.Seconds, l.PerSecond, l.AtRate, l.OfLimit, 100*l.Throttled)
	}
	tables := []table.Writer{r.roundsTable()}
	if len(r.Comparisons) > 0 {
		tables = append(tables, r.comparisonsTable())
	}
	if r.Spread != nil {
		tables = append(tables, r.spreadTable())
	}
	return loadtest.Summary{Title: "Measurements", Text: text, Tables: tables}
}

func (r *report) roundsTable() table.Writer {
	t := loadtest.NewTable(table.Row{"members", "round", "seconds", "members/s", "phases: tree, people, removals, settle, finish", "rows written", "calls", "fewest",
		"actions per 1,000", "largest history", "largest payload", "worker MB", "Postgres s (CPU)"})
	for _, m := range r.Rounds {
		t.AppendRow(table.Row{m.Members, m.Round, fmt.Sprintf("%.1f", m.Seconds), fmt.Sprintf("%.0f", m.MembersPerSecond), m.phases(), m.RowsWritten.total(),
			m.Calls.Made, m.Calls.Fewest, fmt.Sprintf("%.1f", m.History.ActionsPer1000), m.History.LargestHistory, m.History.LargestPayload,
			fmt.Sprintf("%.0f", m.WorkerPeakMB), fmt.Sprintf("%.1f (%.1f)", m.Postgres.Seconds, m.Postgres.CPUSeconds)})
	}
	return t
}

// comparisonsTable has the ratios to other ways of loading the same rows.
func (r *report) comparisonsTable() table.Writer {
	t := loadtest.NewTable(table.Row{"members", "Postgres CPU s: first load", "plain SQL, directory", "plain SQL, with record", "times of it", "row by row", "times faster",
		"unchanged", "row by row", "times faster"})
	for _, c := range r.Comparisons {
		first, again := r.find(c.Members, firstLoad), r.find(c.Members, unchanged)
		t.AppendRow(table.Row{c.Members, one(first.Postgres.CPUSeconds), one(c.Directory.CPU), one(c.Record.CPU), one(first.Postgres.CPUSeconds / c.Record.CPU),
			one(c.FirstLoad.CPU), one(c.FirstLoad.CPU / first.Postgres.CPUSeconds),
			one(again.Postgres.CPUSeconds), one(c.Unchanged.CPU), one(c.Unchanged.CPU / again.Postgres.CPUSeconds)})
	}
	return t
}

// spreadTable says how other workers fare with the largest company.
func (r *report) spreadTable() table.Writer {
	t := loadtest.NewTable(table.Row{"members", "round", fmt.Sprintf("seconds, workers: %d", r.Workers), fmt.Sprintf("workers: %d", r.Spread.Workers), "times as long",
		"rows of the directory", "of them different"})
	for _, m := range r.Spread.Rounds {
		usual := r.find(r.Spread.Rounds[0].Members, m.Round)
		t.AppendRow(table.Row{m.Members, m.Round, one(usual.Seconds), one(m.Seconds), fmt.Sprintf("%.2f", m.Seconds/usual.Seconds), m.Compared, m.Different})
	}
	return t
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
