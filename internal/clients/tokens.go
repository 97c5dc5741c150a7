package clients

import (
	"context"
	"crypto/subtle"
	"sync"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// tokens keeps one provider's access tokens in Postgres, sealed.
type tokens struct {
	store      *providers.Store
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
func (t *tokens) Token(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
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
func (t *tokens) stored(ctx context.Context, name string,
	fetch func(context.Context) (string, time.Time, error)) (string, error) {
	sealed, err := t.store.GetToken(ctx, t.providerID, name, time.Now(),
		func(ctx context.Context) (providers.Sealed, time.Time, error) {
			token, expires, err := fetch(ctx)
			if err != nil {
				return providers.Sealed{}, time.Time{}, err
			}
			value, keyID, err := t.box.Seal([]byte(token), t.associated(name))
			return providers.Sealed{Key: name, Value: value, KeyID: keyID}, expires, err
		})
	if err != nil {
		return "", err
	}
	plain, err := t.box.Open(sealed, t.associated(name))
	if err == nil {
		return string(plain), nil
	}
	// Sealed under a key that is no longer in the set: as good as no token.
	if err := t.store.DropToken(ctx, t.providerID, name, func([]byte) bool { return true }); err != nil {
		return "", err
	}
	token, expires, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	_, err = t.store.GetToken(ctx, t.providerID, name, time.Now(),
		func(context.Context) (providers.Sealed, time.Time, error) {
			value, keyID, err := t.box.Seal([]byte(token), t.associated(name))
			return providers.Sealed{Key: name, Value: value, KeyID: keyID}, expires, err
		})
	return token, err
}

// Drop implements provider.Tokens.
func (t *tokens) Drop(ctx context.Context, name, token string) error {
	t.mu.Lock()
	delete(t.recent, name)
	t.mu.Unlock()
	return t.store.DropToken(ctx, t.providerID, name, func(sealed []byte) bool {
		plain, err := t.box.Open(sealed, t.associated(name))
		return err == nil && subtle.ConstantTimeCompare(plain, []byte(token)) == 1
	})
}

func (t *tokens) associated(name string) []byte { return associated(t.providerID, "token "+name) }
