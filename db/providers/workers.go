package providers

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Worker is a worker process as others need to know it.
type Worker struct {
	// ID is a UUID of this process alone.
	ID string
	// Name is how Temporal lists it.
	Name string
	// KeyIDs are the keys that it can open secrets with.
	KeyIDs []uint32
}

// WorkerBeat is how often a worker says that it is at work. Who has not done so three
// times in a row no longer counts: it was killed.
const (
	WorkerBeat   = 20 * time.Second
	workerUnseen = 3 * WorkerBeat
	// workerKept is after what time rows of such workers are deleted.
	workerKept = time.Hour
)

// RecordWorker notes that a worker is at work.
func (s *Store) RecordWorker(ctx context.Context, w Worker) error {
	keys := make([]int64, len(w.KeyIDs))
	for i, id := range w.KeyIDs {
		keys[i] = int64(id)
	}
	if err := s.q.DeleteUnseenWorkers(ctx, s.pool, workerKept); err != nil {
		return pg.Interpret("forget workers", err)
	}
	return pg.Interpret("note the worker", s.q.RecordWorker(ctx, s.pool, dbsqlc.RecordWorkerParams{
		ID: w.ID, Name: w.Name, KeyIds: keys,
	}))
}

// RemoveWorker notes that a worker has stopped.
func (s *Store) RemoveWorker(ctx context.Context, id string) error {
	return pg.Interpret("note that the worker stopped", s.q.DeleteWorker(ctx, s.pool, id))
}

// ListWorkersWithoutKey returns the names of the workers at work that could not open what is
// sealed under a key.
func (s *Store) ListWorkersWithoutKey(ctx context.Context, keyID uint32) ([]string, error) {
	names, err := s.q.ListWorkersWithoutKey(ctx, s.pool, dbsqlc.ListWorkersWithoutKeyParams{
		KeyID: int64(keyID), Unseen: workerUnseen,
	})
	return names, pg.Interpret("read workers", err)
}
