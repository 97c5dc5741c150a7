package db

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
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

// SetSignature sets a member's signature image, or clears it if the URL is empty. It returns
// ErrNotFound.
func (s *Store) SetSignature(ctx context.Context, memberID, url string, by audit.By) error {
	return pg.Interpret("set signature", s.inTx(ctx, func(tx pgx.Tx) error {
		was, err := s.q.LockSignature(ctx, tx, memberID)
		if err != nil || was.Url == url {
			return err
		}
		action := "signature.set"
		if url == "" {
			action = "signature.clear"
			err = s.q.ClearSignature(ctx, tx, memberID)
		} else {
			err = s.q.SetSignature(ctx, tx, dbsqlc.SetSignatureParams{MemberID: memberID, Url: url})
		}
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			By: by, Action: action, Object: "member/" + memberID, TenantID: pg.OrZero(was.TenantID),
			ProviderID: pg.OrZero(was.ProviderID), Before: signatureText(was.Url), After: signatureText(url),
		})
	}))
}

// signatureText is a signature image as the audit log has it, nil where there is none.
func signatureText(url string) json.RawMessage {
	if url == "" {
		return nil
	}
	text, err := json.Marshal(map[string]string{"url": url})
	if err != nil {
		panic(err) // plain data
	}
	return text
}
