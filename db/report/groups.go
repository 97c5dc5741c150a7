package report

import (
	"context"
	"encoding/json"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Group is a role, user group or tag.
type Group struct {
	ID, ExternalID, Kind, Name, Category string
	// Members are the distinct active ones, those who belong through a department included.
	Members int
	// Attributes are the facts without a column of their own: a JSON object.
	Attributes json.RawMessage
}

// GroupContent is who and what belongs to a group.
type GroupContent struct {
	Group
	// Departments belong as a whole, with all below them.
	Departments []GroupDepartment
	People      []GroupPerson
}

// GroupDepartment is a department that belongs to a group.
type GroupDepartment struct {
	ID, ExternalID, Name, Path string
}

// GroupPerson is a member who belongs to a group.
type GroupPerson struct {
	ID, ExternalID, Name, Status, DepartmentPath string
	// Direct is false of a member who belongs through a department alone.
	Direct bool
	// Scope are the departments that a role holder manages.
	Scope []string
}

// MemberGroup is a group to which a member belongs.
type MemberGroup struct {
	ID, ExternalID, Kind, Name, Category string
	Direct                               bool
}

// Administrator is a member who administers the company's account.
type Administrator struct {
	ID, ExternalID, Name, Status string
	// Source is provider or local, Level main, sub, admin or the provider's own word.
	Source, Level string
}

// ListGroups returns all groups of a provider.
func (s *Store) ListGroups(ctx context.Context, providerID string) ([]Group, error) {
	rows, err := s.q.ListGroups(ctx, s.pool, &providerID)
	groups := make([]Group, len(rows))
	for i, r := range rows {
		groups[i] = groupOf(dbsqlc.FindGroupsRow(r))
	}
	return groups, pg.Interpret("list groups", err)
}

// FindGroups returns the groups that a text means, by id or else by name.
func (s *Store) FindGroups(ctx context.Context, providerID, text string) ([]Group, error) {
	rows, err := s.q.FindGroups(ctx, s.pool, dbsqlc.FindGroupsParams{ProviderID: &providerID, Text: text})
	groups := make([]Group, len(rows))
	for i, r := range rows {
		groups[i] = groupOf(r)
	}
	return groups, pg.Interpret("find group", err)
}

func groupOf(r dbsqlc.FindGroupsRow) Group {
	return Group{
		ID: r.ID, ExternalID: r.ExternalID, Kind: r.Kind, Name: r.Name, Category: pg.OrZero(r.Category),
		Members: int(r.MemberCount), Attributes: r.Attributes,
	}
}

// GetGroupContent returns who and what belongs to a group.
func (s *Store) GetGroupContent(ctx context.Context, group Group) (GroupContent, error) {
	content := GroupContent{Group: group, People: []GroupPerson{}}
	var err error
	if content.Departments, err = s.ListGroupDepartments(ctx, group.ID); err != nil {
		return content, err
	}
	people, err := s.q.ListGroupPeople(ctx, s.pool, group.ID)
	for _, p := range people {
		content.People = append(content.People, GroupPerson(p))
	}
	return content, pg.Interpret("list people of group", err)
}

// ListGroupDepartments returns the departments that belong to a group as a whole.
func (s *Store) ListGroupDepartments(ctx context.Context, groupID string) ([]GroupDepartment, error) {
	rows, err := s.q.ListGroupDepartments(ctx, s.pool, groupID)
	departments := make([]GroupDepartment, len(rows))
	for i, d := range rows {
		departments[i] = GroupDepartment(d)
	}
	return departments, pg.Interpret("list departments of group", err)
}

// ListAdministrators returns a provider's administrators by source.
func (s *Store) ListAdministrators(ctx context.Context, providerID string) ([]Administrator, error) {
	rows, err := s.q.ListAdministrators(ctx, s.pool, providerID)
	administrators := make([]Administrator, len(rows))
	for i, r := range rows {
		administrators[i] = Administrator(r)
	}
	return administrators, pg.Interpret("list administrators", err)
}

// memberGroups returns the groups to which a member belongs.
func (s *Store) memberGroups(ctx context.Context, memberID string) ([]MemberGroup, error) {
	rows, err := s.q.ListMemberGroups(ctx, s.pool, memberID)
	groups := make([]MemberGroup, len(rows))
	for i, r := range rows {
		groups[i] = MemberGroup{
			ID: r.ID, ExternalID: r.ExternalID, Kind: r.Kind, Name: r.Name, Category: pg.OrZero(r.Category),
			Direct: r.Direct,
		}
	}
	return groups, pg.Interpret("list groups of member", err)
}
