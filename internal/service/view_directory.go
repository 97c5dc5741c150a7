package service

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/pages"
)

// Rows of the lists about the directory.
type (
	DepartmentRow   = pages.Department
	MemberRow       = pages.Member
	MemberChangeRow = pages.MemberChange
)

// ListTopDepartments returns a provider's departments that have none above them, in the
// provider's order.
func (v View) ListTopDepartments(ctx context.Context, provider string, page Page) (Rows[DepartmentRow], error) {
	store, of, err := v.bounds(ctx, provider)
	if err != nil {
		return Rows[DepartmentRow]{}, err
	}
	return children(ctx, store, of.ProviderID, "", page)
}

// ListChildDepartments returns the active departments directly below one, in the provider's
// order. provider, if given, must be the department's.
func (v View) ListChildDepartments(ctx context.Context, provider, id string, page Page) (Rows[DepartmentRow], error) {
	store, parent, _, err := v.department(ctx, id)
	if err == nil && provider != "" {
		var of pages.Bounds
		if _, of, err = v.bounds(ctx, provider); err == nil && of.ProviderID != *parent.ProviderID {
			err = &Error{Code: DepartmentUnknown, Args: Args{Text: id}}
		}
	}
	if err != nil {
		return Rows[DepartmentRow]{}, err
	}
	return children(ctx, store, *parent.ProviderID, id, page)
}

func children(ctx context.Context, store *db.Store, providerID, parentID string, page Page) (Rows[DepartmentRow],
	error) {
	return list(page, func(after DepartmentRow, limit int) ([]DepartmentRow, error) {
		return store.Pages.ListDepartments(ctx, providerID, parentID, after, limit)
	}, func(d DepartmentRow) DepartmentRow {
		return DepartmentRow{ID: d.ID, Name: d.Name, SortOrder: d.SortOrder}
	})
}

// GetDepartment returns one department, deleted or not, and the provider's record of it for those
// who may see that.
func (v View) GetDepartment(ctx context.Context, id string) (DepartmentRow, json.RawMessage, error) {
	_, department, raw, err := v.department(ctx, id)
	return department, raw, err
}

func (v View) department(ctx context.Context, id string) (*db.Store, DepartmentRow, json.RawMessage, error) {
	if err := checkID(DepartmentUnknown, id); err != nil {
		return nil, DepartmentRow{}, nil, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, DepartmentRow{}, nil, err
	}
	found, raw, err := store.Pages.GetDepartment(ctx, id)
	provider := ""
	if found.ProviderID != nil {
		provider = *found.ProviderID
	}
	if !v.raw {
		raw = nil
	}
	return store, found, raw, v.unlessForeign(err, DepartmentUnknown, id, found.TenantID, provider)
}

// ListDepartmentMembers returns the members directly in a department, by name.
func (v View) ListDepartmentMembers(ctx context.Context, id string, page Page) (Rows[MemberRow], error) {
	store, _, _, err := v.department(ctx, id)
	if err != nil {
		return Rows[MemberRow]{}, err
	}
	return list(page, func(after MemberRow, limit int) ([]MemberRow, error) {
		return store.Pages.ListDepartmentMembers(ctx, id, after, limit)
	}, keyOfMember)
}

func keyOfMember(m MemberRow) MemberRow {
	key := MemberRow{Grade: m.Grade, Key: m.Key}
	key.ID, key.Name, key.ProviderID = m.ID, m.Name, m.ProviderID
	return key
}

// ListMembersInput says which members are wanted; what is empty limits nothing.
type ListMembersInput struct {
	Provider string
	// Text is what pages.MembersOf says of it.
	Text         string
	DepartmentID string
	GroupID      string
	// Status is empty for all that are not deleted.
	Status       string
	UpdatedSince *time.Time
	Page
}

// ListMembers returns members, exact and leading hits first where a text is searched for.
func (v View) ListMembers(ctx context.Context, in ListMembersInput) (Rows[MemberRow], error) {
	store, bounds, err := v.bounds(ctx, in.Provider)
	if err == nil && in.DepartmentID != "" {
		_, _, _, err = v.department(ctx, in.DepartmentID)
	}
	if err == nil && in.GroupID != "" {
		_, err = v.group(ctx, in.GroupID)
	}
	if err != nil {
		return Rows[MemberRow]{}, err
	}
	of := pages.MembersOf{
		Bounds: bounds, Text: in.Text, DepartmentID: in.DepartmentID, GroupID: in.GroupID, Status: in.Status,
		UpdatedSince: in.UpdatedSince,
	}
	return list(in.Page, func(after MemberRow, limit int) ([]MemberRow, error) {
		return store.Pages.ListMembers(ctx, of, after, limit)
	}, keyOfMember)
}

// MemberResult is one member with everything known of them.
type MemberResult struct {
	MemberRow
	Details   Member
	Signature Signature
	// RawData is the provider's record, for those who may see it.
	RawData json.RawMessage
}

// GetMember returns one member, deleted or not.
func (v View) GetMember(ctx context.Context, id string) (MemberResult, error) {
	store, m, err := v.member(ctx, id)
	if err != nil {
		return MemberResult{}, err
	}
	out := MemberResult{MemberRow: m}
	if v.raw {
		if out.RawData, err = store.GetMemberRecord(ctx, id); err != nil {
			return MemberResult{}, err
		}
	}
	if out.Details, err = store.Report.GetMember(ctx, id); err != nil {
		return MemberResult{}, err
	}
	out.Signature, err = store.GetSignature(ctx, id)
	return out, err
}

func (v View) member(ctx context.Context, id string) (*db.Store, MemberRow, error) {
	if err := checkID(MemberUnknown, id); err != nil {
		return nil, MemberRow{}, err
	}
	store, err := v.s.openStore(ctx)
	if err != nil {
		return nil, MemberRow{}, err
	}
	m, err := store.Pages.GetMember(ctx, id)
	provider := ""
	if m.ProviderID != nil {
		provider = *m.ProviderID
	}
	return store, m, v.unlessForeign(err, MemberUnknown, id, m.ProviderTenantID, provider)
}

// ListMemberHistory returns what runs changed of a member and their memberships, the latest first.
func (v View) ListMemberHistory(ctx context.Context, id string, page Page) (Rows[MemberChangeRow], error) {
	store, _, err := v.member(ctx, id)
	if err != nil {
		return Rows[MemberChangeRow]{}, err
	}
	return list(page, func(before MemberChangeRow, limit int) ([]MemberChangeRow, error) {
		return store.Pages.ListMemberChanges(ctx, id, v.raw, before, limit)
	}, func(c MemberChangeRow) MemberChangeRow {
		return MemberChangeRow{Generation: c.Generation, ID: c.ID}
	})
}
