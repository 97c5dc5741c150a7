package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Why a decision about a member's account cannot be carried out.
var (
	// ErrLinked: the member has an account already.
	ErrLinked = errors.New("the member is linked to an account")
	// ErrUnlinked: the member has no account.
	ErrUnlinked = errors.New("the member is linked to no account")
	// ErrLeft: the member is not there any more.
	ErrLeft = errors.New("the member has left")
	// ErrNoAccount: the tenant has no such account.
	ErrNoAccount = errors.New("there is no such account")
	// ErrAccountTaken: another member of the provider has the account.
	ErrAccountTaken = errors.New("the account is another member's")
)

// AccountDecision is what a person decides about a member's account.
type AccountDecision struct {
	ProviderID, MemberID string
	// Decision is "link", "create" or "ignore" of a member without an account, and "unlink" of
	// one with an account. UserID is the account to link to.
	Decision, UserID string
	// By is who decides.
	By audit.By
}

// DecideAccount keeps a decision, which the provider's next run carries out. It returns
// ErrNotFound, ErrLinked, ErrUnlinked, ErrLeft, ErrNoAccount or ErrAccountTaken.
func (s *Store) DecideAccount(ctx context.Context, d AccountDecision) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		state, err := s.q.GetAccountState(ctx, tx, dbsqlc.GetAccountStateParams{
			UserID: pg.NullIfEmpty(d.UserID), ProviderID: &d.ProviderID, MemberID: d.MemberID,
		})
		switch {
		case err != nil:
			return err
		case state.Status == "deleted":
			return ErrLeft
		case state.UserID == nil && d.Decision == "unlink":
			return ErrUnlinked
		case state.UserID != nil && d.Decision != "unlink":
			return ErrLinked
		case state.Taken:
			return ErrAccountTaken
		}
		if d.UserID != "" {
			if err := s.checkAccount(ctx, tx, d.UserID, state.TenantID); err != nil {
				return err
			}
		}
		was, err := s.q.DecideAccount(ctx, tx, dbsqlc.DecideAccountParams{
			ProviderID: d.ProviderID, MemberID: d.MemberID, Decision: &d.Decision,
			UserID: pg.NullIfEmpty(d.UserID), DecidedBy: pg.NullIfEmpty(d.By.Name),
		})
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			By: d.By, Action: "account.decide", Object: "member/" + d.MemberID, TenantID: pg.OrZero(state.TenantID),
			ProviderID: d.ProviderID, Before: was.Before, After: was.After,
		})
	})
	return pg.Interpret("decide about account", err)
}

// checkAccount returns ErrNoAccount if the tenant has no such account. Where the platform's
// table is not ours to read the run finds out.
func (s *Store) checkAccount(ctx context.Context, tx pgx.Tx, userID string, tenantID *string) error {
	var there bool
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) (err error) { // a savepoint
		there, err = s.q.TenantHasAccount(ctx, tx, dbsqlc.TenantHasAccountParams{UserID: userID, TenantID: tenantID})
		return err
	})
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "42501":
		return nil
	case err == nil && !there:
		return ErrNoAccount
	default:
		return err
	}
}

// AccountReport is how a provider's members stand to the platform's accounts, as of the
// last run that looked.
type AccountReport struct {
	Matched, Unmatched, Ambiguous, Ignored int64
	// WithoutKey are those of the unmatched who have no address by which an account is found.
	WithoutKey int64
	// Conflicts are the first of those that wait for a person, and decisions that wait for a run.
	Conflicts []AccountConflict
}

// AccountConflict is a member about whose account a person must decide, or has decided.
type AccountConflict struct {
	MemberID, ExternalID, Name string
	// Reason is why nothing is done: see directory.AccountReason.
	Reason string
	// Candidates are the accounts in question.
	Candidates []string
	// Decision is empty, "link", "create", "ignore" or "unlink"; UserID is the account to link to.
	Decision, UserID, DecidedBy string
	FoundAt                     time.Time
}

// ReportAccounts returns how a provider's members stand to accounts, with so many conflicts.
func (s *Store) ReportAccounts(ctx context.Context, providerID string, limit int) (AccountReport, error) {
	counted, err := s.q.CountAccounts(ctx, s.pool, &providerID)
	if err != nil {
		return AccountReport{}, pg.Interpret("count accounts", err)
	}
	out := AccountReport{
		Matched: counted.Matched, Unmatched: counted.Unmatched, Ambiguous: counted.Ambiguous, Ignored: counted.Ignored,
		WithoutKey: counted.WithoutKey,
	}
	rows, err := s.q.ListConflicts(ctx, s.pool,
		dbsqlc.ListConflictsParams{ProviderID: providerID, MaxRows: int32(limit)})
	for _, r := range rows {
		out.Conflicts = append(out.Conflicts, AccountConflict{
			MemberID: r.MemberID, ExternalID: r.ExternalID, Name: r.Name, Reason: r.Reason, Candidates: r.Candidates,
			Decision: r.Decision, UserID: pg.OrZero(r.UserID), DecidedBy: r.DecidedBy, FoundAt: r.FoundAt,
		})
	}
	return out, pg.Interpret("list account conflicts", err)
}
