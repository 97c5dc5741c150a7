package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// RemovalPlan is how much a run would remove, against how much is there.
type RemovalPlan struct {
	// Planned is confirmed to go, Independent what of it does not go with something else.
	// Unconfirmed is what no complete listing shows any more but
	// may be in one that was not read: to be looked up one by one, or left alone.
	Planned     directory.PerKind
	Independent directory.PerKind
	Unconfirmed directory.PerKind
	// Active is how much of the limited kinds is there before removing.
	Active directory.PerKind
	Guard  directory.Guard
	// Rules is what of the plan rests on the provider's rules.
	Rules RuleFigures
	// Incomplete is true if any scope was not read to the end or is contradicted
	// by the provider's own figures.
	Incomplete bool
	// ToLookUp is how many are to be looked up before the plan stands.
	ToLookUp int
	// unlimited says that no person decides, however much would go.
	unlimited bool
	// ByEvents says that the run is one by events, RemovedToday what those have removed within
	// a day; together they have the limit of one run. Withheld says that one of them left
	// removals to this run.
	ByEvents     bool
	RemovedToday directory.PerKind
	Withheld     bool
	// read is true if every scope was read to the end.
	read bool
}

// Total is how many objects would be removed.
func (p RemovalPlan) Total() int { return directory.Sum(p.Planned) }

// Limit is how many objects of a kind may go unasked.
func (p RemovalPlan) Limit(kind directory.Kind) int {
	return p.Guard.Of(kind).Of(*p.Active.Of(kind) + *p.RemovedToday.Of(kind))
}

// beyond reports whether more of a kind may go than the guard lets pass.
func (p RemovalPlan) beyond(kind directory.Kind) bool {
	return *p.Planned.Of(kind)+*p.Unconfirmed.Of(kind) > p.Limit(kind)
}

// PlanRemovals compares the directory with the snapshot inside the scopes that were
// read to the end and writes down what is gone. Where something is to be looked up first,
// the plan stands only once ConfirmRemovals has confirmed it; ListCandidates lists what. It removes
// nothing, and planning again starts over, but asks nothing twice.
func (s *Store) PlanRemovals(ctx context.Context, runID string, visibility Visibility) (RemovalPlan, error) {
	var plan RemovalPlan
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		if run.Mode == "plan" {
			return nil
		}
		if plan, err = s.planRemovals(ctx, tx, run, runID); err != nil {
			return err
		}
		ask, err := s.findPendingLookups(ctx, tx, runID, plan)
		if err != nil {
			return err
		}
		if ask.any() {
			plan.ToLookUp, err = s.recordPendingLookups(ctx, tx, runID, ask)
			return err
		}
		plan, err = s.finishPlan(ctx, tx, run, runID, visibility, plan)
		return err
	})
	return plan, interpret("plan removals", err)
}

// finishPlan confirms the plan. One that is empty needs no confirming.
func (s *Store) finishPlan(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, visibility Visibility,
	plan RemovalPlan) (RemovalPlan, error) {
	if plan.Total()+directory.Sum(plan.Unconfirmed) == 0 {
		if run.Mode == "apply" {
			return plan, s.keepCandidates(ctx, tx, run, runID, visibility, missed{})
		}
		return plan, nil
	}
	figures, err := s.confirmRemovals(ctx, tx, run, runID, visibility)
	figures.Incomplete = plan.Incomplete
	return figures, err
}

func (s *Store) planRemovals(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow,
	runID string) (RemovalPlan, error) {
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return RemovalPlan{}, err
	}
	if err := s.q.ClearRemovals(ctx, tx, runID); err != nil {
		return RemovalPlan{}, err
	}
	if run.ByID {
		return s.planPeople(ctx, tx, run, runID)
	}
	if err := s.planMemberships(ctx, tx, run, runID); err != nil {
		return RemovalPlan{}, err
	}
	read, err := s.readScope(ctx, tx, run, runID)
	if err != nil {
		return RemovalPlan{}, err
	}
	if err := s.matchGroups(ctx, tx, run, runID); err != nil {
		return RemovalPlan{}, err
	}
	for _, kind := range s.kinds() {
		if kind.planRemovals == nil {
			continue
		}
		if err := kind.planRemovals(ctx, tx, run, runID, read); err != nil {
			return RemovalPlan{}, fmt.Errorf("%s: %w", kind.Plural, err)
		}
	}
	if err := s.planOutOfScope(ctx, tx, run, runID, read); err != nil {
		return RemovalPlan{}, err
	}
	if err := s.planDependents(ctx, tx, run, runID); err != nil {
		return RemovalPlan{}, err
	}
	if err := s.q.SetMembersSeen(ctx, tx, dbsqlc.SetMembersSeenParams{Members: read.members, ID: runID}); err != nil {
		return RemovalPlan{}, err
	}
	plan, err := s.removalFigures(ctx, tx, run.ProviderID, runID)
	plan.Incomplete, plan.read, plan.unlimited = !read.everything(), read.listings, run.Unlimited
	return plan, err
}

// readScope is how much of the company a run has read to the end.
type readScope struct {
	// tree says that every department was found, listings that every listing ended.
	tree, listings bool
	// members is how many members were read.
	members int32
}

// everything reports that what the run does not show is gone.
func (r readScope) everything() bool { return r.tree && r.listings }

// planMemberships completes the record of what was read, and plans the removal of
// memberships that listings read to the end do not show any more.
func (s *Store) planMemberships(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if err := s.q.CompleteCovered(ctx, tx, runID); err != nil {
		return fmt.Errorf("complete what listings of other departments cover: %w", err)
	}
	if _, err := s.q.MarkUnread(ctx, tx, runID); err != nil {
		return fmt.Errorf("mark unread: %w", err)
	}
	if _, err := s.q.MarkUnapplied(ctx, tx, runID); err != nil {
		return fmt.Errorf("mark unapplied: %w", err)
	}
	listed, err := s.q.EverythingIsRead(ctx, tx, runID)
	if err != nil {
		return fmt.Errorf("read completeness: %w", err)
	}
	if _, err := s.q.PlanMembershipRemovals(ctx, tx, dbsqlc.PlanMembershipRemovalsParams{
		RunID: runID, ProviderID: &run.ProviderID, Rereads: listed && run.Whole,
	}); err != nil {
		return fmt.Errorf("memberships: %w", err)
	}
	return s.dropContradicted(ctx, tx, run, runID)
}

// readScope finds out how much the run has read to the end.
func (s *Store) readScope(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
) (read readScope, err error) {
	scope, err := s.q.GetCompleteness(ctx, tx, runID)
	if err != nil {
		return read, fmt.Errorf("completeness: %w", err)
	}
	members, err := s.q.CountReadMembers(ctx, tx,
		dbsqlc.CountReadMembersParams{RunID: runID, ProviderID: &run.ProviderID})
	if err != nil {
		return read, fmt.Errorf("count read: %w", err)
	}
	// Fewer members than the provider itself counts: the listings may have left out
	// departments, so no member counts as gone without being looked up.
	short := scope.MembersDeclared > members.Seen+members.Undecided+members.LeftOut &&
		(scope.Excluded == 0 || !run.Whole)
	return readScope{
		tree:     scope.ChildrenIncomplete == 0 && !short,
		listings: listingsEnded(run, scope),
		members:  members.Seen,
	}, nil
}

// listingsEnded reports whether every listing that would show an object was read to the end.
// Departments that a rule excludes count as such: what is shown nowhere else is out of
// scope. What a targeted run leaves out may show it.
func listingsEnded(run dbsqlc.HoldFenceRow, scope dbsqlc.GetCompletenessRow) bool {
	return scope.ChildrenIncomplete+scope.MembersIncomplete == 0 && (run.Whole || scope.Excluded == 0)
}

// planDependents plans what goes with removed objects.
func (s *Store) planDependents(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	_, err := s.q.PlanDependentRemovals(ctx, tx, dbsqlc.PlanDependentRemovalsParams{
		RunID: runID, ProviderID: run.ProviderID, Objects: objectKinds(),
	})
	if err != nil {
		return fmt.Errorf("dependents: %w", err)
	}
	return nil
}

// planMembers plans the removal of members whom no listing shows. Only those who are missed
// in a department, or have none, can be such, and are looked at one by one.
func (s *Store) planMembers(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope,
) error {
	placedNowhere, err := s.q.CountMembersWithoutPlace(ctx, tx, &run.ProviderID)
	if err != nil {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, batch); err != nil {
		return err
	}
	if _, err := s.q.PlanMemberRemovals(ctx, tx, dbsqlc.PlanMemberRemovalsParams{
		RunID: runID, ProviderID: &run.ProviderID, PlacedNowhere: placedNowhere,
		EverythingRead: read.everything(), ListingsEnded: read.listings,
	}); err != nil {
		return err
	}
	return s.setPlannerHints(ctx, tx, fullScan)
}

func (s *Store) planDepartments(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope,
) error {
	_, err := s.q.PlanDepartmentRemovals(ctx, tx, dbsqlc.PlanDepartmentRemovalsParams{
		RunID: runID, ProviderID: &run.ProviderID, TreeRead: read.tree, ListingsEnded: read.listings,
	})
	return err
}

// dropContradicted takes back what was planned in departments whose listing the
// provider's own count contradicts, and notes why: they do not count as read.
func (s *Store) dropContradicted(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	contradicted, err := s.q.ListCountMismatches(ctx, tx, dbsqlc.ListCountMismatchesParams{
		RunID: runID, ProviderID: run.ProviderID,
	})
	if err != nil {
		return fmt.Errorf("contradictions: %w", err)
	}
	if len(contradicted) == 0 {
		return nil
	}
	var aboveExcluded []string
	if run.Whole {
		if aboveExcluded, err = s.q.ListAboveExcluded(ctx, tx, runID); err != nil {
			return fmt.Errorf("find what is above excluded departments: %w", err)
		}
	}
	departments := []string{}
	for _, c := range contradicted {
		if slices.Contains(aboveExcluded, c.ExternalID) {
			continue
		}
		departments = append(departments, c.ExternalID)
		problem := fmt.Sprintf(
			"people are missing from the list, but the provider counts %d in and below the department and only %d "+
				"were read; nothing was removed there", c.Declared, c.Read)
		declared := int(c.Declared)
		if err := s.q.FailMembers(ctx, tx, dbsqlc.FailMembersParams{
			RunID: runID, ExternalID: c.ExternalID, Error: &problem, MembersDeclared: pg.Int32(&declared),
		}); err != nil {
			return err
		}
	}
	return s.q.DropRemovalScopes(ctx, tx, dbsqlc.DropRemovalScopesParams{
		RunID: runID, ProviderID: &run.ProviderID, Departments: departments,
	})
}

// removalFigures counts what is planned, and what is there of the kinds that have a limit.
func (s *Store) removalFigures(ctx context.Context, tx dbsqlc.DBTX, providerID, runID string) (RemovalPlan, error) {
	var plan RemovalPlan
	planned, err := s.q.GetRemovalFigures(ctx, tx, runID)
	if err != nil {
		return plan, err
	}
	for _, row := range planned {
		kind := directory.Kind(row.ObjectType)
		*plan.Planned.Of(kind), *plan.Independent.Of(kind) = int(row.Planned), int(row.Independent)
		*plan.Unconfirmed.Of(kind) = int(row.Unconfirmed)
	}
	if plan.Active, err = s.countActive(ctx, tx, providerID, false); err != nil {
		return plan, err
	}
	if err := s.addEventFigures(ctx, tx, runID, &plan); err != nil {
		return plan, err
	}
	if plan.Rules, err = s.ruleFigures(ctx, tx, runID); err != nil {
		return plan, err
	}
	limits, err := s.q.GetOwnRemovalLimits(ctx, tx, providerID)
	plan.Guard = providers.GuardOf(limits)
	return plan, err
}

// countActive counts a provider's objects that are there, memberships only if asked for.
func (s *Store) countActive(
	ctx context.Context, tx dbsqlc.DBTX, providerID string, memberships bool,
) (there directory.PerKind, err error) {
	rows, err := s.q.CountActive(ctx, tx, dbsqlc.CountActiveParams{ProviderID: providerID, Memberships: memberships})
	for _, row := range rows {
		*there.Of(directory.Kind(row.ObjectType)) = int(row.Objects)
	}
	return there, err
}

// ConfirmRemovals makes the plan what it is to be once all candidates were looked up, and
// returns its figures. Confirming again changes nothing.
func (s *Store) ConfirmRemovals(ctx context.Context, runID string, visibility Visibility) (RemovalPlan, error) {
	var plan RemovalPlan
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		if err = s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		plan, err = s.confirmRemovals(ctx, tx, run, runID, visibility)
		return err
	})
	return plan, interpret("confirm removals", err)
}

// removalBatch bounds one transaction of removing.
const removalBatch = 1000

// RemoveNext carries out the next batch of the plan: kind by kind, each before those that it
// hangs on, so that nothing refers to what is gone. It returns how
// many were removed, 0 when the plan is carried out. Each batch checks the fence:
// a run that was overtaken removes nothing more.
func (s *Store) RemoveNext(ctx context.Context, runID string) (int, error) {
	var removed int
	err := s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		removed, err = s.removeNext(ctx, tx, runID)
		return err
	})
	return removed, interpret("remove", err)
}

func (s *Store) removeNext(ctx context.Context, tx pgx.Tx, runID string) (int, error) {
	if err := s.setPlannerHints(ctx, tx, batch); err != nil {
		return 0, err
	}
	for _, kind := range s.removalOrder() {
		taken, err := s.q.TakeRemovals(ctx, tx, dbsqlc.TakeRemovalsParams{
			RunID: runID, ObjectType: string(kind.Kind), MaxRows: removalBatch,
		})
		if err != nil {
			return 0, err
		}
		if len(taken) == 0 {
			continue
		}
		ids, containers := make([]string, len(taken)), make([]string, len(taken))
		for i, removal := range taken {
			ids[i], containers[i] = removal.ObjectID, removal.DepartmentID
		}
		return len(taken), kind.remove(ctx, tx, ids, containers)
	}
	return 0, nil
}
