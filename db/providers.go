package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// Provider is a stored connection to one company's directory, without secrets.
type Provider struct {
	ID       string
	TenantID *string
	Name     string
	Type     directory.ProviderType
	Active   bool
	// Config are the settings that are not secret, as JSON.
	Config       json.RawMessage
	LastSyncedAt *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// UpdatedBy is who changed it last, empty where that is not known.
	UpdatedBy string
	Guard     directory.Guard
	// HoldFor is how long a held run waits for a decision before it counts as rejected.
	HoldFor time.Duration
}

// GuardChange are the parts of a provider's removal guard that are to change; nil
// leaves a part as it is, or at its default (directory.DefaultGuard) in a new provider.
type GuardChange struct {
	Count             *int
	Percent           *float64
	DepartmentCount   *int
	DepartmentPercent *float64
	// HoldFor counts in whole seconds.
	HoldFor *time.Duration
}

// Sealed is a value that only the key set opens.
type Sealed struct {
	Key   string
	Value []byte
	// KeyID names the key it was sealed under.
	KeyID uint32
}

// NewProvider is what ProviderAdd stores.
type NewProvider struct {
	TenantID *string
	Name     string
	Type     directory.ProviderType
	Config   json.RawMessage
	Guard    GuardChange
	// By is who adds it.
	By string
}

// ProviderChange is what ProviderChange stores; nil leaves a part as it is.
type ProviderChange struct {
	TenantID *string
	Config   json.RawMessage
	Active   *bool
	Guard    GuardChange
	// By is who changes it.
	By string
}

// ProviderAdd stores a provider. seal is called with the new provider's id, which
// sealed values are bound to, within the transaction. It returns ErrNameTaken if
// there is one of that name.
func (s *Store) ProviderAdd(ctx context.Context, n NewProvider, seal func(providerID string) ([]Sealed, error)) (string, error) {
	var id string
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		usual := directory.DefaultGuard
		p := dbsqlc.ProviderInsertParams{
			TenantID: n.TenantID, Name: n.Name, ProviderType: string(n.Type), Config: n.Config, UpdatedBy: named(n.By),
			RemovalLimitCount:      int32(orElse(n.Guard.Count, usual.Members.Count)),
			RemovalLimitPercent:    orElse(n.Guard.Percent, usual.Members.Percent),
			DepartmentLimitCount:   int32(orElse(n.Guard.DepartmentCount, usual.Departments.Count)),
			DepartmentLimitPercent: orElse(n.Guard.DepartmentPercent, usual.Departments.Percent),
			HoldSeconds:            int64(orElse(n.Guard.HoldFor, directory.DefaultHold) / time.Second),
		}
		var err error
		if id, err = s.q.ProviderInsert(ctx, tx, p); err != nil {
			return err
		}
		return s.putSecrets(ctx, tx, id, seal)
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "identity_providers_name_key" {
		return "", ErrNameTaken
	}
	return id, interpret("add provider", err)
}

// ProviderChange changes a stored provider; seal, if not nil, replaces all of its
// secrets and forgets its access tokens. It returns ErrNotFound.
func (s *Store) ProviderChange(ctx context.Context, id string, c ProviderChange, seal func(providerID string) ([]Sealed, error)) error {
	return interpret("update provider", s.inTx(ctx, func(tx pgx.Tx) error {
		p := dbsqlc.ProviderUpdateParams{ID: id, TenantID: c.TenantID, Config: c.Config, IsActive: c.Active, UpdatedBy: named(c.By)}
		p.RemovalLimitCount, p.RemovalLimitPercent = int32Of(c.Guard.Count), c.Guard.Percent
		p.DepartmentLimitCount, p.DepartmentLimitPercent = int32Of(c.Guard.DepartmentCount), c.Guard.DepartmentPercent
		p.HoldSeconds = secondsOf(c.Guard.HoldFor)
		n, err := s.q.ProviderUpdate(ctx, tx, p)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if seal == nil {
			return nil
		}
		if err := s.q.TokenDeleteAll(ctx, tx, id); err != nil {
			return err
		}
		return s.putSecrets(ctx, tx, id, seal)
	}))
}

func (s *Store) putSecrets(ctx context.Context, tx pgx.Tx, id string, seal func(string) ([]Sealed, error)) error {
	secrets, err := seal(id)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		keys = append(keys, secret.Key)
		if err := s.q.SecretPut(ctx, tx, dbsqlc.SecretPutParams{
			ProviderID: id, Key: secret.Key, Sealed: secret.Value, KeyID: int64(secret.KeyID),
		}); err != nil {
			return err
		}
	}
	return s.q.SecretDeleteOthers(ctx, tx, dbsqlc.SecretDeleteOthersParams{ProviderID: id, Keys: keys})
}

// orElse returns what was given, or what holds where nothing was.
func orElse[T any](given *T, usual T) T {
	if given == nil {
		return usual
	}
	return *given
}

func secondsOf(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	seconds := int64(*d / time.Second)
	return &seconds
}

// Holdings are what there is of a provider: people and departments that are not deleted,
// people with an account, secrets, and runs, those that have not ended apart.
type Holdings struct {
	Members, Linked, Departments, Secrets, Runs, Open int64
}

// ProviderHoldings returns what removing a provider would take. It returns ErrNotFound.
func (s *Store) ProviderHoldings(ctx context.Context, id string) (Holdings, error) {
	has, err := s.q.ProviderHoldings(ctx, s.pool, id)
	return Holdings(has), interpret("count what a provider has", err)
}

// Released says what became of a removed provider's rows.
type Released struct {
	Departments int64
	Members     int64
}

// ProviderRemove deletes a provider with its secrets and run history. Its people
// and departments stay as rows that applications may refer to, with status
// deleted, no provider and no raw records. It returns ErrNotFound.
func (s *Store) ProviderRemove(ctx context.Context, id string) (Released, error) {
	var r Released
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		// First, so that what a batch at work still writes is released too.
		if err := s.q.ProviderLock(ctx, tx, id); err != nil {
			return err
		}
		if r.Members, err = s.q.ProviderReleaseMembers(ctx, tx, &id); err != nil {
			return err
		}
		if r.Departments, err = s.q.ProviderReleaseDepartments(ctx, tx, &id); err != nil {
			return err
		}
		if err := s.q.ProviderDropRaw(ctx, tx, &id); err != nil {
			return err
		}
		n, err := s.q.ProviderDelete(ctx, tx, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	return r, interpret("remove provider", err)
}

// Providers returns all stored providers by name.
func (s *Store) Providers(ctx context.Context) ([]Provider, error) {
	rows, err := s.q.ProviderList(ctx, s.pool)
	if err != nil {
		return nil, interpret("list providers", err)
	}
	out := make([]Provider, len(rows))
	for i, row := range rows {
		out[i] = providerOf(dbsqlc.ProviderByNameRow(row))
	}
	return out, nil
}

// ProviderByName returns ErrNotFound if there is none of that name.
func (s *Store) ProviderByName(ctx context.Context, name string) (Provider, error) {
	row, err := s.q.ProviderByName(ctx, s.pool, name)
	return providerOf(row), interpret(fmt.Sprintf("find provider %q", name), err)
}

// ProviderOfRun returns the provider that a run belongs to.
func (s *Store) ProviderOfRun(ctx context.Context, runID string) (Provider, error) {
	row, err := s.q.ProviderByRun(ctx, s.pool, runID)
	return providerOf(dbsqlc.ProviderByNameRow(row)), interpret("find provider of run", err)
}

func providerOf(r dbsqlc.ProviderByNameRow) Provider {
	return Provider{
		ID: r.ID, TenantID: r.TenantID, Name: r.Name, Type: directory.ProviderType(r.ProviderType), Active: r.IsActive,
		Config: r.Config, LastSyncedAt: r.LastSyncedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, UpdatedBy: value(r.UpdatedBy),
		Guard: directory.Guard{
			Members:     directory.Limit{Count: int(r.RemovalLimitCount), Percent: r.RemovalLimitPercent},
			Departments: directory.Limit{Count: int(r.DepartmentLimitCount), Percent: r.DepartmentLimitPercent},
		},
		HoldFor: time.Duration(r.HoldSeconds) * time.Second,
	}
}

// Secrets returns a provider's sealed settings by key.
func (s *Store) Secrets(ctx context.Context, providerID string) ([]Sealed, error) {
	rows, err := s.q.SecretList(ctx, s.pool, providerID)
	if err != nil {
		return nil, interpret("read secrets", err)
	}
	out := make([]Sealed, len(rows))
	for i, row := range rows {
		out[i] = Sealed{Key: row.Key, Value: row.Sealed, KeyID: uint32(row.KeyID)}
	}
	return out, nil
}

// Reseal replaces every stored secret by what reseal makes of it, in one
// transaction, and forgets all access tokens. It returns how many there were.
func (s *Store) Reseal(ctx context.Context, reseal func(providerID string, old Sealed) (Sealed, error)) (int, error) {
	var n int
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.SecretListAll(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			fresh, err := reseal(row.ProviderID, Sealed{Key: row.Key, Value: row.Sealed, KeyID: uint32(row.KeyID)})
			if err != nil {
				return err
			}
			if err := s.q.SecretPut(ctx, tx, dbsqlc.SecretPutParams{
				ProviderID: row.ProviderID, Key: row.Key, Sealed: fresh.Value, KeyID: int64(fresh.KeyID),
			}); err != nil {
				return err
			}
			if err := s.q.TokenDeleteAll(ctx, tx, row.ProviderID); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	return n, interpret("reseal secrets", err)
}

// SecretsUnderOtherKeys returns how many stored secrets are sealed under another key
// than the one given.
func (s *Store) SecretsUnderOtherKeys(ctx context.Context, keyID uint32) (int, error) {
	n, err := s.q.SecretsUnderOtherKeys(ctx, s.pool, int64(keyID))
	return int(n), interpret("count secrets", err)
}
