package service

import (
	"context"

	"github.com/orgsync/orgsync/db/report"
)

// ExportedDepartment and ExportedMember are what an export emits.
type (
	ExportedDepartment = report.ExportedDepartment
	ExportedMember     = report.ExportedMember
)

// ExportInput asks for the stored directory of a provider. A kind without a function to emit
// it is left out.
type ExportInput struct {
	Provider string
	// Raw asks for the provider's records.
	Raw         bool
	Departments func(ExportedDepartment) error
	Members     func(ExportedMember) error
}

// Export emits the departments and members of the stored directory that are there, one after
// the other. It holds a bounded number of them. An error of emitting ends it.
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
		return store.Report.ExportMembers(ctx, p.ID, in.Raw, in.Members)
	}
	return nil
}
