package wecom

import (
	"context"
	"net/url"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// suiteLogins resolves logins to a third-party suite: codes are the suite's, whatever company the member is of
// (wecom-more.md §B4). In a browser WeCom signs people in by the service provider's login authorisation, a suite
// of its own with tickets of its own (§B2), which is not offered here.
type suiteLogins struct{ loginResolver }

var _ provider.LoginResolver = suiteClient{}

var errNotInBrowsers = newError(userInfo3rd, provider.Invalid, "fault.suite_not_in_browsers",
	"remedy.suite_sign_in_inside")

// LoginURL implements provider.LoginResolver.
func (l suiteLogins) LoginURL(page provider.LoginPage) (string, error) {
	if page.Flow != provider.LoginInApp {
		return "", errNotInBrowsers
	}
	address, err := provider.URL(l.c.authorize, "/connect/oauth2/authorize", url.Values{
		"appid": {l.c.suite.id}, "redirect_uri": {page.RedirectURL}, "response_type": {"code"},
		"scope": {"snsapi_base"}, "state": {page.State},
	})
	return address + "#wechat_redirect", err
}

// CheckLogin implements provider.LoginResolver.
func (l suiteLogins) CheckLogin(ctx context.Context) ([]provider.Finding, error) {
	_, err := l.resolve(ctx, provider.NoCode)
	inside, err := provider.LoginFinding(provider.InsideApp(directory.WeCom), err)
	if err != nil {
		return nil, err
	}
	browser, err := provider.LoginFinding(message.Of("tried.sign_in_browser", nil), errNotInBrowsers)
	return []provider.Finding{browser, inside}, err
}

// ResolveLogin implements provider.LoginResolver.
func (l suiteLogins) ResolveLogin(ctx context.Context, code provider.LoginCode) (provider.Login, error) {
	user, err := l.resolve(ctx, code.Code)
	return provider.Login{Member: provider.MemberRef{ExternalID: user}}, err
}

func (l suiteLogins) resolve(ctx context.Context, code string) (user string, err error) {
	body, err := l.c.callSuite(ctx, l.c.app, userInfo3rd, url.Values{"code": {code}}, nil)
	if err != nil {
		return "", err
	}
	if user, _, err = decodeUserInfo(userInfo3rd, body); err != nil {
		return "", err
	}
	if answer, _ := wire.Parse(body); answer.String("corpid") != l.c.corpID {
		return "", outsider(userInfo3rd)
	}
	return user, nil
}
