package normalize

import (
	"maps"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

// Member normalises a member's fields.
func Member(m directory.Member) directory.Member {
	m.Name, m.Email, m.Phone = each(m.Name, Name), each(m.Email, Email), each(m.Phone, Phone)
	m.Title, m.AvatarURL = each(m.Title, Text), each(m.AvatarURL, Text)
	m.EmployeeNo, m.Attributes = each(m.EmployeeNo, Name), facts(m.Attributes)
	return m
}

// Group normalises a group's fields.
func Group(g directory.Group) directory.Group {
	g.Name, g.Category, g.Attributes = each(g.Name, Name), each(g.Category, Name), facts(g.Attributes)
	return g
}

func each(s *string, do func(string) string) *string {
	if s == nil {
		return nil
	}
	out := do(*s)
	return &out
}

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
			normal := Name(value)
			if name == directory.WorkEmail {
				normal = Email(value)
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
		key, value := Name(as), sent[as]
		text, isText := value.(string)
		text = Name(text)
		switch {
		case key == "", value == nil, isText && text == "":
		case isText:
			out[key] = text
		default:
			out[key] = JSON(value)
		}
	}
	return out
}
