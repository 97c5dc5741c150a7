package wecom

import (
	"context"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/provider"
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
	return func(ctx context.Context) (string, time.Time, error) {
		query := url.Values{"corpid": {c.corpID}, "corpsecret": {cred.secret}}
		body, err := c.exchange(ctx, cred, getToken, query, nil)
		if err != nil {
			return "", time.Time{}, err
		}
		token, life, err := decodeToken(body)
		if err != nil {
			return "", time.Time{}, err
		}
		return token, c.env.Now().Add(life), nil
	}
}

// decodeToken returns the token and how long it may be used.
func decodeToken(body []byte) (string, time.Duration, error) {
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	if err := decodeObject(body, &answer); err != nil {
		return "", 0, malformed(getToken, "the answer has no token as text with its lifetime as a number")
	}
	if answer.Token == "" || answer.Seconds <= 0 {
		return "", 0, malformed(getToken, "the answer lacks the token or its lifetime")
	}
	life := time.Duration(min(answer.Seconds, int64(tokenLife/time.Second))) * time.Second
	return answer.Token, max(life-tokenMargin, life/2), nil
}
