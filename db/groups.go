package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

func (s *Store) planGroups(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, _ readScope) error {
	return s.q.PlanGroupRemovals(ctx, tx, dbsqlc.PlanGroupRemovalsParams{RunID: runID, ProviderID: &run.ProviderID})
}

func (s *Store) planGroupMemberships(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope,
) error {
	return s.q.PlanGroupMembershipRemovals(ctx, tx, dbsqlc.PlanGroupMembershipRemovalsParams{
		RunID: runID, ProviderID: &run.ProviderID, MembersRead: read.everything(),
	})
}

func (s *Store) planAdministrators(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, read readScope,
) error {
	return s.q.PlanAdministratorRemovals(ctx, tx, dbsqlc.PlanAdministratorRemovalsParams{
		RunID: runID, ProviderID: run.ProviderID, MembersRead: read.everything(), Flag: administratorFlag(run),
	})
}

// LacksGroups reports whether what a run has read of groups to the end lacks something that is
// stored, so that it would be removed.
func (s *Store) LacksGroups(ctx context.Context, runID string) (lack bool, err error) {
	err = s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
			return err
		}
		lack, err = s.q.LacksGroups(ctx, tx, dbsqlc.LacksGroupsParams{RunID: runID, ProviderID: &run.ProviderID})
		return err
	})
	return lack, interpret("compare groups", err)
}

// ReadsGroups reports whether a run is to read groups, and whether administrators: one of the
// whole company reads both, one by events what these are about.
func (s *Store) ReadsGroups(ctx context.Context, runID string) (groups, administrators bool, err error) {
	err = s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if !run.ByEvents {
			groups, administrators = run.Whole, run.Whole
			return nil
		}
		about, err := s.q.FindEventListings(ctx, tx, &runID)
		groups, administrators = about.Groups, about.Administrators
		return err
	})
	return groups, administrators, interpret("read run", err)
}

// planGroupsByEvents plans what the lists that a run by events has read do not show any more.
func (s *Store) planGroupsByEvents(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if read, err := s.q.ListingsExist(ctx, tx, runID); err != nil || !read {
		return err
	}
	if err := s.matchGroups(ctx, tx, run, runID); err != nil {
		return err
	}
	for _, kind := range []func(context.Context, pgx.Tx, dbsqlc.HoldFenceRow, string, readScope) error{
		s.planGroups, s.planGroupMemberships, s.planAdministrators,
	} {
		if err := kind(ctx, tx, run, runID, readScope{}); err != nil {
			return err
		}
	}
	return nil
}

// matchGroups finds out which members and departments were staged in groups and as
// administrators. Removals are planned by that, and what is left is applied after them.
func (s *Store) matchGroups(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if err := s.stageFlagged(ctx, tx, run, runID); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if err := s.q.ResolveGroupMembers(ctx, tx, dbsqlc.ResolveGroupMembersParams{
		RunID: runID, ProviderID: &run.ProviderID, IgnoreCase: run.IdsIgnoreCase,
	}); err != nil {
		return fmt.Errorf("match members of groups: %w", err)
	}
	if err := s.q.ResolveGroupDepartments(ctx, tx, dbsqlc.ResolveGroupDepartmentsParams{
		RunID: runID, ProviderID: &run.ProviderID,
	}); err != nil {
		return fmt.Errorf("match departments of groups: %w", err)
	}
	if err := s.q.ResolveAdministrators(ctx, tx, dbsqlc.ResolveAdministratorsParams{
		RunID: runID, ProviderID: &run.ProviderID, IgnoreCase: run.IdsIgnoreCase,
	}); err != nil {
		return fmt.Errorf("match administrators: %w", err)
	}
	return nil
}

// applyGroups makes the directory hold every group and administrator that the run has read,
// and all that belongs to the groups. Nothing is removed. It comes after the removals, so that
// a member who goes is not placed in a group first. Applying twice changes nothing more.
func (s *Store) applyGroups(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	if read, err := s.q.ListingsExist(ctx, tx, runID); err != nil || !read {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	provider := &run.ProviderID
	for _, step := range []struct {
		name string
		do   func() (int64, error)
	}{
		{"insert groups", func() (int64, error) {
			return s.q.InsertGroups(ctx, tx, dbsqlc.InsertGroupsParams{RunID: runID, ProviderID: provider,
				TenantID: run.TenantID})
		}},
		{"update groups", func() (int64, error) {
			return s.q.UpdateGroups(ctx, tx, dbsqlc.UpdateGroupsParams{RunID: runID, ProviderID: provider,
				TenantID: run.TenantID})
		}},
		{"insert members", func() (int64, error) {
			return s.q.InsertGroupMembers(ctx, tx, dbsqlc.InsertGroupMembersParams{RunID: runID, ProviderID: provider})
		}},
		{"update members", func() (int64, error) {
			return s.q.UpdateGroupMembers(ctx, tx, dbsqlc.UpdateGroupMembersParams{RunID: runID, ProviderID: provider})
		}},
		{"insert departments", func() (int64, error) {
			return s.q.InsertGroupDepartments(ctx, tx,
				dbsqlc.InsertGroupDepartmentsParams{RunID: runID, ProviderID: provider})
		}},
		{"insert administrators", func() (int64, error) {
			return s.q.InsertAdministrators(ctx, tx,
				dbsqlc.InsertAdministratorsParams{RunID: runID, ProviderID: run.ProviderID})
		}},
		{"update administrators", func() (int64, error) {
			return s.q.UpdateAdministrators(ctx, tx,
				dbsqlc.UpdateAdministratorsParams{RunID: runID, ProviderID: run.ProviderID})
		}},
	} {
		if err := discardCount(step.do()); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// administratorFlag is the field of a member's own record that marks main administrators, empty
// if the provider type has none.
func administratorFlag(run dbsqlc.HoldFenceRow) string {
	return directory.ProviderType(run.ProviderType).Traits().AdministratorFlag
}

// stageFlagged stages the members who are marked as main administrators by their own record.
func (s *Store) stageFlagged(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	flag := administratorFlag(run)
	if flag == "" {
		return nil
	}
	return s.q.StageFlaggedAdministrators(ctx, tx, dbsqlc.StageFlaggedAdministratorsParams{
		RunID: runID, ProviderID: &run.ProviderID, Flag: flag,
	})
}

// recomputeGroups computes how many active members each group has. They change with the groups,
// the tree and the members alike.
func (s *Store) recomputeGroups(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	stale, err := s.findStale(ctx, tx, run, runID)
	if err != nil || !stale.People && !stale.Groups {
		return err
	}
	exist, err := s.q.GroupsExist(ctx, tx, &run.ProviderID)
	if err != nil || !exist {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if _, err := s.q.RecomputeGroupCounts(ctx, tx, &run.ProviderID); err != nil {
		return fmt.Errorf("groups' head counts: %w", err)
	}
	return nil
}
