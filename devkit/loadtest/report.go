package loadtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Head is what every report begins with: when, of what, where, and against whom.
type Head struct {
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Machine Machine   `json:"machine"`
	Vendor  string    `json:"vendor"`
}

// NewHead describes what begins now in a checkout.
func NewHead(root, vendor string) Head {
	return Head{Date: time.Now().UTC().Truncate(time.Second), Commit: commit(root), Machine: thisMachine(), Vendor: vendor}
}

// Where says on what machine it was, at which commit, and on what day.
func (h Head) Where() string {
	return fmt.Sprintf("%d × %s, %s, commit %s, %s", h.Machine.Processors, h.Machine.Processor, h.Machine.System, h.Commit, h.Date.Format(time.DateOnly))
}

// NewTable is a table as reports have them.
func NewTable(header table.Row) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	return t
}

// Save writes a report as JSON into a directory, which it makes where it is missing.
func Save(dir, name string, report any) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), append(body, '\n'), 0o644)
}
