package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Shape says where the parts of a good answer stand that faults spoil. Paths are
// keys joined by dots; an empty List or Object means that there is none, except
// that Object "." is the whole answer.
type Shape struct {
	// List is the array of records; Object a single record.
	List, Object string
	// ID is the key of a record's id.
	ID string
	// More and Next are the keys that promise another page and name it.
	More, Next string
	// Same and First are the Next values that lead to this page and to the first.
	Same, First any
}

// spoil changes a good answer as the fault says. Answers without the part in
// question stay as they are.
func spoil(act Action, reply Reply) Reply {
	switch act.Kind {
	case NoItems, EmptyPage, SameToken, CycleToken, Duplicate, NoID, WrongType, DropField, SetField:
	default:
		return reply
	}
	if reply.Shape == (Shape{}) {
		return reply // a refusal
	}
	dec := json.NewDecoder(bytes.NewReader(reply.Body))
	dec.UseNumber() // 64-bit ids
	var top map[string]any
	if err := dec.Decode(&top); err != nil {
		return reply
	}
	d := document{top: top, Shape: reply.Shape}
	d.apply(act)
	if body, err := json.Marshal(d.top); err == nil {
		reply.Body = body
	}
	return reply
}

type document struct {
	top map[string]any
	Shape
}

func (d document) apply(act Action) {
	switch act.Kind {
	case NoItems:
		d.set(d.List, []any{})
		d.set(d.More, false)
		d.remove(d.Next)
	case EmptyPage:
		d.set(d.List, []any{})
		if next, _ := d.get(d.Next); next == nil || next == "" {
			d.promise(d.Same)
		}
	case SameToken:
		d.promise(d.Same)
	case CycleToken:
		d.promise(d.First)
	case Duplicate:
		if list, _ := d.get(d.List); list != nil {
			records := list.([]any)
			if i := d.find(records, act.Record); i >= 0 {
				d.set(d.List, append(slices.Clone(records), records[i]))
			}
		}
	default:
		d.spoilField(act)
	}
}

func (d document) promise(next any) {
	d.set(d.More, true)
	d.set(d.Next, next)
}

// spoilField serves the kinds that change one field.
func (d document) spoilField(act Action) {
	field := act.Field
	if path, ok := strings.CutPrefix(field, "$."); ok {
		spoilKey(d.holder(path), path[strings.LastIndex(path, ".")+1:], act)
		return
	}
	if field == "" || act.Kind == NoID {
		field = d.ID
	}
	if record := d.record(act.Record); record != nil {
		spoilKey(record, field, act)
	}
}

func spoilKey(in map[string]any, key string, act Action) {
	if in == nil {
		return
	}
	switch act.Kind {
	case SetField:
		in[key] = act.Value
	case WrongType:
		in[key] = otherType(in[key])
	default:
		delete(in, key)
	}
}

// otherType returns a value that no lenient decoder can take for the one given.
func otherType(v any) any {
	switch v.(type) {
	case string:
		return map[string]any{"value": 7}
	case []any:
		return "not a list"
	default:
		return []any{"wrong"}
	}
}

// record is the object or the record of the list with that id, or the first.
func (d document) record(id string) map[string]any {
	if d.Object == "." {
		return d.top
	}
	if d.Object != "" {
		found, _ := d.get(d.Object)
		record, _ := found.(map[string]any)
		return record
	}
	found, _ := d.get(d.List)
	list, _ := found.([]any)
	i := d.find(list, id)
	if i < 0 {
		return nil
	}
	record, _ := list[i].(map[string]any)
	return record
}

func (d document) find(list []any, id string) int {
	return slices.IndexFunc(list, func(item any) bool {
		record, _ := item.(map[string]any)
		return id == "" || record != nil && fmt.Sprint(record[d.ID]) == id
	})
}

// holder is the object that the last key of a path stands in, nil if there is none.
func (d document) holder(path string) map[string]any {
	keys := strings.Split(path, ".")
	in := d.top
	for _, key := range keys[:len(keys)-1] {
		next, ok := in[key].(map[string]any)
		if !ok {
			return nil
		}
		in = next
	}
	return in
}

func (d document) get(path string) (any, bool) {
	in := d.holder(path)
	if path == "" || in == nil {
		return nil, false
	}
	v, ok := in[path[strings.LastIndex(path, ".")+1:]]
	return v, ok
}

func (d document) set(path string, value any) {
	if in := d.holder(path); path != "" && in != nil {
		in[path[strings.LastIndex(path, ".")+1:]] = value
	}
}

func (d document) remove(path string) {
	if in := d.holder(path); path != "" && in != nil {
		delete(in, path[strings.LastIndex(path, ".")+1:])
	}
}
