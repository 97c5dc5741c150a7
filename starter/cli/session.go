// Package cli is what the commands share: a session with its screen, how they print text
// and JSON, ask, fail and exit, and how an error's code becomes text and an exit status.
package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/config"
	"github.com/orgsync/orgsync/internal/document"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

// Session is what one command works with.
type Session struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// JSON says that standard output is one JSON document, printed that it has begun.
	JSON    bool
	printed bool
	// Language is that of errors and of what Temporal's Web UI shows.
	Language message.Language
	// Service carries out what commands ask for. It opens what it needs and no more, so that a
	// command needs only the settings that it uses.
	Service *service.Service
}

// NewSession returns a session with the service that the settings describe.
func NewSession(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string, asJSON bool) *Session {
	s := &Session{
		Stdin: stdin, Stdout: NewScreen(stdout, getenv), Stderr: stderr, Getenv: getenv, JSON: asJSON,
		Language: config.LanguageOf(getenv),
	}
	s.Service = app.NewService(
		func(optional ...string) (config.Config, error) { return config.Load(getenv, optional...) },
		func(warning string) { s.Warnf("%s", warning) },
		slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), s.Language,
	)
	return s
}

// Close ends what the session has opened.
func (s *Session) Close() { s.Service.Close() }

// Screen is where standard output goes.
func (s *Session) Screen() *Screen { return behind(s.Stdout) }

// Printf writes a line for people; it is silent where standard output is a JSON document.
func (s *Session) Printf(format string, args ...any) {
	if !s.JSON {
		fmt.Fprintf(s.Stdout, format+"\n", args...)
	}
}

// PrintFolded writes a text behind lead, continued below its beginning where the screen is
// too narrow.
func (s *Session) PrintFolded(lead, text string) {
	for _, line := range FoldBehind(lead, text, s.Screen().Width) {
		s.Printf("%s", line)
	}
}

// Warnf writes a line beside the result.
func (s *Session) Warnf(format string, args ...any) {
	s.printProblem(fmt.Sprintf(format, args...))
}

// WarnTrouble writes what keeps a run from coming along, if anything does.
func (s *Session) WarnTrouble(t *service.Trouble) {
	if t != nil {
		s.Warnf("%s", oneLineEach(t.Text(s.Language)))
	}
}

// ReadInput reads a file or, for "-", standard input, of at most limit bytes.
func (s *Session) ReadInput(path string, limit int64) ([]byte, error) {
	if path == "-" {
		return document.Read(s.Stdin, limit)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := document.Read(file, limit)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	return text, nil
}

// WebURL is a workflow's page in Temporal's Web UI, or "" if ORGSYNC_UI_URL is not set.
func (s *Session) WebURL(workflowID, temporalRunID string) string {
	return app.WebURL(s.Getenv("ORGSYNC_UI_URL"), workflowID, temporalRunID)
}
