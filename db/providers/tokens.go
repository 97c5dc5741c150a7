package providers

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// GetToken returns a provider's sealed access token of that name. Where there is
// none that is valid at now it calls fetch and stores what it returns. Calls for
// one token, of all processes, run one after the other, so that only the first
// fetches. fetch may use the store.
func (s *Store) GetToken(ctx context.Context, providerID, name string, now time.Time,
	fetch func(context.Context) (Sealed, time.Time, error)) ([]byte, error) {
	token, err := s.q.GetToken(ctx, s.pool, dbsqlc.GetTokenParams{ProviderID: providerID, Name: name, Now: now})
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return token, pg.Interpret("read token", err)
	}
	leave, err := s.enter(ctx, providerID+" "+name)
	if err != nil {
		return nil, err
	}
	defer leave()
	// Apart: waiting for another process's fetch must not keep a connection of the pool,
	// which that fetch, or its like here, needs to get done.
	err = s.pool.InTxApart(ctx, func(tx pgx.Tx) error {
		if err := s.q.LockToken(ctx, tx, dbsqlc.LockTokenParams{ProviderID: providerID, Name: name}); err != nil {
			return pg.Interpret("lock token", err)
		}
		token, err = s.q.GetToken(ctx, tx, dbsqlc.GetTokenParams{ProviderID: providerID, Name: name, Now: now})
		if err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return pg.Interpret("read token", err)
		}
		sealed, expires, err := fetch(ctx)
		if err != nil {
			return err
		}
		token = sealed.Value
		return pg.Interpret("store token", s.q.PutToken(ctx, tx, dbsqlc.PutTokenParams{
			ProviderID: providerID, Name: name, Sealed: sealed.Value, KeyID: int64(sealed.KeyID), ExpiresAt: expires,
		}))
	})
	return token, err
}

// enter lets one goroutine of this process at a time past a gate.
func (s *Store) enter(ctx context.Context, gate string) (leave func(), err error) {
	made, _ := s.tokenQueues.LoadOrStore(gate, make(chan struct{}, 1))
	place := made.(chan struct{})
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// DropToken deletes a stored token if same says it is the one that was refused. It waits
// for no worker that is fetching the next.
func (s *Store) DropToken(ctx context.Context, providerID, name string, same func(sealed []byte) bool) error {
	stored, err := s.q.GetToken(ctx, s.pool, dbsqlc.GetTokenParams{
		ProviderID: providerID, Name: name, Now: time.Time{},
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil || !same(stored) {
		return pg.Interpret("drop token", err)
	}
	return pg.Interpret("drop token", s.q.DeleteToken(ctx, s.pool, dbsqlc.DeleteTokenParams{
		ProviderID: providerID, Name: name, Sealed: stored,
	}))
}
