package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// ApplyDepartments makes org_departments hold every department of the run's
// snapshot: new ones are inserted, changed ones updated, paths recomputed.
// Nothing is removed. Repairs of the tree (a parent that is not there, a circle of
// parents) are noted as warnings; in a limited visible range missing parents are
// expected and not noted.
func (s *Store) ApplyDepartments(ctx context.Context, runID string, limitedRange bool) error {
	return interpret("apply departments", s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Mode == "plan" {
			return nil
		}
		return s.applyDepartments(ctx, tx, run, runID, limitedRange)
	}))
}

func (s *Store) applyDepartments(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	limitedRange bool) error {
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	orphans, err := s.q.RepairOrphans(ctx, tx, dbsqlc.RepairOrphansParams{
		RunID: runID, ProviderID: &run.ProviderID,
	})
	if err != nil {
		return fmt.Errorf("repair orphans: %w", err)
	}
	for _, o := range orphans {
		if limitedRange || o.Claimed == "" {
			continue
		}
		if err := s.addWarning(ctx, tx, runID, o.ExternalID,
			fmt.Sprintf("its parent %s was not listed; until it is, the department stays below the root",
				o.Claimed)); err != nil {
			return err
		}
	}
	if err := s.setPlannerHints(ctx, tx, batch); err != nil { // the walk down goes by index
		return err
	}
	broken, err := s.q.RepairCycles(ctx, tx, runID)
	if err != nil {
		return fmt.Errorf("repair cycles: %w", err)
	}
	for _, id := range broken {
		if err := s.addWarning(ctx, tx, runID, id,
			"its parents form a circle; until that is corrected at the provider, "+
				"the department stays below the root"); err != nil {
			return err
		}
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	created, err := s.q.InsertDepartments(ctx, tx, dbsqlc.InsertDepartmentsParams{
		ProviderID: &run.ProviderID, TenantID: run.TenantID, RunID: runID,
	})
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	updated, err := s.q.UpdateDepartments(ctx, tx, dbsqlc.UpdateDepartmentsParams{
		TenantID: run.TenantID, ProviderID: &run.ProviderID, RunID: runID,
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if run.ByEvents {
		if _, err := s.q.UpdateLeadersByID(ctx, tx, dbsqlc.UpdateLeadersByIDParams{
			ProviderID: &run.ProviderID, RunID: runID,
		}); err != nil {
			return fmt.Errorf("leaders: %w", err)
		}
	}
	if created+updated == 0 {
		return nil
	}
	return s.recomputePaths(ctx, tx, run.ProviderID)
}

// recomputePaths computes paths, walking from the tops down by index.
func (s *Store) recomputePaths(ctx context.Context, tx pgx.Tx, providerID string) error {
	if err := s.setPlannerHints(ctx, tx, batch); err != nil {
		return err
	}
	if _, err := s.q.RecomputePaths(ctx, tx, &providerID); err != nil {
		return fmt.Errorf("place: %w", err)
	}
	return nil
}

// plannerHints is what a statement is about.
type plannerHints int

const (
	// pointLookups are statements whose every row is found by its full key.
	pointLookups plannerHints = iota
	// batch are other statements on a bounded number of rows.
	batch
	// fullScan are statements on all that a run or provider has.
	fullScan
)

// setPlannerHints lets the statements that follow in the transaction be carried out in the
// way that suits what they are about.
func (s *Store) setPlannerHints(ctx context.Context, tx pgx.Tx, what plannerHints) error {
	return s.q.SetPlannerHints(ctx, tx, dbsqlc.SetPlannerHintsParams{Everything: what == fullScan,
		Keep: what == pointLookups})
}

func (s *Store) addWarning(ctx context.Context, tx pgx.Tx, runID, department, message string) error {
	return s.addRunError(ctx, tx, runID, "warning", department, "department "+department+": "+message)
}

// ApplyMembers makes the directory hold the members whom the listings of the departments at
// positions first to last have brought so far or, in a run by ids, those that were read. They
// are matched with stored members, inserted or updated where something differs, and placed in
// their departments. Nothing is removed. Applying twice changes nothing more.
func (s *Store) ApplyMembers(ctx context.Context, runID string, first, last int) error {
	apply := func() error {
		return s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
			if run.Mode == "plan" {
				return nil
			}
			return s.applyMembers(ctx, tx, run, runID, first, last)
		})
	}
	err := apply()
	for again := 0; again < maxConflictRetries && isWriteConflict(err); again++ {
		err = apply()
	}
	return interpret("apply members", err)
}

// maxConflictRetries is how often a batch starts over when another one, at the same moment,
// decided about a person they have in common; the next attempt finds the decision made.
const maxConflictRetries = 5

// isWriteConflict tells such a failure: a unique violation (23505), since two indexes of
// member_matches are unique and ON CONFLICT waits at one only, or a deadlock (40P01).
func isWriteConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "40P01")
}

func (s *Store) applyMembers(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, first,
	last int) error {
	listings, err := s.listings(ctx, tx, run, runID, first, last)
	if err != nil || len(listings) == 0 {
		return err
	}
	return s.applyListings(ctx, tx, run, runID, listings)
}

func (s *Store) applyListings(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	listings []string) error {
	if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
		return err
	}
	created, err := s.q.MatchMembers(ctx, tx, dbsqlc.MatchMembersParams{
		RunID: runID, Listings: listings, ProviderID: run.ProviderID,
		IgnoreCase: run.IdsIgnoreCase,
	})
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	todo, err := s.q.CompareMembers(ctx, tx, dbsqlc.CompareMembersParams{
		Listings: listings, RunID: runID, Created: created,
	})
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	created = append(created, todo.Created...)
	steps := []struct {
		name   string
		about  plannerHints
		needed bool
		do     func() error
	}{
		{"report undecided", batch, todo.Undecided, func() error {
			return discardCount(s.q.ReportUndecidedMembers(ctx, tx, dbsqlc.ReportUndecidedMembersParams{
				Listings: listings, RunID: runID,
			}))
		}},
		{"update", batch, len(todo.Changed) > 0, func() error {
			return s.updateMembers(ctx, tx, runID, listings, todo.Changed)
		}},
		// Once those who are stored have given up the ids that they no longer have.
		{"insert", pointLookups, len(created) > 0, func() error {
			return s.insertMembers(ctx, tx, run, runID, listings, created)
		}},
		{"insert memberships", pointLookups, len(created)+len(todo.Unplaced) > 0, func() error {
			return discardCount(s.q.InsertMemberships(ctx, tx, dbsqlc.InsertMembershipsParams{
				Listings: listings, RunID: runID, Members: append(created, todo.Unplaced...),
			}))
		}},
		{"update memberships", batch, len(todo.Replaced) > 0, func() error {
			return discardCount(s.q.UpdateMemberships(ctx, tx, dbsqlc.UpdateMembershipsParams{
				Listings: listings, RunID: runID, Members: todo.Replaced,
			}))
		}},
	}
	planned := pointLookups
	for _, step := range steps {
		if !step.needed {
			continue
		}
		if step.about != planned {
			if err := s.setPlannerHints(ctx, tx, step.about); err != nil {
				return err
			}
			planned = step.about
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
		return err
	}
	if err := s.q.CacheListings(ctx, tx, dbsqlc.CacheListingsParams{
		RunID: runID, Listings: listings, ProviderID: run.ProviderID, TenantID: run.TenantID,
	}); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	return nil
}

// discardCount drops a statement's row count, which nothing here depends on.
func discardCount(_ int64, err error) error { return err }

// RecomputeDerived applies what was read of groups and by lookups, and computes what depends
// on the whole: paths, members' primary departments, distinct head counts. Only rows whose
// figure changed are written. Members' departments, head counts and groups do not wait for
// each other: each has its own transaction.
func (s *Store) RecomputeDerived(ctx context.Context, runID string) error {
	part := func(ctx context.Context, do recomputation) error {
		return s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
			if run.Mode == "plan" {
				return nil
			}
			return do(ctx, tx, run, runID)
		})
	}
	for _, do := range []recomputation{s.applyGroups, s.applyDetails, s.recomputeTree} {
		if err := part(ctx, do); err != nil {
			return interpret("recompute", err)
		}
	}
	parts, partsCtx := errgroup.WithContext(ctx)
	for _, do := range []recomputation{s.recomputeMembers, s.recomputeHeadcounts, s.recomputeGroups} {
		parts.Go(func() error { return part(partsCtx, do) })
	}
	return interpret("recompute", parts.Wait())
}

// recomputation is a part of it.
type recomputation func(context.Context, pgx.Tx, dbsqlc.HoldFenceRow, string) error

// recomputeDerived does the same in one transaction.
func (s *Store) recomputeDerived(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	for _, do := range []recomputation{
		s.applyGroups, s.applyDetails, s.recomputeTree, s.recomputeMembers, s.recomputeHeadcounts, s.recomputeGroups,
	} {
		if err := do(ctx, tx, run, runID); err != nil {
			return err
		}
	}
	return nil
}

// findStale returns which derived data a run may have made stale: all, or, where it is one by events,
// what hangs on the few objects that it changed.
func (s *Store) findStale(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) (
	dbsqlc.FindStaleDerivedRow, error) {
	if !run.ByEvents {
		return dbsqlc.FindStaleDerivedRow{Tree: true, People: true}, nil
	}
	return s.q.FindStaleDerived(ctx, tx, runID)
}

func (s *Store) recomputeTree(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	stale, err := s.findStale(ctx, tx, run, runID)
	if err != nil || !stale.Tree {
		return err
	}
	return s.recomputePaths(ctx, tx, run.ProviderID)
}

func (s *Store) recomputeMembers(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	stale, err := s.findStale(ctx, tx, run, runID)
	if err != nil {
		return err
	}
	byID := run.ByID
	if run.ByEvents { // members bear the paths of their departments
		byID = !stale.Tree
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	unmarked, err := s.q.RecomputePrimaryDepartments(ctx, tx, dbsqlc.RecomputePrimaryDepartmentsParams{
		ProviderID: &run.ProviderID, ByID: byID, RunID: runID,
	})
	if err != nil {
		return fmt.Errorf("members: %w", err)
	}
	if err := s.markPrimary(ctx, tx, unmarked); err != nil {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if _, err := s.q.RecomputeManagers(ctx, tx, dbsqlc.RecomputeManagersParams{
		ProviderID: &run.ProviderID, ByID: byID, RunID: runID,
		IgnoreCase: run.IdsIgnoreCase,
	}); err != nil {
		return fmt.Errorf("managers: %w", err)
	}
	return nil
}

func (s *Store) recomputeHeadcounts(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	stale, err := s.findStale(ctx, tx, run, runID)
	if err != nil || !stale.People {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	if _, err := s.q.RecomputeHeadcounts(ctx, tx, &run.ProviderID); err != nil {
		return fmt.Errorf("head counts: %w", err)
	}
	return nil
}

// markPrimary makes people's memberships say which is the primary one, as their rows do:
// cleared before set, since no member has two at any time.
func (s *Store) markPrimary(ctx context.Context, tx pgx.Tx, people []string) error {
	if len(people) == 0 {
		return nil
	}
	if err := s.setPlannerHints(ctx, tx, batch); err != nil {
		return err
	}
	if _, err := s.q.ClearPrimary(ctx, tx, people); err != nil {
		return fmt.Errorf("clear primary: %w", err)
	}
	if _, err := s.q.MarkPrimary(ctx, tx, people); err != nil {
		return fmt.Errorf("set primary: %w", err)
	}
	return nil
}
