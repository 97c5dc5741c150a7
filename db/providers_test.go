package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// sealing returns a seal function for the values given as key, value pairs.
func sealing(pairs ...string) func(string) ([]providers.Sealed, error) {
	return func(providerID string) ([]providers.Sealed, error) {
		var out []providers.Sealed
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, providers.Sealed{Key: pairs[i], Value: []byte(providerID + pairs[i+1]), KeyID: 1<<32 - 1})
		}
		return out, nil
	}
}

func (c *company) secrets() []string {
	c.t.Helper()
	stored, err := c.store.Providers.ListSecrets(c.t.Context(), c.provider.ID)
	require.NoError(c.t, err)
	out := []string{}
	for _, s := range stored {
		require.EqualValues(c.t, uint32(1<<32-1), s.KeyID)
		out = append(out, s.Key+"="+string(s.Value[len(c.provider.ID):]))
	}
	return out
}

func TestAProviderAndItsSecrets(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ctx := t.Context()
	name := "acme"
	id, err := d.store.Providers.Add(ctx, providers.NewProvider{Name: name, Type: directory.WeCom,
		Config: []byte(`{"corp_id": "c"}`), Guard: providers.GuardChange{Limits: directory.GuardChange{
			Members: directory.LimitChange{Count: new(7), Percent: new(1.5)}}}},
		sealing("secret", "s", "sync_secret", "t"))
	require.NoError(t, err)
	_, err = d.store.Providers.Add(ctx, providers.NewProvider{Name: name, Type: directory.Feishu,
		Config: []byte("{}")}, sealing())
	require.ErrorIs(t, err, providers.ErrNameTaken)
	refused := errors.New("no key")
	_, err = d.store.Providers.Add(ctx, providers.NewProvider{Name: "other", Type: directory.Feishu,
		Config: []byte("{}")}, func(string) ([]providers.Sealed, error) { return nil, refused })
	require.ErrorIs(t, err, refused)

	p, err := d.store.Providers.FindByName(ctx, name)
	require.NoError(t, err)
	c := &company{database: d, t: t, provider: p}
	require.Equal(t, providers.Provider{
		ID: id, Name: name, Type: directory.WeCom, Active: true, Config: p.Config, CreatedAt: p.CreatedAt,
		UpdatedAt: p.UpdatedAt, HoldFor: 72 * time.Hour, IDsIgnoreCase: true,
		Guard: func() directory.Guard {
			guard := directory.DefaultGuard
			guard.Members = directory.Limit{Count: 7, Percent: 1.5}
			return guard
		}(),
	}, p)
	require.JSONEq(t, `{"corp_id": "c"}`, string(p.Config))
	require.Equal(t, []string{"secret=s", "sync_secret=t"}, c.secrets())

	tenant, off := uuid.NewString(), false
	require.NoError(t, d.store.Providers.Update(ctx, id, providers.Change{TenantID: &tenant, Active: &off}, nil))
	require.Equal(t, []string{"secret=s", "sync_secret=t"}, c.secrets())
	require.NoError(t, d.store.Providers.Update(ctx, id, providers.Change{Config: []byte(`{"corp_id": "d"}`)},
		sealing("secret", "u")))
	require.Equal(t, []string{"secret=u"}, c.secrets(), "secrets are replaced as a whole")
	all, err := d.store.Providers.List(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1, "one that could not be sealed is not stored")
	require.Equal(t, &tenant, all[0].TenantID)
	require.False(t, all[0].Active)
	require.JSONEq(t, `{"corp_id": "d"}`, string(all[0].Config))

	require.ErrorIs(t, d.store.Providers.Update(ctx, uuid.NewString(), providers.Change{}, nil), db.ErrNotFound)
	_, err = d.store.Providers.FindByName(ctx, "nobody")
	require.ErrorIs(t, err, db.ErrNotFound)
	_, err = d.store.Providers.Remove(ctx, uuid.NewString(), audit.By{})
	require.ErrorIs(t, err, db.ErrNotFound)
}

func TestNewSecretsForgetTokens(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	for name, change := range map[string]func(c *company) error{
		"provider changed": func(c *company) error {
			return d.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{}, sealing("secret", "new"))
		},
		"resealed": func(*company) error {
			_, err := d.store.Providers.ResealSecrets(t.Context(),
				func(_ string, old providers.Sealed) (providers.Sealed, error) { return old, nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := d.company(t, directory.Feishu)
			require.NoError(t, d.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{},
				sealing("secret", "old")))
			fetched := 0
			token := func() {
				_, err := d.store.Providers.GetToken(t.Context(), c.provider.ID, "app", time.Now(),
					func(context.Context) (providers.Sealed, time.Time, error) {
						fetched++
						return providers.Sealed{Value: []byte("sealed")}, time.Now().Add(time.Hour), nil
					})
				require.NoError(t, err)
			}
			token()
			token()
			require.Equal(t, 1, fetched)
			require.NoError(t, change(c))
			token()
			require.Equal(t, 2, fetched)
		})
	}
}

func TestResealingIsAllOrNothing(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	one, two := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	for _, c := range []*company{one, two} {
		require.NoError(t, d.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{},
			sealing("a_secret", "1", "b_secret", "2")))
	}
	seen, broken := 0, errors.New("cannot open")
	_, err := d.store.Providers.ResealSecrets(t.Context(),
		func(id string, old providers.Sealed) (providers.Sealed, error) {
			if seen++; seen == 4 {
				return providers.Sealed{}, broken
			}
			old.Value = []byte(id + "lost")
			return old, nil
		})
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"a_secret=1", "b_secret=2"}, one.secrets())
	n, err := d.store.Providers.ResealSecrets(t.Context(),
		func(id string, old providers.Sealed) (providers.Sealed, error) {
			old.Value = []byte(id + old.Key + string(old.Value[len(id):]))
			return old, nil
		})
	require.NoError(t, err)
	require.Equal(t, 4, n)
	for _, c := range []*company{one, two} {
		require.Equal(t, []string{"a_secret=a_secret1", "b_secret=b_secret2"}, c.secrets())
	}
}

func TestARemovedProviderLeavesItsRowsAsDeleted(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c, other := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	c.sync(snapshot{departments: "1; 10<1", members: "a in=1; b in=10; z in=1"})
	c.sync(snapshot{departments: "1; 10<1", members: "a in=1; b in=10"})
	c.begin("apply").read(snapshot{departments: "1", members: "a in=1; w in=1"})
	other.sync(snapshot{departments: "1", members: "a in=1"})
	// No foreign key ties these to the run.
	tables := []string{"org_changes", "staged_departments", "staged_members", "sync_run_departments", "member_matches"}
	for _, table := range tables[:4] {
		require.NotEqual(t, "0",
			d.text(t, "SELECT count(*)::text FROM "+table+
				" x JOIN sync_runs r ON r.id = x.run_id WHERE r.provider_id = $1", c.provider.ID), table)
	}
	released, err := d.store.Providers.Remove(t.Context(), c.provider.ID, audit.By{})
	require.NoError(t, err)
	require.Equal(t, providers.Released{Departments: 2, Members: 2}, released)
	require.Equal(t, []string{"1 deleted 0", "10 deleted 0"},
		d.texts(t,
			"SELECT concat_ws(' ', external_id, status, member_count) FROM org_departments "+
				"WHERE provider_id IS NULL ORDER BY 1"))
	require.Equal(t, []string{"a deleted", "b deleted", "z deleted"},
		d.texts(t, "SELECT concat_ws(' ', external_id, status) FROM org_members WHERE provider_id IS NULL ORDER BY 1"))
	require.Equal(t, "0",
		d.text(t, "SELECT count(*)::text FROM org_members WHERE provider_id IS NULL AND raw_data <> '{}'"))
	require.Equal(t, []string{"a - - active"}, other.people())
	require.Equal(t, "0", d.text(t, "SELECT count(*)::text FROM sync_runs WHERE provider_id = $1", c.provider.ID))
	for _, table := range tables {
		require.Equal(t, "0",
			d.text(t, "SELECT count(*)::text FROM "+table+
				" x WHERE NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.id = x.run_id)"), table)
	}
}

// A provider may be removed while a batch of it is being applied: what that batch
// still writes is released with the rest.
func TestAProviderIsRemovedBehindABatchAtWork(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	batch, err := c.pool.Begin(t.Context())
	require.NoError(t, err)
	//nolint:errcheck // committed below
	defer batch.Rollback(context.WithoutCancel(t.Context()))
	// as FenceHold does
	_, err = batch.Exec(t.Context(), "SELECT 1 FROM identity_providers WHERE id = $1 FOR SHARE", c.provider.ID)
	require.NoError(t, err)
	removed := make(chan error, 1)
	go func() {
		_, err := c.store.Providers.Remove(t.Context(), c.provider.ID, audit.By{})
		removed <- err
	}()
	require.Eventually(t, func() bool {
		return c.text(t,
			"SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() "+
				"AND wait_event_type = 'Lock'") == "1"
	}, 30*time.Second, 10*time.Millisecond)
	_, err = batch.Exec(t.Context(), "INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'late')",
		c.provider.ID)
	require.NoError(t, err)
	require.NoError(t, batch.Commit(t.Context()))
	require.NoError(t, <-removed)
	require.Equal(t, "deleted", c.text(t, "SELECT status FROM org_members WHERE external_id = 'late'"))
}
