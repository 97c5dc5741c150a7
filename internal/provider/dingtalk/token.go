package dingtalk

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// tokenCall is how access tokens are fetched. The token is the same by either call and
// good for both hosts (dingtalk.md §1, §1.1).
type tokenCall string

const (
	// oauth2 is the newer API's call. The documentation sends new users to it:
	// https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-internal-app
	// (of 2026-04-29).
	oauth2 tokenCall = "oauth2"
	// legacy is the old API's, which the documentation keeps among its historical,
	// not recommended pages and asks existing users to leave:
	// https://open.dingtalk.com/document/development/obtain-orgapp-token (of
	// 2026-07-22). It stays for networks that let calls out to base_url only.
	legacy tokenCall = "gettoken"
)

// tokenMargin is how early a token is replaced; asking again while it is valid
// returns the same one with a new life (dingtalk.md §1.1).
const tokenMargin = 10 * time.Minute

// token returns the app's access token, fetching one where none is stored.
func (c *client) token(ctx context.Context) (string, error) {
	return c.env.Token(ctx, c.tokenName, c.fetchToken)
}

func (c *client) tokenEndpoint() provider.Endpoint {
	if c.tokenCall == legacy {
		return getToken
	}
	return accessToken
}

// tokenRequest is the body of the newer API's call.
type tokenRequest struct {
	AppKey    string `json:"appKey"`
	AppSecret string `json:"appSecret"`
}

func (c *client) fetchToken(ctx context.Context) (string, time.Time, error) {
	asked := c.env.Now()
	if c.tokenCall == legacy {
		a, err := c.exchange(ctx, getToken, url.Values{"appkey": {c.appKey}, "appsecret": {c.appSecret}}, nil)
		if err != nil {
			return "", time.Time{}, err
		}
		return a.token("access_token", "expires_in", asked)
	}
	a, err := c.exchange(ctx, accessToken, nil, tokenRequest{c.appKey, c.appSecret})
	if err != nil {
		return "", time.Time{}, orGetToken(err)
	}
	return a.token("accessToken", "expireIn", asked)
}

// token reads a token and until when it is to be used.
func (a answer) token(tokenKey, lifeKey string, asked time.Time) (string, time.Time, error) {
	token := a.fields.String(tokenKey)
	if token == "" {
		return "", time.Time{}, a.malformed("the answer has no " + tokenKey)
	}
	seconds := a.fields.Number(lifeKey)
	if seconds == nil || *seconds < 1 || *seconds > int64((24*time.Hour).Seconds()) {
		return "", time.Time{}, a.malformed("the answer has no usable " + lifeKey)
	}
	life := time.Duration(*seconds) * time.Second
	return token, asked.Add(life - min(tokenMargin, life/2)), nil
}

// orGetToken tells of the other call where DingTalk itself did not answer: a firewall
// may know the legacy host only.
func orGetToken(err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Code == "" && e.Kind != provider.RateLimited {
		e.Action = message.Of("remedy.or_gettoken", message.Args{"Remedy": e.Remedy()})
	}
	return err
}
