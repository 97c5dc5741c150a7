package service

import "context"

// ListTokens returns the API's tokens, by name.
func (v View) ListTokens(ctx context.Context, page Page) (Rows[Token], error) {
	return list(page, func(after Token, limit int) ([]Token, error) {
		return v.s.ListTokens(ctx, v.within, after, limit)
	}, func(t Token) Token { return Token{ID: t.ID, Name: t.Name} })
}

// ListAudit returns what administrators changed, the latest first.
func (v View) ListAudit(ctx context.Context, page Page) (Rows[AuditEntry], error) {
	return list(page, func(before AuditEntry, limit int) ([]AuditEntry, error) {
		return v.s.ListAudit(ctx, v.within, before.ID, limit)
	}, func(e AuditEntry) AuditEntry { return AuditEntry{ID: e.ID} })
}
