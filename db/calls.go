package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
)

// Token returns a provider's sealed access token of that name. Where there is
// none that is valid at now it calls fetch and stores what it returns. Calls for
// one token, of all processes, run one after the other, so that only the first
// fetches. fetch may use the store.
func (s *Store) Token(ctx context.Context, providerID, name string, now time.Time, fetch func(context.Context) (Sealed, time.Time, error)) ([]byte, error) {
	token, err := s.q.TokenGet(ctx, s.pool, dbsqlc.TokenGetParams{ProviderID: providerID, Name: name, Now: now})
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return token, interpret("read token", err)
	}
	leave, err := s.enter(ctx, providerID+" "+name)
	if err != nil {
		return nil, err
	}
	defer leave()
	// Apart: waiting for another process's fetch must not keep a connection of the pool,
	// which that fetch, or its like here, needs to get done.
	err = s.inTxApart(ctx, func(tx pgx.Tx) error {
		if err := s.q.TokenLock(ctx, tx, dbsqlc.TokenLockParams{ProviderID: providerID, Name: name}); err != nil {
			return interpret("lock token", err)
		}
		token, err = s.q.TokenGet(ctx, tx, dbsqlc.TokenGetParams{ProviderID: providerID, Name: name, Now: now})
		if err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return interpret("read token", err)
		}
		sealed, expires, err := fetch(ctx)
		if err != nil {
			return err
		}
		token = sealed.Value
		return interpret("store token", s.q.TokenPut(ctx, tx, dbsqlc.TokenPutParams{
			ProviderID: providerID, Name: name, Sealed: sealed.Value, KeyID: int64(sealed.KeyID), ExpiresAt: expires,
		}))
	})
	return token, err
}

// enter lets one goroutine of this process at a time past a gate.
func (s *Store) enter(ctx context.Context, gate string) (leave func(), err error) {
	made, _ := s.gates.LoadOrStore(gate, make(chan struct{}, 1))
	place := made.(chan struct{})
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TokenDrop deletes a stored token if same says it is the one that was refused. It waits
// for nobody who is fetching the next.
func (s *Store) TokenDrop(ctx context.Context, providerID, name string, same func(sealed []byte) bool) error {
	stored, err := s.q.TokenGet(ctx, s.pool, dbsqlc.TokenGetParams{
		ProviderID: providerID, Name: name, Now: time.Time{},
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil || !same(stored) {
		return interpret("drop token", err)
	}
	return interpret("drop token", s.q.TokenDelete(ctx, s.pool, dbsqlc.TokenDeleteParams{
		ProviderID: providerID, Name: name, Sealed: stored,
	}))
}

// Pace says how an endpoint's calls follow each other.
type Pace struct {
	// Spacing is the time from one call to the next.
	Spacing time.Duration
	// Burst is for how long calls that nobody made can still be made, all at once.
	Burst time.Duration
}

// CallSlot reserves the endpoint's next call and returns how long to wait for it, which is
// below 0 where its time is already past. If that is more than patience nothing is
// reserved and granted is false.
func (s *Store) CallSlot(ctx context.Context, providerID, endpoint string, pace Pace, patience time.Duration) (wait time.Duration, granted bool, err error) {
	row, err := s.q.CallSlotTake(ctx, s.pool, dbsqlc.CallSlotTakeParams{
		ProviderID: providerID, Endpoint: endpoint, Spacing: pace.Spacing, Burst: pace.Burst, Patience: patience,
	})
	return time.Duration(row.WaitUs) * time.Microsecond, row.Granted, interpret("reserve call", err)
}

// CallPause lets nobody call the endpoint for d.
func (s *Store) CallPause(ctx context.Context, providerID, endpoint string, d time.Duration) error {
	return interpret("pause calls", s.q.CallSlotPause(ctx, s.pool, dbsqlc.CallSlotPauseParams{
		ProviderID: providerID, Endpoint: endpoint, Pause: d,
	}))
}
