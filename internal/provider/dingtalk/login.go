package dingtalk

import (
	"context"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// LoginFlowOf implements provider.LoginResolver: one page serves all browsers.
func (*client) LoginFlowOf(string) provider.LoginFlow { return provider.LoginWeb }

// LoginURL implements provider.LoginResolver (dingtalk-more.md §B1). prompt is required;
// DingTalk knows no PKCE. Inside DingTalk a page asks for a code by script instead
// (dingtalk-more.md §B2), and this page works there, too.
func (c *client) LoginURL(page provider.LoginPage) (string, error) {
	return provider.URL(c.loginURL, "/oauth2/auth", url.Values{
		"client_id": {c.appKey}, "response_type": {"code"}, "scope": {"openid"}, "prompt": {"consent"},
		"redirect_uri": {page.RedirectURL}, "state": {page.State},
	})
}

// ResolveLogin implements provider.LoginResolver (dingtalk.md §8). The code of a browser is
// exchanged for the person's unionid, with which the app looks their userid up; one from
// inside DingTalk brings the userid at once.
func (c *client) ResolveLogin(ctx context.Context, code provider.LoginCode) (provider.Login, error) {
	if code.Flow == provider.LoginInApp {
		return c.resolveInApp(ctx, code.Code)
	}
	token, err := c.exchangeCode(ctx, code.Code)
	if err != nil {
		return provider.Login{}, err
	}
	union, err := c.whoIs(ctx, token)
	if err != nil {
		return provider.Login{}, err
	}
	return c.findByUnionID(ctx, union)
}

// CheckLogin implements provider.LoginResolver. Whether a person's own token may ask who they are
// (Contact.User.Read) shows only when a member signs in.
func (c *client) CheckLogin(ctx context.Context) ([]provider.Finding, error) {
	_, err := c.exchangeCode(ctx, provider.NoCode)
	if provider.KindOf(err) == provider.CodeRefused {
		_, err = c.findByUnionID(ctx, provider.NoID)
	}
	browser, err := provider.LoginFinding(message.Of("tried.sign_in_browser", nil), err)
	if err != nil {
		return nil, err
	}
	_, err = c.resolveInApp(ctx, provider.NoCode)
	inside, err := provider.LoginFinding(provider.InsideApp(directory.DingTalk), err)
	return []provider.Finding{browser, inside}, err
}

// userTokenRequest is the body of oauth2/userAccessToken.
type userTokenRequest struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	Code         string `json:"code"`
	GrantType    string `json:"grantType"`
}

// exchangeCode returns the person's token. The answer names a company only if one was chosen
// (dingtalk-more.md §B1).
func (c *client) exchangeCode(ctx context.Context, code string) (string, error) {
	a, err := c.exchange(ctx, userToken, nil, userTokenRequest{c.appKey, c.appSecret, code, "authorization_code"})
	if err != nil {
		return "", err
	}
	if corp := a.fields.String("corpId"); corp != "" && c.corpID != "" && corp != c.corpID {
		return "", a.stranger()
	}
	token := a.fields.String("accessToken")
	if token == "" {
		return "", a.malformed("the answer has no accessToken")
	}
	return token, nil
}

// whoIs returns the unionid of the token's owner. All else in the answer is the person's own
// and not the company's: the e-mail may belong to another one (dingtalk.md §8).
func (c *client) whoIs(ctx context.Context, token string) (string, error) {
	req, err := c.request(ctx, usersMe, nil, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("x-acs-dingtalk-access-token", token)
	a, err := c.send(ctx, usersMe, req)
	if err != nil {
		return "", err
	}
	union, problem := a.fields.RequiredID("unionId")
	if problem != "" {
		return "", a.malformed("the answer has no usable unionId")
	}
	return union, nil
}

// findByUnionID returns the employee who has a unionid. External contacts have one, too
// (dingtalk.md §8). Of one that the company does not have, the unionid is all that is known.
func (c *client) findByUnionID(ctx context.Context, union string) (provider.Login, error) {
	login := provider.Login{Member: provider.MemberRef{UnionID: union}}
	a, err := c.call(ctx, userByUnionID, map[string]string{"unionid": union})
	if isGone(err, "60121", "33012") {
		return login, err
	}
	if err != nil {
		return provider.Login{}, err
	}
	r, err := a.result()
	if err != nil {
		return provider.Login{}, err
	}
	kind := r.Number("contact_type")
	user, problem := r.RequiredID("userid")
	switch {
	case kind == nil || problem != "":
		return provider.Login{}, a.malformed("the answer has no usable contact_type and userid")
	case *kind != 0:
		return provider.Login{}, a.stranger()
	}
	login.Member.ExternalID = user
	return login, nil
}

func (c *client) resolveInApp(ctx context.Context, code string) (provider.Login, error) {
	a, err := c.call(ctx, userInfo, map[string]string{"code": code})
	if err != nil {
		return provider.Login{}, err
	}
	r, err := a.result()
	if err != nil {
		return provider.Login{}, err
	}
	user, problem := r.RequiredID("userid")
	if problem != "" {
		return provider.Login{}, a.malformed("the answer has no usable userid")
	}
	union, _ := r.ID("unionid")
	return provider.Login{Member: provider.MemberRef{ExternalID: user, UnionID: union}}, nil
}

// stranger is who signed in and is not of the company.
func (a answer) stranger() *provider.Error {
	e := newError(a.endpoint, provider.OtherCompany, "fault.not_of_company", "")
	e.RequestID = a.requestID
	return e
}
