// Package document reads the documents that people write by hand and hand over in
// files, by pipes and in settings: provider configurations, key sets, workflow inputs.
// What an editor or a clipboard does to such a text is put right where that is safe, and
// named where it is not. The package knows no document's content, and its errors never
// repeat it but for the names of keys.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNotObject: the document is JSON, but no object.
var ErrNotObject = errors.New("not a JSON object")

// DuplicateKeyError says that a key stands in one JSON object more than once.
type DuplicateKeyError struct{ Key string }

// Error implements error.
func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("the key %q is given more than once", e.Key)
}

// Read reads a whole document of at most limit bytes. The error for a longer one says
// how long it is, as far as that can be known without reading it.
func Read(r io.Reader, limit int64) ([]byte, error) {
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > limit {
			return nil, fmt.Errorf("it is too large: %s; at most %s are read", size(info.Size()), size(limit))
		}
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, fmt.Errorf("it is too large; at most %s are read", size(limit))
	}
	return text, err
}

// size writes a number of bytes.
func size(n int64) string {
	const kB, MB = 1_000, 1_000_000
	switch {
	case n >= MB:
		return fmt.Sprintf("%.1f MB", float64(n)/MB)
	case n >= kB:
		return fmt.Sprintf("%.1f kB", float64(n)/kB)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// Text returns a text as UTF-8 without the byte order mark that some editors put before
// it. What is encoded otherwise it refuses: read as UTF-8 it would be another text.
func Text(text []byte) ([]byte, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return nil, errors.New("it is encoded as UTF-16; save it as UTF-8")
	case !utf8.Valid(text):
		return nil, fmt.Errorf("it is not encoded as UTF-8 (%s); save it so", place(text, invalidAt(text)))
	}
	return text, nil
}

func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// Object decodes a document that is one JSON object, and nothing behind it, in which no
// object has a key twice, be it in other letters: of two values the last would count, and
// its author may mean the first.
func Object(text []byte) (map[string]json.RawMessage, error) {
	text, err := Text(text)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var fields map[string]json.RawMessage
	if err := decoder.Decode(&fields); err != nil {
		return nil, syntax(text, err)
	}
	if fields == nil {
		return nil, ErrNotObject
	}
	end := decoder.InputOffset()
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON object (%s)", place(text, int(end)+leading(text[end:])))
	}
	return fields, duplicates(text)
}

// syntax says where a text is not JSON.
func syntax(text []byte, err error) error {
	var wrong *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &other):
		return ErrNotObject
	case errors.As(err, &wrong):
		return fmt.Errorf("%w (%s)", ErrNotObject, place(text, int(wrong.Offset)-1))
	case len(bytes.TrimSpace(text)) == 0:
		return fmt.Errorf("%w (it is empty)", ErrNotObject)
	default:
		return fmt.Errorf("%w (it ends too early)", ErrNotObject)
	}
}

func leading(text []byte) int { return len(text) - len(bytes.TrimLeft(text, " \t\r\n")) }

// place is where in a text the byte at an offset is, for people.
func place(text []byte, offset int) string {
	before := text[:max(0, min(offset, len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// duplicates returns *DuplicateKeyError if any object in valid JSON has a key twice.
func duplicates(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	// open are the objects and arrays around the token; an array's keys are nil.
	var open []*object
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil // the end: that the text is valid has been seen
		}
		var inner *object
		if n := len(open); n > 0 {
			inner = open[n-1]
		}
		switch delimiter, _ := token.(json.Delim); {
		case delimiter == '}' || delimiter == ']':
			open = open[:len(open)-1]
			continue
		case inner != nil && inner.keys != nil && inner.key:
			key, _ := token.(string)
			folded := strings.ToLower(key)
			if inner.keys[folded] {
				return &DuplicateKeyError{Key: key}
			}
			inner.keys[folded], inner.key = true, false
			continue
		case delimiter == '{':
			open = append(open, &object{keys: map[string]bool{}, key: true})
		case delimiter == '[':
			open = append(open, &object{})
		}
		if inner != nil {
			inner.key = true // its value has come, or has begun
		}
	}
}

// object is an open JSON object, or an array, which has no keys.
type object struct {
	keys map[string]bool
	// key says that the next token is a key.
	key bool
}

// names are those of characters that get into texts unseen.
var names = map[rune]string{
	'\u00a0': "a no-break space", '\u00ad': "a soft hyphen", '\u200b': "a zero-width space",
	'\u200c': "a zero-width non-joiner",
	'\u200d': "a zero-width joiner", '\u2060': "a word joiner", '\u3000': "a full-width space",
	'\ufeff': "a byte order mark",
	'\ufffd': "what is left of a character that was encoded otherwise",
}

// Invisible finds the first character in a text that no reader sees, or takes for an
// ordinary space, and names it; "" if there is none. Spaces, tabs and ends of lines are
// seen.
func Invisible(text string) string {
	n := 0
	for _, r := range text {
		n++
		switch {
		case strings.ContainsRune(" \t\r\n", r), r != '\ufffd' && unicode.IsPrint(r) && !blank(r):
			continue
		}
		name := names[r]
		if name == "" {
			name = "an invisible character"
		}
		return fmt.Sprintf("U+%04X, %s, as character %d", r, name, n)
	}
	return ""
}

// blank tells characters that print nothing though Unicode counts them as letters or
// symbols: the fillers of Hangul, and Braille without dots.
func blank(r rune) bool {
	return r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u2800'
}
