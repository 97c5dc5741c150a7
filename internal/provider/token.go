package provider

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// FetchToken asks the provider for an access token and returns it with the time from
// which on it is not to be used.
type FetchToken = func(context.Context) (token string, expiry time.Time, err error)

// Token returns the access token of that name. What the token call itself refuses is the
// fault of the credentials: there is no token yet that another worker could have made
// invalid.
func (e *Env) Token(ctx context.Context, name string, fetch FetchToken) (string, error) {
	token, err := e.Tokens.Token(ctx, name, func(ctx context.Context) (string, time.Time, error) {
		return fetch(unbudgeted(ctx))
	})
	var refused *Error
	if errors.As(err, &refused) && refused.Kind == TokenRefused {
		credentials := *refused
		credentials.Kind, credentials.Action = Unauthenticated, Unauthenticated.Remedy()
		return "", &credentials
	}
	return token, err
}

// Authorised makes a call with the access token of that name, and once more with a fresh
// one if it is refused. A fresh one that is refused as well is forgotten, and the refusal
// returned: the credentials were accepted a moment ago, so another program may have made
// the token invalid, and a caller who comes back later gets another one.
func (e *Env) Authorised(ctx context.Context, name string, fetch FetchToken, call func(token string) error) error {
	for fresh := false; ; fresh = true {
		token, err := e.Token(ctx, name, fetch)
		if err != nil {
			return err
		}
		err = call(token)
		if KindOf(err) != TokenRefused {
			return err
		}
		if failed := e.Tokens.Drop(ctx, name, token); failed != nil {
			return fmt.Errorf("drop refused token: %w", failed)
		}
		if fresh {
			return err
		}
	}
}
