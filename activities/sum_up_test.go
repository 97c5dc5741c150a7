package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Each object is counted once, also when approving a hold changed some more.
func TestCountsOfAnApprovedHoldAddUp(t *testing.T) {
	t.Parallel()
	before := directory.Counts{
		Departments: directory.DepartmentCounts{Read: 5, Updated: 1, Unchanged: 4, Failed: 1},
		Members:     directory.MemberCounts{Read: 60, Created: 3, Unchanged: 56, Failed: 1},
	}
	now := directory.Counts{
		Departments: directory.DepartmentCounts{Updated: 1, Deleted: 11},
		Members:     directory.MemberCounts{Created: 3, Moved: 5, Deleted: 143, Failed: 4},
		Memberships: directory.MembershipCounts{Deleted: 168},
	}
	require.Equal(t, directory.Counts{
		Departments: directory.DepartmentCounts{Read: 5, Updated: 1, Deleted: 11, Unchanged: 4, Failed: 1},
		Members:     directory.MemberCounts{Read: 60, Created: 3, Moved: 5, Deleted: 143, Unchanged: 51, Failed: 4},
		Memberships: directory.MembershipCounts{Deleted: 168},
	}, sumUp(before, now))
}
