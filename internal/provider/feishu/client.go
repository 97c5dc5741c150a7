package feishu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// client reads one company. It holds nothing but its settings, so it is safe for
// concurrent use and any process can make the same one.
type client struct {
	env      *provider.Env
	zone     *time.Location
	base     string
	accounts string
	// signsIn says that accounts is what people sign in by, not only the default.
	signsIn   bool
	userToken provider.Endpoint
	appID     string
	appSecret string
	tokenName string
}

var (
	_ provider.Client       = (*client)(nil)
	_ provider.ObjectLookup = (*client)(nil)
	_ provider.MemberReader = (*client)(nil)

	_ provider.GroupReader         = (*client)(nil)
	_ provider.AdministratorReader = (*client)(nil)
	_ provider.LoginResolver       = (*client)(nil)
)

// answer is what a call brought back: all its fields, since the token endpoint
// answers flat, and its data object, which is nil if there was none.
type answer struct {
	endpoint  string
	requestID string
	fields    record
	data      record
}

// malformed reports an answer that cannot be what the API sends.
func (a answer) malformed(problem string) error {
	return &provider.Error{Provider: directory.Feishu, Kind: provider.Malformed, Endpoint: a.endpoint,
		Problem: provider.Detail(problem), RequestID: a.requestID}
}

// call makes an authorised GET, and once more with a fresh token if the token is
// refused (feishu.md §5.2, 99991663).
func (c *client) call(ctx context.Context, ep provider.Endpoint, query url.Values) (a answer, err error) {
	err = c.env.Authorised(ctx, c.tokenName, c.fetchToken, func(token string) error {
		a, err = c.exchange(ctx, ep, query, token, nil)
		return err
	})
	return a, err
}

// exchange sends one request and interprets its answer.
func (c *client) exchange(
	ctx context.Context,
	ep provider.Endpoint,
	query url.Values,
	token string,
	body []byte,
) (answer, error) {
	req, err := c.request(ctx, ep, query, token, body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	_, err = c.env.Do(ctx, directory.Feishu, ep, req, func(reply *provider.Reply) (failure *provider.Error) {
		a, failure = interpret(ep, reply)
		return failure
	})
	return a, err
}

// interpret decides by the envelope whether a call succeeded, whatever the HTTP status: codes
// come with 200 and with 4xx (feishu.md §1.3).
func interpret(ep provider.Endpoint, reply *provider.Reply) (answer, *provider.Error) {
	env, ok := parseEnvelope(reply.Body)
	if !ok || env.code != 0 || reply.Status < 200 || reply.Status > 299 {
		return answer{}, failureOf(ep, reply, env, ok)
	}
	return answer{
		endpoint:  ep.Name,
		requestID: requestID(reply, env),
		fields:    env.fields,
		data:      env.fields.Object("data"),
	}, nil
}

func (c *client) request(
	ctx context.Context,
	ep provider.Endpoint,
	query url.Values,
	token string,
	body []byte,
) (*http.Request, error) {
	base := c.base
	if ep.Base == keyAccountsURL {
		base = c.accounts
	}
	target, err := provider.URL(base, ep.Path, query)
	if err != nil {
		return nil, fmt.Errorf("build address of %s: %w", ep.Name, err)
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, ep.Method, target, content)
	if err != nil {
		return nil, fmt.Errorf("build request of %s: %w", ep.Name, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// refused turns a failed exchange into an error.
func failureOf(ep provider.Endpoint, reply *provider.Reply, env envelope, usable bool) *provider.Error {
	e := classify(ep, reply, env, usable)
	e.Provider, e.Endpoint, e.RequestID = directory.Feishu, ep.Name, requestID(reply, env)
	if usable && env.code != 0 {
		e.Code = strconv.FormatInt(env.code, 10)
	}
	return e
}

// plainID is what a request id looks like; anything else is not repeated in errors.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// requestID is what the provider's support asks for: X-Tt-Logid, else
// X-Request-Id, else the error's own log id (feishu.md §1.3).
func requestID(reply *provider.Reply, env envelope) string {
	for _, header := range []string{"X-Tt-Logid", "X-Request-Id"} {
		if id := reply.Header.Get(header); plainID.MatchString(id) {
			return id
		}
	}
	for _, key := range []string{"log_id", "logid"} {
		if id, _ := env.detail.ID(key); plainID.MatchString(id) {
			return id
		}
	}
	return ""
}
