package db

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
)

// RetryEvents has the events of a provider tried again that were set aside, each in a run of
// its own, and returns how many those are.
func (s *Store) RetryEvents(ctx context.Context, p providers.Provider, by audit.By) (retried int64, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if retried, err = s.q.RetryEvents(ctx, tx, p.ID); err != nil || retried == 0 {
			return err
		}
		after, err := json.Marshal(map[string]int64{"events": retried})
		if err != nil {
			return err
		}
		return s.auditEvents(ctx, tx, "events.retry", p, by, after)
	})
	return retried, interpret("retry events", err)
}
