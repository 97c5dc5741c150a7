package feishu

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// envelope is the frame of every answer (feishu.md §1.3).
type envelope struct {
	code   int64
	data   json.RawMessage // nil if absent or null
	detail errorDetail
}

// errorDetail is the part of "error" that says something usable and impersonal.
type errorDetail struct {
	LogID                string `json:"log_id"`
	LogIDOld             string `json:"logid"`
	PermissionViolations []struct {
		Subject string `json:"subject"`
	} `json:"permission_violations"`
	FieldViolations []struct {
		Field string `json:"field"`
	} `json:"field_violations"`
}

// parseEnvelope reports false for anything that is not a JSON object with an
// integer code.
func parseEnvelope(body []byte) (envelope, bool) {
	var wire struct {
		Code  json.RawMessage `json:"code"`
		Data  json.RawMessage `json:"data"`
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &wire) != nil {
		return envelope{}, false
	}
	code, err := strconv.ParseInt(string(wire.Code), 10, 64)
	if err != nil {
		return envelope{}, false
	}
	env := envelope{code: code}
	if !null(wire.Data) {
		env.data = wire.Data
	}
	// What of the details can be read is a bonus: the code decides.
	_ = json.Unmarshal(wire.Error, &env.detail)
	return env, true
}

func null(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

// paging is the end of every listing's data.
type paging struct {
	HasMore   *bool           `json:"has_more"`
	PageToken json.RawMessage `json:"page_token"`
}

// next returns the cursor of the page after one that was asked for with sent and
// held so many records. has_more alone decides: a token beside has_more=false may
// be stale (feishu.md §9, row 5).
func (p paging) next(sent string, records int) (cursor, problem string) {
	if p.HasMore == nil {
		return "", "has_more is missing"
	}
	if !*p.HasMore {
		return "", ""
	}
	if null(p.PageToken) || json.Unmarshal(p.PageToken, &cursor) != nil || cursor == "" {
		return "", "has_more is true but there is no page_token"
	}
	switch {
	case cursor == sent:
		return "", "the page_token repeats"
	case records == 0:
		return "", "an empty page promises more"
	}
	return cursor, ""
}

// itemsOf reads a listing or batch. The items may be absent when there are none
// (feishu.md §2.2); the data object may not.
func itemsOf(a answer) ([]json.RawMessage, paging, error) {
	var page struct {
		paging
		Items []json.RawMessage `json:"items"`
	}
	if a.data == nil {
		return nil, paging{}, a.malformed("data is missing")
	}
	if json.Unmarshal(a.data, &page) != nil {
		return nil, paging{}, a.malformed("data is not a listing")
	}
	return page.Items, page.paging, nil
}

// pageOfItems is itemsOf for a listing with pages.
func pageOfItems(a answer, sent string) ([]json.RawMessage, string, error) {
	items, paging, err := itemsOf(a)
	if err != nil {
		return nil, "", err
	}
	next, problem := paging.next(sent, len(items))
	if problem != "" {
		return nil, "", a.malformed(problem)
	}
	return items, next, nil
}

// objectOf reads the one object an answer's data must carry under key.
func objectOf(a answer, key string) (record, error) {
	var data map[string]json.RawMessage
	if a.data == nil || json.Unmarshal(a.data, &data) != nil {
		return nil, a.malformed("data is missing or not an object")
	}
	r, ok := parseRecord(data[key])
	if !ok {
		return nil, a.malformed(key + " is missing or not an object")
	}
	return r, nil
}

// scopesPage is a page of the app's contact range (feishu.md §2.4). All its ids
// decide something, so one of a wrong type spoils the page.
type scopesPage struct {
	Departments []string `json:"department_ids"`
	Users       []string `json:"user_ids"`
	Groups      []string `json:"group_ids"`
}

func scopesOf(a answer, sent string) (page scopesPage, next string, err error) {
	var data struct {
		paging
		scopesPage
	}
	if a.data == nil {
		return page, "", a.malformed("data is missing")
	}
	if json.Unmarshal(a.data, &data) != nil {
		return page, "", a.malformed("data is not a contact range")
	}
	page = data.scopesPage
	for _, list := range [][]string{page.Departments, page.Users, page.Groups} {
		for _, id := range list {
			if id == "" {
				return page, "", a.malformed("the contact range has an empty id")
			}
		}
	}
	next, problem := data.next(sent, len(page.Departments)+len(page.Users)+len(page.Groups))
	if problem != "" {
		return page, "", a.malformed(problem)
	}
	return page, next, nil
}

// record is one department or person as sent. Numbers stay literal, so that no
// integer passes through a float.
type record map[string]any

// parseRecord reports false for anything that is not a JSON object.
func parseRecord(raw json.RawMessage) (record, bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var r record
	if decoder.Decode(&r) != nil || r == nil {
		return nil, false
	}
	return r, true
}

// id returns an identifier, "" if it was not sent. An id of a wrong type is no
// id at all: guessing could make two people one.
func (r record) id(key string) (id, problem string) {
	switch v := r[key].(type) {
	case nil:
		return "", ""
	case string:
		return v, ""
	default:
		return "", key + " is not a string"
	}
}

// text returns a field: nil if it was not sent or is no text; a number's literal.
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

// integer returns a field that is a number or, like a department's order, a
// string holding one (feishu.md §2.2); nil if it is neither.
func (r record) integer(key string) *int64 {
	literal := r.text(key)
	if literal == nil {
		return nil
	}
	n, err := strconv.ParseInt(*literal, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// flag returns a boolean field, nil if it was not sent or is none.
func (r record) flag(key string) *bool {
	if v, ok := r[key].(bool); ok {
		return &v
	}
	return nil
}

// object returns a nested object, nil if it was not sent or is none.
func (r record) object(key string) record {
	v, _ := r[key].(map[string]any)
	return v
}

// list returns the elements of an array; sent is false if there is no array.
func (r record) list(key string) (elements []any, sent bool) {
	elements, sent = r[key].([]any)
	return elements, sent
}

// strings returns the distinct non-empty strings of an array, sorted.
func (r record) strings(key string) []string {
	var found []string
	elements, _ := r.list(key)
	for _, element := range elements {
		if s, ok := element.(string); ok && s != "" {
			found = append(found, s)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// is reports whether a flag was sent and is true.
func (r record) is(key string) bool {
	v := r.flag(key)
	return v != nil && *v
}
