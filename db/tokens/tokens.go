// Package tokens stores who may use the API: the tokens' hashes, never a token.
package tokens

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Failures that callers tell apart.
var (
	// ErrNotFound: no such token, or one that may not be used any more.
	ErrNotFound = pg.ErrNotFound
	// ErrNameTaken: a token of that name has not been revoked.
	ErrNameTaken = errors.New("name is taken")
)

// Token is a stored token.
type Token struct {
	ID   string
	Name string
	Role string
	// TenantID and ProviderID are what it is bound to, empty for nothing; Provider is the
	// provider's name.
	TenantID   string
	ProviderID string
	Provider   string
	CreatedAt  time.Time
	CreatedBy  string
	ExpiresAt  *time.Time
	// LastUsedAt is exact to the minute.
	LastUsedAt *time.Time
	RevokedAt  *time.Time
}

// State is "active", "expired" or "revoked".
func (t Token) State(now time.Time) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked"
	case t.ExpiresAt != nil && !t.ExpiresAt.After(now):
		return "expired"
	default:
		return "active"
	}
}

// Store gives access to the tokens. It is safe for concurrent use.
type Store struct {
	pool *pg.Pool
	q    *dbsqlc.Queries
}

// New returns a store on a pool.
func New(pool *pg.Pool) *Store { return &Store{pool: pool, q: dbsqlc.New()} }

// Add stores a token by its hash. It returns ErrNameTaken.
func (s *Store) Add(ctx context.Context, t Token, hash []byte, by audit.By) (added Token, err error) {
	err = s.pool.InTx(ctx, func(tx pgx.Tx) error {
		id, err := s.q.InsertAPIToken(ctx, tx, dbsqlc.InsertAPITokenParams{
			Name: t.Name, Hash: hash, Role: t.Role, TenantID: pg.NullIfEmpty(t.TenantID),
			ProviderID: pg.NullIfEmpty(t.ProviderID),
			ExpiresAt:  t.ExpiresAt, CreatedBy: pg.NullIfEmpty(by.Name),
		})
		if err != nil {
			return err
		}
		if added, err = s.get(ctx, tx, id); err != nil {
			return err
		}
		return write(ctx, tx, "token.create", Token{}, added, by)
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "api_tokens_name" {
		return Token{}, ErrNameTaken
	}
	return added, pg.Interpret("add token", err)
}

// Get returns a token. It returns ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (Token, error) {
	t, err := s.get(ctx, s.pool, id)
	return t, pg.Interpret("find token", err)
}

// FindByName returns the token of that name that is not revoked. It returns ErrNotFound.
func (s *Store) FindByName(ctx context.Context, name string) (Token, error) {
	id, err := s.q.FindAPIToken(ctx, s.pool, name)
	if err != nil {
		return Token{}, pg.Interpret("find token", err)
	}
	return s.Get(ctx, id)
}

func (s *Store) get(ctx context.Context, on dbsqlc.DBTX, id string) (Token, error) {
	r, err := s.q.GetAPIToken(ctx, on, id)
	return tokenOf(dbsqlc.ListAPITokensRow(r)), err
}

// List returns the tokens behind one, by name. Empty tenant and provider limit nothing.
func (s *Store) List(ctx context.Context, tenantID, providerID string, after Token, limit int) ([]Token, error) {
	if after.ID == "" {
		after.ID = "00000000-0000-0000-0000-000000000000"
	}
	rows, err := s.q.ListAPITokens(ctx, s.pool, dbsqlc.ListAPITokensParams{
		TenantID: pg.NullIfEmpty(tenantID), ProviderID: pg.NullIfEmpty(providerID), AfterName: after.Name,
		AfterID: after.ID, MaxRows: int32(limit),
	})
	out := make([]Token, len(rows))
	for i, r := range rows {
		out[i] = tokenOf(r)
	}
	return out, pg.Interpret("list tokens", err)
}

// Revoke ends a token at once. It returns ErrNotFound if it has ended already.
func (s *Store) Revoke(ctx context.Context, id string, by audit.By) error {
	return pg.Interpret("revoke token", s.pool.InTx(ctx, func(tx pgx.Tx) error {
		before, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		n, err := s.q.RevokeAPIToken(ctx, tx, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return write(ctx, tx, "token.revoke", before, Token{}, by)
	}))
}

// Use returns the token that has a hash and notes, at most once a minute, that it was used.
// It returns ErrNotFound also of one that was revoked or has expired.
func (s *Store) Use(ctx context.Context, hash []byte) (Token, error) {
	r, err := s.q.FindAPITokenByHash(ctx, s.pool, hash)
	if err == nil && r.UseIsOld {
		err = s.q.MarkAPITokenUsed(ctx, s.pool, r.ID)
	}
	return Token{
		ID: r.ID, Name: r.Name, Role: r.Role, TenantID: pg.OrZero(r.TenantID), ProviderID: pg.OrZero(r.ProviderID),
	}, pg.Interpret("find token", err)
}

func tokenOf(r dbsqlc.ListAPITokensRow) Token {
	return Token{
		ID: r.ID, Name: r.Name, Role: r.Role, TenantID: pg.OrZero(r.TenantID), ProviderID: pg.OrZero(r.ProviderID),
		Provider:  r.ProviderName,
		CreatedAt: r.CreatedAt, CreatedBy: pg.OrZero(r.CreatedBy), ExpiresAt: r.ExpiresAt, LastUsedAt: r.LastUsedAt,
		RevokedAt: r.RevokedAt,
	}
}

// write adds what became of a token to the audit log.
func write(ctx context.Context, tx pgx.Tx, action string, before, after Token, by audit.By) error {
	about := before
	if about.ID == "" {
		about = after
	}
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "token/" + about.Name, TenantID: about.TenantID, ProviderID: about.ProviderID,
		Before: logged(before), After: logged(after),
	})
}

// logged is a token as the audit log has it, nil of none.
func logged(t Token) json.RawMessage {
	if t.ID == "" {
		return nil
	}
	text, err := json.Marshal(struct {
		ID        string     `json:"id"`
		Role      string     `json:"role"`
		TenantID  string     `json:"tenant_id,omitempty"`
		Provider  string     `json:"provider,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}{t.ID, t.Role, t.TenantID, t.Provider, t.ExpiresAt})
	if err != nil {
		panic(err) // plain data
	}
	return text
}
