package wecom

import (
	"context"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

const (
	// tokenMargin is how early a token is renewed, tokenLife the documented life
	// of a token; a longer one is not believed (wecom.md §1.2).
	tokenMargin = 5 * time.Minute
	tokenLife   = 2 * time.Hour
)

func (c *client) token(ctx context.Context, cred *credential) (string, error) {
	return c.env.Token(ctx, cred.tokenName, c.fetchToken(cred))
}

func (c *client) fetchToken(cred *credential) provider.FetchToken {
	if c.suite != nil {
		return c.fetchCompanyToken
	}
	return func(ctx context.Context) (string, time.Time, error) {
		query := url.Values{"corpid": {c.corpID}, "corpsecret": {cred.secret}}
		body, err := c.exchange(ctx, cred, getToken, query, nil)
		if err != nil {
			return "", time.Time{}, err
		}
		token, life, err := decodeTokenOf(getToken, body, "access_token")
		if err != nil {
			return "", time.Time{}, err
		}
		return token, c.env.Now().Add(life), nil
	}
}

// decodeTokenOf returns the token that stands under a key, and how long it may be used.
func decodeTokenOf(ep provider.Endpoint, body []byte, key string) (string, time.Duration, error) {
	answer, _ := wire.Parse(body)
	token, seconds := answer.String(key), answer.Number("expires_in")
	if token == "" || seconds == nil || *seconds <= 0 {
		return "", 0, malformed(ep, "the answer lacks the token as text or its lifetime as a number")
	}
	life := time.Duration(min(*seconds, int64(tokenLife/time.Second))) * time.Second
	return token, max(life-tokenMargin, life/2), nil
}
