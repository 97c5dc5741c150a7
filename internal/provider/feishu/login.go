package feishu

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// LoginFlowOf implements provider.LoginResolver: one page serves all browsers.
func (*client) LoginFlowOf(string) provider.LoginFlow { return provider.LoginWeb }

// LoginURL implements provider.LoginResolver (feishu-more.md §B1). Inside Feishu the same
// page passes without a click (feishu-more.md §B4).
func (c *client) LoginURL(page provider.LoginPage) (string, error) {
	query := url.Values{
		"client_id": {c.appID}, "response_type": {"code"}, "redirect_uri": {page.RedirectURL}, "state": {page.State},
	}
	if page.Verifier != "" {
		sum := sha256.Sum256([]byte(page.Verifier))
		query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		query.Set("code_challenge_method", "S256")
	}
	return provider.URL(c.accounts, authorizePath, query)
}

// ResolveLogin implements provider.LoginResolver: code to user token, user token to ids
// (feishu-more.md §B2, §B3). Of the person's profile only the ids are read: e-mail and phone
// are not verified by anybody (feishu.md §7.3).
func (c *client) ResolveLogin(ctx context.Context, code provider.LoginCode) (provider.Login, error) {
	token, err := c.exchangeCode(ctx, code)
	if err != nil {
		return provider.Login{}, err
	}
	a, err := c.exchange(ctx, userInfo, nil, token, nil)
	if err != nil {
		return provider.Login{}, err
	}
	openID, problem := a.data.ID("open_id")
	unionID, problemOfUnion := a.data.ID("union_id")
	if problem != "" || problemOfUnion != "" || openID == "" && unionID == "" {
		return provider.Login{}, a.malformed("the answer has no usable open_id and union_id")
	}
	if err := c.checkCompany(ctx, a.data.String("tenant_key")); err != nil {
		return provider.Login{}, err
	}
	return provider.Login{Member: provider.MemberRef{OpenID: openID, UnionID: unionID}}, nil
}

// CheckLogin implements provider.LoginResolver. Which addresses the page may return to cannot be
// asked. Who reads by a gateway and has named no login pages has nobody sign in.
func (c *client) CheckLogin(ctx context.Context) ([]provider.Finding, error) {
	if !c.signsIn {
		return nil, nil
	}
	_, err := c.exchangeCode(ctx, provider.LoginCode{Flow: provider.LoginWeb, Code: provider.NoCode})
	found, err := provider.LoginFinding(message.Of("tried.sign_in", nil), err)
	return []provider.Finding{found}, err
}

// tokenRequest is the body of the user token's call. A code from inside Feishu had no
// redirect, and a verifier without a challenge before is refused (feishu-more.md §B2, §B4).
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Code         string `json:"code"`
	RedirectURL  string `json:"redirect_uri,omitempty"`
	Verifier     string `json:"code_verifier,omitempty"`
}

func (c *client) exchangeCode(ctx context.Context, code provider.LoginCode) (string, error) {
	body, err := json.Marshal(tokenRequest{
		"authorization_code", c.appID, c.appSecret, code.Code, code.RedirectURL, code.Verifier,
	})
	if err != nil {
		return "", fmt.Errorf("encode login code: %w", err)
	}
	req, err := c.request(ctx, c.userToken, nil, "", body)
	if err != nil {
		return "", err
	}
	var token string
	_, err = c.env.Do(ctx, directory.Feishu, c.userToken, req, func(reply *provider.Reply) (failure *provider.Error) {
		token, failure = interpretUserToken(c.userToken, reply)
		return failure
	})
	return token, err
}

// interpretUserToken reads the flat answer. Errors come with 200 as well as with 400 and 500; a
// success may lack the code (feishu-more.md §B2).
func interpretUserToken(ep provider.Endpoint, reply *provider.Reply) (string, *provider.Error) {
	fields, _ := wire.Parse(reply.Body)
	token := fields.String("access_token")
	if _, coded := fields["code"]; reply.Status == http.StatusOK && !coded && fields["error"] == nil && bearer(token) {
		return token, nil
	}
	a, failure := interpret(ep, reply)
	if failure != nil {
		return "", failure
	}
	if !bearer(token) {
		failure, _ := errors.AsType[*provider.Error](a.malformed("the answer has no usable access_token"))
		return "", failure
	}
	return token, nil
}

// checkCompany refuses a person of another company where the app may read its company's key.
// Where it may not, the look-up of the person decides.
func (c *client) checkCompany(ctx context.Context, key string) error {
	a, err := c.call(ctx, queryTenant, nil)
	var refused *provider.Error
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	own := a.data.Object("tenant").String("tenant_key")
	if key == "" || own == "" || key == own {
		return nil
	}
	e := newError(userInfo, provider.OtherCompany, "fault.not_of_company", "")
	e.RequestID = a.requestID
	return e
}
