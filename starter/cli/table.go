package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is text in columns, as the command line prints it. Where the screen is too narrow
// for all of it, columns are left out and texts continued on the next line, between words:
// a word that is cut can be neither read nor copied.
type Table struct {
	header []string
	rows   [][]string
	right  []int
	// expendable are the titles of columns that can be left out, the first of them first.
	expendable []string
	// folded is the title of the column whose text continues on the next line; without one
	// it is the last that is shown.
	folded string
}

// gap is between two columns.
const gap = 2

// NewTable makes a table with these titles, or one without.
func NewTable(header ...any) *Table {
	return &Table{header: cells(header)}
}

func cells(row []any) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		out[i] = fmt.Sprint(cell)
	}
	return out
}

// AppendRow adds a row.
func (t *Table) AppendRow(row []any) { t.rows = append(t.rows, cells(row)) }

// Drop names columns that can be left out where there is no room, the first first.
func (t *Table) Drop(titles ...string) *Table {
	t.expendable = titles
	return t
}

// Fold names the column whose texts may be continued on the next line.
func (t *Table) Fold(title string) *Table {
	t.folded = title
	return t
}

// RightAlign makes columns of figures, counted from 1, flush right.
func (t *Table) RightAlign(columns ...int) { t.right = columns }

// PrintTable writes a table so that it fits the screen.
func (s *Session) PrintTable(t *Table) {
	_, _ = io.WriteString(s.Stdout, t.render(s.Screen()))
}

func (t *Table) render(s *Screen) string {
	shown, widths := t.layout(s.Width)
	var b strings.Builder
	if len(t.header) > 0 {
		titles := make([]string, len(t.header))
		for i, title := range t.header {
			titles[i] = strings.ToUpper(title)
		}
		t.line(&b, s, shown, widths, titles, true)
	}
	for _, row := range t.rows {
		t.line(&b, s, shown, widths, row, false)
	}
	return b.String()
}

// layout chooses the columns and their widths for a screen of so many columns.
func (t *Table) layout(width int) (shown, widths []int) {
	for i := range t.columns() {
		shown, widths = append(shown, i), append(widths, t.natural(i))
	}
	if width <= 0 {
		return shown, widths
	}
	for _, title := range t.expendable {
		// A column that is folded may be as narrow as its longest word.
		if least := t.least(shown, widths); least <= width {
			break
		}
		i := slices.Index(t.header, title)
		shown = slices.DeleteFunc(shown, func(column int) bool { return column == i })
	}
	if over := total(shown, widths) - width; over > 0 && len(shown) > 0 {
		folded := t.foldedOf(shown)
		widths[folded] = max(widths[folded]-over, t.longest(folded))
	}
	return shown, widths
}

// columns is how many there are.
func (t *Table) columns() int {
	n := len(t.header)
	for _, row := range t.rows {
		n = max(n, len(row))
	}
	return n
}

func total(shown, widths []int) int {
	sum := gap * max(0, len(shown)-1)
	for _, i := range shown {
		sum += widths[i]
	}
	return sum
}

// least is the width that these columns take with the folded one as narrow as is still
// readable.
func (t *Table) least(shown, widths []int) int {
	const readable = 16
	folded := t.foldedOf(shown)
	return total(shown, widths) - widths[folded] + min(widths[folded], max(t.longest(folded), readable))
}

func (t *Table) foldedOf(shown []int) int {
	if i := slices.Index(t.header, t.folded); i >= 0 && slices.Contains(shown, i) {
		return i
	}
	return shown[len(shown)-1]
}

// natural is the width of a column that nothing is folded in.
func (t *Table) natural(column int) int {
	return t.widest(column, func(cell string) []string { return []string{cell} })
}

// longest is the width of a column's longest word.
func (t *Table) longest(column int) int { return t.widest(column, wordsOf) }

func (t *Table) widest(column int, parts func(string) []string) int {
	widest := 0
	for _, row := range append([][]string{t.header}, t.rows...) {
		if column >= len(row) {
			continue
		}
		for _, part := range parts(row[column]) {
			widest = max(widest, Columns(strings.TrimRight(part, " ")))
		}
	}
	return widest
}

// line writes a row, which takes several lines where a text is folded.
func (t *Table) line(b *strings.Builder, s *Screen, shown, widths []int, row []string, title bool) {
	folded := make([][]string, len(shown))
	height := 1
	for n, i := range shown {
		if i < len(row) {
			folded[n] = Fold(row[i], widths[i])
		}
		height = max(height, len(folded[n]))
	}
	for l := range height {
		var line strings.Builder
		for n, i := range shown {
			cell := ""
			if l < len(folded[n]) {
				cell = folded[n][l]
			}
			space := strings.Repeat(" ", max(0, widths[i]-Columns(cell)))
			switch {
			case title:
				cell = s.Strong(cell)
			case len(folded[n]) == 1:
				cell = s.Hue(firstWord(cell), cell)
			}
			if n > 0 {
				line.WriteString(strings.Repeat(" ", gap))
			}
			if slices.Contains(t.right, i+1) {
				line.WriteString(space + cell)
			} else {
				line.WriteString(cell + space)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// Columns is how many columns a text takes on a terminal: a Han character takes two.
func Columns(s string) int { return text.StringWidthWithoutEscSequences(s) }

// Fold breaks a text between words into lines of at most width columns, as far as its
// words are that short.
func Fold(s string, width int) []string {
	if Columns(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range wordsOf(s) {
		if line != "" && Columns(line)+Columns(strings.TrimRight(word, " ")) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += word
	}
	return append(lines, strings.TrimRight(line, " "))
}

// FoldBehind breaks a text behind lead into lines of at most width columns, continued
// below its beginning. With a width of 0 it is one line.
func FoldBehind(lead, text string, width int) []string {
	if width == 0 {
		return []string{lead + text}
	}
	indent := strings.Repeat(" ", Columns(lead))
	lines := Fold(text, max(1, width-len(indent)))
	for i := range lines {
		if i == 0 {
			lines[i] = lead + lines[i]
		} else {
			lines[i] = indent + lines[i]
		}
	}
	return lines
}

// wordsOf divides a text where a line may end: behind a space, and on both sides of a
// character that is a word by itself, as Han characters are. Spaces stay at the words'
// ends.
func wordsOf(s string) []string {
	var out []string
	begin := 0
	var last rune
	for i, r := range s {
		if i > 0 && (last == ' ' && r != ' ' || r != ' ' && last != ' ' && (wide(last) || wide(r)) && !closing(r) &&
			!opening(last)) {
			out = append(out, s[begin:i])
			begin = i
		}
		last = r
	}
	return append(out, s[begin:])
}

func wide(r rune) bool { return text.RuneWidth(r) == 2 }

// closing characters stay with what is before them, opening ones with what is behind.
func closing(r rune) bool {
	return strings.ContainsRune("，。、；：！？）》」』】,.;:!?)]}/%", r)
}

func opening(r rune) bool { return strings.ContainsRune("（《「『【([{", r) }
