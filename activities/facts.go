package activities

import (
	"maps"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// facts normalises a member's attributes: texts are trimmed, e-mail addresses are made one,
// and what the company's own fields hold is made storable. What is left of none is cleared.
func facts(sent directory.Attributes) directory.Attributes {
	if sent == nil {
		return nil
	}
	out := make(directory.Attributes, len(sent))
	for name, value := range sent {
		switch value := value.(type) {
		case string:
			normal := normalize.Name(value)
			if name == directory.WorkEmail {
				normal = normalize.Email(value)
			}
			out.Text(name, &normal)
		case map[string]any:
			out.Object(name, customFacts(value))
		default:
			out[name] = value
		}
	}
	return out
}

// customFacts are the company's own fields: texts are trimmed, anything else is what
// Postgres can hold of it.
func customFacts(sent map[string]any) map[string]any {
	out := make(map[string]any, len(sent))
	for _, as := range slices.Sorted(maps.Keys(sent)) { // of two that become one key always the same
		key, value := normalize.Name(as), sent[as]
		text, isText := value.(string)
		text = normalize.Name(text)
		switch {
		case key == "", value == nil, isText && text == "":
		case isText:
			out[key] = text
		default:
			out[key] = normalize.JSON(value)
		}
	}
	return out
}
