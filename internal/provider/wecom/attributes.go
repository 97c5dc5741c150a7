package wecom

import (
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// attributes maps the facts of a member that have no column of their own.
func (w wireMember) attributes() directory.Attributes {
	all := directory.Attributes{}
	all.Text(directory.Alias, w.Alias.value)
	all.Text(directory.Telephone, w.Telephone.value)
	all.Text(directory.WorkEmail, w.BizMail.value)
	all.Text(directory.WorkPlace, w.Address.value)
	all.Text(directory.Gender, w.gender())
	if w.Custom.sent {
		all.Object(directory.Custom, w.Custom.fields)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// gender: "0" is undefined, but also what new apps may get in place of the hidden value
// (wecom.md §1.5), as which it counts unless another hidden field is shown.
func (w wireMember) gender() *string {
	switch sent := w.Gender.value; {
	case sent == nil:
		return nil
	case *sent == "1":
		return new("male")
	case *sent == "2":
		return new("female")
	case w.Mobile.value != nil:
		return new("")
	default:
		return nil
	}
}

// manager is the first of the direct leaders (wecom.md §3.3); nil if not sent or unusable.
func manager(sent userIDs) *string {
	switch {
	case sent == nil:
		return nil
	case len(sent) == 0:
		return new("")
	case sent[0] == "":
		return nil
	default:
		return new(string(sent[0]))
	}
}

// extAttr are the company's own fields by their names; anything but an object with a list of
// them counts as not sent. A text field has one text; of the other types the whole value is
// kept. Empty ones are left out.
type extAttr struct {
	sent   bool
	fields map[string]any
}

func (e *extAttr) UnmarshalJSON(data []byte) error {
	v, _ := normalize.Decode(data)
	sent, _ := v.(map[string]any)
	attrs, isList := sent["attrs"].([]any)
	*e = extAttr{sent: isList, fields: map[string]any{}}
	for _, entry := range attrs {
		attr, _ := entry.(map[string]any)
		name, _ := attr["name"].(string)
		if value := valueOf(attr); name != "" && value != nil {
			e.fields[name] = value
		}
	}
	return nil
}

// valueOf is the value of one of the company's own fields, nil if it has none. It stands
// under the name of its type (wecom.md §3.3).
func valueOf(attr map[string]any) any {
	if text, ok := attr["text"].(map[string]any); ok {
		if value, _ := text["value"].(string); value != "" {
			return value
		}
		return nil
	}
	for _, kind := range []string{"web", "miniprogram"} {
		if value, _ := attr[kind].(map[string]any); !normalize.Blank(value) {
			return value
		}
	}
	return nil
}
