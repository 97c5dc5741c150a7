package normalize

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// What a jsonb number can hold is what numeric can: PostgreSQL manual, 8.1.2.
const (
	maxIntegerDigits  = 131072
	maxFractionDigits = 16383
)

// maxDepth is far above that of any real record, and keeps the recursion of Postgres' JSON parser far below its default
// max_stack_depth of 2 MB.
const maxDepth = 1000

// Decode reads one JSON value into nil, bool, string, json.Number, []any and
// map[string]any, so that no integer passes through a float. It reports false for
// anything else than one complete value. Invalid UTF-8 and lone halves of surrogate
// pairs become U+FFFD.
func Decode(body []byte) (v any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&v) != nil {
		return nil, false
	}
	for _, c := range body[decoder.InputOffset():] {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return nil, false
		}
	}
	return v, true
}

// usual is more than most records take.
const usual = 2 << 10

// JSON writes what Decode returned so that a jsonb column can hold it, which is
// stricter than JSON: U+0000 is left out, numbers beyond the range of numeric become
// strings, and what is nested too deep becomes null. All other numbers stay literally as
// they were sent, and keys are sorted at every depth, so that equal values give equal
// results.
func JSON(v any) json.RawMessage { return appendJSON(make([]byte, 0, usual), v, 0) }

// Sorted returns the elements of an array that has no order of its own, sorted by
// their JSON.
func Sorted(elements []any) []any {
	sorted := slices.Clone(elements)
	if len(sorted) > 1 { // few have more
		slices.SortStableFunc(sorted, func(a, b any) int { return bytes.Compare(JSON(a), JSON(b)) })
	}
	return sorted
}

func appendJSON(b []byte, v any, depth int) []byte {
	if depth > maxDepth {
		v = nil
	}
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendText(b, v)
	case json.Number:
		if !fitsNumeric(string(v)) {
			return appendText(b, string(v))
		}
		return append(b, v...)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, element, depth+1)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, key := range keysOf(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, key), ':')
			b = appendJSON(b, v[key], depth+1)
		}
		return append(b, '}')
	default:
		return append(b, "null"...)
	}
}

func keysOf(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// appendText writes a string, and copies what needs no change in one piece.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	copied := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[copied:i]...)
		copied = i + 1
		switch {
		case c == 0:
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		default:
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[copied:]...), '"')
}

func fitsNumeric(literal string) bool {
	mantissa, exponent := literal, 0
	if e := strings.IndexAny(literal, "eE"); e >= 0 {
		parsed, err := strconv.ParseInt(literal[e+1:], 10, 32)
		if err != nil {
			return false // so large that it would not even fit an int32
		}
		mantissa, exponent = literal[:e], int(parsed)
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	return len(whole)+exponent <= maxIntegerDigits && len(fraction)-exponent <= maxFractionDigits
}

// Blank reports whether none of an object's fields says anything: each is null or an empty
// text.
func Blank(fields map[string]any) bool {
	for _, value := range fields {
		if value != nil && value != "" {
			return false
		}
	}
	return true
}
