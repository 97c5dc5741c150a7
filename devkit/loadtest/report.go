package loadtest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Head is what every report begins with: when, of what, where, and against whom.
type Head struct {
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Vendor  string    `json:"vendor"`
}

// NewHead describes what begins now in a checkout.
func NewHead(root, vendor string) Head {
	// none where it is not known
	commit, _ := exec.Command("git", "-C", root, "describe", "--always", "--dirty").Output()
	return Head{Date: time.Now().UTC().Truncate(time.Second), Commit: strings.TrimSpace(string(commit)),
		Machine: machine(), Vendor: vendor}
}

// machine is how many processors of which model, where the kernel tells, and the system.
func machine() string {
	model := "processors"
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(cpus)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%d × %s, %s/%s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH)
}

// Where says on what machine it was, at which commit, and on what day.
func (h Head) Where() string {
	return fmt.Sprintf("%s, commit %s, %s", h.Machine, h.Commit, h.Date.Format(time.DateOnly))
}

// NewTable is a table as reports have them.
func NewTable(header table.Row) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(header)
	return t
}

// Summary is a report for people.
type Summary struct {
	Title, Text string
	Tables      []table.Writer
}

// Print writes it to a terminal.
func (s Summary) Print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", s.Text)
	for _, t := range s.Tables {
		fmt.Fprintf(w, "\n%s\n", t.Render())
	}
}

func (s Summary) page() []byte {
	page := "# " + s.Title + "\n\n" + s.Text + "\n"
	for _, t := range s.Tables {
		page += "\n" + t.RenderMarkdown() + "\n"
	}
	return []byte(page)
}

// Output are the flags that say where a report is written.
type Output struct {
	Out     string `type:"path" env:"OUT" help:"Directory for the report as JSON and as a page. Default: bin/ in the checkout." placeholder:"DIR"`
	Release bool   `env:"RELEASE" help:"Replace the summary in docs/benchmarks as well: it shows the last release."`
}

// Save writes the report as NAME.json and its summary as NAME.md, the latter into docs/benchmarks, too, if it is for a
// release. It returns the directories written to.
func (o Output) Save(root, name string, report any, summary Summary) (dirs []string, err error) {
	out := o.Out
	if out == "" {
		out = filepath.Join(root, "bin")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	body, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(out, name+".json"), append(body, '\n'), 0o644); err != nil {
		return nil, err
	}
	dirs = []string{out}
	if o.Release {
		dirs = append(dirs, filepath.Join(root, "docs", "benchmarks"))
	}
	for _, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, name+".md"), summary.page(), 0o644); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}
