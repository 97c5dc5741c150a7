package dingtalk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// rootID is the id of every company's root department (dingtalk.md §2).
const rootID = "1"

// Ways of reading a department.
const (
	// methodLevel reads the next level of child departments.
	methodLevel provider.ListMethod = "level"
	// methodDepartment reads the people directly in a department.
	methodDepartment provider.ListMethod = "department"
	// methodGranted reads the people who are in the visible range by name.
	methodGranted provider.ListMethod = "granted"
)

// client implements provider.Client, MemberCounter, ChildCounter and ObjectLookup.
// It is immutable and therefore safe for concurrent use.
type client struct {
	env        *provider.Env
	zone       *time.Location
	baseURL    string
	apiBaseURL string
	loginURL   string
	corpID     string
	appKey     string
	appSecret  string
	tokenCall  tokenCall
	tokenName  string
}

var (
	_ provider.Client        = (*client)(nil)
	_ provider.MemberCounter = (*client)(nil)
	_ provider.ChildCounter  = (*client)(nil)
	_ provider.ObjectLookup  = (*client)(nil)
	_ provider.MemberReader  = (*client)(nil)

	_ provider.GroupReader         = (*client)(nil)
	_ provider.AdministratorReader = (*client)(nil)
	_ provider.LoginResolver       = (*client)(nil)
)

// answer is a successful answer's top-level object.
type answer struct {
	endpoint  provider.Endpoint
	fields    record
	requestID string
}

// result gives the object under "result", which every topapi call used here
// except listsub must carry.
func (a answer) result() (record, error) {
	r, ok := wire.Object(a.fields["result"])
	if !ok {
		return nil, a.malformed("the answer says success but has no result object")
	}
	return r, nil
}

// call makes a call with the app's token, and once more with a fresh one if that is
// refused.
func (c *client) call(ctx context.Context, ep provider.Endpoint, body any) (a answer, err error) {
	err = c.env.Authorised(ctx, c.tokenName, c.fetchToken, func(token string) error {
		a, err = c.exchange(ctx, ep, url.Values{"access_token": {token}}, body)
		return err
	})
	return a, err
}

// exchange sends one request and interprets its answer.
func (c *client) exchange(ctx context.Context, ep provider.Endpoint, query url.Values, body any) (answer, error) {
	req, err := c.request(ctx, ep, query, body)
	if err != nil {
		return answer{}, err
	}
	return c.send(ctx, ep, req)
}

func (c *client) send(ctx context.Context, ep provider.Endpoint, req *http.Request) (answer, error) {
	var a answer
	_, err := c.env.Do(ctx, directory.DingTalk, ep, req, func(reply *provider.Reply) (failure *provider.Error) {
		a, failure = interpret(ep, reply, c.env.Now())
		return failure
	})
	if err != nil {
		return answer{}, c.pauseAllIfBlocked(ctx, err)
	}
	return a, nil
}

func (c *client) request(ctx context.Context, ep provider.Endpoint, query url.Values, body any) (*http.Request, error) {
	target, err := provider.URL(c.baseOf(ep), ep.Path, query)
	if err != nil {
		return nil, unusableAddress(ep)
	}
	var encoded []byte
	if body != nil {
		if encoded, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode %s request: %w", ep.Name, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, ep.Method, target, bytes.NewReader(encoded))
	if err != nil {
		return nil, unusableAddress(ep)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// baseOf is the address that an endpoint's path is below.
func (c *client) baseOf(ep provider.Endpoint) string {
	if ep.Base == keyAPIBaseURL {
		return c.apiBaseURL
	}
	return c.baseURL
}

// pauseAllIfBlocked stops all endpoints, not only the throttled one, where the
// provider has blocked this address as a whole. It returns err.
func (c *client) pauseAllIfBlocked(ctx context.Context, err error) error {
	var failure *provider.Error
	if !errors.As(err, &failure) || failure.Code != codeAddressBlocked {
		return err
	}
	for _, p := range endpoints {
		if failed := c.env.Limits.Pause(ctx, p.Name, failure.RetryAfter); failed != nil {
			return fmt.Errorf("pause %s: %w", p.Name, failed)
		}
	}
	return err
}

// interpret decides by the body whether a call succeeded, whatever the HTTP status:
// the legacy host answers 200 even to errors, the newer one 4xx with a code
// (dingtalk.md §1, §1.2).
func interpret(ep provider.Endpoint, reply *provider.Reply, now time.Time) (answer, *provider.Error) {
	redirect := reply.Status >= 300 && reply.Status < 400
	fields, ok := wire.Parse(reply.Body)
	if !ok || redirect {
		return answer{}, notTheAPI(ep, reply)
	}
	f, ok := readFailure(fields, reply.Status)
	switch {
	case !ok && ep.Base == keyAPIBaseURL && reply.Status < 300: // its successes have no code (dingtalk.md §1.1)
	case !ok && reply.Status >= http.StatusInternalServerError:
		return answer{}, notTheAPI(ep, reply)
	case !ok:
		return answer{}, answer{endpoint: ep}.malformed("the answer has no usable errcode")
	case f.code != codeOK:
		return answer{}, f.toError(ep, now)
	}
	return answer{endpoint: ep, fields: fields, requestID: f.requestID}, nil
}
