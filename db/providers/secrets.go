package providers

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Sealed is a value that only the key set opens.
type Sealed struct {
	Key   string
	Value []byte
	// KeyID names the key it was sealed under.
	KeyID uint32
}

// ListSecrets returns a provider's sealed settings by key.
func (s *Store) ListSecrets(ctx context.Context, providerID string) ([]Sealed, error) {
	rows, err := s.q.ListSecrets(ctx, s.pool, providerID)
	if err != nil {
		return nil, pg.Interpret("read secrets", err)
	}
	out := make([]Sealed, len(rows))
	for i, row := range rows {
		out[i] = Sealed{Key: row.Key, Value: row.Sealed, KeyID: uint32(row.KeyID)}
	}
	return out, nil
}

// ResealSecrets replaces every stored secret by what reseal makes of it, in one
// transaction, and forgets all access tokens. It returns how many there were.
func (s *Store) ResealSecrets(ctx context.Context,
	reseal func(providerID string, old Sealed) (Sealed, error)) (int, error) {
	var n int
	err := s.pool.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.ListAllSecrets(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			fresh, err := reseal(row.ProviderID, Sealed{Key: row.Key, Value: row.Sealed, KeyID: uint32(row.KeyID)})
			if err != nil {
				return err
			}
			if err := s.q.PutSecret(ctx, tx, dbsqlc.PutSecretParams{
				ProviderID: row.ProviderID, Key: row.Key, Sealed: fresh.Value, KeyID: int64(fresh.KeyID),
			}); err != nil {
				return err
			}
			if err := s.q.DeleteTokens(ctx, tx, row.ProviderID); err != nil {
				return err
			}
		}
		suites, err := s.resealSuites(ctx, tx, reseal)
		n = len(rows) + suites
		return err
	})
	return n, pg.Interpret("reseal secrets", err)
}

// CountSecretsUnderOtherKeys returns how many stored secrets are sealed under another key
// than the one given.
func (s *Store) CountSecretsUnderOtherKeys(ctx context.Context, keyID uint32) (int, error) {
	n, err := s.q.CountSecretsUnderOtherKeys(ctx, s.pool, int64(keyID))
	return int(n), pg.Interpret("count secrets", err)
}

func (s *Store) putSecrets(ctx context.Context, tx pgx.Tx, id string, seal func(string) ([]Sealed, error)) error {
	secrets, err := seal(id)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		keys = append(keys, secret.Key)
		if err := s.q.PutSecret(ctx, tx, dbsqlc.PutSecretParams{
			ProviderID: id, Key: secret.Key, Sealed: secret.Value, KeyID: int64(secret.KeyID),
		}); err != nil {
			return err
		}
	}
	return s.q.DeleteOtherSecrets(ctx, tx, dbsqlc.DeleteOtherSecretsParams{ProviderID: id, Keys: keys})
}
