package feed

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// Channel is the one on which Postgres tells who listens of each publication, by its cursor.
const Channel = "orgsync_changes"

// PublishRun publishes what a run changed since it was published last. It is for the transaction
// in which the run is held or ends, as its last statement: until that is committed nothing else
// can be published. Nothing may be being written for the run any more.
func PublishRun(ctx context.Context, tx pgx.Tx, runID string) error {
	q := dbsqlc.New()
	published, err := q.PublishRun(ctx, tx, runID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return q.NotifyPublished(ctx, tx, EndOf(published.Number).Cursor())
}

// PublishRemoval publishes that a provider was removed, as the last statement of the transaction
// that does so.
func PublishRemoval(ctx context.Context, tx pgx.Tx, providerID string, tenantID *string, name string) error {
	q := dbsqlc.New()
	published, err := q.PublishRemoval(ctx, tx, dbsqlc.PublishRemovalParams{
		ProviderID: providerID, TenantID: tenantID, Provider: name,
	})
	if err != nil {
		return err
	}
	return q.NotifyPublished(ctx, tx, EndOf(published.Number).Cursor())
}
