package provider

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

type dumpCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (dumpCommand) Help() string {
	return `Prints what the provider shows right now, one JSON document a line, as it is read: departments, members,
groups, what belongs to each group, administrators. It keeps to the call budget, stores nothing and changes nothing. A
member in several departments comes once for each. The lines contain personal data; what could not be read stands on
standard error, and the exit status is then 4.

Examples:

  orgsync provider dump acme > acme.ndjson
  orgsync provider dump acme | jq -c 'select(.object_type == "member") | .fields.name'`
}

// Dumped is a line: one object or place as the provider shows it. Ids are the provider's.
type Dumped struct {
	ObjectType string `json:"object_type"`
	ExternalID string `json:"external_id,omitempty"`
	UnionID    string `json:"unionid,omitempty"`
	OpenID     string `json:"open_id,omitempty"`
	// Of a place in a group, and of an administrator.
	GroupExternalID      string   `json:"group_external_id,omitempty"`
	MemberExternalID     string   `json:"member_external_id,omitempty"`
	DepartmentExternalID string   `json:"department_external_id,omitempty"`
	Scope                []string `json:"scope,omitempty"`
	// Fields are what orgsync makes of the record; those that were not sent are left out, and
	// one that was sent empty is null.
	Fields json.RawMessage `json:"fields,omitempty"`
	// DepartmentPlaces are those that this listing places a member in.
	DepartmentPlaces []DumpedPlace   `json:"department_places,omitempty"`
	Raw              json.RawMessage `json:"raw,omitempty"`
}

// DumpedPlace is a member's place in a department.
type DumpedPlace struct {
	DepartmentExternalID string `json:"department_external_id"`
	Leader               *bool  `json:"is_leader,omitempty"`
	SortOrder            *int64 `json:"sort_order,omitempty"`
}

// Run implements the command. It holds one record at a time.
func (c dumpCommand) Run(ctx context.Context, s *cli.Session) error {
	out := bufio.NewWriter(s.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	unread := 0
	err := s.Service.DumpProvider(ctx, c.Name, func(record service.DumpRecord) error {
		if record.Unread != nil {
			if !record.Unread.Forbidden {
				unread++
			}
			warnUnread(s, *record.Unread)
			return nil
		}
		s.BeginDocument()
		if err := encoder.Encode(dumpedOf(record)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	})
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("print: %w", flushed)
	}
	switch {
	case err != nil:
		return err
	case unread > 0:
		return cli.Ended(cli.ExitPartial)
	default:
		return nil
	}
}

func warnUnread(s *cli.Session, u service.Unread) {
	if u.Problem == nil {
		s.Warnf("%s: %s", u.Listing, u.Bad)
		return
	}
	s.Warnf("%s could not be read: %s", u.Listing, u.Problem.In(s.Language))
}

func dumpedOf(r service.DumpRecord) Dumped {
	switch {
	case r.Department != nil:
		return dumpedDepartment(*r.Department)
	case r.Member != nil:
		return dumpedMember(*r.Member)
	case r.Group != nil:
		return dumpedGroup(*r.Group)
	case r.Place != nil:
		made := Dumped{ObjectType: "group_membership", GroupExternalID: r.Place.Group,
			DepartmentExternalID: r.Place.Department}
		if m := r.Place.Member; m != nil {
			made.MemberExternalID, made.Scope = m.Member, m.Scope
		}
		return made
	default:
		return Dumped{ObjectType: "administrator", MemberExternalID: r.Administrator.Member,
			Fields: object(map[string]any{"level": r.Administrator.Level})}
	}
}

func dumpedDepartment(d directory.Department) Dumped {
	fields := map[string]any{}
	set(fields, "name", d.Name)
	set(fields, "sort_order", d.SortOrder)
	set(fields, "declared_members", d.DeclaredMembers)
	if d.ParentID != "" {
		fields["parent_external_id"] = d.ParentID
	}
	if d.Leaders != nil {
		fields["leaders"] = d.Leaders
	}
	return Dumped{ObjectType: "department", ExternalID: d.ExternalID, Fields: object(fields), Raw: d.Raw}
}

func dumpedMember(m directory.Member) Dumped {
	made := Dumped{ObjectType: "member", ExternalID: m.ExternalID, UnionID: m.UnionID, OpenID: m.OpenID,
		Fields: object(m.Sent()), Raw: m.Raw}
	for _, place := range m.Memberships {
		made.DepartmentPlaces = append(made.DepartmentPlaces, DumpedPlace{
			DepartmentExternalID: place.DepartmentID, Leader: place.Leader, SortOrder: place.SortOrder,
		})
	}
	return made
}

func dumpedGroup(g directory.Group) Dumped {
	fields := map[string]any{"kind": g.Kind}
	set(fields, "name", g.Name)
	set(fields, "category", g.Category)
	set(fields, "declared_members", g.DeclaredMembers)
	if len(g.Attributes) > 0 {
		fields["attributes"] = g.Attributes
	}
	return Dumped{ObjectType: "group", ExternalID: g.ExternalID, Fields: object(fields), Raw: g.Raw}
}

// object encodes fields, which are texts, numbers and JSON of the provider's own.
func object(fields map[string]any) json.RawMessage {
	encoded, err := json.Marshal(fields)
	if err != nil {
		panic("dump: " + err.Error()) // impossible: they were decoded from JSON
	}
	return encoded
}

// set puts a value that was sent among the fields.
func set[T any](fields map[string]any, name string, value *T) {
	if value != nil {
		fields[name] = *value
	}
}
