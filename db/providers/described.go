package providers

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// What stands for a secret in the audit log: one that stayed, and one that was replaced.
const (
	secretKept     = "***"
	secretReplaced = "*** (changed)"
)

// described is a provider as it stands within a transaction.
type described struct {
	Provider
	// sealed are its sealed settings by key.
	sealed map[string][]byte
}

// describe reads a provider and holds it against other changes. It returns pgx.ErrNoRows.
func (s *Store) describe(ctx context.Context, tx pgx.Tx, id string) (described, error) {
	row, err := s.q.LockProviderByID(ctx, tx, id)
	if err != nil {
		return described{}, err
	}
	secrets, err := s.q.ListSecrets(ctx, tx, id)
	d := described{Provider: providerOf(dbsqlc.GetProviderByNameRow(row)), sealed: map[string][]byte{}}
	for _, secret := range secrets {
		d.sealed[secret.Key] = secret.Sealed
	}
	return d, err
}

// text is the provider as the audit log has it. before are the sealed settings from before
// the change, nil where none can have been replaced.
func (d described) text(before map[string][]byte) json.RawMessage {
	settings := map[string]string{}
	_ = json.Unmarshal(d.Config, &settings) // what is no object of texts cannot be shown
	for key, sealed := range d.sealed {
		settings[key] = secretKept
		if before != nil && !bytes.Equal(before[key], sealed) {
			settings[key] = secretReplaced
		}
	}
	text, err := json.Marshal(struct {
		ID       string            `json:"id"`
		Name     string            `json:"name"`
		Type     string            `json:"provider_type"`
		TenantID *string           `json:"tenant_id"`
		Active   bool              `json:"is_active"`
		Config   map[string]string `json:"config"`
		directory.GuardFigures
		HoldSeconds float64 `json:"hold_seconds"`
	}{
		d.ID, d.Name, string(d.Type), d.TenantID, d.Active, settings, directory.FiguresOf(d.Guard), d.HoldFor.Seconds(),
	})
	if err != nil {
		panic(err) // plain data
	}
	return text
}

// write adds to the audit log what was done to the provider.
func (d described) write(ctx context.Context, tx pgx.Tx, action string, by audit.By, before,
	after json.RawMessage) error {
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "provider/" + d.Name, TenantID: pg.OrZero(d.TenantID), ProviderID: d.ID,
		Before: before, After: after,
	})
}
