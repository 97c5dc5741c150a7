package rules

import (
	"strings"

	"github.com/orgsync/orgsync/internal/message"
)

// Error lists everything that is wrong with a document. It quotes the document, which holds
// no personal data of members.
type Error struct{ Problems []Problem }

// Problem is one thing that is wrong, and what would be right.
type Problem struct {
	// Line and Column are its place, from 1.
	Line, Column int
	// Field is where it stands, such as scope.members; empty for the document as a whole.
	Field string
	Text  message.Text
}

// String says where the problem is and what it is, in one line.
func (p Problem) String() string { return p.In(message.English) }

// In says that in a language.
func (p Problem) In(l message.Language) string {
	return message.Of("rule.at", message.Args{
		"Line": p.Line, "Column": p.Column, "Field": p.Field, "Problem": p.Text,
	}).In(l)
}

// Error implements error.
func (e *Error) Error() string { return e.In(message.English) }

// In returns the error's text in a language.
func (e *Error) In(l message.Language) string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.In(l)
	}
	return strings.Join(lines, "\n")
}
