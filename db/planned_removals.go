package db

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// PlannedRemovals are what a held run would remove, by name, for the person who decides: never for
// Temporal, logs or messages.
type PlannedRemovals struct {
	// People are grouped by their department, the one first that loses most.
	People []PlannedMember
	// Departments come with the largest first.
	Departments []PlannedDepartment
	// Places are those that people lose who stay.
	Places []PlannedMembership
	// Groups come with the largest first.
	Groups []PlannedGroup
	// GroupPlaces are those that members and departments lose who stay, in groups that stay.
	GroupPlaces []PlannedGroupMembership
	// Administrators are members who stay, and administer the company no longer.
	Administrators []PlannedAdministrator
}

// PlannedGroup is a group that would be removed.
type PlannedGroup struct {
	ExternalID string
	Name       string
	// Members is how many active people belong to it.
	Members int
	Reason  string
}

// PlannedGroupMembership is the place of a member or a department in a group that stays.
type PlannedGroupMembership struct {
	// Kind says what loses it: a member or a department.
	Kind       directory.Kind
	ExternalID string
	Name       string
	Group      string
	GroupName  string
	Reason     string
}

// PlannedAdministrator is a member who is no administrator any more.
type PlannedAdministrator struct {
	ExternalID string
	Name       string
	Level      string
	Reason     string
}

// PlannedMember is a member who would be removed.
type PlannedMember struct {
	ExternalID string
	Name       string
	// Department is the person's own, by its external id, and Path where it is; both are
	// empty of a member without one.
	Department string
	Path       string
	Reason     string
	// Going is how many people leave that department, and There how many active ones are
	// directly in it.
	Going int
	There int
}

// PlannedDepartment is a department that would be removed.
type PlannedDepartment struct {
	ExternalID string
	Name       string
	Path       string
	// Members is how many active people are in it and below.
	Members int
	Reason  string
}

// PlannedMembership is a membership that a member who stays would lose.
type PlannedMembership struct {
	ExternalID string
	Name       string
	Department string
	Path       string
	Reason     string
}

// RemovalsLimit bounds how much of a list is read: so many rows, of people so many of each
// department. The zero value means everything.
type RemovalsLimit struct{ Rows, Each int }

func orEverything(n int) int32 {
	if n == 0 {
		return math.MaxInt32
	}
	return int32(n)
}

// ListPlannedRemovals returns what a run would still remove.
func (s *Store) ListPlannedRemovals(ctx context.Context, runID string, limit RemovalsLimit) (PlannedRemovals, error) {
	out := PlannedRemovals{
		People: []PlannedMember{}, Departments: []PlannedDepartment{}, Places: []PlannedMembership{},
		Groups: []PlannedGroup{}, GroupPlaces: []PlannedGroupMembership{}, Administrators: []PlannedAdministrator{},
	}
	rows := orEverything(limit.Rows)
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error {
			people, err := s.q.ListPlannedMembers(ctx, tx, dbsqlc.ListPlannedMembersParams{
				RunID: runID, Each: int64(orEverything(limit.Each)), MaxRows: rows,
			})
			if err != nil {
				return err
			}
			for _, p := range people {
				out.People = append(out.People, PlannedMember{
					ExternalID: p.ExternalID, Name: p.Name, Department: p.Department, Path: p.Path, Reason: p.Reason,
					Going: int(p.Going), There: int(p.There),
				})
			}
			departments, err := s.q.ListPlannedDepartments(ctx, tx, dbsqlc.ListPlannedDepartmentsParams{
				RunID: runID, MaxRows: rows,
			})
			if err != nil {
				return err
			}
			for _, d := range departments {
				out.Departments = append(out.Departments, PlannedDepartment{
					ExternalID: d.ExternalID, Name: d.Name, Path: d.Path, Members: int(d.MemberCount), Reason: d.Reason,
				})
			}
			places, err := s.q.ListPlannedMemberships(ctx, tx,
				dbsqlc.ListPlannedMembershipsParams{RunID: runID, MaxRows: rows})
			for _, p := range places {
				out.Places = append(out.Places,
					PlannedMembership{ExternalID: p.ExternalID, Name: p.Name, Department: p.Department, Path: p.Path,
						Reason: p.Reason})
			}
			if err != nil {
				return err
			}
			return s.groupRemovals(ctx, tx, runID, rows, &out)
		})
	return out, interpret("read planned removals", err)
}

// groupRemovals adds what a run would remove of groups and administrators.
func (s *Store) groupRemovals(ctx context.Context, tx pgx.Tx, runID string, rows int32, out *PlannedRemovals) error {
	groups, err := s.q.ListPlannedGroups(ctx, tx, dbsqlc.ListPlannedGroupsParams{RunID: runID, MaxRows: rows})
	if err != nil {
		return err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, PlannedGroup{
			ExternalID: g.ExternalID, Name: g.Name, Members: int(g.MemberCount), Reason: g.Reason,
		})
	}
	places, err := s.q.ListPlannedGroupMemberships(ctx, tx,
		dbsqlc.ListPlannedGroupMembershipsParams{RunID: runID, MaxRows: rows})
	if err != nil {
		return err
	}
	for _, p := range places {
		out.GroupPlaces = append(out.GroupPlaces, PlannedGroupMembership{
			Kind: directory.Kind(p.Kind), ExternalID: p.ExternalID, Name: p.Name, Group: p.GroupExternalID,
			GroupName: p.GroupName, Reason: p.Reason,
		})
	}
	administrators, err := s.q.ListPlannedAdministrators(ctx, tx,
		dbsqlc.ListPlannedAdministratorsParams{RunID: runID, MaxRows: rows})
	for _, a := range administrators {
		out.Administrators = append(out.Administrators, PlannedAdministrator(a))
	}
	return err
}
