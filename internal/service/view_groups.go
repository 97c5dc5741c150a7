package service

import (
	"context"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
)

// Rows of the lists about groups and administrators.
type (
	GroupRow         = pages.Group
	AdministratorRow = pages.Administrator
)

// ListGroups returns active groups by name, of one provider where its name is given.
func (v View) ListGroups(ctx context.Context, provider string, page Page) (Rows[GroupRow], error) {
	store, of, err := v.bounds(ctx, provider)
	if err != nil {
		return Rows[GroupRow]{}, err
	}
	return list(page, func(after GroupRow, limit int) ([]GroupRow, error) {
		return store.Pages.ListGroups(ctx, of, after, limit)
	}, func(g GroupRow) GroupRow { return GroupRow{ID: g.ID, Name: g.Name} })
}

// ShowGroup returns a group, and the departments that belong to it as a whole.
func (v View) ShowGroup(ctx context.Context, id string) (GroupRow, []GroupDepartment, error) {
	store, g, err := v.findGroup(ctx, id)
	if err != nil {
		return GroupRow{}, nil, err
	}
	departments, err := store.Report.ListGroupDepartments(ctx, id)
	return g, departments, err
}

// ListGroupMembers returns who belongs to a group, directly or through a department, by name.
func (v View) ListGroupMembers(ctx context.Context, id string, page Page) (Rows[MemberRow], error) {
	store, err := v.group(ctx, id)
	if err != nil {
		return Rows[MemberRow]{}, err
	}
	return list(page, func(after MemberRow, limit int) ([]MemberRow, error) {
		return store.Pages.ListGroupMembers(ctx, id, after, limit)
	}, keyOfMember)
}

// group returns an error unless there is a group with this id within reach.
func (v View) group(ctx context.Context, id string) (*db.Store, error) {
	store, _, err := v.findGroup(ctx, id)
	return store, err
}

func (v View) findGroup(ctx context.Context, id string) (*db.Store, GroupRow, error) {
	if err := checkID(GroupUnknown, id); err != nil {
		return nil, GroupRow{}, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, GroupRow{}, err
	}
	g, err := store.Pages.GetGroup(ctx, id)
	provider := ""
	if g.ProviderID != nil {
		provider = *g.ProviderID
	}
	return store, g, v.unlessForeign(err, GroupUnknown, id, g.TenantID, provider)
}

// ListAdministrators returns administrators by name, of one provider where its name is given.
func (v View) ListAdministrators(ctx context.Context, provider string, page Page) (Rows[AdministratorRow], error) {
	store, of, err := v.bounds(ctx, provider)
	if err != nil {
		return Rows[AdministratorRow]{}, err
	}
	return list(page, func(after AdministratorRow, limit int) ([]AdministratorRow, error) {
		return store.Pages.ListAdministrators(ctx, of, after, limit)
	}, func(a AdministratorRow) AdministratorRow {
		return AdministratorRow{MemberID: a.MemberID, Name: a.Name, Source: a.Source}
	})
}

// NameAdministrator starts a run that makes a member an administrator by this installation's
// own word, or (named is false) none any more.
func (v View) NameAdministrator(ctx context.Context, memberID string, named bool, by By) (Execution, error) {
	_, m, err := v.member(ctx, memberID)
	if err != nil {
		return Execution{}, err
	}
	in := SetAdministratorsInput{Provider: m.ProviderName, By: by}
	if named {
		in.Add = []string{m.ExternalID}
	} else {
		in.Remove = []string{m.ExternalID}
	}
	return v.s.StartSetAdministrators(ctx, in)
}
