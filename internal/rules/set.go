package rules

import (
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// Set sets the field in a member's profile, normalised like what a provider sends. An empty
// value clears it.
func (f Field) Set(p *directory.Profile) { set(p, f.Target, f.Value) }

// Keep leaves a field as it is stored, whatever the provider sends.
func Keep(p *directory.Profile, target string) {
	switch target {
	case "name":
		p.Name = nil
	case "title":
		p.Title = nil
	case "email":
		p.Email = nil
	case "phone":
		p.Phone = nil
	default:
		delete(p.Attributes, directory.Attribute(strings.TrimPrefix(target, attributes)))
	}
}

// Clear clears a field that earlier rules set, unless the provider sends it.
func Clear(p *directory.Profile, target string) {
	sent := map[string]bool{
		"name": p.Name != nil, "email": p.Email != nil, "phone": p.Phone != nil, "title": p.Title != nil,
	}
	if key, ok := strings.CutPrefix(target, attributes); ok {
		_, sent[target] = p.Attributes[directory.Attribute(key)]
	}
	if !sent[target] {
		set(p, target, "")
	}
}

// attributes is what the targets among the attributes begin with.
const attributes = "attributes."

func set(p *directory.Profile, target, value string) {
	value = normalize.Name(value)
	switch target {
	case "name":
		p.Name = &value
	case "title":
		p.Title = &value
	case "email":
		value = normalize.Email(value)
		p.Email = &value
	case "phone":
		value = normalize.Phone(value)
		p.Phone = &value
	default:
		if p.Attributes == nil {
			p.Attributes = directory.Attributes{}
		}
		p.Attributes.Text(directory.Attribute(strings.TrimPrefix(target, attributes)), &value)
	}
}
