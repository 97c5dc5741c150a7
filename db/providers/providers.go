package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
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
	// IDsIgnoreCase says that member ids which differ only in case name one member.
	IDsIgnoreCase bool
}

// MemberKey returns the form in which two ids of one member are equal.
func (p Provider) MemberKey(externalID string) string {
	return directory.MemberKey(externalID, p.IDsIgnoreCase)
}

// GuardChange are the parts of a provider's removal guard that are to change; nil
// leaves a part as it is, or at its default (directory.DefaultGuard) in a new provider.
type GuardChange struct {
	Limits directory.GuardChange
	// HoldFor counts in whole seconds.
	HoldFor *time.Duration
}

// NewProvider is what Add stores.
type NewProvider struct {
	TenantID *string
	Name     string
	Type     directory.ProviderType
	Config   json.RawMessage
	Guard    GuardChange
	// By is who adds it.
	By audit.By
}

// Change is what Update stores; nil leaves a part as it is.
type Change struct {
	TenantID *string
	Config   json.RawMessage
	Active   *bool
	Guard    GuardChange
	// By is who changes it.
	By audit.By
	// IfChangedAt, if not nil, is when it must have been changed last: ErrChanged otherwise.
	IfChangedAt *time.Time
}

// Add stores a provider. seal is called with the new provider's id, which
// sealed values are bound to, within the transaction. It returns ErrNameTaken if
// there is one of that name.
func (s *Store) Add(ctx context.Context, n NewProvider,
	seal func(providerID string) ([]Sealed, error)) (string, error) {
	var id string
	err := s.pool.InTx(ctx, func(tx pgx.Tx) error {
		p := dbsqlc.InsertProviderParams{
			TenantID: n.TenantID, Name: n.Name, ProviderType: string(n.Type), Config: n.Config,
			UpdatedBy:   pg.NullIfEmpty(n.By.Name),
			HoldSeconds: int64(orElse(n.Guard.HoldFor, directory.DefaultHold) / time.Second),
		}
		var err error
		if id, err = s.q.InsertProvider(ctx, tx, p); err != nil {
			return err
		}
		if err := s.setLimits(ctx, tx, id, directory.DefaultGuard, n.Guard.Limits); err != nil {
			return err
		}
		if err := s.putSecrets(ctx, tx, id, seal); err != nil {
			return err
		}
		after, err := s.describe(ctx, tx, id)
		if err != nil {
			return err
		}
		return after.write(ctx, tx, "provider.create", n.By, nil, after.text(nil))
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "identity_providers_name_key" {
		return "", ErrNameTaken
	}
	return id, pg.Interpret("add provider", err)
}

// Update changes a stored provider; seal, if not nil, replaces all of its
// secrets and forgets its access tokens. It returns ErrNotFound and ErrChanged.
func (s *Store) Update(ctx context.Context, id string, c Change, seal func(providerID string) ([]Sealed, error)) error {
	return pg.Interpret("update provider", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		before, err := s.describe(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.IfChangedAt != nil && !before.UpdatedAt.Equal(*c.IfChangedAt) {
			return ErrChanged
		}
		p := dbsqlc.UpdateProviderParams{ID: id, TenantID: c.TenantID, Config: c.Config, IsActive: c.Active,
			UpdatedBy: pg.NullIfEmpty(c.By.Name)}
		p.HoldSeconds = secondsOf(c.Guard.HoldFor)
		if _, err := s.q.UpdateProvider(ctx, tx, p); err != nil {
			return err
		}
		if err := s.setLimits(ctx, tx, id, before.Guard, c.Guard.Limits); err != nil {
			return err
		}
		if seal != nil {
			if err := s.q.DeleteTokens(ctx, tx, id); err != nil {
				return err
			}
			if err := s.putSecrets(ctx, tx, id, seal); err != nil {
				return err
			}
		}
		after, err := s.describe(ctx, tx, id)
		if err != nil {
			return err
		}
		return after.write(ctx, tx, "provider.update", c.By, before.text(nil), after.text(before.sealed))
	}))
}

// setLimits stores the limits of which a part is given, the other part as it was.
func (s *Store) setLimits(ctx context.Context, tx pgx.Tx, providerID string, before directory.Guard,
	given directory.GuardChange) error {
	for _, kind := range directory.Kinds() {
		change := *given.Of(kind.Kind)
		if change == (directory.LimitChange{}) {
			continue
		}
		limit := change.On(*before.Of(kind.Kind))
		if err := s.q.SetRemovalLimit(ctx, tx, dbsqlc.SetRemovalLimitParams{
			ProviderID: providerID, ObjectType: string(kind.Kind), MaxCount: int32(limit.Count),
			MaxPercent: limit.Percent,
		}); err != nil {
			return err
		}
	}
	return nil
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

// CountHoldings returns what removing a provider would take. It returns ErrNotFound.
func (s *Store) CountHoldings(ctx context.Context, id string) (Holdings, error) {
	has, err := s.q.CountHoldings(ctx, s.pool, id)
	return Holdings(has), pg.Interpret("count what a provider has", err)
}

// Released says what became of a removed provider's rows.
type Released struct {
	Departments int64
	Members     int64
}

// Remove deletes a provider with its secrets and run history. Its people
// and departments stay as rows that applications may refer to, with status
// deleted, no provider and no raw records. It returns ErrNotFound.
func (s *Store) Remove(ctx context.Context, id string, by audit.By) (Released, error) {
	var r Released
	err := s.pool.InTx(ctx, func(tx pgx.Tx) (err error) {
		// First, so that what a batch at work still writes is released too.
		if err := s.q.LockProvider(ctx, tx, id); err != nil {
			return err
		}
		before, err := s.describe(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.Members, err = s.q.ReleaseMembers(ctx, tx, &id); err != nil {
			return err
		}
		if r.Departments, err = s.q.ReleaseDepartments(ctx, tx, &id); err != nil {
			return err
		}
		if err = s.q.ReleaseGroups(ctx, tx, &id); err != nil {
			return err
		}
		if err := s.q.DropProviderRaw(ctx, tx, &id); err != nil {
			return err
		}
		if err := before.write(ctx, tx, "provider.remove", by, before.text(nil), nil); err != nil {
			return err
		}
		if _, err := s.q.DeleteProvider(ctx, tx, id); err != nil {
			return err
		}
		return feed.PublishRemoval(ctx, tx, before.ID, before.TenantID, before.Name)
	})
	return r, pg.Interpret("remove provider", err)
}

// List returns all stored providers by name.
func (s *Store) List(ctx context.Context) ([]Provider, error) {
	rows, err := s.q.ListProviders(ctx, s.pool)
	if err != nil {
		return nil, pg.Interpret("list providers", err)
	}
	out := make([]Provider, len(rows))
	for i, row := range rows {
		out[i] = providerOf(dbsqlc.GetProviderByNameRow(row))
	}
	return out, nil
}

// FindByName returns ErrNotFound if there is none of that name.
func (s *Store) FindByName(ctx context.Context, name string) (Provider, error) {
	row, err := s.q.GetProviderByName(ctx, s.pool, name)
	return providerOf(row), pg.Interpret(fmt.Sprintf("find provider %q", name), err)
}

// FindByRun returns the provider that a run belongs to.
func (s *Store) FindByRun(ctx context.Context, runID string) (Provider, error) {
	row, err := s.q.GetProviderByRun(ctx, s.pool, runID)
	return providerOf(dbsqlc.GetProviderByNameRow(row)), pg.Interpret("find provider of run", err)
}

// GuardOf is the guard of a provider with these limits of its own, as own_removal_limits has them.
func GuardOf(limits json.RawMessage) directory.Guard {
	guard := directory.DefaultGuard
	var own map[directory.Kind]directory.Limit
	_ = json.Unmarshal(limits, &own) // the database made it; where no row was found it is empty
	for kind, limit := range own {
		*guard.Of(kind) = limit
	}
	return guard
}

func providerOf(r dbsqlc.GetProviderByNameRow) Provider {
	return Provider{
		ID: r.ID, TenantID: r.TenantID, Name: r.Name, Type: directory.ProviderType(r.ProviderType), Active: r.IsActive,
		Config: r.Config, LastSyncedAt: r.LastSyncedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		UpdatedBy: pg.OrZero(r.UpdatedBy),
		Guard:     GuardOf(r.OwnLimits),
		HoldFor:   time.Duration(r.HoldSeconds) * time.Second,

		IDsIgnoreCase: r.IdsIgnoreCase,
	}
}
