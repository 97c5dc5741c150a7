package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/orgsync/orgsync/devkit/loadtest"
)

// report is everything measured.
type report struct {
	loadtest.Head
	Workers      int           `json:"workers"`
	Measurements []measurement `json:"measurements"`
	Spread       *spread       `json:"spread,omitempty"`
	Limited      []limited     `json:"within_call_limits,omitempty"`
}

// measurement is one stack's life: a company's rounds, and the same rows loaded in other ways.
type measurement struct {
	Members    int         `json:"members"`
	Rounds     []round     `json:"rounds"`
	Comparison *comparison `json:"comparison,omitempty"`
}

func newReport(root string, f flags) *report {
	return &report{Head: loadtest.NewHead(root, f.Vendor), Workers: f.Workers}
}

// summary is what people read.
func (r *report) summary() loadtest.Summary {
	text := fmt.Sprintf(
		"%s, %s, workers: %d. Of several measurements the middle one is shown, then the least and the most.",
		r.Vendor,
		r.Where(),
		r.Workers,
	)
	tables := []table.Writer{r.roundsTable(), r.ratiosTable()}
	if r.Spread != nil {
		tables = append(tables, r.spreadTable())
	}
	if len(r.Limited) > 0 {
		tables = append(tables, r.limitedTable())
	}
	return loadtest.Summary{Title: "Measurements", Text: text, Tables: tables}
}

// sizes are the measurements grouped by the size of the company, in the order measured.
func (r *report) sizes() (sizes [][]measurement) {
	for _, m := range r.Measurements {
		if last := len(sizes) - 1; last >= 0 && sizes[last][0].Members == m.Members {
			sizes[last] = append(sizes[last], m)
			continue
		}
		sizes = append(sizes, []measurement{m})
	}
	return sizes
}

func (r *report) roundsTable() table.Writer {
	t := loadtest.NewTable(table.Row{"members", "round", "seconds", "members/s",
		"phases: tree, people, groups, removals, recompute, finish", "rows written", "calls", "fewest",
		"actions per 1,000", "largest history", "largest payload", "worker MB", "Postgres s (CPU)"})
	for _, same := range r.sizes() {
		for i := range same[0].Rounds {
			rounds := make([]round, 0, len(same))
			for _, m := range same {
				rounds = append(rounds, m.Rounds[i])
			}
			seconds := figures(rounds, func(m round) float64 { return m.Seconds })
			m := rounds[slices.IndexFunc(rounds, func(m round) bool { return m.Seconds == seconds.middle() })]
			t.AppendRow(table.Row{m.Members, m.Round, seconds, fmt.Sprintf("%.0f", m.MembersPerSecond), m.phases(),
				m.RowsWritten.total(), m.Calls.Made, m.Calls.Fewest, fmt.Sprintf("%.1f", m.History.ActionsPer1000),
				m.History.LargestHistory, m.History.LargestPayload, fmt.Sprintf("%.0f", m.WorkerPeakMB),
				fmt.Sprintf("%.1f (%.1f)", m.Postgres.Seconds, m.Postgres.CPUSeconds)})
		}
	}
	return t
}

// ratio is one figure of a measurement that is held against a bound.
type ratio struct {
	name  string
	bound string
	of    func(measurement) float64
}

// ratios are what docs/performance.md gives bounds for. Those to the same rows loaded in
// other ways come last.
var ratios = []ratio{
	{"unchanged ÷ first load, time", "≤ 0.4", func(m measurement) float64 {
		return m.round(unchanged).Seconds / m.round(firstLoad).Seconds
	}},
	{"5 % changed ÷ unchanged, time", "≤ 2", func(m measurement) float64 {
		return m.round(changed).Seconds / m.round(unchanged).Seconds
	}},
	{"first load ÷ plain SQL with record, time", "≤ 3", func(m measurement) float64 {
		return m.round(firstLoad).Seconds / m.Comparison.Record.Seconds
	}},
	{"first load ÷ plain SQL with record, Postgres CPU", "≤ 2.2", func(m measurement) float64 {
		return m.round(firstLoad).Postgres.CPUSeconds / m.Comparison.Record.CPU
	}},
	{"row by row ÷ first load, Postgres CPU", "", func(m measurement) float64 {
		return m.Comparison.FirstLoad.CPU / m.round(firstLoad).Postgres.CPUSeconds
	}},
	{"row by row ÷ unchanged, Postgres CPU", "≥ 12", func(m measurement) float64 {
		return m.Comparison.Unchanged.CPU / m.round(unchanged).Postgres.CPUSeconds
	}},
}

// alone is how many of the ratios need no comparison.
const alone = 2

func (r *report) ratiosTable() table.Writer {
	header := table.Row{"ratio", "bound"}
	sizes := r.sizes()
	for _, same := range sizes {
		header = append(header, fmt.Sprintf("%d members", same[0].Members))
	}
	t := loadtest.NewTable(header)
	for i, ratio := range ratios {
		row := table.Row{ratio.name, ratio.bound}
		for _, same := range sizes {
			if same[0].Comparison == nil && i >= alone {
				return t
			}
			row = append(row, figures(same, ratio.of))
		}
		t.AppendRow(row)
	}
	return t
}

// limitedTable says how close runs come to what the providers' call limits allow.
func (r *report) limitedTable() table.Writer {
	t := loadtest.NewTable(table.Row{"within call limits", "members", "departments", "round", "seconds", "calls",
		"busiest endpoint", "its calls", "seconds at its rate", "times as long", "throttled"})
	for _, l := range r.Limited {
		t.AppendRow(table.Row{l.Vendor, l.Members, l.Departments, l.Round, one(l.Seconds), l.Calls.Made,
			l.Busiest, l.Calls.By[l.Busiest], one(l.AtRate), fmt.Sprintf("%.2f", l.times()), l.Calls.Throttled})
	}
	return t
}

// spreadTable says how other workers fare with the largest company.
func (r *report) spreadTable() table.Writer {
	t := loadtest.NewTable(table.Row{"members", "round", fmt.Sprintf("seconds, workers: %d", r.Workers),
		fmt.Sprintf("workers: %d", r.Spread.Workers), "times as long", "rows of the directory", "of them different"})
	usual := r.Measurements[len(r.Measurements)-1]
	for _, m := range r.Spread.Rounds {
		seconds := usual.round(m.Round).Seconds
		t.AppendRow(table.Row{m.Members, m.Round, one(seconds), one(m.Seconds), fmt.Sprintf("%.2f", m.Seconds/seconds),
			m.Compared, m.Different})
	}
	return t
}

// round returns the round of that name.
func (m measurement) round(name string) round {
	return m.Rounds[slices.IndexFunc(m.Rounds, func(r round) bool { return r.Round == name })]
}

// spreadOf is one figure of several measurements, in ascending order.
type spreadOf []float64

// figures takes one figure of each.
func figures[T any](all []T, of func(T) float64) spreadOf {
	s := make(spreadOf, 0, len(all))
	for _, one := range all {
		s = append(s, of(one))
	}
	slices.Sort(s)
	return s
}

// middle is the median, of an even number the lesser of the two.
func (s spreadOf) middle() float64 { return s[(len(s)-1)/2] }

// String is the middle figure, and the least and the most where there are several.
func (s spreadOf) String() string {
	if len(s) == 1 {
		return fmt.Sprintf("%.2f", s[0])
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.middle(), s[0], s[len(s)-1])
}

func one(f float64) string { return fmt.Sprintf("%.1f", f) }

func (m round) phases() string {
	var parts []string
	for _, name := range []string{"departments", "members", "groups", "removals", "recompute", "finish"} {
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
