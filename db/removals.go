package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// RemovalPlan is what a run found to be gone, against what is there.
type RemovalPlan struct {
	Members     int
	Departments int
	Memberships int
	// UnconfirmedMembers and UnconfirmedDepartments no complete scope shows any more, but
	// they may be in one that was not read: to be looked up one by one or left alone.
	UnconfirmedMembers     int
	UnconfirmedDepartments int
	// MembersThere and DepartmentsThere are the active ones before removing.
	MembersThere     int
	DepartmentsThere int
	Guard            directory.Guard
	// Incomplete is true if any scope was not read to the end or is contradicted
	// by the provider's own figures.
	Incomplete bool
	// Doubts is how many are to be looked up before the plan stands.
	Doubts int
	// read is true if every scope was read to the end.
	read bool
}

// Total is how many objects would be removed.
func (p RemovalPlan) Total() int { return p.Members + p.Departments + p.Memberships }

// Unconfirmed is how many objects are to be looked up or left alone.
func (p RemovalPlan) Unconfirmed() int { return p.UnconfirmedMembers + p.UnconfirmedDepartments }

// membersBeyond reports whether more people may go than the guard lets pass.
func (p RemovalPlan) membersBeyond() bool {
	return p.Members+p.UnconfirmedMembers > p.Guard.Members.Of(p.MembersThere)
}

func (p RemovalPlan) departmentsBeyond() bool {
	return p.Departments+p.UnconfirmedDepartments > p.Guard.Departments.Of(p.DepartmentsThere)
}

// PlanRemovals compares the directory with the snapshot inside the scopes that were
// read to the end and writes down what is gone. Where something is to be looked up first,
// the plan stands only once JudgeRemovals has judged it; Doubts lists what. It removes
// nothing, and planning again starts over, but asks nothing twice.
func (s *Store) PlanRemovals(ctx context.Context, runID string, sight Sight) (RemovalPlan, error) {
	var plan RemovalPlan
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) (err error) {
		if run.Mode == "plan" {
			return nil
		}
		if plan, err = s.planRemovals(ctx, tx, run, runID); err != nil {
			return err
		}
		ask, err := s.doubt(ctx, tx, runID, plan)
		if err != nil {
			return err
		}
		if ask.any() {
			plan.Doubts, err = s.noteDoubts(ctx, tx, runID, ask)
			return err
		}
		plan, err = s.judged(ctx, tx, run, runID, sight, plan)
		return err
	})
	return plan, interpret("plan removals", err)
}

// judged is the plan once it is judged. One that is empty is as good as judged.
func (s *Store) judged(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string, sight Sight, plan RemovalPlan) (RemovalPlan, error) {
	if plan.Total()+plan.Unconfirmed() == 0 {
		if run.Mode == "apply" {
			return plan, s.keepCandidates(ctx, tx, run, runID, sight, missed{})
		}
		return plan, nil
	}
	figures, err := s.judge(ctx, tx, run, runID, sight)
	figures.Incomplete = plan.Incomplete
	return figures, err
}

func (s *Store) planRemovals(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string) (RemovalPlan, error) {
	if err := s.planFor(ctx, tx, everything); err != nil {
		return RemovalPlan{}, err
	}
	if err := s.q.RemovalsClear(ctx, tx, runID); err != nil {
		return RemovalPlan{}, err
	}
	if run.Singly {
		return s.planPeople(ctx, tx, run, runID)
	}
	if err := s.q.LedgerCover(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("cover: %w", err)
	}
	if _, err := s.q.LedgerFailUnread(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("mark unread: %w", err)
	}
	if _, err := s.q.LedgerFailUnapplied(ctx, tx, runID); err != nil {
		return RemovalPlan{}, fmt.Errorf("mark unapplied: %w", err)
	}
	listed, err := s.q.LedgerIsRead(ctx, tx, runID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("ledger: %w", err)
	}
	if _, err := s.q.RemovalsPlanMemberships(ctx, tx, runID, &run.ProviderID, listed && run.Whole); err != nil {
		return RemovalPlan{}, fmt.Errorf("memberships: %w", err)
	}
	if err := s.dropContradicted(ctx, tx, run, runID); err != nil {
		return RemovalPlan{}, err
	}
	scope, err := s.q.Completeness(ctx, tx, runID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("completeness: %w", err)
	}
	read, err := s.q.MembersRead(ctx, tx, runID, &run.ProviderID)
	if err != nil {
		return RemovalPlan{}, fmt.Errorf("count read: %w", err)
	}
	// Fewer people than the provider itself counts: the listings may have left out
	// departments, so nobody counts as gone without being looked up.
	short := scope.MembersDeclared > read.Seen+read.Undecided
	treeRead := scope.ChildrenIncomplete == 0 && !short
	everythingRead := treeRead && scope.MembersIncomplete == 0
	listingsEnded := scope.ChildrenIncomplete+scope.MembersIncomplete == 0
	if err := s.planMissing(ctx, tx, dbsqlc.RemovalsPlanMembersParams{
		RunID: runID, EverythingRead: everythingRead, ListingsEnded: listingsEnded, ProviderID: &run.ProviderID,
	}); err != nil {
		return RemovalPlan{}, fmt.Errorf("members: %w", err)
	}
	if _, err := s.q.RemovalsPlanDepartments(ctx, tx, dbsqlc.RemovalsPlanDepartmentsParams{
		RunID: runID, TreeRead: treeRead, ListingsEnded: listingsEnded, ProviderID: &run.ProviderID,
	}); err != nil {
		return RemovalPlan{}, err
	}
	if _, err := s.q.RemovalsPlanDependents(ctx, tx, runID, run.ProviderID); err != nil {
		return RemovalPlan{}, err
	}
	if err := s.q.RunSetSeen(ctx, tx, read.Seen, runID); err != nil {
		return RemovalPlan{}, err
	}
	plan, err := s.removalFigures(ctx, tx, run.ProviderID, runID)
	plan.Incomplete, plan.read = !everythingRead, listingsEnded
	return plan, err
}

// planMissing plans the removal of members whom no listing shows. Only those who are
// missed in a department, or have none, can be such, and are looked at one by one.
func (s *Store) planMissing(ctx context.Context, tx pgx.Tx, params dbsqlc.RemovalsPlanMembersParams) (err error) {
	if params.PlacedNowhere, err = s.q.MembersPlacedNowhere(ctx, tx, params.ProviderID); err != nil {
		return err
	}
	if err := s.planFor(ctx, tx, batch); err != nil {
		return err
	}
	if _, err := s.q.RemovalsPlanMembers(ctx, tx, params); err != nil {
		return err
	}
	return s.planFor(ctx, tx, everything)
}

// dropContradicted takes back what was planned in departments whose listing the
// provider's own count contradicts, and notes why: they do not count as read.
func (s *Store) dropContradicted(ctx context.Context, tx pgx.Tx, run dbsqlc.FenceHoldRow, runID string) error {
	contradicted, err := s.q.ContradictedScopes(ctx, tx, runID, &run.ProviderID)
	if err != nil {
		return fmt.Errorf("contradictions: %w", err)
	}
	if len(contradicted) == 0 {
		return nil
	}
	var departments []string
	for _, c := range contradicted {
		departments = append(departments, c.ExternalID)
		problem := fmt.Sprintf("people are missing from the list, but the provider counts %d in and below the department and only %d were read; nothing was removed there", c.Declared, c.Read)
		declared := int(c.Declared)
		if err := s.q.LedgerMembersFail(ctx, tx, dbsqlc.LedgerMembersFailParams{
			RunID: runID, ExternalID: c.ExternalID, Error: &problem, MembersDeclared: int32Of(&declared),
		}); err != nil {
			return err
		}
	}
	return s.q.RemovalsDropScopes(ctx, tx, runID, &run.ProviderID, departments)
}

// removalFigures are the figures of a plan, against how many active members and
// departments there are.
func (s *Store) removalFigures(ctx context.Context, tx dbsqlc.DBTX, providerID, runID string) (RemovalPlan, error) {
	f, err := s.q.RemovalFigures(ctx, tx, runID, &providerID)
	return RemovalPlan{
		Members: int(f.Members), Departments: int(f.Departments), Memberships: int(f.Memberships),
		UnconfirmedMembers: int(f.UnconfirmedMembers), UnconfirmedDepartments: int(f.UnconfirmedDepartments),
		MembersThere: int(f.MembersThere), DepartmentsThere: int(f.DepartmentsThere),
		Guard: directory.Guard{
			Members:     directory.Limit{Count: int(f.RemovalLimitCount), Percent: f.RemovalLimitPercent},
			Departments: directory.Limit{Count: int(f.DepartmentLimitCount), Percent: f.DepartmentLimitPercent},
		},
	}, err
}

// JudgeRemovals makes the plan what it is to be once all doubts were looked up, and
// returns its figures. Judging again changes nothing.
func (s *Store) JudgeRemovals(ctx context.Context, runID string, sight Sight) (RemovalPlan, error) {
	var plan RemovalPlan
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) (err error) {
		if err = s.planFor(ctx, tx, everything); err != nil {
			return err
		}
		plan, err = s.judge(ctx, tx, run, runID, sight)
		return err
	})
	return plan, interpret("judge removals", err)
}

// removalBatch bounds one transaction of removing.
const removalBatch = 1000

// RemoveNext carries out the next batch of the plan: memberships first, then
// members, then departments, so that nothing refers to what is gone. It returns how
// many were removed, 0 when the plan is carried out. Each batch checks the fence:
// a run that was overtaken removes nothing more.
func (s *Store) RemoveNext(ctx context.Context, runID string) (int, error) {
	var removed int32
	err := s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.FenceHoldRow) (err error) {
		removed, err = s.removeNext(ctx, tx, runID)
		return err
	})
	return int(removed), interpret("remove", err)
}

func (s *Store) removeNext(ctx context.Context, tx pgx.Tx, runID string) (int32, error) {
	if err := s.planFor(ctx, tx, batch); err != nil {
		return 0, err
	}
	for _, remove := range []func(context.Context, dbsqlc.DBTX, string, int32) (int32, error){
		s.q.RemoveMemberships, s.q.RemoveMembers, s.q.RemoveDepartments,
	} {
		if n, err := remove(ctx, tx, runID, removalBatch); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}
