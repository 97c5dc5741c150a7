package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// client reads one company. At least one of app and sync is set.
type client struct {
	env  *provider.Env
	base string
	// login and authorize are where people sign in, in any browser and inside WeCom.
	login, authorize string
	corpID           string
	agentID          string
	// suite is nil for an app of the company's own. Else app is the company's authorisation.
	suite *suite
	app   *credential
	sync  *credential
}

var _ provider.Client = (*client)(nil)

// call makes one API call with the credential's token, and once more with a fresh one
// if that is refused. It returns the body of a successful answer.
func (c *client) call(
	ctx context.Context,
	cred *credential,
	ep provider.Endpoint,
	query url.Values,
	body any,
) (answer []byte, err error) {
	if cred == nil {
		return nil, newError(ep, provider.Invalid, "fault.secret_gone", "remedy.new_run")
	}
	err = c.env.Authorised(ctx, cred.tokenName, c.fetchToken(cred), func(token string) error {
		answer, err = c.exchange(ctx, cred, ep, withToken(query, token), body)
		return err
	})
	return answer, err
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

// exchange sends one request and interprets its answer.
func (c *client) exchange(
	ctx context.Context,
	cred *credential,
	ep provider.Endpoint,
	query url.Values,
	body any,
) ([]byte, error) {
	req, err := c.request(ctx, ep, query, body)
	if err != nil {
		return nil, err
	}
	reply, err := c.env.Do(
		ctx,
		directory.WeCom,
		ep,
		req,
		func(r *provider.Reply) *provider.Error { return interpret(cred, ep, r) },
	)
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

// interpret returns nil for a successful answer. The body's errcode decides whatever
// the HTTP status; an answer without errcode is a success (wecom.md §1.1), and
// whether it carries what it must is for the decoders to see.
func interpret(cred *credential, ep provider.Endpoint, reply *provider.Reply) *provider.Error {
	redirect := reply.Status >= 300 && reply.Status < 400
	var e envelope
	if err := decodeObject(reply.Body, &e); err != nil || redirect {
		return provider.NotTheAPI(directory.WeCom, ep, reply, message.Of(checkBaseURL, nil))
	}
	switch {
	case e.Code != nil && *e.Code != 0:
		message, _ := e.Message.(string)
		return failureOf(cred, ep, *e.Code, message)
	case reply.Status >= 300:
		return provider.NotTheAPI(directory.WeCom, ep, reply, message.Of(checkBaseURL, nil))
	default:
		return nil
	}
}
