package rules

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/google/cel-go/interpreter"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/translit"
)

// Member is what expressions see of a member: what the provider sent, normalised. A field
// that it did not send is no variable, and an expression that needs it fails.
type Member struct {
	directory.Member
	// Departments are all that the member is in, nil if the provider does not say.
	Departments []Department
}

// Department is a member's place in a department.
type Department struct {
	ID      string `cel:"id" json:"id"`
	Name    string `cel:"name" json:"name"`
	Path    string `cel:"path" json:"path"`
	Primary bool   `cel:"primary" json:"primary"`
	Leader  bool   `cel:"leader" json:"leader"`
}

// variables gives a member's variables to expressions; raw is decoded once, if at all.
type variables struct {
	member Member
	raw    any
}

// ResolveName implements interpreter.Activation.
func (v *variables) ResolveName(name string) (any, bool) {
	m := &v.member
	switch name {
	case "id", "external_id":
		return m.ExternalID, true
	case "unionid":
		return m.UnionID, true
	case "open_id":
		return m.OpenID, true
	case "name":
		return sent(m.Name)
	case "name_translit_full":
		return translit.Full(m.shownName()), m.Name != nil
	case "name_translit_initial":
		return translit.Initials(m.shownName()), m.Name != nil
	case "email":
		return sent(m.Email)
	case "phone":
		return sent(m.Phone)
	case "avatar_url":
		return sent(m.AvatarURL)
	case "title":
		return sent(m.Title)
	case "status":
		return m.status(), m.Status != nil
	case "active":
		return m.status() == string(directory.Active), m.Status != nil
	case "activated":
		return sent(m.Activated)
	case "employee_no":
		return sent(m.EmployeeNo)
	case "manager_external_id":
		return sent(m.Manager)
	case "departments":
		return m.Departments, m.Departments != nil
	case "attributes":
		return attributesOf(m.Attributes), m.Attributes != nil
	case "raw", "raw_data":
		return v.record()
	default:
		return nil, false
	}
}

// Parent implements interpreter.Activation.
func (v *variables) Parent() interpreter.Activation { return nil }

func sent[T any](value *T) (any, bool) {
	if value == nil {
		return nil, false
	}
	return *value, true
}

// shownName is the name, or what stands for it.
func (m *Member) shownName() string {
	if m.Name == nil || *m.Name == "" {
		return m.ExternalID
	}
	return *m.Name
}

func (m *Member) status() string {
	if m.Status == nil {
		return ""
	}
	return string(*m.Status)
}

// attributesOf returns attributes as expressions see them: one that was sent empty is an
// empty text, or no fields of the company's own.
func attributesOf(all directory.Attributes) map[string]any {
	out := make(map[string]any, len(all))
	for name, value := range all {
		switch {
		case value == nil && name == directory.Custom:
			out[string(name)] = map[string]any{}
		case value == nil:
			out[string(name)] = ""
		default:
			out[string(name)] = plain(value)
		}
	}
	return out
}

// record is the provider's record, decoded.
func (v *variables) record() (any, bool) {
	if v.raw == nil {
		decoded, ok := normalize.Decode(v.member.Raw)
		if _, object := decoded.(map[string]any); !ok || !object {
			return nil, false
		}
		v.raw = plain(decoded)
	}
	return v.raw, true
}

// plain makes values of JSON into those that expressions know. A whole number stays exact.
func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return n
		}
		if f, err := value.Float64(); err == nil && strings.ContainsAny(value.String(), ".eE") {
			return f
		}
		return value.String()
	case json.RawMessage:
		decoded, _ := normalize.Decode(value)
		return plain(decoded)
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = plain(value[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, field := range value {
			out[key] = plain(field)
		}
		return out
	default:
		return value
	}
}
