package message

import (
	"errors"
	"maps"
)

// Text is what a code says with its arguments. An argument may be a Text itself, which is then said
// in the same language. The zero Text says nothing.
type Text struct {
	Code Code `json:"code"`
	Args Args `json:"args,omitempty"`
}

// Of makes a Text.
func Of(code Code, args Args) Text { return Text{code, args} }

// In returns the text in a language. Its arguments may be said in any order, so that workflows may
// call it.
//
//workflowcheck:ignore
func (t Text) In(l Language) string {
	if t.Code == "" {
		return ""
	}
	args := maps.Clone(t.Args)
	for name, value := range args {
		switch inner := value.(type) {
		case Text:
			args[name] = inner.In(l)
		case []Text:
			texts := make([]string, len(inner))
			for i, one := range inner {
				texts[i] = one.In(l)
			}
			args[name] = texts
		}
	}
	return l.Text(t.Code, args)
}

// String is the text in English.
func (t Text) String() string { return t.In(English) }

// Error is an error whose text is in the catalogue. It can be kept as JSON, so an edge may say
// in the reader's language what another process found out.
type Error Text

// Error implements error, in English.
func (e *Error) Error() string { return e.In(English) }

// In returns the error's text in a language.
func (e *Error) In(l Language) string { return Text(*e).In(l) }

// ErrorText returns the text of an error in a language: that of the first in its chain which is in
// the catalogue, else what the error says.
func (l Language) ErrorText(err error) string {
	var known interface{ In(l Language) string }
	if errors.As(err, &known) {
		return known.In(l)
	}
	return err.Error()
}
