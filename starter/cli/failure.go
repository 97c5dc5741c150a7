package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Failure is an error with the exit status it leads to.
type Failure struct {
	Status int
	// Err is nil where the output has said everything already.
	Err error
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("exit status %d", f.Status)
	}
	return f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// UsageError is the failure of a command that cannot be right as it was given.
func UsageError(format string, args ...any) error {
	return &Failure{Status: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// BusyError is the failure of a command that must wait for another run, or for the provider
// to be switched on.
func BusyError(format string, args ...any) error {
	return &Failure{Status: ExitBusy, Err: fmt.Errorf(format, args...)}
}

// NothingError is the failure of a command for which there is nothing to do or decide.
func NothingError(format string, args ...any) error {
	return &Failure{Status: ExitNothing, Err: fmt.Errorf(format, args...)}
}

// Ended is the failure that only sets the exit status; nil for 0.
func Ended(status int) error {
	if status == ExitDone {
		return nil
	}
	return &Failure{Status: status}
}

// Exit tells what went wrong and returns the exit status. Each problem is one line on
// standard error; with --output json a command that has printed no document yet prints one
// that holds the error.
func (s *Session) Exit(ctx context.Context, err error) int {
	if err == nil {
		return ExitDone
	}
	described := s.Describe(err)
	if described.Err == nil {
		return described.Status
	}
	status, text := described.Status, described.Err.Error()
	if status != ExitInterrupted && ctx.Err() != nil {
		status, text = ExitInterrupted, "interrupted"
	}
	lines := Each(strings.Split(oneLineEach(text), "\n"), Plain)
	for _, line := range lines {
		s.printProblem(line)
	}
	if s.JSON && !s.printed {
		failed := Failed{Error: strings.Join(lines, "; "), ExitStatus: status, Matches: matchesOf(err)}
		if err := s.PrintJSON(failed); err != nil {
			s.printProblem(err.Error())
		}
	}
	return status
}

// printProblem writes a line on standard error, broken between words where that is a terminal.
func (s *Session) printProblem(line string) {
	width := 0
	if screen := NewScreen(s.Stderr, s.Getenv); screen.Terminal {
		width = screen.Width
	}
	for _, part := range FoldBehind("orgsync: ", line, width) {
		fmt.Fprintln(s.Stderr, part)
	}
}

// oneLineEach joins lines that continue the one before, as pgx writes them, with it.
func oneLineEach(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n\t", " ")
}

// PrintJSON prints the command's one document.
func (s *Session) PrintJSON(document any) error {
	s.printed = true
	encoder := json.NewEncoder(s.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// BeginDocument says that the command writes its document by itself.
func (s *Session) BeginDocument() { s.printed = true }
