package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// RetryError says why a run cannot be retried and what to do instead.
type RetryError struct {
	RunID   string
	Problem string
	Refusal Refusal
}

// Error implements error.
func (e *RetryError) Error() string { return "run " + e.RunID + " cannot be retried: " + e.Problem }

// CheckRetry returns *RetryError if a run has nothing that a retry could read.
func (s *Store) CheckRetry(ctx context.Context, providerID, runID string) error {
	_, _, err := s.retry(ctx, s.pool, providerID, runID)
	var refused *RetryError
	if errors.As(err, &refused) {
		return refused
	}
	return interpret("check retry", err)
}

// retry returns what a retry of a run is limited to: the departments that the run
// was, or those of its single people that failed.
func (s *Store) retry(ctx context.Context, tx dbsqlc.DBTX, providerID,
	runID string) (departments, members []string, err error) {
	refuse := func(why Refusal, format string, args ...any) error {
		return &RetryError{RunID: runID, Problem: fmt.Sprintf(format, args...), Refusal: why}
	}
	if uuid.Validate(runID) != nil {
		return nil, nil, refuse(RefusedForGood, "that is not a run's id")
	}
	r, err := s.q.GetRetrySource(ctx, tx, runID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil, refuse(RefusedForGood, "there is no such run")
	case err != nil:
		return nil, nil, err
	case r.ProviderID != providerID:
		return nil, nil, refuse(RefusedForGood, "it is a run of another provider; retry it there")
	case r.DetailsDroppedAt != nil:
		return nil, nil, refuse(RefusedForGood,
			"the record of what failed was deleted on %s; start a full sync instead",
			r.DetailsDroppedAt.Format("2006-01-02"))
	case r.Undoes != nil:
		return nil, nil, refuse(RefusedForGood,
			"it is an undo of run %s, which reads nothing; undo that run again instead", *r.Undoes)
	case r.Task != TaskSync:
		return nil, nil, refuse(RefusedForGood, "it read nothing from the provider; start the same again instead")
	case r.Mode == "plan":
		return nil, nil, refuse(RefusedEmpty,
			"it was a plan, and nothing of it was applied; plan or sync again instead")
	}
	switch r.Status {
	case directory.RunRunning:
		return nil, nil, refuse(RefusedAtWork, "it is still at work; wait until it has ended")
	case directory.RunHeld:
		return nil, nil, refuse(RefusedUndecided, "it is held; approve or reject its removals first")
	case directory.RunFailed, directory.RunCanceled:
		return nil, nil, refuse(RefusedForGood,
			"it ended %s before everything that it read was applied; start a full sync instead", r.Status)
	}
	if r.ByID {
		if len(r.FailedMembers) == 0 {
			return nil, nil, refuse(RefusedEmpty, "nothing to retry: all its members were read")
		}
		return nil, r.FailedMembers, nil
	}
	if !r.DepartmentsFailed {
		return nil, nil, refuse(RefusedEmpty, "nothing to retry: all its departments were read")
	}
	return r.Departments, nil, nil
}

// ListPendingMemberIDs returns the external ids that a run of single people was asked for
// and has neither read nor given up.
func (s *Store) ListPendingMemberIDs(ctx context.Context, runID string) ([]string, error) {
	ids, err := s.q.ListPendingMemberIDs(ctx, s.pool, runID)
	return ids, interpret("find people to read", err)
}

// StoredMember is a row of the directory that bears a person's external id.
type StoredMember struct {
	ExternalID string
	UnionID    string
	OpenID     string
	Deleted    bool
}

// FindStoredMembers returns the provider's rows with that external id, those still
// there first: a recycled id may stand on a former holder's row too.
func (s *Store) FindStoredMembers(ctx context.Context, p providers.Provider,
	externalID string) ([]StoredMember, error) {
	rows, err := s.q.FindStoredMembers(ctx, s.pool, dbsqlc.FindStoredMembersParams{
		ProviderID: &p.ID, ExternalID: externalID, IgnoreCase: p.IDsIgnoreCase,
	})
	if err != nil {
		return nil, interpret("find person", err)
	}
	out := make([]StoredMember, len(rows))
	for i, r := range rows {
		out[i] = StoredMember{ExternalID: r.ExternalID, UnionID: pg.OrZero(r.Unionid), OpenID: pg.OrZero(r.OpenID),
			Deleted: r.Status == string(directory.Deleted)}
	}
	return out, nil
}

// ListMemberDepartments returns the external ids of the departments that the directory has a
// person in.
func (s *Store) ListMemberDepartments(ctx context.Context, p providers.Provider, externalID,
	unionID string) ([]string, error) {
	ids, err := s.q.ListMemberDepartments(ctx, s.pool, dbsqlc.ListMemberDepartmentsParams{
		ProviderID: &p.ID, ExternalID: externalID, Unionid: pg.NullIfEmpty(unionID),
		IgnoreCase: p.IDsIgnoreCase,
	})
	return ids, interpret("find person's departments", err)
}

// ListUnknownDepartments returns which of a provider's departments the directory does
// not hold.
func (s *Store) ListUnknownDepartments(ctx context.Context, p providers.Provider,
	departments []string) ([]string, error) {
	ids, err := s.q.ListUnknownDepartments(ctx, s.pool, dbsqlc.ListUnknownDepartmentsParams{
		Departments: pg.NonNil(departments), ProviderID: &p.ID,
	})
	return ids, interpret("find unknown departments", err)
}

// listings are those whose people a range of positions stands for. In a run of single
// people each person is a listing, and all are one range.
func (s *Store) listings(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, first,
	last int) ([]string, error) {
	if run.ByID {
		return s.q.ListStagedListings(ctx, tx, runID)
	}
	return s.q.ListListingsBetween(ctx, tx, dbsqlc.ListListingsBetweenParams{RunID: runID, First: int32(first),
		Last: int32(last)})
}

// planPeople plans the removals of a run of single people. What their own records
// say is certain, and of no other member anything is known.
func (s *Store) planPeople(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) (RemovalPlan, error) {
	for _, step := range []func() (int64, error){
		func() (int64, error) { return s.q.MarkUnreadMembers(ctx, tx, runID) },
		func() (int64, error) {
			return s.q.PlanMembersByID(ctx, tx, dbsqlc.PlanMembersByIDParams{
				RunID: runID, ProviderID: &run.ProviderID,
			})
		},
		func() (int64, error) { return s.q.PlanGoneDepartments(ctx, tx, runID) },
		func() (int64, error) { return 0, s.planOutOfScope(ctx, tx, run, runID, readScope{}) },
		func() (int64, error) { return 0, s.planGroupsByEvents(ctx, tx, run, runID) },
		func() (int64, error) {
			return s.q.PlanMembershipsByID(ctx, tx, dbsqlc.PlanMembershipsByIDParams{
				RunID: runID, ProviderID: &run.ProviderID,
			})
		},
		func() (int64, error) { return 0, s.planDependents(ctx, tx, run, runID) },
	} {
		if _, err := step(); err != nil {
			return RemovalPlan{}, err
		}
	}
	plan, err := s.removalFigures(ctx, tx, run.ProviderID, runID)
	plan.Incomplete = true
	return plan, err
}
