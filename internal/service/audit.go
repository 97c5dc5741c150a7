package service

import (
	"context"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/internal/access"
)

// AuditEntry is one thing that an administrator changed.
type AuditEntry = audit.Entry

// request stores who asks for a run or decides one. Temporal gets the id alone: names and
// addresses of people do not belong there.
func (s *Service) request(ctx context.Context, by By) (id string, err error) {
	store, err := s.openStore(ctx)
	if err != nil {
		return "", err
	}
	return store.Audit.AddRequest(ctx, audit.By(by))
}

// ListAudit returns what administrators changed before an entry (0: up to now), the latest
// first, as far as a caller reaches.
func (s *Service) ListAudit(ctx context.Context, within access.Reach, before int64, limit int) ([]AuditEntry, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return store.Audit.List(ctx, within.TenantID, within.ProviderID, before, limit)
}
