package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// updateAccounts gives linked accounts their members' addresses, if the policy is so.
func (s *Store) updateAccounts(ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string) error {
	policy, err := policyOf(run)
	if err != nil || policy.Never || policy.KeepContact {
		return err
	}
	for _, of := range []address{email, phone} {
		malformed, err := leftAloneOf(s.q.ListMalformedAddresses(ctx, tx, dbsqlc.ListMalformedAddressesParams{
			RunID: runID, ProviderID: run.ProviderID, TenantID: run.TenantID, ByID: run.ByID,
			Channel: of.column, Named: accountsNamed,
		}))
		if err != nil {
			return fmt.Errorf("look for malformed %s: %w", of.name, err)
		}
		if err := s.warnMalformed(ctx, tx, runID, of, malformed); err != nil {
			return err
		}
		err = s.writeAccounts(ctx, tx, runID, of, func(tx pgx.Tx, oneByOne bool) ([]leftAlone, error) {
			return leftAloneOf(s.q.FollowMembers(ctx, tx, dbsqlc.FollowMembersParams{
				RunID: runID, ProviderID: run.ProviderID, TenantID: run.TenantID, ByID: run.ByID,
				Channel: of.column, OneByOne: oneByOne, Named: accountsNamed,
			}))
		})
		if err != nil {
			return fmt.Errorf("follow %s: %w", of.name, err)
		}
	}
	return nil
}

// restoreAccounts gives accounts whose link the run has taken back what they had before it.
func (s *Store) restoreAccounts(ctx context.Context, tx pgx.Tx, runID string) error {
	for _, of := range []address{email, phone} {
		err := s.writeAccounts(ctx, tx, runID, of.former(), func(tx pgx.Tx, oneByOne bool) ([]leftAlone, error) {
			return leftAloneOf(s.q.RestoreAddresses(ctx, tx, dbsqlc.RestoreAddressesParams{
				RunID: runID, Channel: of.column, OneByOne: oneByOne, Named: accountsNamed,
			}))
		})
		if err != nil {
			return fmt.Errorf("restore accounts' %s: %w", of.name, err)
		}
	}
	return nil
}

// address is one of the two columns that accounts have of their members: what warnings call
// it, and what they say of a malformed value.
type address struct{ column, name, malformed string }

var (
	email = address{"email", "e-mail", "is not one well-formed address"}
	phone = address{"phone", "phone", "is not one number in E.164 form"}
)

// former is the address that an account had before its link.
func (a address) former() address { return address{a.column, "former " + a.name, a.malformed} }

// accountsNamed is how many members are named whose account stays as it is for the
// same reason; the others are counted.
const accountsNamed = 10

// leftAlone is a member whose account stays as it is.
type leftAlone struct {
	ExternalID string
	// Refusal is what the account's table refused the value by; empty: it is no address.
	Refusal string
	// Total is how many there are with or without a refusal.
	Total int64
}

type leftAloneRow interface {
	dbsqlc.ListMalformedKeysRow | dbsqlc.ListOtherAccountsRow | dbsqlc.ListMalformedAddressesRow |
		dbsqlc.FollowMembersRow | dbsqlc.RestoreAddressesRow
}

func leftAloneOf[Row leftAloneRow](
	found []Row, err error,
) ([]leftAlone, error) {
	out := make([]leftAlone, len(found))
	for i, row := range found {
		out[i] = leftAlone(row)
	}
	return out, err
}

// writeAccounts writes all accounts at once or, where Postgres refuses that, one by one,
// so that a value that the platform's table does not take is that one account's affair.
// Failures of another kind come back when the accounts are written one by one.
func (s *Store) writeAccounts(
	ctx context.Context, tx pgx.Tx, runID string, of address, write func(tx pgx.Tx, oneByOne bool) ([]leftAlone, error),
) error {
	if err := s.q.CheckConstraintsAtOnce(ctx, tx); err != nil {
		return err
	}
	var found []leftAlone
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) (err error) { // a savepoint
		found, err = write(tx, false)
		return err
	})
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		found, err = write(tx, true)
	}
	if err != nil {
		return err
	}
	return s.warnMembers(ctx, tx, runID, found, func(a leftAlone) string {
		return fmt.Sprintf("table identities refuses its %s (SQLSTATE %s), so the account keeps its own; "+
			"correct it at the provider, or change the table's rule", of.name, a.Refusal)
	}, fmt.Sprintf("whose %s table identities refuses", of.name))
}

// warnMalformed warns of members with a malformed address: by id, never with the value.
func (s *Store) warnMalformed(ctx context.Context, tx pgx.Tx, runID string, of address, found []leftAlone) error {
	return s.warnMembers(ctx, tx, runID, found, func(leftAlone) string {
		return fmt.Sprintf(
			"its %s %s, so it is not used to find an account and not written to one; correct it at the provider",
			of.name, of.malformed)
	}, fmt.Sprintf("whose %s %s", of.name, of.malformed))
}

// warnMembers warns of the first members of whom something is to be said, by id, and of
// how many others there are.
func (s *Store) warnMembers(
	ctx context.Context, tx pgx.Tx, runID string, found []leftAlone, message func(leftAlone) string, others string,
) error {
	warn := func(externalID, message string) error {
		return s.addRunError(ctx, tx, runID, "warning", externalID, message)
	}
	for i, a := range found {
		if i == accountsNamed {
			break
		}
		if err := warn(a.ExternalID, "member "+a.ExternalID+": "+message(a)); err != nil {
			return err
		}
	}
	if len(found) == 0 || found[0].Total <= accountsNamed {
		return nil
	}
	return warn("", fmt.Sprintf("there are %d more members %s", found[0].Total-accountsNamed, others))
}
