package feishu

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// envelope is the frame of every answer (feishu.md §1.3).
type envelope struct {
	code   int64
	fields record
	detail record // of an error
}

// parseEnvelope reports false for anything that is not a JSON object with an
// integer code.
func parseEnvelope(body []byte) (envelope, bool) {
	fields, ok := parseRecord(body)
	if !ok {
		return envelope{}, false
	}
	literal, _ := fields["code"].(json.Number)
	code, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return envelope{}, false
	}
	return envelope{code: code, fields: fields, detail: fields.object("error")}, true
}

// violations are what an error's details name as missing or wrong, as far as it looks
// like what it should be.
func (e envelope) violations(list, key string, form *regexp.Regexp) []string {
	var found []string
	entries, _ := e.detail.list(list)
	for _, entry := range entries {
		violation, _ := entry.(map[string]any)
		if name, _ := record(violation).id(key); form.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// next returns the cursor of the page after one that was asked for with sent.
// has_more alone decides: a token beside has_more=false may be stale (feishu.md §9,
// row 5). A page may be empty and name a next one all the same.
func (r record) next(sent string) (cursor, problem string) {
	more := r.flag("has_more")
	if more == nil {
		return "", "has_more is missing"
	}
	if !*more {
		return "", ""
	}
	cursor, problem = r.id("page_token")
	switch {
	case problem != "":
		return "", problem
	case cursor == "":
		return "", "has_more is true but there is no page_token"
	case cursor == sent:
		return "", "the page_token repeats"
	}
	return cursor, ""
}

// itemsOf reads the list that a listing or batch has under key; what is not an object is a
// nil record. The list may be absent when there are none (feishu.md §2.2); the data object may not.
func itemsOf(a answer, key string) ([]record, error) {
	if a.data == nil {
		return nil, a.malformed("data is missing or not an object")
	}
	sent, isList := a.data.list(key)
	if !isList && a.data[key] != nil {
		return nil, a.malformed("data is not a listing")
	}
	items := make([]record, len(sent))
	for i, item := range sent {
		items[i], _ = item.(map[string]any)
	}
	return items, nil
}

// pageOfItems is itemsOf for a listing with pages.
func pageOfItems(a answer, key, sent string) ([]record, string, error) {
	items, err := itemsOf(a, key)
	if err != nil {
		return nil, "", err
	}
	next, problem := a.data.next(sent)
	if problem != "" {
		return nil, "", a.malformed(problem)
	}
	return items, next, nil
}

// objectOf reads the one object an answer's data must carry under key.
func objectOf(a answer, key string) (record, error) {
	if a.data == nil {
		return nil, a.malformed("data is missing or not an object")
	}
	r := a.data.object(key)
	if r == nil {
		return nil, a.malformed(key + " is missing or not an object")
	}
	return r, nil
}

// scopesPage is a page of the app's contact range (feishu.md §2.4). All its ids
// decide something, so one of a wrong type spoils the page.
type scopesPage struct {
	Departments []string
	Users       []string
	Groups      []string
	// SaysUsers is false where user_ids is not sent at all, which is not "nobody":
	// it needs a permission of its own (feishu.md §2.4).
	SaysUsers bool
}

func (p scopesPage) empty() bool { return len(p.Departments)+len(p.Users)+len(p.Groups) == 0 }

func scopesOf(a answer, sent string) (page scopesPage, next string, err error) {
	if a.data == nil {
		return page, "", a.malformed("data is missing or not an object")
	}
	for key, ids := range map[string]*[]string{"department_ids": &page.Departments, "user_ids": &page.Users, "group_ids": &page.Groups} {
		var ok bool
		if *ids, ok = a.data.ids(key); !ok {
			return scopesPage{}, "", a.malformed("the contact range contains an unusable id")
		}
	}
	page.SaysUsers = a.data["user_ids"] != nil
	next, problem := a.data.next(sent)
	if problem != "" {
		return scopesPage{}, "", a.malformed(problem)
	}
	return page, next, nil
}

// record is one department or person as sent. Numbers stay literal, so that no
// integer passes through a float.
type record map[string]any

// parseRecord reports false for anything that is not a JSON object.
func parseRecord(raw []byte) (record, bool) {
	v, _ := normalize.Decode(raw)
	r, ok := v.(map[string]any)
	return r, ok
}

// id returns an identifier, "" if it was not sent. An id of a wrong type is no
// id at all: guessing could make two people one. Nor is one that directory.IDProblem
// refuses.
func (r record) id(key string) (id, problem string) {
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

// textIf is text of a field that, left out, is empty if the app has its permission.
func (r record) textIf(permitted bool, key string) *string {
	if r[key] == nil && permitted {
		return new("")
	}
	return r.text(key)
}

// The permissions that show by a field that everybody has.
func (r record) showsBase() bool     { return r.text("name") != nil }
func (r record) showsEmployee() bool { return r.object("status") != nil }
func (r record) showsPlaces() bool {
	_, sent := r.list("department_ids")
	return sent
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

// ids returns an array of identifiers, none if it was not sent, and false if it is no
// array or one of them is none: empty, no string, or refused by directory.IDProblem.
func (r record) ids(key string) (ids []string, ok bool) {
	elements, sent := r.list(key)
	if !sent {
		return nil, r[key] == nil
	}
	for _, element := range elements {
		id, _ := element.(string)
		if id == "" || directory.IDProblem(id) != "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// usableIDs returns the distinct identifiers among the elements of an array, sorted.
func (r record) usableIDs(key string) []string {
	var found []string
	elements, _ := r.list(key)
	for _, element := range elements {
		if id, ok := element.(string); ok && id != "" && directory.IDProblem(id) == "" {
			found = append(found, id)
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
