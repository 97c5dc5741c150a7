// Package wire reads the JSON that providers send. What decides something (ids, paging) is
// read strictly: a value of another type than the documented one is no value. The rest is
// read leniently, one field at a time, so that one odd field never costs a record. Numbers
// stay literal, so that no integer passes through a float.
package wire

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// Record is one JSON object as sent. Its readers give nil, or "", for a field that is absent,
// null or of a type that cannot be meant.
type Record map[string]any

// Parse reports false for anything that is not a JSON object.
func Parse(raw []byte) (Record, bool) {
	v, _ := normalize.Decode(raw)
	return Object(v)
}

// Object reports false for anything that is not a decoded JSON object.
func Object(v any) (Record, bool) {
	r, ok := v.(map[string]any)
	return r, ok
}

// ID reads an identifier, "" if it was not sent. The problem says why what was sent is none:
// it is no string, or directory.IDProblem has something against it. Guessing could make two
// members one.
func (r Record) ID(key string) (id, problem string) {
	switch v := r[key].(type) {
	case nil:
		return "", ""
	case string:
		if problem := directory.IDProblem(v); problem != "" {
			return "", key + " " + problem
		}
		return v, ""
	default:
		return "", key + " is not a string"
	}
}

// RequiredID is ID of what must be there.
func (r Record) RequiredID(key string) (id, problem string) {
	id, problem = r.ID(key)
	if id == "" && problem == "" {
		problem = "no " + key
	}
	return id, problem
}

// IDs reads an array of identifiers, none if it was not sent, and false if it is no array or
// one of them is none: empty, no string, or refused by directory.IDProblem.
func (r Record) IDs(key string) (ids []string, ok bool) {
	elements, ok := r.ListOrNone(key)
	for _, element := range elements {
		id, _ := element.(string)
		if id == "" || directory.IDProblem(id) != "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, ok
}

// UsableIDs reads the distinct identifiers among the elements of an array, sorted.
func (r Record) UsableIDs(key string) []string {
	var found []string
	elements, _ := r.List(key)
	for _, element := range elements {
		if id, ok := element.(string); ok && id != "" && directory.IDProblem(id) == "" {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// String reads a string, "" if there is none.
func (r Record) String(key string) string {
	s, _ := r[key].(string)
	return s
}

// Text reads a string; of a number it gives the literal.
func (r Record) Text(key string) *string {
	switch v := r[key].(type) {
	case string:
		return &v
	case json.Number:
		literal := v.String()
		return &literal
	default:
		return nil
	}
}

// TextOrEmpty is Text of a field that is empty if it is left out.
func (r Record) TextOrEmpty(key string) *string {
	if r[key] == nil {
		return new("")
	}
	return r.Text(key)
}

// Number reads a whole number, and nothing that only looks like one.
func (r Record) Number(key string) *int64 { return Number(r[key]) }

// Number is a decoded whole number, nil if v is none.
func Number(v any) *int64 {
	literal, _ := v.(json.Number)
	n, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// Integer reads a whole number, also one that was sent as a string.
func (r Record) Integer(key string) *int64 {
	return Integer(r[key])
}

// Integer is a decoded whole number or a string holding one, nil if v is neither.
func Integer(v any) *int64 {
	if s, ok := v.(string); ok {
		v = json.Number(s)
	}
	return Number(v)
}

// Count reads a whole number that a column of four bytes can hold.
func (r Record) Count(key string) *int {
	n := r.Integer(key)
	if n == nil || *n < 0 || *n > math.MaxInt32 {
		return nil
	}
	return new(int(*n))
}

// Boolean reads true and false.
func (r Record) Boolean(key string) *bool {
	if v, ok := r[key].(bool); ok {
		return &v
	}
	return nil
}

// QuotedBoolean reads true and false, also sent as strings.
func (r Record) QuotedBoolean(key string) *bool {
	switch r[key] {
	case "true":
		return new(true)
	case "false":
		return new(false)
	default:
		return r.Boolean(key)
	}
}

// Is reports whether true was sent.
func (r Record) Is(key string) bool {
	v := r.Boolean(key)
	return v != nil && *v
}

// Object reads a nested object.
func (r Record) Object(key string) Record {
	v, _ := Object(r[key])
	return v
}

// List reads an array; sent is false if there is none.
func (r Record) List(key string) (elements []any, sent bool) {
	elements, sent = r[key].([]any)
	return elements, sent
}

// ListOrNone reads an array that may be left out when it is empty; ok is false for anything
// else that is no array.
func (r Record) ListOrNone(key string) (elements []any, ok bool) {
	elements, sent := r.List(key)
	return elements, sent || r[key] == nil
}

// Canonical encodes the record by normalize.JSON, without the keys in drop and with the
// arrays in unordered sorted, so that equal records have equal bytes.
func (r Record) Canonical(drop, unordered []string) json.RawMessage {
	kept := maps.Clone(r)
	for _, key := range drop {
		delete(kept, key)
	}
	for _, key := range unordered {
		if elements, sent := kept.List(key); sent {
			kept[key] = normalize.Sorted(elements)
		}
	}
	return normalize.JSON(map[string]any(kept))
}

// Unusable describes a record that cannot be used: where it stands, its ids, which are numbers
// or strings, and why. What is of another type may be something else and is not shown.
func (r Record) Unusable(label, problem string, numbers, ids []string) string {
	var known []string
	for _, key := range numbers {
		if n := r.Number(key); n != nil {
			known = append(known, key+" "+strconv.FormatInt(*n, 10))
		}
	}
	for _, key := range ids {
		if id, _ := r.ID(key); id != "" {
			known = append(known, key+" "+strconv.Quote(id))
		}
	}
	if len(known) > 0 {
		label += " (" + strings.Join(known, ", ") + ")"
	}
	return label + ": " + problem
}

// Nth names a record by its place in its page, counting from 1.
func Nth(index int) string { return "record " + strconv.Itoa(index+1) }
