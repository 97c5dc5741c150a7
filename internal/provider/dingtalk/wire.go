package dingtalk

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// Request bodies. Ids of departments are JSON numbers, ids of people strings
// (dingtalk.md §2, §3).
type (
	departmentRequest struct {
		DeptID int64 `json:"dept_id"`
	}
	userRequest struct {
		UserID string `json:"userid"`
	}
	userListRequest struct {
		DeptID int64 `json:"dept_id"`
		Cursor int64 `json:"cursor"`
		Size   int   `json:"size"`
		// ContainAccessLimit is sent although false is its default, because what
		// it means is documented nowhere (dingtalk.md §3.1).
		ContainAccessLimit bool `json:"contain_access_limit"`
	}
)

// record is a JSON object whose values are still as sent. Reading one field at a
// time keeps a wrong type in one field from losing the others. The readers give
// nil for a field that is absent, null or of a type that cannot be meant.
type record map[string]json.RawMessage

// decodeObject reports false for anything but an object.
func decodeObject(raw json.RawMessage) (record, bool) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil || r == nil {
		return nil, false
	}
	return r, true
}

// decodeArray takes a missing or null array for an empty one, since whether empty
// ones are sent at all is unknown (dingtalk.md §9). It reports false for
// anything else that is not an array.
func decodeArray(raw json.RawMessage) ([]json.RawMessage, bool) {
	if len(raw) == 0 {
		return nil, true
	}
	var a []json.RawMessage
	return a, json.Unmarshal(raw, &a) == nil
}

// id reads a person's id, which is a string even if it looks like a number
// (dingtalk.md §3.1), or gives "".
func (r record) id(key string) string {
	return decodeString(r[key])
}

func decodeString(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return s
}

// text reads a string; of a number it gives the literal.
func (r record) text(key string) *string {
	raw := r[key]
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '"':
		s := decodeString(raw)
		return &s
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s := string(raw)
		return &s
	default:
		return nil
	}
}

// integer reads a whole number. It never passes through a float: orders are
// above 2^53 (dingtalk.md §11.1).
func (r record) integer(key string) *int64 {
	n, ok := decodeInteger(r[key])
	if !ok {
		return nil
	}
	return &n
}

func decodeInteger(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// boolean reads true and false, also quoted as some official examples have them
// (dingtalk.md §0).
func (r record) boolean(key string) *bool {
	var b bool
	switch string(r[key]) {
	case "true", `"true"`:
		b = true
	case "false", `"false"`:
	default:
		return nil
	}
	return &b
}

// canonical encodes the record with sorted keys, without those in drop and with
// the arrays in unordered sorted, so that equal records have equal bytes.
func (r record) canonical(drop, unordered []string) json.RawMessage {
	kept := make(map[string]any, len(r))
	for key, raw := range r {
		if slices.Contains(drop, key) {
			continue
		}
		value := decodeAny(raw)
		if items, ok := value.([]any); ok && slices.Contains(unordered, key) {
			slices.SortFunc(items, compareEncoded)
		}
		kept[key] = value
	}
	return encode(kept)
}

// compareEncoded orders by length first, which puts ids into numerical order.
func compareEncoded(a, b any) int {
	x, y := encode(a), encode(b)
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return bytes.Compare(x, y)
}

// decodeAny decodes a value of a record, which is valid JSON already.
func decodeAny(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	_ = decoder.Decode(&v)
	return v
}

// encode encodes what decodeAny decoded, which cannot fail.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// sent reports whether a value was sent and is not null.
func sent(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null"
}
