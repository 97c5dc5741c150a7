package connect

import (
	"context"
	"crypto/subtle"
	"sync"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// tokens keeps one provider's access tokens in Postgres, sealed.
type tokens struct {
	store      *db.Store
	box        *secret.Box
	providerID string

	// recent spares one client's many calls most of the reading and opening.
	mu     sync.Mutex
	recent map[string]recentToken
}

type recentToken struct {
	token string
	until time.Time
}

// fresh is how long a client goes on with a token without asking whether another
// worker has replaced it; one that was meanwhile refused is dropped and fetched anew.
const fresh = 10 * time.Second

var _ provider.Tokens = (*tokens)(nil)

// Token implements provider.Tokens.
func (t *tokens) Token(ctx context.Context, name string, fetch func(context.Context) (string, time.Time, error)) (string, error) {
	now := time.Now()
	t.mu.Lock()
	known := t.recent[name]
	t.mu.Unlock()
	if now.Before(known.until) {
		return known.token, nil
	}
	until := now.Add(fresh)
	token, err := t.stored(ctx, name, func(ctx context.Context) (string, time.Time, error) {
		token, expires, err := fetch(ctx)
		if expires.Before(until) {
			until = expires
		}
		return token, expires, err
	})
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent[name] = recentToken{token, until}
	return token, nil
}

// stored returns the token that all workers share.
func (t *tokens) stored(ctx context.Context, name string, fetch func(context.Context) (string, time.Time, error)) (string, error) {
	sealed, err := t.store.Token(ctx, t.providerID, name, time.Now(), func(ctx context.Context) (db.Sealed, time.Time, error) {
		token, expires, err := fetch(ctx)
		if err != nil {
			return db.Sealed{}, time.Time{}, err
		}
		value, keyID, err := t.box.Seal([]byte(token), t.associated(name))
		return db.Sealed{Key: name, Value: value, KeyID: keyID}, expires, err
	})
	if err != nil {
		return "", err
	}
	plain, err := t.box.Open(sealed, t.associated(name))
	if err == nil {
		return string(plain), nil
	}
	// Sealed under a key that is no longer in the set: as good as no token.
	if err := t.store.TokenDrop(ctx, t.providerID, name, func([]byte) bool { return true }); err != nil {
		return "", err
	}
	token, expires, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	_, err = t.store.Token(ctx, t.providerID, name, time.Now(), func(context.Context) (db.Sealed, time.Time, error) {
		value, keyID, err := t.box.Seal([]byte(token), t.associated(name))
		return db.Sealed{Key: name, Value: value, KeyID: keyID}, expires, err
	})
	return token, err
}

// Drop implements provider.Tokens.
func (t *tokens) Drop(ctx context.Context, name, token string) error {
	t.mu.Lock()
	delete(t.recent, name)
	t.mu.Unlock()
	return t.store.TokenDrop(ctx, t.providerID, name, func(sealed []byte) bool {
		plain, err := t.box.Open(sealed, t.associated(name))
		return err == nil && subtle.ConstantTimeCompare(plain, []byte(token)) == 1
	})
}

func (t *tokens) associated(name string) []byte { return associated(t.providerID, "token "+name) }

// limits spaces one provider's calls through Postgres.
type limits struct {
	store        *db.Store
	providerID   string
	providerType directory.ProviderType
	// waited is told how long each call waits for its place.
	waited func(time.Duration)
	// rate multiplies the documented limits; 0 leaves only a provider's own pauses.
	rate float64
}

var _ provider.Limiter = (*limits)(nil)

const (
	// burst lets a client that was idle make up for it: little enough that the
	// calls of any second stay below DingTalk's 20 (dingtalk.md §6) at 15 a second.
	burst = 250 * time.Millisecond
	// patience is the longest wait inside a worker: long enough for all activities
	// that a run keeps in flight to queue up for the slowest limit, so that none is
	// sent away only to come back. What is longer, a provider's own pause, Temporal
	// waits for.
	patience = 20 * time.Second
)

// Wait implements provider.Limiter.
func (l *limits) Wait(ctx context.Context, endpoint string, limit provider.Rate) error {
	var spacing time.Duration
	if limit.Calls > 0 && l.rate > 0 {
		spacing = time.Duration(float64(limit.Per) / float64(limit.Calls) / l.rate)
	}
	wait, granted, err := l.store.CallSlot(ctx, l.providerID, endpoint, spacing, burst, patience)
	if err != nil {
		return err
	}
	if !granted {
		return &provider.Error{
			Provider: l.providerType, Kind: provider.RateLimited, Endpoint: endpoint, RetryAfter: wait,
			Problem: "the call budget of this endpoint is used up for now",
		}
	}
	l.waited(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pause implements provider.Limiter.
func (l *limits) Pause(ctx context.Context, endpoint string, d time.Duration) error {
	return l.store.CallPause(ctx, l.providerID, endpoint, d)
}
