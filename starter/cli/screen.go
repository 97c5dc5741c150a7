package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/orgsync/orgsync/internal/directory"
)

// Screen is where a command's text for people goes: standard output, with what is known
// of the terminal behind it.
type Screen struct {
	io.Writer
	// Width is how many columns there are, 0 if lines may be of any length.
	Width    int
	Terminal bool
	colour   bool
}

// DefaultWidth is that of a terminal which does not tell its own.
const DefaultWidth = 80

// NewScreen looks at what is behind w. COLUMNS sets the width where it is no terminal.
func NewScreen(w io.Writer, getenv func(string) string) *Screen {
	s := &Screen{Writer: w}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.Terminal, s.Width = true, DefaultWidth
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			s.Width = width
		}
		s.colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
		return s
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		s.Width = n
	}
	return s
}

// behind is the screen that w is; one of any width if it is none.
func behind(w io.Writer) *Screen {
	if s, ok := w.(*Screen); ok {
		return s
	}
	return &Screen{Writer: w}
}

// hues are the colours of how things stand: three, of which each means one thing.
var hues = map[string]string{
	directory.RunSucceeded: green, "ok": green, "approved": green,
	directory.RunHeld: yellow, directory.RunPartial: yellow, directory.RunRejected: yellow, "paused": yellow,
	"WARN":              yellow,
	directory.RunFailed: red, directory.RunCanceled: red, "FAIL": red,
}

const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// Hue colours a text by a word for how things stand.
func (s *Screen) Hue(word, text string) string {
	if !s.colour || hues[word] == "" {
		return text
	}
	return hues[word] + text + reset
}

// Strong makes a text stand out.
func (s *Screen) Strong(text string) string {
	if !s.colour || text == "" {
		return text
	}
	return bold + text + reset
}
