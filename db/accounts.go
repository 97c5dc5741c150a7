package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// Linked is what linking came to.
type Linked struct {
	// Creations is how many accounts were to be created unasked, Active how many members
	// work there, and Limit how many of them may get one where members were linked before.
	Creations int
	Active    int
	Limit     int
	// Beyond says that it was more: then no member got one unasked.
	Beyond bool
}

// LinkAccounts ties members to the platform's accounts of the provider's tenant, as the
// run's policy says: by the keys of the policy, only where it is certain who is who. What
// is not is kept for a person to decide. Linked accounts' e-mail and phone follow. What is
// no address, and an account that the platform refuses, stays as it is and is noted.
func (s *Store) LinkAccounts(ctx context.Context, runID string) (Linked, error) {
	var linked Linked
	err := s.inFence(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) (err error) {
		if run.Mode == "plan" {
			return nil
		}
		linked, err = s.linkAccounts(ctx, tx, run, runID)
		return err
	})
	return linked, pg.Interpret("link accounts", err)
}

func (s *Store) linkAccounts(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) (Linked, error) {
	policy, err := policyOf(run)
	if err != nil || policy.Never {
		return Linked{}, err
	}
	if err := s.q.LockAccounts(ctx, tx, run.TenantID); err != nil {
		return Linked{}, err
	}
	has, err := s.q.HasAccounts(ctx, tx, run.TenantID)
	if err != nil || !has && !policy.Create {
		return Linked{}, err
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return Linked{}, err
	}
	if _, err := s.q.ReviveLinks(ctx, tx, dbsqlc.ReviveLinksParams{RunID: runID,
		ProviderID: &run.ProviderID}); err != nil {
		return Linked{}, fmt.Errorf("revive: %w", err)
	}
	if _, err := s.q.UnlinkDecided(ctx, tx, dbsqlc.UnlinkDecidedParams{RunID: runID,
		ProviderID: run.ProviderID, ByID: run.ByID}); err != nil {
		return Linked{}, fmt.Errorf("unlink: %w", err)
	}
	approved, err := s.matchMembers(ctx, tx, run, runID, policy)
	if err != nil {
		return Linked{}, fmt.Errorf("match: %w", err)
	}
	// Before a member is linked: what counts is whether the directory was linked until now.
	linked, err := s.guardCreations(ctx, tx, run, runID, approved)
	if err != nil {
		return Linked{}, fmt.Errorf("guard creations: %w", err)
	}
	if _, err := s.q.LinkMatches(ctx, tx, dbsqlc.LinkMatchesParams{RunID: runID,
		Follow: !policy.KeepContact}); err != nil {
		return Linked{}, fmt.Errorf("link: %w", err)
	}
	waits := linked.Beyond && run.Task == TaskAccounts && run.Mode == "apply"
	if !waits {
		if err := s.createAccounts(ctx, tx, runID); err != nil {
			return Linked{}, fmt.Errorf("create: %w", err)
		}
	}
	if err := s.noteKeys(ctx, tx, run, runID, policy); err != nil {
		return Linked{}, err
	}
	if err := s.updateAccounts(ctx, tx, run, runID); err != nil {
		return Linked{}, err
	}
	if waits {
		return linked, nil // what is to be created is kept for the decision
	}
	return linked, s.q.ClearMatches(ctx, tx, runID)
}

// matchMembers finds out what is to be done about members without an account, and keeps
// what a person must decide. It returns for whom a held run was allowed to create accounts.
func (s *Store) matchMembers(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, policy AccountPolicy,
) (approved []string, err error) {
	if approved, err = s.q.ListPlannedAccounts(ctx, tx, runID); err != nil {
		return nil, err
	}
	if err := s.q.ClearMatches(ctx, tx, runID); err != nil {
		return nil, err
	}
	if err := s.q.ClassifyMembers(ctx, tx, dbsqlc.ClassifyMembersParams{
		RunID: runID, ProviderID: run.ProviderID, TenantID: run.TenantID, Match: policy.Match, Creates: policy.Create,
		ByID: run.ByID,
	}); err != nil {
		return nil, err
	}
	if err := s.q.StoreConflicts(ctx, tx, dbsqlc.StoreConflictsParams{
		RunID: runID, ProviderID: run.ProviderID, ByID: run.ByID,
	}); err != nil {
		return nil, err
	}
	return approved, s.q.ApplyDecisions(ctx, tx, dbsqlc.ApplyDecisionsParams{
		RunID: runID, ProviderID: run.ProviderID, TenantID: run.TenantID, ByID: run.ByID,
	})
}

// noteKeys warns of keys that are of no use: those that are no address, and those that name
// another account than the one that the member is linked to.
func (s *Store) noteKeys(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string,
	policy AccountPolicy) error {
	for _, key := range policy.Match {
		of := map[string]address{email.column: email, phone.column: phone}[key]
		malformed, err := leftAloneOf(s.q.ListMalformedKeys(ctx, tx, dbsqlc.ListMalformedKeysParams{
			Key: key, RunID: runID, ProviderID: &run.ProviderID, TenantID: run.TenantID, ByID: run.ByID,
			Named: accountsNamed,
		}))
		if err != nil {
			return fmt.Errorf("look for malformed %s: %w", of.name, err)
		}
		if err := s.warnMalformed(ctx, tx, runID, of, malformed); err != nil {
			return err
		}
		others, err := leftAloneOf(s.q.ListOtherAccounts(ctx, tx, dbsqlc.ListOtherAccountsParams{
			Key: key, RunID: runID, ProviderID: &run.ProviderID, TenantID: run.TenantID, ByID: run.ByID,
			Named: accountsNamed,
		}))
		if err != nil {
			return fmt.Errorf("look for other accounts by %s: %w", of.name, err)
		}
		if err := s.warnMembers(ctx, tx, runID, others, func(leftAlone) string {
			return "its " + of.name + " names another account than the one it is linked to; the link stays; " +
				"correct the account, or the entry at the provider"
		}, "whose "+of.name+" names another account than theirs"); err != nil {
			return err
		}
	}
	return nil
}

// The limit of what is created unasked where members were linked before.
var creationLimit = directory.Limit{Count: 50, Percent: 20}

// createdAtOnce is how many accounts one statement creates.
const createdAtOnce = 1000

// guardCreations counts what is to be created unasked. Of more than the limit a run for
// accounts waits, and any other run leaves them out; an approved one creates those that were
// approved.
func (s *Store) guardCreations(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, approved []string,
) (Linked, error) {
	found, err := s.q.CountCreations(ctx, tx, dbsqlc.CountCreationsParams{RunID: runID, ProviderID: &run.ProviderID})
	if err != nil {
		return Linked{}, err
	}
	linked := Linked{Creations: int(found.Creations), Active: int(found.Active),
		Limit: creationLimit.Of(int(found.Active))}
	if run.Approved {
		return linked, s.q.DropCreations(ctx, tx, dbsqlc.DropCreationsParams{RunID: runID, Approved: approved})
	}
	linked.Beyond = found.Linked && linked.Creations > linked.Limit
	if !linked.Beyond || run.Task == TaskAccounts {
		return linked, nil
	}
	if err := s.q.DropCreations(ctx, tx, dbsqlc.DropCreationsParams{RunID: runID, Approved: []string{}}); err != nil {
		return linked, err
	}
	return linked, s.addRunError(ctx, tx, runID, "warning", "", linked.String()+
		", so nobody got one; plan a run for accounts to see who, and apply it to decide")
}

// String says how many accounts are to be created, against what may be.
func (l Linked) String() string {
	return fmt.Sprintf("%d accounts are to be created for %d active members; the limit is %d", l.Creations, l.Active,
		l.Limit)
}

// createAccounts has the platform create accounts. One that fails is left alone and named.
func (s *Store) createAccounts(ctx context.Context, tx pgx.Tx, runID string) error {
	if err := s.q.CheckConstraintsAtOnce(ctx, tx); err != nil {
		return err
	}
	if err := s.setPlannerHints(ctx, tx, pointLookups); err != nil {
		return err
	}
	var refused []leftAlone
	for after := uuid.Nil.String(); ; {
		members, err := s.q.ListCreations(ctx, tx,
			dbsqlc.ListCreationsParams{RunID: runID, After: after, MaxRows: createdAtOnce})
		if err != nil {
			return err
		}
		if len(members) == 0 {
			break
		}
		some, err := s.createSome(ctx, tx, runID, members)
		if err != nil {
			return err
		}
		refused, after = append(refused, some...), members[len(members)-1]
	}
	if err := s.setPlannerHints(ctx, tx, fullScan); err != nil {
		return err
	}
	return s.warnRefused(ctx, tx, runID, "orgsync_account_create", refused)
}

// createAccountsSQL has the platform make accounts of members, and links them. It returns
// who has none, and why. sqlc does not know the columns of functions.
const createAccountsSQL = `-- name: CreateAccounts
WITH made AS MATERIALIZED (
    SELECT m.id, m.external_id, c.account, c.refusal
    FROM unnest($2::uuid[]) AS w (id)
    JOIN org_members m ON m.id = w.id AND m.user_id IS NULL
    CROSS JOIN LATERAL create_account(m.id) c
), linked AS (
    UPDATE org_members m SET user_id = n.account, synced_at = now()
    FROM made n
    WHERE m.id = n.id AND n.account IS NOT NULL
), logged AS (
    INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
    SELECT $1, 'member', n.id, CASE k.kind WHEN 'linked' THEN n.id ELSE n.account END, n.external_id, k.kind,
        jsonb_build_object('user_id', n.account) || k.more
    FROM made n
    CROSS JOIN (VALUES ('linked', '{"by": "created"}'::jsonb), ('account_created', '{}')) AS k (kind, more)
    WHERE n.account IS NOT NULL
    ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO NOTHING
)
SELECT n.external_id, n.refusal, 0::bigint
FROM made n
WHERE n.refusal IS NOT NULL
ORDER BY n.external_id`

// createSome creates accounts for some members.
func (s *Store) createSome(ctx context.Context, tx pgx.Tx, runID string, members []string) ([]leftAlone, error) {
	rows, err := tx.Query(ctx, createAccountsSQL, runID, members)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[leftAlone])
}

// warnRefused warns of members about whom a function of the platform failed.
func (s *Store) warnRefused(ctx context.Context, tx pgx.Tx, runID, function string, refused []leftAlone) error {
	for i := range refused {
		refused[i].Total = int64(len(refused))
	}
	return s.warnMembers(ctx, tx, runID, refused, func(a leftAlone) string {
		return fmt.Sprintf(
			"function %s failed (SQLSTATE %s), so nothing was done; correct the function, or the table that refuses it",
			function, a.Refusal)
	}, "for whom function "+function+" failed")
}

// LeaveAccounts tells the platform of linked members who have left and, if the policy is
// so, takes their links away. A member is told of once.
func (s *Store) LeaveAccounts(ctx context.Context, runID string) error {
	return pg.Interpret("leave accounts", s.inFenceUntilEnd(ctx, runID, func(tx pgx.Tx, run dbsqlc.HoldFenceRow) error {
		if run.Mode == "plan" {
			return nil
		}
		return s.leaveAccounts(ctx, tx, run, runID)
	}))
}

func (s *Store) leaveAccounts(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	policy, err := policyOf(run)
	if err != nil || policy.Never {
		return err
	}
	rows, err := s.q.LeaveAccounts(ctx, tx, &run.ProviderID)
	if err != nil {
		return err
	}
	refused := make([]leftAlone, len(rows))
	for i, row := range rows {
		refused[i] = leftAlone{ExternalID: row.ExternalID, Refusal: row.Refusal}
	}
	if err := s.warnRefused(ctx, tx, runID, "orgsync_account_leave", refused); err != nil {
		return err
	}
	if !policy.Unlink {
		return nil
	}
	return discardCount(s.q.UnlinkLeavers(ctx, tx,
		dbsqlc.UnlinkLeaversParams{RunID: runID, ProviderID: &run.ProviderID}))
}
