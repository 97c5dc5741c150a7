package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// client reads one company. At least one of app and sync is set.
type client struct {
	env     *provider.Env
	base    string
	corpID  string
	agentID string
	app     *credential
	sync    *credential
}

var _ provider.Client = (*client)(nil)

// call makes one API call with the credential's token and returns the body of a
// successful answer. A refused token is dropped and fetched once more.
func (c *client) call(ctx context.Context, cred *credential, ep provider.Endpoint, query url.Values, body any) ([]byte, error) {
	if cred == nil {
		return nil, newError(ep, provider.Invalid, "the secret that this call needs is no longer configured", "start a new run")
	}
	token, err := c.token(ctx, cred)
	if err != nil {
		return nil, err
	}
	answer, err := c.exchange(ctx, cred, ep, withToken(query, token), body)
	if !isTokenRefused(err) {
		return answer, err
	}
	if err := c.env.Tokens.Drop(ctx, cred.tokenName, token); err != nil {
		return nil, err
	}
	if token, err = c.token(ctx, cred); err != nil {
		return nil, err
	}
	return c.exchange(ctx, cred, ep, withToken(query, token), body)
}

// withToken adds the token to the query, the only place where WeCom reads it
// (wecom.md §1.1).
func withToken(query url.Values, token string) url.Values {
	q := url.Values{"access_token": {token}}
	for key, values := range query {
		q[key] = values
	}
	return q
}

// exchange sends one request and judges its answer.
func (c *client) exchange(ctx context.Context, cred *credential, ep provider.Endpoint, query url.Values, body any) ([]byte, error) {
	req, err := c.request(ctx, ep, query, body)
	if err != nil {
		return nil, err
	}
	reply, err := c.env.Do(ctx, directory.WeCom, ep, req, func(r *provider.Reply) *provider.Error { return judge(cred, ep, r) })
	if err != nil {
		return nil, err
	}
	return reply.Body, nil
}

func (c *client) request(ctx context.Context, ep provider.Endpoint, query url.Values, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	// Errors of the two calls below quote the URL, in which secrets stand.
	address, err := provider.URL(c.base, ep.Path, query)
	if err != nil {
		return nil, unusableAddress(ep)
	}
	req, err := http.NewRequestWithContext(ctx, ep.Method, address, content)
	if err != nil {
		return nil, unusableAddress(ep)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return req, nil
}

// judge returns nil for a successful answer. The body's errcode decides whatever
// the HTTP status; an answer without errcode is a success (wecom.md §1.1), and
// whether it carries what it must is for the decoders to see.
func judge(cred *credential, ep provider.Endpoint, reply *provider.Reply) *provider.Error {
	if reply.Status >= 300 && reply.Status < 400 {
		return newError(ep, provider.Invalid, "the server redirects to another address",
			"check base_url: it must be the API's own https address")
	}
	var e envelope
	if err := decodeObject(reply.Body, &e); err != nil {
		return unusableAnswer(ep, reply)
	}
	switch {
	case e.Code != nil && *e.Code != 0:
		return failureOf(cred, ep, *e.Code, e.Message.orEmpty())
	case reply.Status >= 300:
		return unusableAnswer(ep, reply)
	default:
		return nil
	}
}

// unusableAnswer describes an answer that is not what the API sends.
func unusableAnswer(ep provider.Endpoint, reply *provider.Reply) *provider.Error {
	status := strconv.Itoa(reply.Status)
	switch {
	case reply.Status >= 500:
		return newError(ep, provider.Unavailable, "the server failed: HTTP "+status, "")
	case reply.Status == http.StatusNotFound && len(reply.Body) == 0: // wecom.md §1.1
		return newError(ep, provider.Invalid, "path not found", "check base_url")
	default:
		return newError(ep, provider.Malformed, "the answer is not a JSON object of the API: HTTP "+status, "")
	}
}
