package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/db"
)

// failure is an error with the exit status it leads to.
type failure struct {
	status int
	// err is nil where the output has said everything already.
	err error
}

// Error implements error.
func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit status %d", f.status)
	}
	return f.err.Error()
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// misuse is the failure of a command that cannot be right as it was given.
func misuse(format string, args ...any) error {
	return &failure{status: exitUsage, err: fmt.Errorf(format, args...)}
}

// busy is the failure of a command that must wait for another run, or for the provider
// to be switched on.
func busy(format string, args ...any) error {
	return &failure{status: exitBusy, err: fmt.Errorf(format, args...)}
}

// nothing is the failure of a command for which there is nothing to do or decide.
func nothing(format string, args ...any) error {
	return &failure{status: exitNothing, err: fmt.Errorf(format, args...)}
}

// ended is the failure that only sets the exit status; nil for 0.
func ended(status int) error {
	if status == exitDone {
		return nil
	}
	return &failure{status: status}
}

// undefinedTable is the SQLSTATE of a table that does not exist.
const undefinedTable = "42P01"

// conclude tells what went wrong and returns the exit status. Each problem is one
// line on standard error; with --output json a command that has printed no document
// yet prints one that holds the error.
func (s *session) conclude(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	status := exitOfError(err)
	var f *failure
	if errors.As(err, &f) && f.err == nil {
		return status
	}
	if status != exitInterrupted && ctx.Err() != nil {
		status, err = exitInterrupted, errors.New("interrupted")
	}
	var refused *db.Failure
	if errors.As(err, &refused) && refused.Code == undefinedTable {
		status, err = exitUsage, errors.New("the database lacks orgsync's tables; create them with: orgsync migrate")
	}
	lines := strings.Split(oneLineEach(err.Error()), "\n")
	for _, line := range lines {
		fmt.Fprintln(s.stderr, "orgsync:", line)
	}
	if s.json && !s.printed {
		if err := s.printJSON(failed{Error: strings.Join(lines, "; "), ExitStatus: status}); err != nil {
			fmt.Fprintln(s.stderr, "orgsync:", err)
		}
	}
	return status
}

// oneLineEach joins lines that continue the one before, as pgx writes them, with it.
func oneLineEach(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n\t", " ")
}

// printJSON prints the command's one document.
func (s *session) printJSON(document any) error {
	s.printed = true
	encoder := json.NewEncoder(s.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
