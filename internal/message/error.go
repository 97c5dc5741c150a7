package message

import "errors"

// Error is an error whose text is in the catalogue. It can be kept as JSON, so an edge may say
// in the reader's language what another process found out.
type Error struct {
	Code Code `json:"code"`
	Args Args `json:"args,omitempty"`
}

// Error implements error, in English.
func (e *Error) Error() string { return e.In(English) }

// In returns the error's text in a language.
func (e *Error) In(l Language) string { return l.Text(e.Code, e.Args) }

// ErrorText returns the text of an error in a language: that of an *Error in it if there is
// one, else what the error says.
func (l Language) ErrorText(err error) string {
	var known *Error
	if errors.As(err, &known) {
		return known.In(l)
	}
	return err.Error()
}
