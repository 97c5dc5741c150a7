package service

import (
	"context"

	"github.com/orgsync/orgsync/db/report"
)

// ExportedDepartment, ExportedMember and ExportedGroup are what an export emits.
type (
	ExportedDepartment = report.ExportedDepartment
	ExportedMember     = report.ExportedMember
	ExportedGroup      = report.ExportedGroup
)

// ExportInput asks for the stored directory of a provider. A kind without a function to emit
// it is left out.
type ExportInput struct {
	Provider string
	// Raw asks for the provider's records.
	Raw         bool
	Departments func(ExportedDepartment) error
	Members     func(ExportedMember) error
	Groups      func(ExportedGroup) error
}

// Export emits the departments, members and groups of the stored directory that are there, one
// after the other. It holds a bounded number of them. An error of emitting ends it.
func (s *Service) Export(ctx context.Context, in ExportInput) error {
	store, p, err := s.openProvider(ctx, in.Provider)
	if err != nil {
		return err
	}
	if in.Departments != nil {
		if err := store.Report.ExportDepartments(ctx, p.ID, in.Raw, in.Departments); err != nil {
			return err
		}
	}
	if in.Members != nil {
		if err := store.Report.ExportMembers(ctx, p.ID, in.Raw, in.Members); err != nil {
			return err
		}
	}
	if in.Groups != nil {
		return store.Report.ExportGroups(ctx, p.ID, in.Raw, in.Groups)
	}
	return nil
}
