package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Signature is a member's signature image.
type Signature struct {
	// URL is empty if the member has none.
	URL       string
	UpdatedAt time.Time
}

// GetSignature returns a member's signature image.
func (s *Store) GetSignature(ctx context.Context, memberID string) (Signature, error) {
	row, err := s.q.GetSignature(ctx, s.pool, memberID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Signature{}, nil
	}
	return Signature{URL: row.Url, UpdatedAt: row.UpdatedAt}, pg.Interpret("read signature", err)
}

// SetSignature sets a member's signature image, or clears it if the URL is empty.
func (s *Store) SetSignature(ctx context.Context, memberID, url string) error {
	if url == "" {
		_, err := s.q.ClearSignature(ctx, s.pool, memberID)
		return pg.Interpret("clear signature", err)
	}
	return pg.Interpret("set signature", s.q.SetSignature(ctx, s.pool,
		dbsqlc.SetSignatureParams{MemberID: memberID, Url: url}))
}
