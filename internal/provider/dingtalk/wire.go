package dingtalk

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
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

// record is a JSON object as normalize.Decode reads it. Reading one field at a time
// keeps a wrong type in one field from losing the others. The readers give nil for a
// field that is absent, null or of a type that cannot be meant.
type record map[string]any

// parseRecord reports false for anything but an object.
func parseRecord(raw []byte) (record, bool) {
	v, _ := normalize.Decode(raw)
	return asObject(v)
}

// asObject reports false for anything but an object.
func asObject(v any) (record, bool) {
	r, ok := v.(map[string]any)
	return r, ok
}

// asArray takes a missing or null array for an empty one, since whether empty
// ones are sent at all is unknown (dingtalk.md §9). It reports false for
// anything else that is not an array.
func asArray(v any) ([]any, bool) {
	a, ok := v.([]any)
	return a, ok || v == nil
}

// id reads a word of the API's own, such as a token, or gives "".
func (r record) id(key string) string {
	return asString(r[key])
}

// personID reads a person's id, which is a string even if it looks like a number
// (dingtalk.md §3.1), or gives "". The problem is what directory.IDProblem has against
// what was sent.
func (r record) personID(key string) (id, problem string) {
	id = asString(r[key])
	if problem = directory.IDProblem(id); problem != "" {
		return "", key + " " + problem
	}
	return id, ""
}

func asString(v any) string {
	s, _ := v.(string)
	return s
}

// text reads a string; of a number it gives the literal.
func (r record) text(key string) *string {
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

// textOrEmpty is text of a field that is sent only where it has a value, and for which no
// permission is needed (dingtalk.md §3.1): left out, it is empty.
func (r record) textOrEmpty(key string) *string {
	if r[key] == nil {
		return new("")
	}
	return r.text(key)
}

// personalFields need one permission together; with it at least one of them is sent
// (dingtalk.md §1.3, §3.1).
var personalFields = []string{"email", "org_email", "work_place", "remark", "extension"}

// personal is text of one of personalFields. Left out beside another one it is empty.
func (r record) personal(key string) *string {
	if slices.ContainsFunc(personalFields, func(other string) bool { return r[other] != nil }) {
		return r.textOrEmpty(key)
	}
	return nil
}

// integer reads a whole number. It never passes through a float: orders are
// above 2^53 (dingtalk.md §11.1).
func (r record) integer(key string) *int64 {
	n, ok := asInteger(r[key])
	if !ok {
		return nil
	}
	return &n
}

func asInteger(v any) (int64, bool) {
	literal, _ := v.(json.Number)
	n, err := strconv.ParseInt(string(literal), 10, 64)
	return n, err == nil
}

// figure reads a whole number that a column of four bytes can hold; what is beyond it
// counts as not sent.
func (r record) figure(key string) *int {
	n := r.integer(key)
	if n == nil || *n < 0 || *n > math.MaxInt32 {
		return nil
	}
	return new(int(*n))
}

// boolean reads true and false, also quoted as some official examples have them
// (dingtalk.md §0).
func (r record) boolean(key string) *bool {
	switch v := r[key].(type) {
	case bool:
		return &v
	case string:
		b := v == "true"
		if b || v == "false" {
			return &b
		}
	}
	return nil
}

// canonical encodes the record by normalize.JSON, without the keys in drop and with
// the arrays in unordered sorted, so that equal records have equal bytes.
func (r record) canonical(drop, unordered []string) json.RawMessage {
	kept := make(map[string]any, len(r))
	for key, value := range r {
		if slices.Contains(drop, key) {
			continue
		}
		if items, ok := value.([]any); ok && slices.Contains(unordered, key) {
			value = normalize.Sorted(items)
		}
		kept[key] = value
	}
	return normalize.JSON(kept)
}
