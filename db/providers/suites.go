package providers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// SuiteGrant is what a vendor has handed over for a provider of a suite, sealed.
type SuiteGrant struct {
	// Ticket is nil if none has come, PermanentCode if there is none for the company.
	Ticket, PermanentCode []byte
	// IssuedAt is when the vendor made the ticket.
	IssuedAt, AuthorizedAt, WithdrawnAt *time.Time
}

// GetSuiteGrant returns what the vendor has handed over for a provider and its company. It
// returns ErrNotFound.
func (s *Store) GetSuiteGrant(ctx context.Context, providerID, company string) (SuiteGrant, error) {
	row, err := s.q.GetSuiteGrant(ctx, s.pool, dbsqlc.GetSuiteGrantParams{ProviderID: providerID, CompanyID: company})
	return SuiteGrant{
		Ticket: row.Ticket, PermanentCode: row.PermanentCode, IssuedAt: row.IssuedAt, AuthorizedAt: row.AuthorizedAt,
		WithdrawnAt: row.WithdrawnAt,
	}, pg.Interpret("read what a suite was granted", err)
}

// PutSuiteTicket stores a ticket unless a newer one is there.
func (s *Store) PutSuiteTicket(ctx context.Context, providerID string, ticket Sealed, issuedAt time.Time) error {
	_, err := s.q.PutSuiteTicket(ctx, s.pool, dbsqlc.PutSuiteTicketParams{
		ProviderID: providerID, Sealed: ticket.Value, KeyID: int64(ticket.KeyID), IssuedAt: issuedAt,
	})
	return pg.Interpret("store suite ticket", err)
}

// hashOf is what is stored of a secret that comes back.
func hashOf(secret string) []byte {
	if secret == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// AddSuiteInstall stores that a link was made for a provider.
func (s *Store) AddSuiteInstall(ctx context.Context, p Provider, state string, life time.Duration,
	by audit.By) error {
	return pg.Interpret("store install link", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.q.DropOldSuiteRows(ctx, tx); err != nil {
			return err
		}
		err := s.q.AddSuiteInstall(ctx, tx, dbsqlc.AddSuiteInstallParams{
			StateHash: hashOf(state), ProviderID: p.ID, Life: life,
		})
		if err != nil {
			return err
		}
		return described{Provider: p}.write(ctx, tx, "provider.install_link", by, nil, nil)
	}))
}

// FindSuiteInstall returns the id of the provider that a link is for. It returns ErrNotFound
// where the link has expired or was never made.
func (s *Store) FindSuiteInstall(ctx context.Context, state string, at time.Time) (string, error) {
	id, err := s.q.FindSuiteInstall(ctx, s.pool, dbsqlc.FindSuiteInstallParams{StateHash: hashOf(state), At: at})
	return id, pg.Interpret("find install link", err)
}

// NewSuiteCode is a code to be exchanged for a permanent one.
type NewSuiteCode struct {
	// ProviderID is that of the provider by whose settings it was verified, which it is sealed for.
	ProviderID string
	// Code is known by its hash alone.
	Code   string
	Sealed []byte
	// State is that of the install link, empty if there was none.
	State    string
	IssuedAt time.Time
}

// AddSuiteCode stores a code, once however often it comes.
func (s *Store) AddSuiteCode(ctx context.Context, c NewSuiteCode) error {
	_, err := s.q.AddSuiteCode(ctx, s.pool, dbsqlc.AddSuiteCodeParams{
		CodeHash: hashOf(c.Code), ProviderID: c.ProviderID, StateHash: hashOf(c.State), Sealed: c.Sealed,
		IssuedAt: c.IssuedAt.Truncate(time.Second),
	})
	return pg.Interpret("store authorisation code", err)
}

// SuiteCode is a code in hand.
type SuiteCode struct {
	ProviderID, Provider string
	Sealed               []byte
	ReceivedAt           time.Time
}

// Redeemed is what came of a code.
type Redeemed struct {
	// Again is after what pause it is tried again; 0: this is the end.
	Again time.Duration
	// Problem says why no company came of it, empty if one did.
	Problem string

	// Company has installed the suite of that id, whose providers are Siblings.
	Company, SuiteID string
	Siblings         []string
	// CompanyKey is the setting that names a provider's company.
	CompanyKey string
	// Seal seals the permanent code for a provider.
	Seal func(providerID string) (Sealed, error)
	By   audit.By
}

// RedeemSuiteCode has the code that has waited longest exchanged, by one server at a time, and
// stores what came of it: whose company it is says the link, or else an earlier authorisation,
// or else the settings. It returns ErrNotFound if no code waits.
func (s *Store) RedeemSuiteCode(ctx context.Context, redeem func(context.Context, SuiteCode) (Redeemed, error)) error {
	waits, err := s.q.SuiteCodeWaits(ctx, s.pool)
	if err == nil && !waits {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return pg.Interpret("look for authorisation codes", err)
	}
	// Apart: the vendor's answer must not keep a connection of the pool.
	err = s.pool.InTxApart(ctx, func(tx pgx.Tx) error {
		row, err := s.q.LockSuiteCode(ctx, tx)
		if err != nil {
			return err
		}
		got, err := redeem(ctx, SuiteCode{
			ProviderID: row.ProviderID, Provider: row.Name, Sealed: row.Sealed, ReceivedAt: row.ReceivedAt,
		})
		switch {
		case err != nil:
			return err
		case got.Again > 0:
			return s.q.PostponeSuiteCode(ctx, tx, dbsqlc.PostponeSuiteCodeParams{CodeHash: row.CodeHash,
				Pause: got.Again})
		}
		if got.Problem == "" {
			if got.Problem, err = s.authorize(ctx, tx, row, got); err != nil {
				return err
			}
		}
		return s.q.FinishSuiteCode(ctx, tx, dbsqlc.FinishSuiteCodeParams{
			CodeHash: row.CodeHash, Problem: pg.NullIfEmpty(got.Problem),
		})
	})
	return pg.Interpret("redeem authorisation code", err)
}

// authorize stores a company's permanent code for the provider whose company it is, or for
// no provider. problem says what a person must do then.
func (s *Store) authorize(ctx context.Context, tx pgx.Tx, code dbsqlc.LockSuiteCodeRow, got Redeemed) (
	problem string, err error) {
	linked, err := s.linkedProvider(ctx, tx, code, got)
	if err != nil {
		return "", err
	}
	found, err := s.q.FindSuiteProvider(ctx, tx, dbsqlc.FindSuiteProviderParams{
		Providers: got.Siblings, CompanyID: got.Company,
	})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	owner := found.ProviderID
	switch {
	case owner != "" && linked != "" && owner != linked:
		problem = "company " + got.Company + " belongs to another provider of the suite already"
	case owner == "":
		owner = linked
	}
	if owner == "" {
		owner, err = s.q.FindSuiteProviderBySetting(ctx, tx, dbsqlc.FindSuiteProviderBySettingParams{
			Providers: got.Siblings, CompanyKey: got.CompanyKey, CompanyID: got.Company,
		})
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return "", err
		}
	}
	if owner == "" {
		problem = "company " + got.Company + " installed the suite without a link of a provider that waits for it"
		return problem, s.putAuthorization(ctx, tx, code.ProviderID, false, code.IssuedAt, got)
	}
	return problem, s.claim(ctx, tx, owner, code.IssuedAt, got)
}

// linkedProvider is the provider that the link was made for, empty if there is none, or if it
// has another company.
func (s *Store) linkedProvider(ctx context.Context, tx pgx.Tx, code dbsqlc.LockSuiteCodeRow,
	got Redeemed) (string, error) {
	if code.StateHash == nil {
		return "", nil
	}
	id, err := s.q.FindSuiteInstall(ctx, tx, dbsqlc.FindSuiteInstallParams{StateHash: code.StateHash,
		At: code.ReceivedAt})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, sibling := range got.Siblings {
		if sibling != id {
			continue
		}
		p, err := s.describe(ctx, tx, id)
		if company := p.setting(got.CompanyKey); err != nil || company != "" && company != got.Company {
			return "", err
		}
		return id, nil
	}
	return "", nil
}

// claim makes a company a provider's, in its settings as well.
func (s *Store) claim(ctx context.Context, tx pgx.Tx, owner string, issuedAt time.Time, got Redeemed) error {
	before, err := s.describe(ctx, tx, owner)
	if err != nil {
		return err
	}
	for _, do := range []func() error{
		func() error {
			return s.q.DropClaims(ctx, tx, dbsqlc.DropClaimsParams{ProviderID: owner, CompanyID: got.Company})
		},
		func() error {
			return s.q.DropUnclaimed(ctx, tx, dbsqlc.DropUnclaimedParams{Providers: got.Siblings,
				CompanyID: got.Company})
		},
		func() error { return s.putAuthorization(ctx, tx, owner, true, issuedAt, got) },
		func() error {
			_, err := s.q.SetProviderCompany(ctx, tx, dbsqlc.SetProviderCompanyParams{
				ID: owner, CompanyKey: got.CompanyKey, CompanyID: got.Company, UpdatedBy: pg.NullIfEmpty(got.By.Name),
			})
			return err
		},
		func() error { return s.q.DeleteTokens(ctx, tx, owner) }, // of an earlier permanent code
	} {
		if err := do(); err != nil {
			return err
		}
	}
	after, err := s.describe(ctx, tx, owner)
	if err != nil {
		return err
	}
	return after.write(ctx, tx, "provider.install", got.By, before.text(nil), after.text(before.sealed))
}

func (s *Store) putAuthorization(ctx context.Context, tx pgx.Tx, providerID string, claimed bool,
	issuedAt time.Time, got Redeemed) error {
	code, err := got.Seal(providerID)
	if err != nil {
		return err
	}
	keyID := int64(code.KeyID)
	return s.q.PutSuiteAuthorization(ctx, tx, dbsqlc.PutSuiteAuthorizationParams{
		ProviderID: providerID, CompanyID: got.Company, SuiteID: got.SuiteID, Claimed: claimed,
		Sealed: code.Value, KeyID: &keyID, AuthorizedAt: issuedAt,
	})
}

// FindSuiteProvider returns which of the providers of a suite has a company. It returns
// ErrNotFound.
func (s *Store) FindSuiteProvider(ctx context.Context, siblings []string, company string) (id, name string,
	err error) {
	row, err := s.q.FindSuiteProvider(ctx, s.pool, dbsqlc.FindSuiteProviderParams{
		Providers: siblings, CompanyID: company,
	})
	return row.ProviderID, row.Name, pg.Interpret("find whose company it is", err)
}

// WithdrawSuiteAuthorization forgets the permanent code of a company that has uninstalled the
// suite, with the access tokens. Nothing of the directory changes.
func (s *Store) WithdrawSuiteAuthorization(ctx context.Context, siblings []string, company string, at time.Time,
	by audit.By) error {
	return pg.Interpret("withdraw authorisation", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.WithdrawSuiteAuthorization(ctx, tx, dbsqlc.WithdrawSuiteAuthorizationParams{
			Providers: siblings, CompanyID: company, At: at,
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !row.Claimed {
				continue
			}
			if err := s.q.DeleteTokens(ctx, tx, row.ProviderID); err != nil {
				return err
			}
			p, err := s.describe(ctx, tx, row.ProviderID)
			if err != nil {
				return err
			}
			if err := p.write(ctx, tx, "provider.uninstall", by, p.text(nil), p.text(nil)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Unclaimed is a company that has installed a suite without a link of ours.
type Unclaimed struct {
	Company string
	// ProviderID is the provider that its permanent code is sealed for.
	ProviderID, SuiteID string
	Sealed              []byte
	AuthorizedAt        time.Time
}

// ListUnclaimed returns the companies that wait for one of the providers of a suite.
func (s *Store) ListUnclaimed(ctx context.Context, siblings []string) ([]Unclaimed, error) {
	rows, err := s.q.ListUnclaimed(ctx, s.pool, siblings)
	out := make([]Unclaimed, len(rows))
	for i, r := range rows {
		out[i] = Unclaimed{Company: r.CompanyID, ProviderID: r.ProviderID, SuiteID: r.SuiteID, Sealed: r.Sealed,
			AuthorizedAt: r.AuthorizedAt}
	}
	return out, pg.Interpret("list companies of a suite", err)
}

// ClaimCompany makes an unclaimed company a provider's.
func (s *Store) ClaimCompany(ctx context.Context, providerID string, u Unclaimed, got Redeemed) error {
	return pg.Interpret("claim company", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		return s.claim(ctx, tx, providerID, u.AuthorizedAt, got)
	}))
}

// GetSuiteProblem returns why the latest installation for a provider came to nothing, empty if
// it did not.
func (s *Store) GetSuiteProblem(ctx context.Context, providerID string) (string, error) {
	row, err := s.q.GetSuiteProblem(ctx, s.pool, providerID)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return pg.OrZero(row.Problem), pg.Interpret("read installations", err)
}

// resealSuites seals tickets and permanent codes anew.
func (s *Store) resealSuites(ctx context.Context, tx pgx.Tx,
	reseal func(providerID string, old Sealed) (Sealed, error)) (int, error) {
	rows, err := s.q.ListSuiteSecrets(ctx, tx)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		key := SuiteTicketKey
		if row.CompanyID != "" {
			key = PermanentCodeKey(row.CompanyID)
		}
		fresh, err := reseal(row.ProviderID, Sealed{Key: key, Value: row.Sealed, KeyID: uint32(row.KeyID)})
		if err != nil {
			return 0, err
		}
		keyID := int64(fresh.KeyID)
		if row.CompanyID == "" {
			err = s.q.ResealSuiteTicket(ctx, tx, dbsqlc.ResealSuiteTicketParams{
				ProviderID: row.ProviderID, Sealed: fresh.Value, KeyID: keyID,
			})
		} else {
			err = s.q.ResealPermanentCode(ctx, tx, dbsqlc.ResealPermanentCodeParams{
				ProviderID: row.ProviderID, CompanyID: row.CompanyID, Sealed: fresh.Value, KeyID: &keyID,
			})
		}
		if err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// What tickets and codes are sealed under, beside the provider's id. No setting has such a name.
const (
	SuiteTicketKey = "suite/ticket"
	SuiteCodeKey   = "suite/code"
)

// PermanentCodeKey is the same of a company's permanent code.
func PermanentCodeKey(company string) string { return "suite/company/" + company }

// setting returns one of the settings that are no secrets.
func (d described) setting(key string) string {
	settings := map[string]string{}
	_ = json.Unmarshal(d.Config, &settings) // what is no object of texts has none
	return settings[key]
}
