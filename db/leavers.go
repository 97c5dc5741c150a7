package db

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// Leavers are what a held run would remove, by name, for whoever decides: never for
// Temporal, logs or messages.
type Leavers struct {
	// People are grouped by their department, the one first that loses most.
	People []LeavingPerson
	// Departments come with the largest first.
	Departments []LeavingDepartment
	// Places are those that people lose who stay.
	Places []LostPlace
	// Groups come with the largest first.
	Groups []LeavingGroup
	// GroupPlaces are those that members and departments lose who stay, in groups that stay.
	GroupPlaces []LostGroupPlace
	// Administrators are members who stay, and administer the company no longer.
	Administrators []LeavingAdministrator
}

// LeavingGroup is a group that would be removed.
type LeavingGroup struct {
	ExternalID string
	Name       string
	// Members is how many active people belong to it.
	Members int
	Reason  string
}

// LostGroupPlace is the place of a member or a department in a group that stays.
type LostGroupPlace struct {
	// Kind says what loses it: a member or a department.
	Kind       directory.Kind
	ExternalID string
	Name       string
	Group      string
	GroupName  string
	Reason     string
}

// LeavingAdministrator is a member who is no administrator any more.
type LeavingAdministrator struct {
	ExternalID string
	Name       string
	Level      string
	Reason     string
}

// LeavingPerson is somebody who would be removed.
type LeavingPerson struct {
	ExternalID string
	Name       string
	// Department is the person's own, by its external id, and Path where it is; both are
	// empty of somebody without one.
	Department string
	Path       string
	Reason     string
	// Going is how many people leave that department, and There how many active ones are
	// directly in it.
	Going int
	There int
}

// LeavingDepartment is a department that would be removed.
type LeavingDepartment struct {
	ExternalID string
	Name       string
	Path       string
	// Members is how many active people are in it and below.
	Members int
	Reason  string
}

// LostPlace is a place in a department that somebody would lose who stays.
type LostPlace struct {
	ExternalID string
	Name       string
	Department string
	Path       string
	Reason     string
}

// Few bounds how much of a list is read: so many rows, of people so many of each
// department. The zero value means everything.
type Few struct{ Rows, Each int }

func orEverything(n int) int32 {
	if n == 0 {
		return math.MaxInt32
	}
	return int32(n)
}

// Leavers returns what a run would still remove.
func (s *Store) Leavers(ctx context.Context, runID string, few Few) (Leavers, error) {
	out := Leavers{
		People: []LeavingPerson{}, Departments: []LeavingDepartment{}, Places: []LostPlace{},
		Groups: []LeavingGroup{}, GroupPlaces: []LostGroupPlace{}, Administrators: []LeavingAdministrator{},
	}
	rows := orEverything(few.Rows)
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error {
			people, err := s.q.LeaversOfMembers(ctx, tx, dbsqlc.LeaversOfMembersParams{
				RunID: runID, Each: int64(orEverything(few.Each)), MaxRows: rows,
			})
			if err != nil {
				return err
			}
			for _, p := range people {
				out.People = append(out.People, LeavingPerson{
					ExternalID: p.ExternalID, Name: p.Name, Department: p.Department, Path: p.Path, Reason: p.Reason,
					Going: int(p.Going), There: int(p.There),
				})
			}
			departments, err := s.q.LeaversOfDepartments(ctx, tx, dbsqlc.LeaversOfDepartmentsParams{
				RunID: runID, MaxRows: rows,
			})
			if err != nil {
				return err
			}
			for _, d := range departments {
				out.Departments = append(out.Departments, LeavingDepartment{
					ExternalID: d.ExternalID, Name: d.Name, Path: d.Path, Members: int(d.MemberCount), Reason: d.Reason,
				})
			}
			places, err := s.q.LeaversOfPlaces(ctx, tx, dbsqlc.LeaversOfPlacesParams{RunID: runID, MaxRows: rows})
			for _, p := range places {
				out.Places = append(out.Places,
					LostPlace{ExternalID: p.ExternalID, Name: p.Name, Department: p.Department, Path: p.Path,
						Reason: p.Reason})
			}
			if err != nil {
				return err
			}
			return s.groupLeavers(ctx, tx, runID, rows, &out)
		})
	return out, interpret("read planned removals", err)
}

// groupLeavers adds what a run would remove of groups and administrators.
func (s *Store) groupLeavers(ctx context.Context, tx pgx.Tx, runID string, rows int32, out *Leavers) error {
	groups, err := s.q.LeaversOfGroups(ctx, tx, dbsqlc.LeaversOfGroupsParams{RunID: runID, MaxRows: rows})
	if err != nil {
		return err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, LeavingGroup{
			ExternalID: g.ExternalID, Name: g.Name, Members: int(g.MemberCount), Reason: g.Reason,
		})
	}
	places, err := s.q.LeaversOfGroupPlaces(ctx, tx, dbsqlc.LeaversOfGroupPlacesParams{RunID: runID, MaxRows: rows})
	if err != nil {
		return err
	}
	for _, p := range places {
		out.GroupPlaces = append(out.GroupPlaces, LostGroupPlace{
			Kind: directory.Kind(p.Kind), ExternalID: p.ExternalID, Name: p.Name, Group: p.GroupExternalID,
			GroupName: p.GroupName, Reason: p.Reason,
		})
	}
	administrators, err := s.q.LeaversOfAdministrators(ctx, tx,
		dbsqlc.LeaversOfAdministratorsParams{RunID: runID, MaxRows: rows})
	for _, a := range administrators {
		out.Administrators = append(out.Administrators, LeavingAdministrator(a))
	}
	return err
}
