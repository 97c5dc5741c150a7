package feishu

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// maxTokenLife is the documented longest life (feishu.md §1.2).
	maxTokenLife = 2 * time.Hour
	// tokenMargin is how long before its end a token is given up. Below 30 minutes
	// the endpoint hands out a new one while the old stays valid (feishu.md §1.2),
	// so nothing is lost by being early.
	tokenMargin = 5 * time.Minute
)

// token returns a tenant access token, fetched only where no valid one is kept.
func (c *client) token(ctx context.Context) (string, error) {
	return c.env.Token(ctx, c.tokenName, c.fetchToken)
}

func (c *client) fetchToken(ctx context.Context) (string, time.Time, error) {
	body, err := json.Marshal(map[string]string{"app_id": c.appID, "app_secret": c.appSecret})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("encode credentials: %w", err)
	}
	began := c.env.Now()
	a, err := c.exchange(ctx, tenantToken, nil, "", body)
	if err != nil {
		return "", time.Time{}, err
	}
	token, life, problem := parseToken(a.fields)
	if problem != "" {
		return "", time.Time{}, a.malformed(problem)
	}
	return token, began.Add(life - min(tokenMargin, life/2)), nil
}

// parseToken reads the token endpoint's answer, which is flat; expire is what
// remains of this token's life in seconds, not a constant (feishu.md §1.2).
func parseToken(answer record) (token string, life time.Duration, problem string) {
	token, _ = answer.ID("tenant_access_token")
	if !bearer(token) {
		return "", 0, "the answer has no usable tenant_access_token"
	}
	literal, _ := answer["expire"].(json.Number)
	seconds, err := literal.Int64()
	if err != nil || seconds <= 0 {
		return "", 0, "the token's expire is missing or not positive"
	}
	return token, time.Duration(min(seconds, int64(maxTokenLife/time.Second))) * time.Second, ""
}

// bearer reports whether a token can stand in a header: printable ASCII, no blanks.
func bearer(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return token != ""
}
