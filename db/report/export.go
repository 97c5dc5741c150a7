package report

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// ExportedDepartment is a department of the stored directory.
type ExportedDepartment struct {
	ID               string
	ExternalID       string
	ParentExternalID string
	Name             string
	Path             string
	MemberCount      int
	DirectCount      int
	SortOrder        *int64
	SyncedAt         time.Time
	// Raw is the provider's record, nil unless it was asked for.
	Raw json.RawMessage
}

// ExportedMember is a member of the stored directory.
type ExportedMember struct {
	MemberDetails
	// ManagerExternalID is empty if the provider names no manager.
	ManagerExternalID string
	DepartmentPath    string
	// AccountID is the linked account's, empty if there is none.
	AccountID string
	// InDepartments are the member's departments, as a list of objects.
	InDepartments json.RawMessage
	// Raw is the provider's record, nil unless it was asked for.
	Raw json.RawMessage
}

// ExportedGroup is a group of the stored directory.
type ExportedGroup struct {
	ID         string
	ExternalID string
	Kind       string
	Name       string
	// Category is empty where the provider has none.
	Category    string
	MemberCount int
	Attributes  json.RawMessage
	// Members and Departments are what belongs to the group directly, lists of external ids.
	Members     json.RawMessage
	Departments json.RawMessage
	SyncedAt    time.Time
	// Raw is the provider's record, nil unless it was asked for.
	Raw json.RawMessage
}

// How many rows are held at a time. A group's row lists its members.
const (
	exportRows   = 1000
	exportGroups = 20
)

// ExportDepartments calls emit with each department that is there. It sees the directory at
// one moment, and holds a bounded number of rows.
func (s *Store) ExportDepartments(
	ctx context.Context, providerID string, raw bool, emit func(ExportedDepartment) error,
) error {
	return s.export(ctx, exportRows, func(tx pgx.Tx, after string) (last string, n int, err error) {
		rows, err := s.q.ExportDepartments(ctx, tx, dbsqlc.ExportDepartmentsParams{
			ProviderID: &providerID, Raw: raw, After: after, MaxRows: exportRows,
		})
		if err != nil {
			return "", 0, pg.Interpret("export departments", err)
		}
		for _, r := range rows {
			last = r.ID
			if err := emit(ExportedDepartment{
				ID: r.ID, ExternalID: r.ExternalID, ParentExternalID: r.ParentExternalID, Name: r.Name, Path: r.Path,
				MemberCount: int(r.MemberCount), DirectCount: int(r.DirectMemberCount), SortOrder: r.SortOrder,
				SyncedAt: r.SyncedAt, Raw: r.RawData,
			}); err != nil {
				return "", 0, err
			}
		}
		return last, len(rows), nil
	})
}

// ExportMembers does the same with members.
func (s *Store) ExportMembers(
	ctx context.Context, providerID string, raw bool, emit func(ExportedMember) error,
) error {
	return s.export(ctx, exportRows, func(tx pgx.Tx, after string) (last string, n int, err error) {
		rows, err := s.q.ExportMembers(ctx, tx, dbsqlc.ExportMembersParams{
			ProviderID: &providerID, After: after, MaxRows: exportRows,
		})
		if err != nil {
			return "", 0, pg.Interpret("export members", err)
		}
		for _, r := range rows {
			m := r.OrgMember
			last = m.ID
			out := ExportedMember{
				MemberDetails: detailsOf(m), ManagerExternalID: r.Manager, DepartmentPath: m.DepartmentPath,
				AccountID: pg.OrZero(m.UserID), InDepartments: r.Departments,
			}
			if raw {
				out.Raw = m.RawData
			}
			if err := emit(out); err != nil {
				return "", 0, err
			}
		}
		return last, len(rows), nil
	})
}

// ExportGroups does the same with groups.
func (s *Store) ExportGroups(
	ctx context.Context, providerID string, raw bool, emit func(ExportedGroup) error,
) error {
	return s.export(ctx, exportGroups, func(tx pgx.Tx, after string) (last string, n int, err error) {
		rows, err := s.q.ExportGroups(ctx, tx, dbsqlc.ExportGroupsParams{
			ProviderID: &providerID, Raw: raw, After: after, MaxRows: exportGroups,
		})
		if err != nil {
			return "", 0, pg.Interpret("export groups", err)
		}
		for _, r := range rows {
			last = r.ID
			if err := emit(ExportedGroup{
				ID: r.ID, ExternalID: r.ExternalID, Kind: r.Kind, Name: r.Name, Category: r.Category,
				MemberCount: int(r.MemberCount), Attributes: r.Attributes, Members: r.Members,
				Departments: r.Departments, SyncedAt: r.SyncedAt, Raw: r.RawData,
			}); err != nil {
				return "", 0, err
			}
		}
		return last, len(rows), nil
	})
}

// export reads page after page of so many rows, each of the rows after the last one, at one
// moment.
func (s *Store) export(
	ctx context.Context, rows int, page func(tx pgx.Tx, after string) (last string, n int, err error),
) error {
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, s.pool.Pool, moment, func(tx pgx.Tx) error {
		after := uuid.Nil.String()
		for {
			last, n, err := page(tx, after)
			if err != nil || n < rows {
				return err
			}
			after = last
		}
	})
}
