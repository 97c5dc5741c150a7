package wecom

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

type record = wire.Record

// envelope stands at the top level beside the data (wecom.md §1.1).
type envelope struct {
	Code    *int64 `json:"errcode"`
	Message any    `json:"errmsg"`
}

// decodeObject is json.Unmarshal for answers that must be objects: json.Unmarshal accepts
// null for anything. What out does not name is passed over, since the lists come whole.
func decodeObject(data []byte, out any) error {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("not a JSON object")
	}
	return json.Unmarshal(data, out)
}

// numberOf is the number of a department, tag or app as its decimal text, "" unless it was
// sent as a JSON integer of zero or more.
func numberOf(v any) string {
	literal, _ := v.(json.Number)
	if s := string(literal); s == "0" || isID(s) {
		return s
	}
	return ""
}

// idOf is numberOf of what exists: "0" is none.
func idOf(v any) string {
	if n := numberOf(v); n != "0" {
		return n
	}
	return ""
}

// isID reports whether s is a positive decimal number in its only spelling.
func isID(s string) bool {
	if s == "" || s[0] == '0' || directory.IDProblem(s) != "" {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// looksLikeID is a number in any notation, also as text.
var looksLikeID = regexp.MustCompile(`^"?[-+.0-9]{1,20}"?$`)

// asSent shows what was sent in the place of an id, "" unless it may be shown: whatever
// does not look like a number may be something else.
func asSent(v any) string {
	var sent string
	switch v := v.(type) {
	case string:
		sent = strconv.Quote(v)
	case json.Number:
		sent = v.String()
	}
	if !looksLikeID.MatchString(sent) {
		return ""
	}
	return sent
}
