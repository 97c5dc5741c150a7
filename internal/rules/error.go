package rules

import (
	"fmt"
	"strings"
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
	Text  string
}

// String says where the problem is and what it is, in one line.
func (p Problem) String() string {
	at := fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	if p.Field == "" {
		return at + p.Text
	}
	return at + p.Field + ": " + p.Text
}

// Error implements error.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
