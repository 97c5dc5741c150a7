package wecom

import (
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// attributes maps the facts of a member that have no column of their own.
func (m member) attributes() directory.Attributes {
	all := directory.Attributes{}
	all.Text(directory.Alias, m.Text("alias"))
	all.Text(directory.Telephone, m.Text("telephone"))
	all.Text(directory.WorkEmail, m.Text("biz_mail"))
	all.Text(directory.WorkPlace, m.Text("address"))
	all.Text(directory.Gender, m.gender())
	if own, sent := m.custom(); sent {
		all.Object(directory.Custom, own)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// gender: "0" is undefined, but also what new apps may get in place of the hidden value
// (wecom.md §1.5), as which it counts unless another hidden field is shown.
func (m member) gender() *string {
	switch sent := m.Text("gender"); {
	case sent == nil:
		return nil
	case *sent == "1":
		return new("male")
	case *sent == "2":
		return new("female")
	case m.Text("mobile") != nil:
		return new("")
	default:
		return nil
	}
}

// manager is the first of the direct leaders (wecom.md §3.3); nil if not sent or unusable.
func (m member) manager() *string {
	leaders, sent := m.List("direct_leader")
	switch {
	case !sent:
		return nil
	case len(leaders) == 0:
		return new("")
	}
	first, _ := record{"direct_leader": leaders[0]}.ID("direct_leader")
	if first == "" {
		return nil
	}
	return &first
}

// custom are the company's own fields by their names; anything but an object with a list of
// them counts as not sent. A text field has one text; of the other types the whole value is
// kept. Empty ones are left out.
func (m member) custom() (own map[string]any, sent bool) {
	attrs, sent := m.Object("extattr").List("attrs")
	own = map[string]any{}
	for _, entry := range attrs {
		attr, _ := wire.Object(entry)
		if value := valueOf(attr); attr.String("name") != "" && value != nil {
			own[attr.String("name")] = value
		}
	}
	return own, sent
}

// valueOf is the value of one of the company's own fields, nil if it has none. It stands
// under the name of its type (wecom.md §3.3).
func valueOf(attr record) any {
	if text := attr.Object("text"); text != nil {
		if value := text.String("value"); value != "" {
			return value
		}
		return nil
	}
	for _, kind := range []string{"web", "miniprogram"} {
		if value := attr.Object(kind); !normalize.Blank(value) {
			return map[string]any(value)
		}
	}
	return nil
}
