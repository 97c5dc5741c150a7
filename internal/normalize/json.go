package normalize

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// What a jsonb number can hold is what numeric can: PostgreSQL manual, 8.1.2.
const (
	maxIntegerDigits  = 131072
	maxFractionDigits = 16383
)

// maxDepth keeps the recursion of Postgres' JSON parser far below its default
// max_stack_depth of 2 MB.
const maxDepth = 1000

// JSON makes a provider's record storable in a jsonb column, which is stricter
// than JSON: \u0000 is removed, lone halves of surrogate pairs and invalid UTF-8
// become U+FFFD, and numbers beyond the range of numeric become strings. Every
// other byte stays, so no digit of a number is lost and equal records give equal
// results. A record with nothing to repair is returned as it is, without a copy;
// an empty one stays empty. The error tells what is wrong, never the content.
func JSON(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	if !json.Valid(raw) {
		return nil, errors.New("normalize json: not one complete JSON value")
	}
	r := repair{src: raw}
	if !r.run() {
		return nil, errors.New("normalize json: nested deeper than " + strconv.Itoa(maxDepth) + " levels")
	}
	return r.result(), nil
}

// repair copies valid JSON token by token. Nothing is copied before the first
// fault: out holds the repaired form of src[:copied].
type repair struct {
	src    []byte
	out    []byte
	copied int
}

func (r *repair) run() bool {
	depth := 0
	for at := 0; at < len(r.src); {
		switch c := r.src[at]; {
		case c == '"':
			at = r.text(at + 1)
		case c == '-' || '0' <= c && c <= '9':
			at = r.number(at)
		default:
			switch c {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if depth > maxDepth {
				return false
			}
			at++
		}
	}
	return true
}

func (r *repair) result() []byte {
	if r.out == nil {
		return r.src
	}
	return append(r.out, r.src[r.copied:]...)
}

// replace puts text in the place of src[from:to].
func (r *repair) replace(from, to int, text string) {
	if r.out == nil {
		r.out = make([]byte, 0, len(r.src)+len(text))
	}
	r.out = append(append(r.out, r.src[r.copied:from]...), text...)
	r.copied = to
}

// text goes through a string and returns the place after its closing quote.
func (r *repair) text(at int) int {
	for r.src[at] != '"' {
		switch c := r.src[at]; {
		case c == '\\' && r.src[at+1] == 'u':
			at = r.escape(at)
		case c == '\\':
			at += 2
		case c < utf8.RuneSelf:
			at++
		default:
			char, size := utf8.DecodeRune(r.src[at:])
			if char == utf8.RuneError && size == 1 {
				r.replace(at, at+1, "\uFFFD")
			}
			at += size
		}
	}
	return at + 1
}

// escapeLen is the length of \uXXXX.
const escapeLen = 6

// escape checks the \uXXXX at a place and returns the place after it, or after
// the pair of which it is the first half.
func (r *repair) escape(at int) int {
	end := at + escapeLen
	unit := codeUnit(r.src[at:])
	switch {
	case unit == 0:
		r.replace(at, end, "")
	case 0xD800 <= unit && unit < 0xDC00 && isLowHalf(r.src[end:]):
		return end + escapeLen
	case 0xD800 <= unit && unit < 0xE000:
		r.replace(at, end, "\uFFFD")
	}
	return end
}

func isLowHalf(b []byte) bool {
	if !bytes.HasPrefix(b, []byte(`\u`)) {
		return false
	}
	unit := codeUnit(b)
	return 0xDC00 <= unit && unit < 0xE000
}

// codeUnit reads the \uXXXX that b begins with. JSON was found valid before, so
// the four digits are there.
func codeUnit(b []byte) uint64 {
	unit, _ := strconv.ParseUint(string(b[2:escapeLen]), 16, 16)
	return unit
}

// number checks a number and returns the place after it.
func (r *repair) number(at int) int {
	end := at
	for end < len(r.src) && bytes.IndexByte([]byte("+-.0123456789eE"), r.src[end]) >= 0 {
		end++
	}
	if literal := r.src[at:end]; !fitsNumeric(literal) {
		r.replace(at, end, `"`+string(literal)+`"`)
	}
	return end
}

func fitsNumeric(literal []byte) bool {
	mantissa, exponent := literal, 0
	if e := bytes.IndexAny(literal, "eE"); e >= 0 {
		parsed, err := strconv.ParseInt(string(literal[e+1:]), 10, 32)
		if err != nil {
			return false // so large that it would not even fit an int32
		}
		mantissa, exponent = literal[:e], int(parsed)
	}
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(mantissa, []byte("-")), []byte("."))
	return len(whole)+exponent <= maxIntegerDigits && len(fraction)-exponent <= maxFractionDigits
}
