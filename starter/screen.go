package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/orgsync/orgsync/internal/directory"
)

// screen is where a command's text for people goes: standard output, with what is known
// of the terminal behind it.
type screen struct {
	io.Writer
	// width is how many columns there are, 0 if lines may be of any length.
	width    int
	terminal bool
	colour   bool
}

// defaultWidth is that of a terminal which does not tell its own.
const defaultWidth = 80

// newScreen looks at what is behind w. COLUMNS sets the width where it is no terminal.
func newScreen(w io.Writer, getenv func(string) string) *screen {
	s := &screen{Writer: w}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.terminal, s.width = true, defaultWidth
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			s.width = width
		}
		s.colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
		return s
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		s.width = n
	}
	return s
}

// behind is the screen that w is; one of any width if it is none.
func behind(w io.Writer) *screen {
	if s, ok := w.(*screen); ok {
		return s
	}
	return &screen{Writer: w}
}

// hues are the colours of how things stand: three, of which each means one thing.
var hues = map[string]string{
	directory.RunSucceeded: green, "ok": green, "approved": green,
	directory.RunHeld: yellow, directory.RunPartial: yellow, directory.RunRejected: yellow, "paused": yellow, "WARN": yellow,
	directory.RunFailed: red, directory.RunCanceled: red, "FAIL": red,
}

const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// hue colours a text by a word for how things stand.
func (s *screen) hue(word, text string) string {
	if !s.colour || hues[word] == "" {
		return text
	}
	return hues[word] + text + reset
}

// strong makes a text stand out.
func (s *screen) strong(text string) string {
	if !s.colour || text == "" {
		return text
	}
	return bold + text + reset
}
