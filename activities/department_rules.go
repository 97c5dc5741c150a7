package activities

import (
	"context"
	"slices"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// scopeSide says on which side of the scope a department is.
type scopeSide int

const (
	// sideUnknown: neither the run's tree nor the directory has the department.
	sideUnknown scopeSide = iota
	inside
	outside
)

// leaveOutDepartments takes from members the departments that the rules leave out, and marks
// those as out of scope who are in no other. Listings of such departments are not read; but
// some lists name all departments of a member, and so do records that are read by their ids.
// One that is not known may be a new one inside: it brings in no member and keeps who is there.
func (r *providerSession) leaveOutDepartments(
	ctx context.Context, run *runRules, members []db.StagedMember, stored []db.StoredState,
) error {
	if !run.Scope.Limited() {
		return nil
	}
	if err := r.findSides(ctx, run, members); err != nil {
		return err
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	for i := range members {
		m := &members[i]
		if len(m.Memberships) == 0 {
			continue
		}
		in := func(where scopeSide) bool {
			return slices.ContainsFunc(m.Memberships, func(x directory.Membership) bool {
				return run.sides[x.DepartmentID] == where
			})
		}
		if !in(inside) && !(in(sideUnknown) && stored[i].There) {
			m.OutOfScope = true
		}
		m.Memberships = slices.DeleteFunc(slices.Clone(m.Memberships), func(x directory.Membership) bool {
			return run.sides[x.DepartmentID] == outside
		})
	}
	return nil
}

// findSides finds on which side departments are that were not asked for so far.
func (r *providerSession) findSides(ctx context.Context, run *runRules, members []db.StagedMember) error {
	run.mu.Lock()
	defer run.mu.Unlock()
	unknown := map[string]bool{}
	var ids []string
	for _, m := range members {
		for _, x := range m.Memberships {
			if _, found := run.sides[x.DepartmentID]; !found && !unknown[x.DepartmentID] {
				unknown[x.DepartmentID], ids = true, append(ids, x.DepartmentID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := r.store.ListAncestors(ctx, r.provider.ID, r.runID, ids)
	for id, department := range found {
		run.sides[id] = run.sideOf(department)
	}
	return err
}

func (run *runRules) sideOf(d db.Ancestors) scopeSide {
	among := func(ids []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(d.IDs, id) })
	}
	switch {
	case among(run.Scope.Exclude):
		return outside
	case !d.Known:
		return sideUnknown
	case len(run.Scope.Include) > 0 && !among(run.Scope.Include):
		return outside
	default:
		return inside
	}
}
