package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference writes what differs between two JSON objects: "name: "a" -> "b"".
// Whole provider records are only named.
func Difference(before, after json.RawMessage) string {
	return Differing(Fields(before), Fields(after))
}

// Differing writes what differs between the fields of two objects.
func Differing(was, is map[string]json.RawMessage) string {
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch {
		case bytes.Equal(was[key], is[key]):
		case key == "raw_data":
			parts = append(parts, "raw_data changed")
		case was[key] == nil:
			parts = append(parts, fmt.Sprintf("%s: %s", key, is[key]))
		case is[key] == nil:
			parts = append(parts, fmt.Sprintf("%s was %s", key, was[key]))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s -> %s", key, was[key], is[key]))
		}
	}
	return Plain(strings.Join(parts, ", "))
}

// Fields are an object's fields; null ones count as not there.
func Fields(object json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	if json.Unmarshal(object, &all) != nil {
		return map[string]json.RawMessage{} // no object: a side of the change that does not exist
	}
	maps.DeleteFunc(all, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	return all
}
