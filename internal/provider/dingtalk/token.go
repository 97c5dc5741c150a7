package dingtalk

import (
	"context"
	"net/url"
	"time"
)

// tokenMargin is how early a token is replaced; asking again while it is valid
// returns the same one with a new life (dingtalk.md §1.1).
const tokenMargin = 10 * time.Minute

// token returns the app's access token, fetching one where none is stored.
func (c *client) token(ctx context.Context) (string, error) {
	return c.env.Token(ctx, c.tokenName, c.fetchToken)
}

func (c *client) fetchToken(ctx context.Context) (string, time.Time, error) {
	asked := c.env.Now()
	a, err := c.exchange(ctx, getToken, url.Values{"appkey": {c.appKey}, "appsecret": {c.appSecret}}, nil)
	if err != nil {
		return "", time.Time{}, err
	}
	token := a.fields.id("access_token")
	if token == "" {
		return "", time.Time{}, a.malformed("the answer has no access_token")
	}
	seconds := a.fields.integer("expires_in")
	if seconds == nil || *seconds < 1 || *seconds > int64((24*time.Hour).Seconds()) {
		return "", time.Time{}, a.malformed("the answer has no usable expires_in")
	}
	life := time.Duration(*seconds) * time.Second
	return token, asked.Add(life - min(tokenMargin, life/2)), nil
}
