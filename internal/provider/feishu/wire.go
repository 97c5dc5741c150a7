package feishu

import (
	"encoding/json"
	"regexp"
	"strconv"

	"github.com/orgsync/orgsync/internal/provider/wire"
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
	fields, ok := wire.Parse(body)
	if !ok {
		return envelope{}, false
	}
	literal, _ := fields["code"].(json.Number)
	code, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return envelope{}, false
	}
	return envelope{code: code, fields: fields, detail: fields.Object("error")}, true
}

// violations are what an error's details name as missing or wrong, as far as it looks
// like what it should be.
func (e envelope) violations(list, key string, form *regexp.Regexp) []string {
	var found []string
	entries, _ := e.detail.List(list)
	for _, entry := range entries {
		violation, _ := entry.(map[string]any)
		if name, _ := record(violation).ID(key); form.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// nextCursor returns the cursor of the page after one that was asked for with sent.
// has_more alone decides: a token beside has_more=false may be stale (feishu.md §9,
// row 5). A page may be empty and name a next one all the same.
func nextCursor(r record, sent string) (cursor, problem string) {
	more := r.Boolean("has_more")
	if more == nil {
		return "", "has_more is missing"
	}
	if !*more {
		return "", ""
	}
	cursor, problem = r.ID("page_token")
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
	sent, isList := a.data.List(key)
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
	next, problem := nextCursor(a.data, sent)
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
	r := a.data.Object(key)
	if r == nil {
		return nil, a.malformed(key + " is missing or not an object")
	}
	return r, nil
}

type record = wire.Record

// textIf is text of a field that, left out, is empty if the app has its permission.
func textIf(r record, permitted bool, key string) *string {
	if permitted {
		return r.TextOrEmpty(key)
	}
	return r.Text(key)
}

// The permissions that show by a field that each record has.
func showsBase(r record) bool     { return r.Text("name") != nil }
func showsEmployee(r record) bool { return r.Object("status") != nil }
func showsPlaces(r record) bool {
	_, sent := r.List("department_ids")
	return sent
}
